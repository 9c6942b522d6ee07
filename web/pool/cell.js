// @ts-check
// One image of the grid: its thumbnail, mask, label and buttons.

import { button, h } from "../dom.js";
import { t } from "../i18n.js";
import { paintWith, sizeFor } from "../thumbnails.js";

/** @typedef {import("../pools.js").Slot} Slot */
/** @typedef {import("../pools.js").Pool} Pool */

/**
 * @typedef {object} CellState
 * @property {number} index @property {boolean} active @property {boolean} selected
 * @property {boolean} focused @property {number} side
 * @property {boolean} passing whether it may be gone again in a moment
 *
 * @typedef {object} CellActions
 * @property {(image: string) => void} paint @property {(image: string) => void} clearMask
 * @property {(image: string) => void} enlarge @property {(image: string) => void} remove
 * @property {(image: string, label: string) => void} label
 */

/** So many ms an image must stay in view before it is asked for, while others pass by. */
const STAYS = 60;

let made = 0;

/** A row of the grid to assistive software, so that it may have buttons of its own. */
export class Cell {
  /** @param {CellActions} actions */
  constructor(actions) {
    this.actions = actions;
    this.image = "";
    this.shown = "";
    this.said = "";
    this.waiting = 0;
    this.picture = h("img.gp-thumb", { draggable: false, alt: "", decoding: "async" });
    this.mask = h("div.gp-mask");
    this.number = h("span.gp-number");
    this.check = h("i.gp-check.pi.pi-check", { ariaHidden: "true" });
    this.broken = h("span.gp-broken.pi.pi-exclamation-triangle");
    this.early = h("span.gp-early.pi.pi-exclamation-circle", { title: t("The file ends early"), ariaHidden: "true" });
    this.away = h("span.gp-away");
    this.caption = h("div.gp-caption", { title: t("Double-click to change the label"), role: "gridcell" });
    this.clear = this.tool("eraser", t("Clear the mask"), () => actions.clearMask(this.image));
    const tools = h(
      "div.gp-tools",
      {},
      this.tool("pencil", t("Paint a mask"), () => actions.paint(this.image)),
      this.clear,
      this.tool("search-plus", t("Enlarge"), () => actions.enlarge(this.image)),
      this.tool("trash", t("Delete"), () => actions.remove(this.image)),
      this.menuButton(),
    );
    this.frame = h(
      "div.gp-frame",
      { role: "gridcell" },
      this.picture,
      this.mask,
      this.broken,
      this.away,
      this.number,
      this.check,
      this.early,
      tools,
    );
    this.element = h("div.gp-cell", { role: "row", id: `gp-cell-${(made += 1)}` }, this.frame, this.caption);
    this.caption.addEventListener("dblclick", () => this.editLabel());
    this.picture.addEventListener("load", () => this.element.classList.remove("gp-loading"));
    this.picture.addEventListener("error", () => this.element.classList.add("gp-failed"));
  }

  /** @param {string} name @param {string} title @param {() => void} act */
  tool(name, title, act) {
    const made = button({
      icon: name,
      title,
      onclick: (event) => {
        event.stopPropagation();
        act();
      },
    });
    made.tabIndex = -1;
    return made;
  }

  /** Opens the image's menu, by the event that a right click gives. */
  menuButton() {
    const tool = this.tool("ellipsis-v", t("More for this image (Shift+F10)"), () =>
      tool.dispatchEvent(new MouseEvent("contextmenu", { bubbles: true, cancelable: true })),
    );
    tool.classList.add("gp-cell-more");
    tool.setAttribute("aria-haspopup", "menu");
    return tool;
  }

  /** @param {Pool} pool @param {Slot} slot @param {CellState} state */
  fill(pool, slot, state) {
    this.image = slot.image;
    this.drawImage(pool, slot, state);
    const { index, active, selected, focused } = state;
    const { image, label, mask, image_v, ends_early, lfs } = slot;
    const marks = [!!mask, !!image_v, !!ends_early, !!lfs];
    const said = [index, active, selected, focused, ...marks, image, label].join("\0");
    // What changes nothing costs nothing: most cells stay as they are while the grid scrolls.
    if (said === this.said) return;
    this.said = said;
    this.number.textContent = String(index);
    if (!this.editing) this.caption.textContent = slot.label;
    const classes = this.element.classList;
    classes.toggle("gp-active", active);
    classes.toggle("gp-selected", selected);
    classes.toggle("gp-focused", focused);
    classes.toggle("gp-masked", !!slot.mask);
    classes.toggle("gp-gone", !slot.image_v);
    classes.toggle("gp-cut", !!slot.ends_early);
    classes.toggle("gp-lfs", !!slot.lfs);
    this.away.textContent = slot.lfs ? t("Kept in Git LFS, not here") : "";
    this.element.dataset.image = slot.image;
    this.element.ariaSelected = String(selected);
    this.element.ariaRowIndex = String(index + 1);
    this.element.ariaLabel = [
      t("Image {index}", { index }),
      slot.label,
      active && t("active"),
      slot.mask && t("has a mask"),
      slot.ends_early && t("The file ends early"),
      slot.lfs && t("Kept in Git LFS, not here"),
    ]
      .filter(Boolean)
      .join(", ");
  }

  get editing() {
    return this.element.classList.contains("gp-editing");
  }

  /** Whether it may become another image's: not while a person is at it. */
  get free() {
    return !this.editing && !this.element.contains(document.activeElement);
  }

  /** Ask only for what isn't shown already. @param {Pool} pool @param {Slot} slot @param {CellState} state */
  drawImage(pool, slot, { side, passing }) {
    const size = sizeFor(side);
    const shown = [pool.id, slot.image, slot.image_v, slot.mask_v, size].join();
    if (shown === this.shown) return;
    this.shown = shown;
    this.element.classList.remove("gp-failed");
    const picture = slot.image_v ? pool.thumb(slot.image, slot.image_v, size) : null;
    const mask = slot.mask && slot.mask_v ? pool.thumb(slot.mask, slot.mask_v, size) : null;
    clearTimeout(this.waiting);
    if (!passing) return this.load(picture, mask);
    this.load(null, null);
    this.element.classList.toggle("gp-loading", !!picture);
    this.waiting = window.setTimeout(() => {
      if (this.element.isConnected) this.load(picture, mask);
      else this.shown = "";
    }, STAYS);
  }

  /** @param {string | null} picture @param {string | null} mask */
  load(picture, mask) {
    if (!picture) this.picture.removeAttribute("src");
    else if (this.picture.getAttribute("src") !== picture) {
      this.element.classList.add("gp-loading");
      this.picture.src = picture;
    }
    paintWith(this.mask, mask);
  }

  editLabel() {
    if (this.editing) return;
    const before = this.caption.textContent ?? "";
    const input = h("input.gp-label-input", { value: before, ariaLabel: t("Label"), maxLength: 500 });
    const { image } = this;
    let done = false;
    const finish = (/** @type {boolean} */ save) => {
      if (done) return;
      done = true;
      this.element.classList.remove("gp-editing");
      this.caption.textContent = save ? input.value : before;
      // What the server makes of it is drawn anew, whatever it is.
      this.said = "";
      if (save && input.value !== before) this.actions.label(image, input.value);
      this.element.closest(".gp-grid")?.focus({ preventScroll: true });
    };
    input.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      event.stopPropagation();
      if (event.key === "Enter") finish(true);
      if (event.key === "Escape") finish(false);
    });
    input.addEventListener("blur", () => finish(true));
    this.element.classList.add("gp-editing");
    this.caption.replaceChildren(input);
    input.focus();
    input.select();
  }
}
