// @ts-check
// Two pictures seen together: side by side, with a divider, or one through the other.

import { clamp, h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { paintWith } from "../thumbnails.js";
import { imageThumb, LARGEST, maskThumb } from "./thumbs.js";
import { enableZoom, WHOLE } from "./zoom.js";

/** @typedef {import("../profiles.js").PastSlot} PastSlot */
/** @typedef {"two" | "swipe" | "onion"} Way */
/** @typedef {"before" | "after"} Which */
/** @typedef {{ width: number, height: number }} Size */

const SMALL = 256;
const KEY_STEP = 2;
const LONG_STEP = 10;
// Beyond this many screen pixels a picture's own are shown as they are.
const COARSE = 3;

/** One of the two: its picture and its mask, each in a pane of its own. */
class Layer {
  /** @param {Which} which @param {() => void} changed */
  constructor(which, changed) {
    this.changed = changed;
    this.picture = h("img.gp-plate-image", { alt: "", draggable: false, decoding: "async" });
    this.mask = h("div.gp-plate-mask", { hidden: true });
    this.plate = h("div.gp-plate", {}, this.picture);
    this.maskPlate = h("div.gp-plate", {}, this.mask);
    this.pane = h(`div.gp-pane.gp-${which}`, {}, this.plate);
    this.maskPane = h(`div.gp-pane.gp-mask-pane.gp-${which}`, {}, this.maskPlate);
    /** @type {Size | null} */
    this.size = null;
    this.turn = 0;
    this.failed = false;
    /** What is said in a picture's place. */
    this.notice = h(`div.gp-stage-absent.gp-${which}`, { hidden: true }, (this.noticeText = h("span")));
    this.picture.addEventListener("load", () => changed());
  }

  /** Show the small picture at once and the large one when it is there. @param {string} id @param {PastSlot | null} slot */
  show(id, slot) {
    const turn = (this.turn += 1);
    this.size = null;
    this.failed = !!slot && !slot.image_id;
    this.pane.hidden = this.maskPane.hidden = !slot;
    this.picture.removeAttribute("src");
    paintWith(this.mask, null);
    const large = slot && imageThumb(id, slot, LARGEST);
    if (!slot || !large) return;
    this.picture.src = imageThumb(id, slot, SMALL);
    paintWith(this.mask, maskThumb(id, slot, LARGEST));
    const whole = new Image();
    whole.onload = () => {
      if (turn !== this.turn) return;
      this.size = { width: whole.naturalWidth, height: whole.naturalHeight };
      this.picture.src = large;
      this.changed();
    };
    whole.onerror = () => {
      if (turn !== this.turn) return;
      this.failed = true;
      this.changed();
    };
    whole.src = large;
  }

  /** Width through height, as far as it is known. */
  get shape() {
    const { naturalWidth, naturalHeight } = this.picture;
    return naturalHeight ? naturalWidth / naturalHeight : 0;
  }

  /** @param {Size} box */
  fit({ width, height }) {
    for (const plate of [this.plate, this.maskPlate]) {
      plate.style.width = `${width}px`;
      plate.style.height = `${height}px`;
    }
  }
}

export class Stage {
  /** @param {() => void} changed called when the view, or what is known of the pictures, changes */
  constructor(changed) {
    this.changed = changed;
    /** @type {Way} */
    this.way = "two";
    this.view = WHOLE;
    this.divider = 50;
    /** Whether there is but one of the two. */
    this.single = false;
    this.before = new Layer("before", () => this.layOut());
    this.after = new Layer("after", () => this.layOut());
    this.handle = h(
      "div.gp-divider",
      { tabIndex: 0, role: "slider", ariaLabel: t("Divider"), ariaValueMin: "0", ariaValueMax: "100" },
      h("span.gp-divider-grip", {}, icon("arrows-h")),
    );
    this.element = h(
      "div.gp-stage",
      { tabIndex: 0, role: "group", ariaLabel: t("Before and after") },
      this.before.pane,
      this.after.pane,
      this.before.maskPane,
      this.after.maskPane,
      this.handle,
      this.before.notice,
      this.after.notice,
      h("span.gp-tag.gp-before", { textContent: t("Before") }),
      h("span.gp-tag.gp-after", { textContent: t("After") }),
    );
    enableZoom(this.element, {
      view: () => this.view,
      change: (view) => this.look(view),
      at: (x, y) => this.at(x, y),
      drags: (event) => this.slides(event),
    });
    this.enableDivider();
    this.observer = new ResizeObserver(() => this.layOut());
    this.observer.observe(this.element);
  }

  /** @param {string} id @param {PastSlot | null} before @param {PastSlot | null} after */
  show(id, before, after) {
    this.single = !before || !after;
    this.before.show(id, before);
    this.after.show(id, after);
    this.look(WHOLE);
  }

  /** @param {Way} way */
  use(way) {
    this.way = way;
    this.layOut();
  }

  /** @param {import("./zoom.js").View} view */
  look(view) {
    this.view = view;
    this.layOut();
  }

  /** Where the divider is, from 0 to 100. @param {number} place */
  slide(place) {
    this.divider = clamp(place, 0, 100);
    this.layOut();
  }

  /** How much of the later picture is seen, from 0 to 100. @param {number} share */
  blend(share) {
    this.element.style.setProperty("--gp-blend", String(share / 100));
  }

  /** Put the plates where the view and the way of looking have them. */
  layOut() {
    const { element, view } = this;
    element.dataset.way = this.way;
    const style = element.style;
    style.setProperty("--gp-scale", String(view.scale));
    style.setProperty("--gp-x", `${view.x * 100}%`);
    style.setProperty("--gp-y", `${view.y * 100}%`);
    style.setProperty("--gp-divider", `${this.divider}%`);
    this.handle.ariaValueNow = String(Math.round(this.divider));
    this.handle.hidden = this.way !== "swipe";
    for (const layer of [this.before, this.after]) this.layOutLayer(layer);
    this.changed();
  }

  /** @param {Layer} layer */
  layOutLayer(layer) {
    const box = this.box();
    // Seen one over the other, both fill the same frame.
    const shared = this.way !== "two" && (this.after.shape || this.before.shape);
    const shape = shared || layer.shape;
    if (shape && box.width > 0) {
      const width = Math.min(box.width, box.height * shape);
      layer.fit({ width, height: width / shape });
      const own = layer.size ? (width * this.view.scale) / layer.size.width : 1;
      layer.plate.classList.toggle("gp-coarse", own >= COARSE);
    }
    layer.noticeText.textContent = layer.failed ? t("This image can't be shown.") : t("Not there");
    layer.notice.hidden = !(layer.failed || layer.pane.hidden);
  }

  /** The room for one picture, in CSS pixels. @returns {Size} */
  box() {
    const { clientWidth, clientHeight } = this.element;
    const stacked = this.way === "two" && getComputedStyle(this.element).getPropertyValue("--gp-stacked").trim();
    const across = this.way === "two" && !stacked ? 2 : 1;
    return { width: clientWidth / across - 16, height: clientHeight / (stacked ? 2 : 1) - 16 };
  }

  /** @param {number} clientX @param {number} clientY */
  at(clientX, clientY) {
    const panes = [this.before, this.after].filter((layer) => !layer.pane.hidden);
    const boxes = panes.map((layer) => ({ layer, box: layer.pane.getBoundingClientRect() }));
    const inside = boxes.find(
      ({ box }) => clientX >= box.left && clientX < box.right && clientY >= box.top && clientY < box.bottom,
    );
    const { layer, box } = inside ?? boxes[0];
    return {
      x: clientX - (box.left + box.right) / 2,
      y: clientY - (box.top + box.bottom) / 2,
      width: layer.plate.offsetWidth || 1,
      height: layer.plate.offsetHeight || 1,
    };
  }

  /** Whether a drag there moves the divider. @param {PointerEvent | MouseEvent} event */
  slides(event) {
    if (this.way !== "swipe") return false;
    return this.view.scale === 1 || this.handle.contains(/** @type {Node} */ (event.target));
  }

  enableDivider() {
    const { element, handle } = this;
    let held = -1;
    const slideTo = (/** @type {PointerEvent} */ event) => {
      const box = element.getBoundingClientRect();
      this.slide(((event.clientX - box.left) / box.width) * 100);
    };
    element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
      if (event.button !== 0 || !this.slides(event)) return;
      held = event.pointerId;
      element.setPointerCapture(held);
      slideTo(event);
    });
    element.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
      if (event.pointerId === held) slideTo(event);
    });
    for (const type of ["pointerup", "pointercancel"]) {
      element.addEventListener(type, () => (held = -1));
    }
    handle.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = event.shiftKey ? LONG_STEP : KEY_STEP;
      /** @type {Record<string, number>} */
      const places = {
        ArrowLeft: this.divider - step,
        ArrowDown: this.divider - step,
        ArrowRight: this.divider + step,
        ArrowUp: this.divider + step,
        Home: 0,
        End: 100,
      };
      if (!(event.key in places)) return;
      event.preventDefault();
      event.stopPropagation();
      this.slide(places[event.key]);
    });
  }

  dispose() {
    this.observer.disconnect();
    this.before.turn = this.after.turn = -1;
  }
}
