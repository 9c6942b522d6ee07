// @ts-check
// The dialog for what two machines both changed: both sides next to each other, and a choice.

import { button, h } from "../dom.js";
import { toast, wordsOf } from "../host.js";
import { t, tn } from "../i18n.js";
import { Modal } from "../modal.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";
import { paintWith } from "../thumbnails.js";
import { movedBetween } from "./orders.js";
import * as remote from "./remote.js";
import { stateOf } from "./state.js";

/** @typedef {remote.Conflict} Conflict */
/** @typedef {remote.Choice} Choice */

const THUMB = 384;
const SMALL = 128;
const STRIP = 40;

/** Given an image as a person knows it. @type {Record<Conflict["what"], (image: string) => string>} */
const TITLES = {
  image: (image) => t("The picture of {image}", { image }),
  mask: (image) => t("The mask of {image}", { image }),
  label: (image) => t("The label of {image}", { image }),
  order: () => t("The order of the images"),
  name: () => t("The profile's name"),
};

/** What both means, where it can be. @type {Partial<Record<Conflict["what"], () => string>>} */
const BOTH = {
  image: () => t("Both, as two images"),
  mask: () => t("Both, as two images"),
  label: () => t("Both, one after the other"),
};

function lead() {
  return t(
    "Yours is what the grid shows now. Choose what to keep: the other machine gets it with the next Sync, and History can always go back.",
  );
}

/** @type {ConflictDialog | null} */
let open = null;

/** Show what waits for a choice. @param {string} id a profile's */
export function openConflicts(id) {
  open?.modal.close();
  open = new ConflictDialog(id);
}

class ConflictDialog {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.state = stateOf(id);
    this.pool = poolOf(id);
    this.busy = false;
    /** What went wrong, by conflict. @type {Map<string, string>} */
    this.problems = new Map();
    this.drawn = "";
    const stops = [this.state.subscribe(() => this.draw()), this.pool.subscribe(() => this.draw())];
    this.modal = new Modal({
      title: t("Both machines changed the same thing"),
      icon: "exclamation-circle",
      wide: true,
      onClose: () => {
        for (const stop of stops) stop();
        open = null;
      },
    });
    this.lead = h("p.gp-lead", { textContent: lead() });
    this.list = h("div.gp-conflicts", { role: "list" });
    this.modal.show(this.lead, this.list);
    this.pool.refresh();
    this.state.refresh();
    this.draw();
    this.focusFirst();
  }

  draw() {
    const { conflicts } = this.state;
    // Thumbnails are drawn anew only where something is another.
    const slots = this.pool.slots.map((slot) => [slot.image, slot.image_v, slot.label]);
    const drawn = JSON.stringify([conflicts, slots, [...this.problems]]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    const inside = this.list.contains(document.activeElement);
    this.list.replaceChildren(...conflicts.map((conflict) => this.card(conflict)));
    if (!conflicts.length) this.list.append(h("p.gp-hint", { textContent: t("Nothing waits for a choice.") }));
    if (inside) this.focusFirst();
    this.drawFooter();
  }

  focusFirst() {
    const first = /** @type {HTMLElement | null} */ (this.list.querySelector("button:not(:disabled)"));
    (first ?? this.modal.panel).focus();
  }

  drawFooter() {
    const many = this.state.conflicts.length > 1;
    const all = (/** @type {Choice} */ choice, /** @type {string} */ label) => {
      const made = button({ label, kind: "secondary", onclick: () => this.decideAll(choice) });
      made.dataset.choice = choice;
      return many && made;
    };
    const parts = [
      all("mine", t("Mine for all")),
      all("theirs", t("Theirs for all")),
      h("span.gp-spring"),
      button({ label: t("Later"), kind: "secondary", onclick: () => this.modal.close() }),
    ];
    this.modal.showFooter(...parts);
    this.drawBusy();
  }

  /** While one choice is on its way there is no other. */
  drawBusy() {
    for (const made of this.modal.panel.querySelectorAll("[data-choice]")) {
      /** @type {HTMLButtonElement} */ (made).disabled = this.busy;
    }
  }

  /** @param {Conflict} conflict */
  card(conflict) {
    const { what, slot } = conflict;
    const problem = this.problems.get(conflict.conflict);
    const title = TITLES[what](slot ? this.nameOf(slot) : "");
    const both = BOTH[what]?.();
    return h(
      "article.gp-conflict",
      { role: "listitem", dataset: { conflict: conflict.conflict } },
      h("h3", { textContent: title }),
      h(
        "div.gp-sides",
        {},
        this.side(conflict, "kept", "mine", t("Mine")),
        this.side(conflict, "other", "theirs", t("Theirs")),
      ),
      both && this.chooser(conflict, "both", both, title),
      problem && h("p.gp-bad", { role: "alert", textContent: problem }),
    );
  }

  /** An image as a person knows it: by its label and its place. @param {string} image */
  nameOf(image) {
    const index = this.pool.indexOf(image);
    const label = this.pool.slots[index]?.label;
    if (index < 0) return image;
    return label ? t("image {index}, “{label}”", { index, label }) : t("image {index}", { index });
  }

  /** @param {Conflict} conflict @param {"kept" | "other"} which @param {Choice} choice @param {string} word */
  side(conflict, which, choice, word) {
    const caption = which === "kept" ? t("Mine") : t("The other machine's");
    return h(
      "section.gp-conflict-side",
      { ariaLabel: caption },
      h("h4", { textContent: caption }),
      h("div.gp-conflict-what", {}, this.content(conflict, which)),
      this.chooser(conflict, choice, word, caption),
    );
  }

  /** @param {Conflict} conflict @param {Choice} choice @param {string} label @param {string} what */
  chooser(conflict, choice, label, what) {
    const made = button({
      icon: "check",
      label,
      title: t("{choice} ({what})", { choice: label, what }),
      kind: "secondary",
      onclick: () => this.decide(conflict, choice),
    });
    made.dataset.choice = choice;
    return made;
  }

  /** @param {Conflict} conflict @param {"kept" | "other"} which */
  content(conflict, which) {
    const side = conflict[which];
    switch (conflict.what) {
      case "label":
        return h(side.label ? "p.gp-quote" : "p.gp-quote.gp-note", { textContent: side.label || t("No label") });
      case "name":
        return h("p.gp-quote", { textContent: side.name });
      case "order":
        return this.strip(conflict, which);
      default:
        return this.picture(side);
    }
  }

  /** @param {remote.Side} side */
  picture({ snapshot, image, mask }) {
    if (!snapshot || !image) return h("p.gp-note", { textContent: t("This one can't be shown.") });
    const thumb = (/** @type {string} */ name) => profiles.snapshotThumb(this.id, snapshot, name, THUMB);
    const layer = h("div.gp-mask");
    paintWith(layer, mask && thumb(mask));
    return h("div.gp-conflict-picture", {}, h("img", { src: thumb(image), alt: mask ? t("The image with its mask") : t("The image"), decoding: "async" }), layer);
  }

  /** The images in one side's order, what was moved marked. @param {Conflict} conflict @param {"kept" | "other"} which */
  strip(conflict, which) {
    const mine = conflict[which].images ?? [];
    const other = conflict[which === "kept" ? "other" : "kept"].images ?? [];
    const moved = movedBetween(mine, other);
    const shown = mine.slice(0, STRIP).map((image, place) => {
      const slot = this.pool.slots.find((each) => each.image === image);
      return h(
        `li${moved.has(image) ? ".gp-moved" : ""}`,
        { title: slot?.label ?? image },
        slot && h("img", { src: this.pool.thumb(image, slot.image_v, SMALL), alt: slot.label || image, loading: "lazy", decoding: "async" }),
        h("span.gp-number", { textContent: String(place) }),
      );
    });
    const more = mine.length - shown.length;
    return h("ol.gp-order", {}, ...shown, more > 0 && h("li.gp-note", { textContent: `+${more}` }));
  }

  /** @param {Conflict} conflict @param {Choice} choice */
  async decide(conflict, choice) {
    if (await this.send([conflict], choice)) this.finish(t("Decided"));
  }

  /** @param {Choice} choice */
  async decideAll(choice) {
    const all = [...this.state.conflicts];
    if (await this.send(all, choice)) this.finish(tn("{n} choice made", "{n} choices made", all.length));
  }

  /** @param {Conflict[]} conflicts @param {Choice} choice @returns {Promise<boolean>} whether all were decided */
  async send(conflicts, choice) {
    if (this.busy) return false;
    this.busy = true;
    this.problems.clear();
    this.drawBusy();
    try {
      for (const conflict of conflicts) {
        try {
          this.state.conflicts = await remote.resolve(this.id, conflict.conflict, choice);
        } catch (error) {
          this.problems.set(conflict.conflict, wordsOf(error));
        }
      }
    } finally {
      this.busy = false;
    }
    const solved = !this.problems.size;
    await Promise.all([this.pool.refresh(), this.state.refresh()]);
    this.draw();
    this.drawBusy();
    if (this.modal.open) this.focusFirst();
    return solved;
  }

  /** @param {string} words */
  finish(words) {
    if (this.state.conflicts.length) return;
    this.modal.close();
    toast("success", words, t("It goes to the other machine with the next Sync."));
  }
}
