// @ts-check
// The foot of the Storage dialog: free it, are you sure, how far it is, how it went.

import { button, h, icon } from "../dom.js";
import { wordsOf } from "../host.js";
import { formatNumber, t, tn } from "../i18n.js";
import { size } from "../remote/words.js";
import { isPastCancel, progressWords } from "./cleaning.js";

/**
 * How something ended: well, badly, or neither.
 * @typedef {{ good?: string, bad?: string, plain?: string }} Said
 *
 * `freed`: what the chosen way would free; null where that is nothing, or not known yet.
 * @typedef {{ kind: "idle", said: Said | null, freed: number | null, failed: boolean }} Idle
 * @typedef {{ kind: "asking", dropped: number, freed: number }} Asking
 * @typedef {{ kind: "running", cleaning: import("./cleaning.js").Cleaning }} Running
 * @typedef {Idle | Asking | Running} State
 *
 * @typedef {Record<"close" | "ask" | "back" | "clean" | "cancel" | "again", () => void>} Acts
 */

export class CleanupFooter {
  /** @param {import("../modal.js").Modal} modal @param {Acts} acts */
  constructor(modal, acts) {
    this.modal = modal;
    this.said = h("span.gp-said", { role: "status" });
    this.fill = h("span.gp-meter-fill");
    this.meter = h("span.gp-meter", { role: "progressbar", ariaLabel: t("Progress"), ariaValueMin: "0", ariaValueMax: "100" }, this.fill);
    this.close = button({ label: t("Close"), kind: "secondary", onclick: acts.close });
    this.free = button({ icon: "trash", label: t("Free space"), kind: "primary", onclick: acts.ask });
    this.again = button({ icon: "refresh", label: t("Try again"), kind: "primary", onclick: acts.again });
    this.back = button({ label: t("Back"), kind: "secondary", onclick: acts.back });
    this.sure = button({ icon: "trash", label: t("Free space"), kind: "destructive", onclick: acts.clean });
    this.cancel = button({ icon: "times", label: t("Cancel"), kind: "secondary", onclick: acts.cancel });
    modal.showFooter(this.said, this.meter, this.close, this.back, this.cancel, this.free, this.again, this.sure);
    this.kind = "";
  }

  /** @param {State} state */
  show(state) {
    const inside = this.modal.footer.contains(document.activeElement);
    const idle = state.kind === "idle" ? state : null;
    this.meter.hidden = this.cancel.hidden = state.kind !== "running";
    this.back.hidden = this.sure.hidden = state.kind !== "asking";
    this.close.hidden = !idle;
    this.again.hidden = !idle?.failed;
    this.free.hidden = !idle || idle.failed;
    if (idle) this.drawIdle(idle);
    else if (state.kind === "asking") this.drawAsking(state);
    else if (state.kind === "running") this.drawRunning(state);
    const fresh = this.kind !== state.kind;
    this.kind = state.kind;
    if (fresh && inside) this.focus(state.kind);
  }

  /** @param {State["kind"]} kind */
  focus(kind) {
    const there = { idle: this.close, asking: this.back, running: this.cancel }[kind];
    (there.disabled ? this.modal.panel : there).focus();
  }

  /** @param {Idle} state */
  drawIdle({ said, freed }) {
    this.say(said ?? {});
    this.free.disabled = freed === null;
    relabel(this.free, freed === null ? t("Free space") : t("Free {size}…", { size: size(freed) }));
  }

  /** @param {Asking} state */
  drawAsking({ dropped, freed }) {
    this.say({
      plain: tn(
        "{n} snapshot goes for good. This can't be undone.",
        "{n} snapshots go for good. This can't be undone.",
        dropped,
      ),
    });
    relabel(this.sure, t("Free {size}", { size: size(freed) }));
  }

  /** @param {Running} state */
  drawRunning({ cleaning }) {
    const { done, total } = cleaning.job?.progress ?? { done: 0, total: 0 };
    const past = isPastCancel(cleaning);
    const counted = past && total > 0;
    const share = counted ? Math.min(1, done / total) : 0;
    const percent = counted ? ` ${formatNumber(share, { style: "percent", maximumFractionDigits: 0 })}` : "";
    this.say(cleaning.problem ? { bad: wordsOf(cleaning.problem) } : { plain: `${progressWords(cleaning)}${percent}` });
    this.meter.classList.toggle("gp-endless", !counted);
    this.fill.style.width = counted ? `${100 * share}%` : "";
    this.meter.ariaValueNow = counted ? String(Math.round(100 * share)) : null;
    this.cancel.disabled = !cleaning.job || cleaning.cancelling || past;
    this.cancel.title = past ? t("It can't be stopped any more") : t("Cancel");
  }

  /** @param {Said} said */
  say({ good, bad, plain }) {
    const text = bad ?? good ?? plain ?? "";
    this.said.classList.toggle("gp-bad", !!bad);
    this.said.classList.toggle("gp-good", !!good);
    if (this.said.textContent === text) return;
    const sign = good ? "check" : "exclamation-triangle";
    this.said.replaceChildren(...(good || bad ? [icon(sign)] : []), h("span", { textContent: text }));
  }
}

/** @param {any} made a button @param {string} label */
function relabel(made, label) {
  made.querySelector("span").textContent = made.title = made.ariaLabel = label;
}
