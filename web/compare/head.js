// @ts-check
// The viewer's head: what is seen, beside what, and what can be done with the whole of it.

import { button, h, icon } from "../dom.js";
import { moment, titleOf } from "../history/words.js";
import { t, tn } from "../i18n.js";
import { NOW } from "./comparison.js";
import { lineOf } from "./words.js";

/** @typedef {import("../profiles.js").Snapshot} Snapshot */
/** @typedef {"was" | "changed"} Mode */

/** What is beside the snapshot, where it follows the snapshot. */
export const PREVIOUS = "previous";

/**
 * @typedef {object} HeadActions
 * @property {(mode: Mode) => void} use @property {(against: string) => void} compareWith
 * @property {() => void} restore @property {() => void} branchOff @property {() => void} close
 *
 * `chosen`: another snapshot that the timeline named; `differs`: whether the pool is another now,
 * as far as that is known.
 * @typedef {object} HeadState
 * @property {Snapshot} snapshot @property {number} images @property {Mode} mode
 * @property {string} against @property {Snapshot | null} chosen @property {Snapshot[]} marked
 * @property {boolean | null} differs
 */

export class Head {
  /** @param {string} titleId @param {HeadActions} actions */
  constructor(titleId, actions) {
    this.actions = actions;
    this.title = h("h2.gp-title", { id: titleId, dir: "auto" });
    this.meta = h("span.gp-meta");
    this.lock = h("span.gp-kept", { title: t("Locked: a clean-up keeps it") }, icon("lock"));
    this.sign = h(
      "span.gp-read-only",
      { title: t("You see the pool as it was. The live pool isn't touched.") },
      icon("eye"),
      h("span", { textContent: t("Read-only") }),
    );
    this.was = this.tab("was", t("As it was"));
    this.changed = this.tab("changed", t("What changed"));
    this.select = h("select.gp-input.gp-against");
    this.select.addEventListener("change", () => actions.compareWith(this.select.value));
    this.beside = h("label.gp-beside", {}, h("span", { textContent: t("Compared with") }), this.select);
    this.restore = button({ icon: "undo", label: t("Restore everything"), kind: "primary", onclick: actions.restore });
    this.branch = button({ icon: "clone", label: t("New profile from here"), kind: "secondary", onclick: actions.branchOff });
    this.same = h("span.gp-same", { textContent: t("The same now") });
    this.tools = h("div.gp-viewer-tools", {}, this.same, this.branch, this.restore);
    this.bar = h(
      "div.gp-viewer-bar",
      {},
      h("div.gp-segments", { role: "group", ariaLabel: t("What is shown") }, this.was, this.changed),
      this.beside,
      h("span.gp-spring"),
      this.tools,
    );
    this.element = h(
      "header.gp-viewer-head",
      {},
      h(
        "div.gp-viewer-what",
        {},
        h("div.gp-viewer-name", { ariaLive: "polite" }, h("div.gp-viewer-title", {}, this.title, this.lock, this.sign), this.meta),
        button({ icon: "times", title: t("Close"), onclick: actions.close }),
      ),
      this.bar,
    );
    this.shownChoices = "";
  }

  /** @param {Mode} mode @param {string} label */
  tab(mode, label) {
    const element = button({ label, onclick: () => this.actions.use(mode) });
    element.dataset.mode = mode;
    return element;
  }

  /** As long as nothing is known of the snapshot. */
  clear() {
    this.title.textContent = t("Snapshot");
    this.meta.textContent = "";
    this.lock.hidden = this.same.hidden = this.beside.hidden = true;
    this.restore.disabled = this.branch.disabled = true;
  }

  /** @param {HeadState} state */
  draw(state) {
    const { snapshot, mode } = state;
    this.branch.disabled = false;
    this.title.textContent = this.title.title = titleOf(snapshot).split("\n")[0];
    const said = snapshot.name ? snapshot.sentence.split("\n")[0] : "";
    const note = snapshot.note.split("\n")[0];
    const images = tn("{n} image", "{n} images", state.images);
    this.meta.textContent = [moment(snapshot.time), snapshot.author, images, said, note].filter(Boolean).join("  ·  ");
    this.meta.title = snapshot.note;
    this.lock.hidden = !snapshot.locked;
    this.sign.hidden = mode !== "was";
    this.was.ariaPressed = String(mode === "was");
    this.changed.ariaPressed = String(mode === "changed");
    this.beside.hidden = mode !== "changed";
    this.restore.disabled = state.differs !== true;
    this.same.hidden = state.differs !== false;
    this.drawChoices(state);
  }

  /** @param {HeadState} state */
  drawChoices({ snapshot, against, chosen, marked }) {
    const rest = marked.filter((each) => each.id !== snapshot.id);
    const named = h(
      "optgroup",
      { label: t("Named and locked") },
      ...rest.map((each) => choice(each.id, lineOf(each))),
    );
    const first = choice(PREVIOUS, snapshot.parents.length ? t("The one before it") : t("Nothing came before it"));
    first.disabled = !snapshot.parents.length;
    const options = [
      choice(NOW, t("Now")),
      first,
      chosen && choice(chosen.id, t("Chosen in the timeline: {name}", { name: lineOf(chosen) })),
      rest.length && named,
    ].filter(Boolean);
    const key = [snapshot.id, chosen?.id, ...rest.map((each) => each.id + lineOf(each))].join();
    // A list that is open must not change under the person.
    if (key !== this.shownChoices) this.select.replaceChildren(...options);
    this.shownChoices = key;
    this.select.value = against;
  }
}

/** @param {string} value @param {string} text */
function choice(value, text) {
  return h("option", { value, textContent: text });
}
