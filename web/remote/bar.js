// @ts-check
// The Pool Profile node's lowest line: Sync, how far it is, and how the profile stands.

import { button, h, icon } from "../dom.js";
import { inWords } from "../failures.js";
import { toastError } from "../host.js";
import { formatNumber, t, tn } from "../i18n.js";
import * as profiles from "../profiles.js";
import * as actions from "./actions.js";
import { offlineError, openChoices } from "./choices.js";
import { openConflicts } from "./conflicts.js";
import { openConnect } from "./connect.js";
import { openStorage } from "./storage.js";
import { stateOf } from "./state.js";
import { ago, progressWords } from "./words.js";

const LOOK_EVERY = 30_000;
const NEWS_FOR = 600_000;
const CANCELLED_FOR = 8000;

/**
 * What the line must know of its node.
 * @typedef {object} BarHost
 * @property {() => string} id the profile's, or "" @property {() => string} name as the node has it
 * @property {(id: string) => void} choose feeds another profile
 *
 * What is shown beside the button; `act` makes it one.
 * @typedef {object} Standing
 * @property {string} text @property {string} [icon] @property {boolean} [spins]
 * @property {"choice" | "problem"} [kind] @property {string} [title] @property {() => void} [act]
 */

export class SyncBar {
  /** @param {BarHost} host */
  constructor(host) {
    this.host = host;
    this.shown = "";
    this.state = stateOf("");
    this.stop = () => {};
    /** @type {number | undefined} */
    this.timer = undefined;
    this.badge = h("span.gp-badge", { hidden: true });
    this.main = button({ icon: "sync", label: t("Sync"), onclick: () => this.press() });
    this.main.classList.add("gp-sync-button");
    this.words = h("span.gp-sync-words", { role: "status" });
    this.ask = h("button.gp-sync-words.gp-sync-ask", { type: "button", onclick: () => this.act() });
    this.act = () => {};
    this.element = h("div.gp-sync", {}, this.main, this.words, this.ask);
  }

  /** Follow from now on; the clock goes on by itself. */
  follow() {
    this.timer ??= window.setInterval(() => this.draw(), LOOK_EVERY);
  }

  dispose() {
    clearInterval(this.timer);
    this.timer = undefined;
    this.stop();
    this.shown = "";
  }

  get profile() {
    return profiles.find(this.host.id());
  }

  /** Show what holds for the node's profile now. */
  show() {
    const id = this.host.id();
    const shown = `${id} ${!!this.profile} ${profiles.known.loaded}`;
    if (shown !== this.shown) {
      this.shown = shown;
      this.stop();
      this.state = stateOf(id);
      this.stop = this.state.subscribe(() => this.draw());
      if (profiles.known.loaded) this.state.refresh();
    }
    this.draw();
  }

  draw() {
    const { state } = this;
    const running = state.job;
    const [name, words, title] = running ? ["times", t("Cancel"), t("Cancel")] : this.offer();
    this.main.replaceChildren(icon(name), h("span", { textContent: words }), this.badge);
    this.main.title = this.main.ariaLabel = title;
    this.main.disabled = !profiles.known.loaded || !!state.starting || state.cancelling;
    this.main.classList.toggle("gp-primary", this.isMissing && !state.busy);
    this.main.hidden = this.isMissing && !state.connection?.url && !running;
    this.drawBadge();
    this.drawStanding(this.standing());
  }

  get isMissing() {
    return !!this.host.id() && profiles.known.loaded && !this.profile;
  }

  /** What the button is for: icon, words, title. */
  offer() {
    const name = this.host.name();
    if (this.isMissing) return ["cloud-download", t("Get it"), t("Get “{name}” from the online storage", { name })];
    if (!this.host.id()) return ["cloud-download", t("Get…"), t("Get a profile from another machine")];
    const ahead = this.state.connection?.status?.ahead;
    const title = ahead
      ? t("Sync with your other machines ({count} not sent yet)", { count: formatNumber(ahead) })
      : t("Sync with your other machines");
    return ["sync", t("Sync"), title];
  }

  drawBadge() {
    const ahead = this.state.busy || !this.profile ? 0 : this.state.connection?.status?.ahead ?? 0;
    this.badge.textContent = ahead > 99 ? "99+" : String(ahead);
    this.badge.hidden = !ahead;
  }

  /** @param {Standing | null} standing */
  drawStanding(standing) {
    const [shown, other] = standing?.act ? [this.ask, this.words] : [this.words, this.ask];
    other.hidden = true;
    other.replaceChildren();
    shown.hidden = !standing;
    this.element.classList.toggle("gp-choice", standing?.kind === "choice");
    this.element.classList.toggle("gp-trouble", standing?.kind === "problem");
    this.act = standing?.act ?? (() => {});
    if (!standing) return shown.replaceChildren();
    const sign = standing.icon ? icon(standing.icon) : null;
    if (standing.spins) sign?.classList.add("pi-spin");
    shown.replaceChildren(...(sign ? [sign] : []), h("span", { textContent: standing.text }));
    shown.title = standing.title ?? standing.text;
  }

  /** @returns {Standing | null} */
  standing() {
    const { state } = this;
    const working = { icon: "spinner", spins: true };
    if (state.cancelling) return { ...working, text: t("Cancelling…") };
    if (state.job) return { ...working, text: progressWords(state.job.progress) };
    if (state.starting) return { ...working, text: state.starting };
    if (this.isMissing || !this.profile) return null;
    if (state.conflicts.length) {
      const text = t("Needs a choice ({count})", { count: state.conflicts.length });
      const title = t("Both machines changed the same thing. Choose what to keep.");
      return { kind: "choice", icon: "exclamation-circle", text, title, act: () => openConflicts(state.id) };
    }
    if (!state.connection?.url) return null;
    if (state.connection.problem) {
      const act = () => openConnect({ id: state.id });
      return { kind: "problem", icon: "exclamation-triangle", text: t("Check the settings"), title: state.connection.problem, act };
    }
    return this.afterLast() ?? this.sinceLast();
  }

  /** How the last sync went, as long as that is news. @returns {Standing | null} */
  afterLast() {
    const { outcome } = this.state;
    if (!outcome) return null;
    const { job, at } = outcome;
    const passed = Date.now() - at;
    const back = actions.isOffline(job.error?.code) && this.state.connection?.status?.offline === false;
    if (job.state === "failed") return back ? null : this.failed(job);
    if (job.state === "cancelled") return passed < CANCELLED_FOR ? { text: t("Cancelled") } : null;
    const { pulled } = job.result ?? {};
    // Of one that has only just been got, everything is new.
    if (pulled && job.id === this.state.id && passed < NEWS_FOR && !this.state.connection?.status?.ahead) {
      const title = tn(
        "{n} edit of the other machine came with the last sync.",
        "{n} edits of the other machine came with the last sync.",
        pulled,
      );
      return { icon: "cloud-download", text: t("{count} new here", { count: formatNumber(pulled) }), title };
    }
    return null;
  }

  /** @param {import("./jobs.js").Job} job @returns {Standing} */
  failed(job) {
    const { message, hint } = inWords(job.error ?? {});
    const title = `${message} ${hint}`.trim();
    const act = () => openChoices(this.ask, this.state);
    if (actions.needsChoice(job.error?.code)) {
      return { kind: "choice", icon: "exclamation-circle", text: t("Needs a choice"), title, act };
    }
    const [name, text] = actions.isOffline(job.error?.code) ? ["cloud", t("Offline")] : ["exclamation-triangle", t("Not synced")];
    return { kind: "problem", icon: name, text, title, act };
  }

  /** @returns {Standing} */
  sinceLast() {
    const { synced, ahead, behind, offline } = this.state.connection?.status ?? {};
    if (offline) {
      const act = () => openChoices(this.ask, this.state);
      return { kind: "problem", icon: "cloud", text: t("Offline"), title: offlineError().message, act };
    }
    if (!synced) return { text: t("Not synced yet") };
    const when = ago(synced, Date.now());
    if (behind) {
      const title = t("Sync gets them. Synced {when}.", { when });
      return { icon: "cloud-download", text: t("New edits there"), title };
    }
    if (ahead) {
      const title = tn(
        "{n} snapshot not sent yet. Synced {when}.",
        "{n} snapshots not sent yet. Synced {when}.",
        ahead,
        { when },
      );
      return { icon: "cloud-upload", text: t("{count} to send", { count: formatNumber(ahead) }), title };
    }
    return { icon: "check", text: t("Synced {when}", { when }) };
  }

  async press() {
    const { state, host } = this;
    if (state.job) return state.cancel();
    if (this.isMissing) return actions.getMissing(host.id(), host.name(), host.choose);
    if (!this.profile) return openStorage({ choose: host.choose });
    try {
      if (!state.connection?.url) {
        await state.refresh();
        if (!state.connection?.url) {
          return openConnect({ id: state.id, save: t("Save and sync"), saved: () => this.sync() });
        }
      }
      return await this.sync();
    } catch (error) {
      toastError(t("Not synced"), error);
    }
  }

  /** Where only a person can say how to go on, they are asked at once. */
  async sync() {
    const job = await actions.sync(this.host.id());
    if (actions.needsChoice(job?.error?.code) && this.ask.isConnected) openChoices(this.ask, this.state);
  }
}
