// @ts-check
// One image of a pool as it was: its picture, mask, label, and whether it is the same now.

import { h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { paintWith, sizeFor } from "../thumbnails.js";
import { imageThumb, maskThumb } from "./thumbs.js";

/** @typedef {import("../profiles.js").PastSlot} PastSlot */

/**
 * @typedef {object} PastState
 * @property {number} side in CSS pixels @property {boolean} active @property {boolean} selected
 * @property {boolean} focused @property {"same" | "changed" | "gone"} since what became of it
 */

let made = 0;

export class PastCell {
  constructor() {
    this.image = "";
    this.shown = "";
    this.picture = h("img.gp-thumb", { draggable: false, alt: "", decoding: "async" });
    this.mask = h("div.gp-mask", { hidden: true });
    this.number = h("span.gp-number");
    this.tick = h("span.gp-tick-box", { ariaHidden: "true", title: t("Select") }, icon("check"));
    this.since = h("span.gp-since");
    const broken = h("span.gp-broken.pi.pi-exclamation-triangle");
    const frame = h("div.gp-frame", {}, this.picture, this.mask, broken, this.number, this.tick, this.since);
    this.caption = h("div.gp-caption", { dir: "auto" });
    this.element = h("div.gp-cell.gp-past-cell", { role: "option", id: `gp-past-${(made += 1)}` }, frame, this.caption);
    this.picture.addEventListener("load", () => this.element.classList.remove("gp-failed"));
    this.picture.addEventListener("error", () => this.element.classList.add("gp-failed"));
  }

  /** @param {string} id @param {PastSlot} slot @param {PastState} state */
  fill(id, slot, state) {
    this.image = slot.image;
    this.draw(id, slot, state.side);
    this.number.textContent = String(slot.index);
    this.caption.textContent = slot.label;
    this.caption.title = slot.label;
    const classes = this.element.classList;
    classes.toggle("gp-active", state.active);
    classes.toggle("gp-selected", state.selected);
    classes.toggle("gp-focused", state.focused);
    classes.toggle("gp-gone", !slot.image_id);
    const said = { same: "", changed: t("Changed since"), gone: t("Deleted since") }[state.since];
    if (this.since.title !== said) {
      this.since.title = said;
      this.since.replaceChildren(icon(state.since === "gone" ? "trash" : "pencil"));
    }
    this.since.hidden = !said;
    this.element.dataset.image = slot.image;
    this.element.ariaSelected = String(state.selected);
    this.element.ariaLabel = [
      t("Image {index}", { index: slot.index }),
      slot.label,
      state.active && t("was active"),
      slot.mask && t("has a mask"),
      said,
    ]
      .filter(Boolean)
      .join(", ");
  }

  /** Ask only for what isn't shown already. @param {string} id @param {PastSlot} slot @param {number} side */
  draw(id, slot, side) {
    const size = sizeFor(side);
    const shown = [id, slot.image_id, slot.mask_id, size].join();
    if (shown === this.shown) return;
    this.shown = shown;
    const source = imageThumb(id, slot, size);
    if (!source) this.picture.removeAttribute("src");
    else if (this.picture.getAttribute("src") !== source) this.picture.src = source;
    paintWith(this.mask, maskThumb(id, slot, size));
  }
}
