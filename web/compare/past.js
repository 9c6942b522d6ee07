// @ts-check
// A pool as it was: a grid that only shows, and what of it can be brought back.

import { button, h, icon } from "../dom.js";
import { t, tn } from "../i18n.js";
import { Grid } from "../pool/grid.js";
import { Selection } from "../pool/selection.js";
import { besideNow, wouldChange } from "./changes.js";
import { PastCell } from "./pastcell.js";
import { enablePicking } from "./picking.js";

/** @typedef {import("./comparison.js").Look} Look */
/** @typedef {import("../profiles.js").SlotChange} SlotChange */

/**
 * @typedef {object} PastActions
 * @property {(images: string[]) => void} bringBack
 * @property {(rows: SlotChange[], image: string) => void} open compares images with those of now
 */

export class PastPanel {
  /** @param {string} id @param {PastActions} actions */
  constructor(id, actions) {
    this.id = id;
    this.actions = actions;
    /** @type {Look | null} */
    this.look = null;
    /** @type {Look | null} */
    this.now = null;
    /** @type {Map<string, SlotChange> | null} */
    this.present = null;
    this.selection = new Selection();
    /** @type {Grid<PastCell>} */
    this.grid = new Grid({
      makeCell: () => new PastCell(),
      fill: (cell, index, side) => this.fill(cell, index, side),
      elementOf: (cell) => cell.element,
      keyOf: (index) => this.images[index],
      label: t("Images as they were"),
    });
    this.grid.wanted = 132;
    this.images = /** @type {string[]} */ ([]);
    this.status = h("span.gp-past-status", { role: "status" });
    this.closer = button({
      icon: "search-plus",
      label: t("Compare with now"),
      kind: "secondary",
      onclick: () => this.open([...this.selection.chosen][0]),
    });
    this.back = button({ icon: "undo", label: "", kind: "primary", onclick: () => this.bringBack() });
    this.back.append((this.backText = h("span")));
    this.empty = h(
      "div.gp-notice",
      { hidden: true },
      icon("images"),
      h("strong", { textContent: t("It had no images") }),
      h("span", { textContent: t("The pool was empty at that time.") }),
    );
    const footer = h("footer.gp-past-footer", {}, this.status, this.closer, this.back);
    this.element = h("div.gp-past", { tabIndex: -1 }, this.grid.element, this.empty, footer);
    enablePicking(this);
    this.dispose = () => this.grid.observer.disconnect();
  }

  /** @param {Look} look @param {Look | null} now @param {Map<string, SlotChange> | null} present */
  show(look, now, present) {
    if (this.look?.snapshot?.id !== look.snapshot?.id) this.selection.clear();
    this.look = look;
    this.now = now;
    this.present = present;
    this.images = look.slots.map((slot) => slot.image);
    this.selection.keepOnly(this.images);
    this.draw();
  }

  draw() {
    this.empty.hidden = !!this.images.length;
    this.grid.element.hidden = !this.images.length;
    this.grid.show(this.images.length);
    this.drawFooter();
  }

  /** What is selected, what of it would come back, and why not. */
  drawFooter() {
    const { chosen } = this.selection;
    const useful = this.useful();
    this.closer.disabled = chosen.size !== 1;
    this.back.disabled = !useful.length;
    const count = useful.length || chosen.size;
    this.backText.textContent = count ? tn("Bring back {n} image", "Bring back {n} images", count) : t("Bring back");
    this.back.title = this.back.ariaLabel = this.backText.textContent;
    this.status.textContent = this.statusText(chosen.size, useful.length);
  }

  /** @param {number} chosen @param {number} useful */
  statusText(chosen, useful) {
    if (!this.images.length) return "";
    if (!chosen) return t("Select images to bring them back.");
    if (!this.present) return "";
    if (!useful) return chosen === 1 ? t("This image is the same now.") : t("These images are the same now.");
    const said = tn("{n} image selected", "{n} images selected", chosen);
    const same = chosen - useful;
    if (!same) return said;
    return `${said}  ·  ${tn("{n} is the same now", "{n} are the same now", same)}`;
  }

  /** Those of the selected ones that differ from now. */
  useful() {
    return this.images.filter((image) => this.selection.chosen.has(image) && wouldChange(this.present?.get(image)));
  }

  bringBack() {
    const images = this.useful();
    if (images.length) this.actions.bringBack(images);
  }

  /** @param {string | undefined} image */
  open(image) {
    if (image && this.present) this.actions.open(this.rows(), image);
  }

  /** Every image beside what it is now. @returns {SlotChange[]} */
  rows() {
    const { look, now, present } = this;
    const places = new Map((now?.slots ?? []).map((slot) => [slot.image, slot]));
    return (look?.slots ?? []).map((slot) =>
      besideNow(slot, present?.get(slot.image), places.get(slot.image)),
    );
  }

  /** @param {PastCell} cell @param {number} index @param {number} side */
  fill(cell, index, side) {
    const slot = this.look?.slots[index];
    if (!slot) return;
    const present = this.present?.get(slot.image);
    cell.fill(this.id, slot, {
      side,
      active: index === this.look?.active,
      selected: this.selection.chosen.has(slot.image),
      focused: this.selection.focus === slot.image,
      since: present?.change === "removed" ? "gone" : wouldChange(present) ? "changed" : "same",
    });
  }

  /** Have the keyboard in the grid, at an image. @param {string} [image] */
  focus(image) {
    if (!this.images.length) return this.element.focus();
    const place = image ? this.images.indexOf(image) : -1;
    this.grid.element.focus({ preventScroll: true });
    if (place < 0) return;
    this.selection.only(/** @type {string} */ (image));
    this.selection.chosen.add(this.images[place]);
    this.grid.reveal(place);
    this.draw();
  }
}
