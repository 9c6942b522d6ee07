// @ts-check
// The dialog that lists what the online storage holds, and gets it.

import { button, h, icon } from "../dom.js";
import { askConfirm, toast, wordsOf } from "../host.js";
import { t, tn } from "../i18n.js";
import { Modal } from "../modal.js";
import * as profiles from "../profiles.js";
import * as arrivals from "./arrivals.js";
import { openConnect } from "./connect.js";
import * as remote from "./remote.js";
import { ago, progressWords } from "./words.js";

const SEARCH_FROM = 8;

/** @param {{ choose: (id: string) => void }} options `choose` feeds what came to the node */
export function openStorage(options) {
  return new StorageDialog(options);
}

class StorageDialog {
  /** @param {{ choose: (id: string) => void }} options */
  constructor(options) {
    this.options = options;
    /** @type {remote.Held[] | null} */
    this.held = null;
    const stops = [arrivals.subscribe(() => this.draw()), profiles.subscribe(() => this.draw())];
    this.modal = new Modal({
      title: t("Get a profile from another machine"),
      icon: "cloud-download",
      wide: true,
      onClose: () => stops.forEach((stop) => stop()),
    });
    this.search = h("input.gp-input", { type: "search", placeholder: t("Search…"), ariaLabel: t("Search"), oninput: () => this.draw() });
    /** @type {any} */
    this.list = h("div.gp-held-list", { role: "list" });
    this.load();
  }

  async load() {
    this.held = null;
    this.say("spinner", t("Looking what is there…"), "");
    try {
      const { url } = await remote.connection("");
      const held = url ? await remote.held() : null;
      if (!this.modal.open) return;
      this.held = held;
      if (held) this.show();
      else this.say("cloud", t("Not connected yet"), t("Tell where your profiles are kept online."), this.connector(t("Connect…")));
    } catch (error) {
      if (this.modal.open) this.fail(error);
    }
  }

  /** @param {string} label */
  connector(label) {
    const saved = () => this.modal.open && this.load();
    return button({ icon: "cog", label, kind: "primary", onclick: () => openConnect({ save: t("Save"), saved }) });
  }

  /** @param {unknown} error */
  fail(error) {
    const again = button({ icon: "refresh", label: t("Try again"), kind: "secondary", onclick: () => this.load() });
    this.say("exclamation-triangle", t("The online storage can't be read"), wordsOf(error), again, this.connector(t("Connection settings…")));
  }

  /** @param {string} name an icon's @param {string} title @param {string} text @param {Node[]} buttons */
  say(name, title, text, ...buttons) {
    const sign = icon(name);
    if (name === "spinner") sign.classList.add("pi-spin");
    this.modal.show(
      h(
        "div.gp-empty",
        { role: "status" },
        sign,
        h("strong", { textContent: title }),
        text && h("span", { textContent: text }),
        buttons.length > 0 && h("div.gp-ways", {}, ...buttons),
      ),
    );
    this.modal.showFooter();
    if (!this.modal.panel.contains(document.activeElement)) this.modal.panel.focus();
  }

  show() {
    if (!this.held?.length) {
      const again = button({ icon: "refresh", label: t("Look again"), kind: "secondary", onclick: () => this.load() });
      this.say("cloud", t("Nothing is there yet"), t("Press Sync on the machine that has the profile."), again);
      return;
    }
    this.search.hidden = this.held.length < SEARCH_FROM;
    this.modal.show(this.search, this.list);
    this.draw();
    (this.search.hidden ? this.list.querySelector("button") ?? this.modal.panel : this.search).focus();
  }

  /** @param {remote.Held} held */
  isHere(held) {
    return !!profiles.find(held.id ?? arrivals.arrived.get(held.remote_branch) ?? "");
  }

  draw() {
    if (!this.held?.length) return;
    const text = profiles.fold(this.search.value.trim());
    const rows = this.held.filter((held) => profiles.fold(held.name).includes(text));
    const focused = this.focusedButton();
    this.list.replaceChildren(...rows.map((held) => this.row(held)));
    if (!rows.length) this.list.append(h("p.gp-hint", { textContent: t("No profile of that name.") }));
    this.focusButton(focused);
    this.drawFooter();
  }

  /** Where the keyboard is, if in the list: the row is drawn anew under it. */
  focusedButton() {
    const rows = [...this.list.querySelectorAll(".gp-held")];
    const row = rows.find((each) => each.contains(document.activeElement));
    const at = [...(row?.querySelectorAll("button") ?? [])].findIndex((each) => each === document.activeElement);
    return row ? { branch: row.dataset.branch, at } : null;
  }

  /** @param {{ branch: string, at: number } | null} focused */
  focusButton(focused) {
    if (!focused) return;
    const rows = [...this.list.querySelectorAll(".gp-held")];
    const buttons = rows.find((row) => row.dataset.branch === focused.branch)?.querySelectorAll("button");
    (buttons?.[Math.min(focused.at, buttons.length - 1)] ?? this.modal.panel).focus();
  }

  drawFooter() {
    const missing = (this.held ?? []).filter((held) => !this.isHere(held));
    const { size } = arrivals.underway;
    this.modal.showFooter(
      size > 1 && h("span.gp-note", { textContent: tn("{n} profile to go", "{n} profiles to go", size) }),
      h("span.gp-spring"),
      size > 1 && button({ icon: "times", label: t("Cancel all"), kind: "secondary", onclick: arrivals.cancelAll }),
      missing.length > 1 && !size &&
        button({
          icon: "cloud-download",
          label: t("Get all that aren't here ({count})", { count: missing.length }),
          kind: "secondary",
          onclick: () => this.getAll(missing),
        }),
      button({ label: t("Close"), kind: "secondary", onclick: () => this.modal.close() }),
    );
  }

  /** @param {remote.Held} held */
  row(held) {
    const { images, snapshot, remote_branch: branch } = held;
    const underway = arrivals.underway.get(branch);
    const failure = arrivals.failures.get(branch);
    const said = [
      images === null ? "" : tn("{n} image", "{n} images", images),
      snapshot.message,
      snapshot.time ? ago(snapshot.time, Date.now()) : "",
    ];
    return h(
      "div.gp-held",
      { role: "listitem", dataset: { branch } },
      this.strip(held),
      h(
        "div.gp-held-words",
        {},
        h("strong", { textContent: held.name }),
        h("span.gp-note", { textContent: said.filter(Boolean).join("  ·  ") }),
        failure !== undefined && h("span.gp-bad", { role: "alert", textContent: wordsOf(failure) }),
      ),
      ...(underway ? this.progress(underway, held) : this.tools(held)),
    );
  }

  /** The first pictures, where they cost little. @param {remote.Held} held */
  strip({ preview = [] }) {
    const pictures = preview.slice(0, 3).map((blob) =>
      h("img", { src: remote.thumb(blob), alt: "", loading: "lazy", decoding: "async" }),
    );
    return h("div.gp-held-strip", {}, ...pictures);
  }

  /** @param {arrivals.Arrival} arrival @param {remote.Held} held */
  progress({ job, what, stopped }, held) {
    const sign = icon("spinner");
    sign.classList.add("pi-spin");
    let words = job ? progressWords(job.progress) : t("Waiting…");
    if (what === "remove") words = t("Removing…");
    if (stopped) words = t("Cancelling…");
    return [
      h("span.gp-answer", {}, sign, h("span", { textContent: words })),
      what === "get" && button({
        icon: "times",
        label: t("Cancel"),
        title: t("Cancel “{name}”", { name: held.name }),
        kind: "secondary",
        onclick: () => arrivals.cancel(held.remote_branch),
      }),
    ];
  }

  /** @param {remote.Held} held */
  tools(held) {
    const here = h("span.gp-answer.gp-good", {}, icon("check"), h("span", { textContent: t("On this machine") }));
    const get = () =>
      button({
        icon: "cloud-download",
        label: t("Get"),
        title: t("Get “{name}”", { name: held.name }),
        kind: "primary",
        onclick: () => this.get(held),
      });
    return [
      this.isHere(held) ? here : get(),
      button({ icon: "trash", title: t("Remove “{name}” from the online storage…", { name: held.name }), onclick: () => this.remove(held) }),
    ];
  }

  /** @param {remote.Held} held */
  async get(held) {
    const profile = await arrivals.get(held.remote_branch);
    if (!profile) return;
    this.options.choose(profile.id);
    // The row says it already.
    if (!this.modal.open) toast("success", t("“{name}” is here", { name: profile.name }));
  }

  /** @param {remote.Held[]} missing */
  async getAll(missing) {
    await arrivals.getAll(missing.map((held) => held.remote_branch));
    const came = missing.filter((held) => this.isHere(held)).length;
    if (came && !this.modal.open) toast("success", tn("{n} profile came", "{n} profiles came", came));
  }

  /** @param {remote.Held} held */
  async remove(held) {
    const here = this.isHere(held);
    const question = here
      ? t("It is removed from the online storage only; the one on this machine stays.")
      : t("This machine has no copy of it. What only the online storage holds is gone for good.");
    const options = { type: "delete", itemList: [held.name] };
    const sure = () => askConfirm(t("Remove the profile from the online storage?"), question, options);
    if (!(await this.modal.aside(sure))) return;
    if (await arrivals.remove(held.remote_branch)) {
      if (this.modal.open) await this.load();
      else toast("info", t("“{name}” is removed from the online storage", { name: held.name }));
    }
  }
}
