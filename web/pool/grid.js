// @ts-check
// A grid that draws only what is in view: cells come and go as it scrolls.

import { clamp, h } from "../dom.js";

const GAP = 6;
const CAPTION = 20;
const OVERSCAN = 1;

/**
 * @template T
 * @typedef {object} GridOptions
 * @property {() => T} makeCell a new, empty cell
 * @property {(cell: T, index: number, size: number) => void} fill show an item in a cell
 * @property {(cell: T) => HTMLElement} elementOf
 * @property {(index: number) => string} keyOf what tells an item from another
 * @property {(cell: T) => boolean} [mayReuse] whether a cell that scrolled away may show another item
 * @property {string} [label] what the grid holds, for assistive software
 * @property {"listbox" | "grid"} [role] a `grid`'s cells are rows and may have buttons
 */

/**
 * @template T
 */
export class Grid {
  /** @param {GridOptions<T>} options */
  constructor(options) {
    this.options = options;
    this.count = 0;
    this.wanted = 112;
    /** @type {Map<string, T>} */
    this.cells = new Map();
    /** Whether what is drawn is only passing by, as far as one can tell. */
    this.scrolling = false;
    this.space = h("div.gp-grid-space", { role: options.role === "grid" ? "rowgroup" : "presentation" });
    this.element = h("div.gp-grid", {
      tabIndex: 0,
      role: options.role ?? "listbox",
      ariaLabel: options.label,
      ariaMultiSelectable: "true",
      dataset: { captureWheel: "true" },
    }, this.space);
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.element);
  }

  /** Columns, cell side and row height for the present width. */
  measure() {
    const width = Math.max(60, this.element.clientWidth - GAP);
    const columns = Math.max(1, Math.floor(width / (this.wanted + GAP)));
    const side = Math.floor(width / columns) - GAP;
    return { columns, side, row: side + CAPTION + GAP };
  }

  /** Show `count` items; cells of those still there are kept. @param {number} count */
  show(count) {
    this.count = count;
    this.draw();
  }

  scrolled() {
    this.scrolling = true;
    this.draw();
    this.scrolling = false;
  }

  draw() {
    // Everything is asked of the page before anything is changed, so that it is laid out once.
    const { clientHeight, scrollTop } = this.element;
    if (!clientHeight) return;
    const { columns, side, row } = this.measure();
    const height = `${Math.ceil(this.count / columns) * row + GAP}px`;
    if (this.space.style.height !== height) this.space.style.height = height;
    const first = clamp((Math.floor(scrollTop / row) - OVERSCAN) * columns, 0, this.count);
    const last = clamp((Math.ceil((scrollTop + clientHeight) / row) + OVERSCAN) * columns, 0, this.count);
    this.choose(first, last);
    let next = this.space.firstElementChild;
    let index = first;
    for (const cell of this.cells.values()) {
      const element = this.options.elementOf(cell);
      const x = GAP + (index % columns) * (side + GAP);
      const y = GAP + Math.floor(index / columns) * row;
      this.options.fill(cell, index, side);
      place(element, `translate(${x}px, ${y}px)`, `${side}px`, `${side + CAPTION}px`);
      // In the page they follow each other as they are read.
      if (element === next) next = next.nextElementSibling;
      else this.space.insertBefore(element, next);
      index += 1;
    }
    this.tellFocus();
  }

  /** Have a cell for each item from `first` to before `last`. @param {number} first @param {number} last */
  choose(first, last) {
    const { keyOf, makeCell, elementOf } = this.options;
    const keys = Array.from({ length: Math.max(0, last - first) }, (_, at) => keyOf(first + at));
    const wanted = new Set(keys);
    const gone = [...this.cells].filter(([key]) => !wanted.has(key)).map(([, cell]) => cell);
    const free = this.scrolling ? gone.filter((cell) => this.options.mayReuse?.(cell)) : [];
    const shown = new Map(keys.map((key) => [key, this.cells.get(key) ?? free.pop() ?? makeCell()]));
    const kept = new Set(shown.values());
    for (const cell of gone) if (!kept.has(cell)) elementOf(cell).remove();
    this.cells = shown;
  }

  /** Tell assistive software which item the keyboard is at, and of how many. */
  tellFocus() {
    const focused = this.space.querySelector(":scope > .gp-focused");
    if (focused?.id) this.element.setAttribute("aria-activedescendant", focused.id);
    else this.element.removeAttribute("aria-activedescendant");
    if (this.options.role === "grid") this.element.ariaRowCount = String(this.count);
  }

  /** Scroll so that an item is in view. @param {number} index */
  reveal(index) {
    const { columns, row } = this.measure();
    const top = Math.floor(index / columns) * row;
    const view = this.element;
    if (top < view.scrollTop) view.scrollTop = top;
    else if (top + row > view.scrollTop + view.clientHeight) {
      view.scrollTop = top + row - view.clientHeight + GAP;
    }
    this.draw();
  }

  /**
   * Between which items a point of the page lies: 0 before the first.
   * @param {number} clientX @param {number} clientY
   */
  gapAt(clientX, clientY) {
    const { columns, side, row } = this.measure();
    const box = this.element.getBoundingClientRect();
    const scale = box.width / this.element.offsetWidth || 1;
    const x = (clientX - box.left) / scale - GAP;
    const y = (clientY - box.top) / scale - GAP + this.element.scrollTop;
    const column = clamp(Math.round(x / (side + GAP)), 0, columns);
    const line = clamp(Math.floor(y / row), 0, Math.ceil(this.count / columns));
    return clamp(line * columns + column, 0, this.count);
  }

  /** Where the gap before an item is, inside the scrolled space. @param {number} index */
  gapPosition(index) {
    const { columns, side, row } = this.measure();
    const atEnd = index === this.count && index % columns === 0 && index > 0;
    const column = atEnd ? columns : index % columns;
    const line = Math.floor((atEnd ? index - 1 : index) / columns);
    return { x: column * (side + GAP) + GAP / 2, y: GAP + line * row, height: side };
  }
}

/** @param {HTMLElement} element @param {string} transform @param {string} width @param {string} height */
function place({ style }, transform, width, height) {
  if (style.transform !== transform) style.transform = transform;
  if (style.width !== width) style.width = width;
  if (style.height !== height) style.height = height;
}

/**
 * Where a key moves to from a place, perhaps beyond the ends; null where it doesn't move. Pure.
 * @param {string} key @param {number} at @param {number} count @param {number} columns
 * @returns {number | null}
 */
export function targetOf(key, at, count, columns) {
  /** @type {Record<string, number>} */
  const targets = {
    ArrowLeft: at - 1,
    ArrowRight: at + 1,
    ArrowUp: at - columns,
    ArrowDown: at + columns,
    Home: 0,
    End: count - 1,
  };
  return targets[key] ?? null;
}
