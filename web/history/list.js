// @ts-check
// A long list of which only what is in view is in the page. Rows know their heights beforehand.

import { clamp, h } from "../dom.js";

/** Beyond what is seen, so that a turn of the wheel finds rows that are there already. */
const AHEAD = 700;
/** Pictures are asked for once scrolling has been slower than this for a while, in pixels a frame. */
const FAST = 260;
const SETTLED = 90;

/**
 * What draws the rows. `version` says when a row has to be drawn anew; `filled` is called with
 * each row's element once it stays in view.
 * @template R
 * @typedef {object} Drawing
 * @property {string} label what the list is, to assistive software
 * @property {(row: R) => string} key @property {(row: R) => number} height in pixels
 * @property {(row: R) => string} version @property {(row: R) => HTMLElement} draw
 * @property {(element: HTMLElement) => void} filled
 * @property {(row: R) => boolean} takesFocus
 * @property {(rows: R[], row: R | null) => number} place where a row of before is now, or -1
 * @property {(row: R) => void} focused the keyboard came to a row, or it was clicked
 * @property {() => void} moved it was scrolled, or what is shown has changed
 */

/** @template {{ key: string }} R */
export class VirtualList {
  /** @param {Drawing<R>} drawing */
  constructor(drawing) {
    this.drawing = drawing;
    /** @type {R[]} */
    this.rows = [];
    /** Where each row begins, and where the last one ends. @type {number[]} */
    this.tops = [0];
    /** @type {Map<string, { element: HTMLElement, version: string }>} */
    this.drawn = new Map();
    /** The row that Tab comes to. @type {R | null} */
    this.current = null;
    this.frame = 0;
    this.settling = 0;
    /** Where it is scrolled to, and how high it is: asking the page again would cost a layout. */
    this.top = 0;
    this.view = 0;
    this.canvas = h("div.gp-list-canvas", { role: "presentation" });
    this.pinned = h("div.gp-list-pinned", { ariaHidden: "true", hidden: true });
    this.element = h("div.gp-list-scroller", { role: "feed", ariaLabel: drawing.label }, this.pinned, this.canvas);
    this.element.addEventListener("scroll", () => this.soon(), { passive: true });
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.pressed(event));
    this.element.addEventListener("focusin", (/** @type {FocusEvent} */ event) => this.entered(event));
    this.resized = new ResizeObserver(() => {
      this.view = this.element.clientHeight;
      this.soon();
    });
    this.resized.observe(this.element);
  }

  /**
   * Show other rows; what is in view stays where it is, unless that is the very top.
   * @param {R[]} rows
   */
  setRows(rows) {
    const { element, drawing } = this;
    const top = element.scrollTop;
    const first = this.at(top);
    const before = top > 4 ? this.rows[first] ?? null : null;
    const offset = top - (this.tops[first] ?? 0);
    const current = drawing.place(rows, this.current);
    const old = this.current ? this.rows.indexOf(this.current) : 0;
    const fallback = clamp(old, 0, rows.length - 1);
    this.rows = rows;
    this.tops = [0];
    for (const row of rows) this.tops.push(this.tops[this.tops.length - 1] + drawing.height(row));
    const height = `${this.tops.at(-1)}px`;
    if (this.canvas.style.height !== height) this.canvas.style.height = height;
    this.current = this.focusable(current >= 0 ? current : fallback, 1);
    const anchor = drawing.place(rows, before);
    if (anchor >= 0 && this.tops[anchor] + offset !== top) element.scrollTop = this.tops[anchor] + offset;
    this.render();
  }

  /** The first row from `index` on that takes the focus, else the one before. @param {number} index @param {1 | -1} step */
  focusable(index, step) {
    for (const way of [step, -step]) {
      for (let i = Math.max(0, index); i >= 0 && i < this.rows.length; i += way) {
        if (this.drawing.takesFocus(this.rows[i])) return this.rows[i];
      }
    }
    return null;
  }

  /** The row at a height. @param {number} y @returns {number} */
  at(y) {
    let [low, high] = [0, Math.max(0, this.rows.length - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => this.render());
  }

  render() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const { element, rows } = this;
    if (!element.isConnected) return;
    const far = Math.abs(element.scrollTop - this.top);
    const top = (this.top = element.scrollTop);
    this.view ||= element.clientHeight;
    const first = this.at(top - AHEAD);
    const last = Math.min(this.at(top + this.view + AHEAD), rows.length - 1);
    const wanted = rows.slice(first, last + 1).map((row, i) => ({ row, index: first + i }));
    this.keepFocused(wanted, first, last);
    const focus = this.remember();
    const keys = new Set(wanted.map(({ row }) => row.key));
    for (const [key, { element: old }] of this.drawn) {
      if (keys.has(key)) continue;
      old.remove();
      this.drawn.delete(key);
    }
    /** @type {Element | null} */
    let next = this.canvas.firstElementChild;
    for (const { row, index } of wanted) {
      const before = this.drawn.get(row.key)?.element;
      const shown = this.show(row, index);
      // One that is drawn anew has taken its place already.
      if (before && before === next) next = shown.nextElementSibling;
      else this.canvas.insertBefore(shown, next);
    }
    focus?.();
    this.settle(far > FAST);
    this.drawing.moved();
  }

  /** The row that has the focus stays in the page, wherever it is. @param {{ row: R, index: number }[]} wanted @param {number} first @param {number} last */
  keepFocused(wanted, first, last) {
    if (!this.current || !this.canvas.contains(document.activeElement)) return;
    const index = this.rows.indexOf(this.current);
    if (index < 0 || (index >= first && index <= last)) return;
    wanted[index < first ? "unshift" : "push"]({ row: this.current, index });
  }

  /** @param {R} row @param {number} index */
  show(row, index) {
    const version = this.drawing.version(row);
    let drawn = this.drawn.get(row.key);
    if (drawn?.version !== version) {
      const element = this.drawing.draw(row);
      drawn?.element.replaceWith(element);
      drawn = { element, version };
      this.drawn.set(row.key, drawn);
    }
    const { element } = drawn;
    const { style } = element;
    const top = `${this.tops[index]}px`;
    const height = `${this.tops[index + 1] - this.tops[index]}px`;
    if (style.top !== top) style.top = top;
    if (style.height !== height) style.height = height;
    const tab = row === this.current ? 0 : -1;
    if (this.drawing.takesFocus(row) && element.getAttribute("tabindex") !== String(tab)) element.tabIndex = tab;
    return element;
  }

  /** What gives the focus back after its element was drawn anew. */
  remember() {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    if (!focused || !this.current || !this.canvas.contains(focused)) return null;
    const { current } = this;
    const inside = focused.matches("button");
    return () => {
      if (document.activeElement === focused && focused.isConnected) return;
      const row = this.drawn.get(current.key)?.element;
      const target = (inside && row?.querySelector("button")) || row;
      /** @type {HTMLElement | undefined} */ (target)?.focus({ preventScroll: true });
    };
  }

  /** @param {boolean} fast */
  settle(fast) {
    clearTimeout(this.settling);
    const fill = () => {
      for (const { element } of this.drawn.values()) this.drawing.filled(element);
    };
    if (fast) this.settling = window.setTimeout(fill, SETTLED);
    else fill();
  }

  /** @param {FocusEvent} event */
  entered(event) {
    const element = /** @type {HTMLElement} */ (event.target).closest(".gp-list-canvas > *");
    for (const [key, drawn] of this.drawn) {
      if (drawn.element !== element) continue;
      const row = this.rows.find((each) => each.key === key);
      if (row) this.setCurrent(row);
    }
  }

  /** @param {R} row */
  setCurrent(row) {
    if (row === this.current) return;
    this.current = row;
    for (const [key, { element }] of this.drawn) {
      if (element.tabIndex >= 0 || key === row.key) element.tabIndex = key === row.key ? 0 : -1;
    }
    this.drawing.focused(row);
  }

  /** Give a row the keyboard, and bring it into view. @param {R | null} row */
  focus(row) {
    if (!row) return;
    this.reveal(row);
    this.setCurrent(row);
    this.render();
    this.drawn.get(row.key)?.element.focus({ preventScroll: true });
  }

  /** @param {R} row */
  reveal(row) {
    const index = this.rows.indexOf(row);
    const { element, tops } = this;
    // Its day's heading belongs to it, and what is pinned lies over the top.
    const over = index === 1 ? tops[1] : this.pinned.offsetHeight;
    this.view = element.clientHeight;
    const low = tops[index + 1] - this.view;
    element.scrollTop = clamp(element.scrollTop, low, Math.max(low, tops[index] - over));
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const at = this.rows.indexOf(/** @type {R} */ (this.current));
    const target = this.target(event.key, at);
    if (target === undefined) return;
    event.preventDefault();
    this.focus(target);
  }

  /** @param {string} key @param {number} at @returns {R | null | undefined} undefined: the key is none of ours */
  target(key, at) {
    const page = this.view * 0.85;
    if (key === "ArrowDown") return this.focusable(at + 1, 1);
    if (key === "ArrowUp") return this.focusable(Math.max(0, at - 1), at > 1 ? -1 : 1);
    if (key === "Home") return this.focusable(0, 1);
    if (key === "End") return this.focusable(this.rows.length - 1, -1);
    if (key === "PageDown") return this.focusable(this.at(this.tops[at] + page), -1);
    if (key === "PageUp") return this.focusable(this.at(Math.max(0, this.tops[at] - page)), 1);
    return undefined;
  }

  /** How far below what is seen the last row ends, in pixels. */
  get left() {
    return (this.tops.at(-1) ?? 0) - this.top - this.view;
  }
}
