// @ts-check
// One image before and after: three ways to look at both, with masks, sizes and labels.

import { button, h, icon } from "../dom.js";
import { formatNumber, t } from "../i18n.js";
import { labelOf } from "./card.js";
import { Stage } from "./stage.js";
import { takeButtons } from "./takes.js";
import { LARGEST } from "./thumbs.js";
import { nameOf, sizeOf, wordsOf } from "./words.js";
import { pressed, WHOLE, zoomed } from "./zoom.js";

/** @typedef {import("../profiles.js").SlotChange} SlotChange */
/** @typedef {import("../profiles.js").PastSlot} PastSlot */
/** @typedef {import("./comparison.js").Side} Side */
/** @typedef {import("./stage.js").Way} Way */

const ZOOM = 1.5;

/** What was chosen last holds for the next image too. */
const chosen = { way: /** @type {Way} */ ("two"), masks: true, blend: 50 };

export class ImageView {
  /**
   * @param {string} id
   * @param {{ from: Side, to: Side }} sides
   * @param {{ back: () => void, take: import("./takes.js").Take }} actions
   */
  constructor(id, sides, actions) {
    this.id = id;
    this.sides = sides;
    this.actions = actions;
    /** @type {SlotChange[]} */
    this.rows = [];
    this.image = "";
    this.stage = new Stage(() => this.drawState());
    this.title = h("h3.gp-title", { dir: "auto" });
    this.count = h("span.gp-count");
    this.words = h("span.gp-meta");
    this.ways = h("div.gp-segments", { role: "group", ariaLabel: t("Way of looking") }, ...this.wayButtons());
    this.masks = button({ icon: "palette", label: t("Masks"), title: t("Show or hide the masks (M)"), onclick: () => this.showMasks() });
    this.masks.classList.add("gp-switch");
    this.scale = button({ label: "100 %", title: t("Show the whole image (0)"), onclick: () => this.stage.look(WHOLE) });
    this.blend = h("input.gp-blend", { type: "range", min: "0", max: "100", ariaLabel: t("Opacity of the later image") });
    this.blend.addEventListener("input", () => this.setBlend(Number(this.blend.value)));
    this.blendRow = h("label.gp-blend-row", {}, h("span", { textContent: t("Before") }), this.blend, h("span", { textContent: t("After") }));
    this.sizes = h("span.gp-sizes");
    this.label = h("div.gp-image-label");
    this.tools = h("div.gp-image-takes");
    this.element = h(
      "div.gp-image-view",
      { role: "group", ariaLabel: t("Image before and after") },
      this.head(),
      this.stage.element,
      this.blendRow,
      h("footer.gp-image-footer", {}, h("div.gp-image-text", {}, this.label, this.sizes), this.tools),
    );
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.press(event));
    this.setBlend(chosen.blend);
  }

  head() {
    const zoomBy = (/** @type {number} */ factor) => this.stage.look(zoomed(this.stage.view, factor));
    return h(
      "header.gp-image-head",
      {},
      button({ icon: "arrow-left", label: t("Back"), title: t("Back to the list (Escape)"), onclick: () => this.actions.back() }),
      h("div.gp-image-title", {}, this.title, this.words),
      h(
        "div.gp-group",
        {},
        button({ icon: "chevron-left", title: t("Previous image"), onclick: () => this.step(-1) }),
        this.count,
        button({ icon: "chevron-right", title: t("Next image"), onclick: () => this.step(1) }),
      ),
      h("span.gp-spring"),
      this.ways,
      this.masks,
      h(
        "div.gp-group",
        {},
        button({ icon: "search-minus", title: t("Zoom out (−)"), onclick: () => zoomBy(1 / ZOOM) }),
        this.scale,
        button({ icon: "search-plus", title: t("Zoom in (+)"), onclick: () => zoomBy(ZOOM) }),
      ),
    );
  }

  wayButtons() {
    /** @type {[Way, string, string][]} */
    const ways = [
      ["two", "1", t("Side by side")],
      ["swipe", "2", t("Swipe")],
      ["onion", "3", t("Onion skin")],
    ];
    return ways.map(([way, key, label]) => {
      const element = button({ label, title: `${label} (${key})`, onclick: () => this.use(way, true) });
      element.dataset.way = way;
      return element;
    });
  }

  /** @param {SlotChange[]} rows @param {string} image which of them to begin with */
  show(rows, image) {
    this.rows = rows;
    this.image = image;
    this.draw();
  }

  /**
   * The same comparison after something changed; gives whether this image is still in it.
   * @param {SlotChange[]} rows @param {{ from: Side, to: Side }} sides
   */
  renew(rows, sides) {
    const row = rows.find((each) => each.image === this.image);
    this.sides = sides;
    this.rows = rows;
    if (!row) return false;
    if (contentsOf(row) === this.shown) this.drawWords(row);
    else this.draw();
    return true;
  }

  get index() {
    return Math.max(0, this.rows.findIndex((row) => row.image === this.image));
  }

  /** @param {number} by */
  step(by) {
    const { rows } = this;
    this.image = rows[(this.index + by + rows.length) % rows.length].image;
    this.draw();
  }

  draw() {
    const row = this.rows[this.index];
    this.shown = contentsOf(row);
    this.stage.show(this.id, row.from, row.to);
    this.drawWords(row);
    this.use(chosen.way, false);
    this.showMasks(chosen.masks);
  }

  /** @param {SlotChange} row */
  drawWords(row) {
    const { from, to } = this.sides;
    const slot = /** @type {PastSlot} */ (row.to ?? row.from);
    this.title.textContent = nameOf(slot);
    this.words.textContent = wordsOf(row).join("  ·  ") || t("The same now");
    const at = { n: formatNumber(this.index + 1), all: formatNumber(this.rows.length) };
    this.count.textContent = t("{n} of {all}", at);
    const label = labelOf(row);
    this.label.replaceChildren(...(label ? [label] : []));
    const { take } = this.actions;
    this.tools.replaceChildren(...takeButtons(row, from, row.from, take), ...takeButtons(row, to, row.to, take));
  }

  /** @param {Way} way @param {boolean} byPerson */
  use(way, byPerson) {
    if (byPerson) chosen.way = way;
    const single = this.stage.single;
    const real = single ? "two" : way;
    this.stage.use(real);
    this.blendRow.hidden = real !== "onion";
    for (const element of this.ways.children) {
      element.ariaPressed = String(element.dataset.way === real);
      element.disabled = single && element.dataset.way !== "two";
    }
    if (!byPerson) return;
    if (real === "swipe") this.stage.handle.focus({ preventScroll: true });
    if (real === "onion") this.blend.focus({ preventScroll: true });
    // What had the keyboard may just have gone.
    if (real === "two" && !this.ways.contains(document.activeElement)) this.focus();
  }

  /** @param {boolean} [show] */
  showMasks(show = !chosen.masks) {
    chosen.masks = show;
    this.masks.ariaPressed = String(show);
    this.stage.element.classList.toggle("gp-no-masks", !show);
  }

  /** @param {number} share */
  setBlend(share) {
    chosen.blend = share;
    this.blend.value = String(share);
    this.stage.blend(share);
  }

  /** What follows from the pictures: their sizes, and how far in the view is. */
  drawState() {
    const { before, after, view } = this.stage;
    this.scale.firstChild.textContent = formatNumber(view.scale, { style: "percent" });
    const [old, now] = [before, after].map((layer) => layer.size && sizeOf(layer.size, LARGEST));
    const differ = old && now && old !== now;
    this.sizes.textContent = differ ? `${old}  →  ${now}` : (now ?? old ?? "");
    this.sizes.classList.toggle("gp-differs", !!differ);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const view = pressed(this.stage.view, event.key, event.shiftKey);
    const slider = event.target === this.blend || event.target === this.stage.handle;
    /** @type {Record<string, () => void>} */
    const acts = {
      Escape: () => this.actions.back(),
      PageUp: () => this.step(-1),
      PageDown: () => this.step(1),
      ...(slider ? {} : { ArrowLeft: () => this.step(-1), ArrowRight: () => this.step(1) }),
      1: () => this.use("two", true),
      2: () => this.use("swipe", true),
      3: () => this.use("onion", true),
      m: () => this.showMasks(),
      M: () => this.showMasks(),
    };
    const act = view && !(slider && event.key.startsWith("Arrow")) ? () => this.stage.look(view) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }

  focus() {
    this.stage.element.focus({ preventScroll: true });
  }

  dispose() {
    this.stage.dispose();
    this.element.remove();
  }
}

/** What tells whether both pictures are still the same. @param {SlotChange} row */
function contentsOf({ from, to }) {
  return JSON.stringify([from, to].map((slot) => slot && [slot.image_id, slot.mask_id]));
}
