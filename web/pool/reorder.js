// @ts-check
// Dragging images to another place, by mouse, pen or touch.

import { h } from "../dom.js";

const STARTS_AFTER = 6;
const EDGE = 28;

/**
 * Let a grid's cells be dragged.
 * @param {import("./grid.js").Grid<any>} grid
 * @param {{ imageAt: (element: Element) => string | null, dragged: (image: string) => string[],
 *   drop: (images: string[], gap: number) => void }} options
 */
export function enableReorder(grid, options) {
  const line = h("div.gp-drop-line", { hidden: true, role: "presentation" });
  grid.space.append(line);
  /** @type {{ image: string, x: number, y: number, pointer: number, moving: boolean } | null} */
  let drag = null;
  let scrolling = 0;

  grid.element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    const target = /** @type {Element} */ (event.target);
    if (event.button !== 0 || event.pointerType === "touch") return;
    if (target.closest("button, input, .gp-caption")) return;
    const image = options.imageAt(target);
    if (image) {
      drag = { image, x: event.clientX, y: event.clientY, pointer: event.pointerId, moving: false };
    }
  });

  grid.element.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    if (!drag.moving) {
      if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < STARTS_AFTER) return;
      drag.moving = true;
      grid.element.setPointerCapture(drag.pointer);
      grid.element.classList.add("gp-dragging");
    }
    show(grid.gapAt(event.clientX, event.clientY));
    scrollNear(event.clientY);
  });

  grid.element.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    const { image, moving } = drag;
    stop();
    if (!moving) return;
    // The click that follows a drag isn't one.
    grid.element.addEventListener("click", swallow, { capture: true, once: true });
    setTimeout(() => grid.element.removeEventListener("click", swallow, true), 0);
    options.drop(options.dragged(image), grid.gapAt(event.clientX, event.clientY));
  });

  grid.element.addEventListener("pointercancel", stop);
  grid.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "Escape" && drag?.moving) stop();
  });

  function stop() {
    drag = null;
    line.hidden = true;
    clearInterval(scrolling);
    grid.element.classList.remove("gp-dragging");
  }

  /** @param {number} gap */
  function show(gap) {
    const { x, y, height } = grid.gapPosition(gap);
    line.hidden = false;
    line.style.transform = `translate(${x - 1}px, ${y}px)`;
    line.style.height = `${height}px`;
  }

  /** @param {number} clientY */
  function scrollNear(clientY) {
    clearInterval(scrolling);
    const box = grid.element.getBoundingClientRect();
    const step = clientY < box.top + EDGE ? -12 : clientY > box.bottom - EDGE ? 12 : 0;
    if (step) scrolling = window.setInterval(() => (grid.element.scrollTop += step), 16);
  }
}

/** @param {Event} event */
function swallow(event) {
  event.stopPropagation();
  event.preventDefault();
}

/**
 * The order after moving some images to a gap. Pure.
 * @param {string[]} order @param {string[]} moved @param {number} gap before which item, 0 first
 */
export function moveTo(order, moved, gap) {
  const taken = new Set(moved);
  const before = order.slice(0, gap).filter((image) => !taken.has(image));
  const after = order.slice(gap).filter((image) => !taken.has(image));
  return [...before, ...order.filter((image) => taken.has(image)), ...after];
}
