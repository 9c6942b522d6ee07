// @ts-check
// A snapshot looked at, and compared, beside the timeline: one large view that changes nothing.

import { giveFocusBack, h, icon, isolate, keepInside } from "../dom.js";
import { workArea } from "../host.js";
import { t } from "../i18n.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";
import { ChangedPanel, failure } from "./changed.js";
import { byImage } from "./changes.js";
import { compare, markedOf, NOW, presentOf, sideOf } from "./comparison.js";
import { Head, PREVIOUS } from "./head.js";
import { ImageView } from "./image.js";
import { PastPanel } from "./past.js";
import { Taking } from "./taking.js";

/** @typedef {profiles.Snapshot} Snapshot */
/** @typedef {profiles.SlotChange} SlotChange */
/** @typedef {import("./comparison.js").Side} Side */
/** @typedef {import("./comparison.js").Look} Look */
/** @typedef {import("./comparison.js").Comparison} Comparison */
/** @typedef {import("./head.js").Mode} Mode */
/** @typedef {(id: string) => void} Choose feeds a profile made from a snapshot */

/**
 * @typedef {object} Request
 * @property {string} id the profile's @property {Snapshot | string} snapshot it, or its id
 * @property {Snapshot | string | null} [against] null: as it was; else what to compare with, or `now`
 * @property {Choose} [choose]
 */

// Beside the sidebar there must be room for a grid; else the view covers all.
const ROOM = 620;
const TITLE = "gp-viewer-title";

/** @type {Viewer | null} */
let open = null;

/** Show a snapshot; while the viewer is open it changes, and keeps its way of showing. @param {Request} request */
export function openSnapshot(request) {
  if (open && open.id !== request.id) open.close();
  const again = open?.target === idOf(request.snapshot) && !request.against;
  open ??= new Viewer(request.id);
  open.choose = request.choose ?? open.choose;
  open.show(request.snapshot, request.against ? idOf(request.against) : null);
  // Enter, pressed once more on what is shown, is for going in.
  if (open.covers || (again && open.pressedLast === "Enter")) open.focus();
}

/** Compare the snapshot that is shown with another. @param {Snapshot | string} snapshot */
export function compareWith(snapshot) {
  open?.compareWith(idOf(snapshot), true);
}

export function isOpen() {
  return open !== null;
}

export function close() {
  open?.close();
}

/** @param {Snapshot | string} snapshot */
function idOf(snapshot) {
  return typeof snapshot === "string" ? snapshot : snapshot.id;
}

class Viewer {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.target = "";
    /** @type {Mode} */
    this.mode = "was";
    this.against = NOW;
    /** @type {Choose} */
    this.choose = () => {};
    /** What is known of the snapshot before the server has answered. @type {Snapshot | null} */
    this.told = null;
    /** @type {Look | null} */
    this.look = null;
    /** @type {Look | null} */
    this.now = null;
    /** @type {SlotChange[] | null} */
    this.present = null;
    /** @type {Snapshot | null} */
    this.chosen = null;
    /** @type {Snapshot[]} */
    this.marked = [];
    /** @type {ImageView | null} */
    this.image = null;
    /** @type {Comparison | null} */
    this.comparison = null;
    /** Whether the other side is one that the timeline named. */
    this.chooses = false;
    this.stale = this.busy = this.covers = this.keepsFocus = false;
    this.taking = new Taking(id);
    this.pressedLast = "";
    /** @type {HTMLElement | null} Where the keyboard goes back to. */
    this.before = null;
    this.past = new PastPanel(id, {
      bringBack: (images) => this.take(this.mine(), images, null),
      open: (rows, image) => this.openImage(rows, image, { from: this.mine(), to: nowSide() }),
    });
    this.changed = new ChangedPanel(id, {
      open: (rows, image, comparison) => this.openImage(rows, image, comparison),
      take: (side, image, what) => this.take(side, [image], what),
    });
    this.head = new Head(TITLE, {
      use: (mode) => this.use(mode),
      compareWith: (against) => this.compareWith(against, false),
      restore: () => this.take(this.mine(), null, null),
      branchOff: () => this.branchOff(),
      close: () => this.close(),
    });
    const loading = h("div.gp-empty", {}, icon("spinner"), h("span", { textContent: t("Loading…") }));
    this.body = h("div.gp-viewer-body", {}, loading);
    this.element = h(
      "section.gp-root.gp-viewer",
      { role: "dialog", "aria-labelledby": TITLE, tabIndex: -1 },
      this.head.element,
      this.body,
    );
    this.observer = new ResizeObserver(() => this.place());
    this.resized = () => this.place();
    this.keys = (/** @type {KeyboardEvent} */ event) => (this.pressedLast = event.key);
    this.stop = poolOf(id).subscribe(() => this.load());
    this.begin();
  }

  begin() {
    isolate(this.element);
    for (const type of ["paste", "copy", "cut", "wheel"]) {
      this.element.addEventListener(type, (/** @type {Event} */ event) => event.stopPropagation());
    }
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.press(event));
    this.element.addEventListener("focusin", (/** @type {FocusEvent} */ event) => {
      const from = /** @type {HTMLElement | null} */ (event.relatedTarget);
      if (from && !this.element.contains(from)) this.before = from;
    });
    const area = workArea();
    if (area) this.observer.observe(area);
    window.addEventListener("resize", this.resized);
    document.addEventListener("keydown", this.keys, true);
    document.body.append(this.element);
    this.place();
    this.findMarked();
  }

  /** The snapshot that is shown, as one side of a comparison. @returns {Side} */
  mine() {
    return { target: this.target, snapshot: this.look?.snapshot ?? null, present: byImage(this.present ?? []) };
  }

  /** @param {Snapshot | string} snapshot @param {string | null} against */
  show(snapshot, against) {
    const target = idOf(snapshot);
    if (target !== this.target) {
      this.closeImage(false);
      this.look = this.present = null;
      this.target = target;
      this.told = typeof snapshot === "string" ? null : snapshot;
      this.drawHead();
    }
    if (against) this.compareWith(against, true);
    this.load();
  }

  /** @param {Mode} mode */
  use(mode) {
    this.mode = mode;
    this.closeImage(false);
    this.load();
  }

  /** @param {string} against a snapshot's id, `now` or `previous` @param {boolean} fromTimeline */
  compareWith(against, fromTimeline) {
    this.against = against === this.target ? NOW : against;
    if (fromTimeline && this.against !== NOW) this.chosen = null;
    this.chooses = fromTimeline && this.against !== NOW;
    this.use("changed");
  }

  /** Ask for what is to be seen, again if meanwhile something else is. */
  async load() {
    this.stale = true;
    if (this.busy) return;
    this.busy = true;
    this.element.ariaBusy = "true";
    while (this.stale && open === this) {
      this.stale = false;
      try {
        await this.read();
      } catch (error) {
        if (!this.stale && open === this) this.showFailure(error);
      }
    }
    this.busy = false;
    this.element.ariaBusy = "false";
    if (this.keepsFocus && !this.taking.busy && open === this) this.mendFocus();
  }

  /** A button that was pressed may be gone, or have nothing more to do. */
  mendFocus() {
    this.keepsFocus = false;
    const { activeElement } = document;
    const lost = activeElement === document.body || activeElement?.matches(":disabled");
    if (lost) this.focus();
  }

  async read() {
    const { id, target } = this;
    const look = await profiles.look(id, target);
    if (this.stale) return;
    this.look = look;
    this.draw();
    const [now, present] = await Promise.all([profiles.look(id, NOW), presentOf(id, target)]);
    if (this.stale) return;
    this.now = now;
    this.present = present;
    this.draw();
    if (this.mode === "changed") await this.readOther();
    else if (this.image) this.renewImage();
  }

  async readOther() {
    const previous = this.look?.snapshot?.parents[0];
    const other = this.against === PREVIOUS ? (previous ?? NOW) : this.against;
    const side = await sideOf(this.id, other);
    if (this.stale) return;
    if (this.chooses && side.snapshot) this.chosen = side.snapshot;
    const comparison = await compare(this.id, this.mine(), side);
    if (this.stale) return;
    this.comparison = comparison;
    this.changed.show(comparison);
    this.drawHead();
    if (this.image) this.renewImage();
    else this.fill(this.changed.element);
  }

  draw() {
    this.drawHead();
    if (!this.look || this.mode !== "was") return;
    this.past.show(this.look, this.now, this.present && byImage(this.present));
    if (!this.image) this.fill(this.past.element);
  }

  drawHead() {
    const { look, mode, chosen, marked, present } = this;
    const snapshot = look?.snapshot ?? this.told;
    if (!snapshot) return this.head.clear();
    const against = this.against === PREVIOUS && !snapshot.parents.length ? NOW : this.against;
    // Another active image is a difference that no slot shows.
    const active = look && this.now && activeOf(this.now) !== activeOf(look);
    const differs = present && (present.length > 0 || !!active);
    const images = look?.slots.length ?? snapshot.images;
    this.head.draw({ snapshot, images, mode, against, chosen, marked, differs });
  }

  /** @param {HTMLElement} content */
  fill(content) {
    if (this.body.firstChild === content && this.body.childElementCount === 1) return;
    const focused = this.body.contains(document.activeElement);
    this.body.replaceChildren(content);
    this.past.grid.draw();
    const lost = !this.element.contains(document.activeElement) || document.activeElement === this.element;
    if (focused || (this.covers && lost)) this.focus();
  }

  /** @param {unknown} error */
  showFailure(error) {
    this.closeImage(false);
    this.fill(failure(error, () => this.load()));
  }

  async findMarked() {
    try {
      this.marked = await markedOf(this.id);
      this.drawHead();
    } catch (error) {
      // The choice is only shorter; what is shown says itself when the server is away.
      console.warn("[Git Pool]", error);
    }
  }

  /** @param {SlotChange[]} rows @param {string} image @param {{ from: Side, to: Side }} sides */
  openImage(rows, image, sides) {
    this.image?.dispose();
    this.image = new ImageView(this.id, sides, {
      back: () => this.closeImage(true),
      take: (side, name, what) => this.take(side, [name], what),
    });
    this.element.classList.add("gp-with-image");
    this.body.replaceChildren(this.image.element);
    this.image.show(rows, image);
    this.image.focus();
  }

  /** After a change: the same image, if it is still among those that differ. */
  renewImage() {
    const { image, comparison } = this;
    if (!image) return;
    const kept =
      this.mode === "was"
        ? image.renew(this.past.rows(), { from: this.mine(), to: nowSide() })
        : comparison && image.renew(this.changed.rows, comparison);
    if (!kept) this.closeImage(true);
  }

  /** @param {boolean} back whether to show the list again */
  closeImage(back) {
    const { image } = this;
    if (!image) return;
    this.image = null;
    this.element.classList.remove("gp-with-image");
    const panel = this.mode === "was" ? this.past : this.changed;
    this.body.replaceChildren(panel.element);
    image.dispose();
    this.past.grid.draw();
    if (back) panel.focus(image.image);
  }

  /**
   * Bring something back into the pool.
   * @param {Side} side @param {string[] | null} images @param {import("./changes.js").Part[] | null} what
   */
  async take(side, images, what) {
    if (!side.snapshot) return;
    this.keepsFocus = this.element.contains(document.activeElement);
    await this.taking.take(side.snapshot, images, what);
    if (open === this) this.load();
  }

  async branchOff() {
    const snapshot = this.look?.snapshot ?? this.told;
    if (!snapshot) return;
    const { branchOff } = await import("../history/actions.js");
    await branchOff(this.id, snapshot, this.choose);
  }

  /** Leave the sidebar to its user where there is room for both. */
  place() {
    const box = workArea()?.getBoundingClientRect();
    const beside = box && box.width >= ROOM && box.height >= 300;
    this.covers = !beside;
    const { style } = this.element;
    style.left = beside ? `${box.left}px` : "0";
    style.top = beside ? `${box.top}px` : "0";
    style.right = beside ? `${window.innerWidth - box.right}px` : "0";
    style.bottom = beside ? `${window.innerHeight - box.bottom}px` : "0";
    this.element.classList.toggle("gp-covers", this.covers);
    this.element.ariaModal = String(this.covers);
  }

  /** Have the keyboard in what is shown. */
  focus() {
    if (this.image) this.image.focus();
    else if (this.body.contains(this.past.element)) this.past.focus();
    else if (this.body.contains(this.changed.element)) this.changed.focus();
    else this.element.focus();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    if (event.key === "Escape" && !event.defaultPrevented) this.close();
    else if (event.key === "Tab" && this.covers) keepInside(this.element, event);
  }

  close() {
    if (open === this) open = null;
    const focused = this.element.contains(document.activeElement);
    this.stop();
    this.observer.disconnect();
    window.removeEventListener("resize", this.resized);
    document.removeEventListener("keydown", this.keys, true);
    this.image?.dispose();
    this.past.dispose();
    this.changed.dispose();
    this.element.remove();
    if (focused) giveFocusBack(this.before);
  }
}

/** The pool as it is, as one side of a comparison. @returns {Side} */
function nowSide() {
  return { target: NOW, snapshot: null, present: new Map() };
}

/** @param {Look} look */
function activeOf({ slots, active }) {
  return slots[active]?.image;
}
