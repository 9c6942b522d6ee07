// @ts-check
// Zoom and pan of a stage: wheel, pinch, drag and keys turn into one view that all panes share.

import { clamp } from "../dom.js";

const MOST = 32;
const STEP = 1.25;
const KEY_PAN = 0.1;

/**
 * How far in, and how far off the middle, in parts of the picture's width and height.
 * @typedef {{ scale: number, x: number, y: number }} View
 */

/** @type {View} */
export const WHOLE = { scale: 1, x: 0, y: 0 };

/**
 * A view zoomed about a point that stays where it is. Pure.
 * @param {View} view @param {number} factor
 * @param {number} atX the point, off the middle, in parts of the picture @param {number} atY
 * @returns {View}
 */
export function zoomed(view, factor, atX = 0, atY = 0) {
  const scale = clamp(view.scale * factor, 1, MOST);
  const real = scale / view.scale;
  return kept({ scale, x: atX - (atX - view.x) * real, y: atY - (atY - view.y) * real });
}

/** A view moved, without losing the picture. Pure. @param {View} view @param {number} x @param {number} y */
export function moved(view, x, y) {
  return kept({ ...view, x: view.x + x, y: view.y + y });
}

/** @param {View} view @returns {View} */
function kept({ scale, x, y }) {
  const far = (scale - 1) / 2;
  return { scale, x: clamp(x, -far, far), y: clamp(y, -far, far) };
}

/**
 * What a key makes of a view, or null. Pure.
 * @param {View} view @param {string} key @param {boolean} shift @returns {View | null}
 */
export function pressed(view, key, shift) {
  if (key === "+" || key === "=") return zoomed(view, STEP);
  if (key === "-" || key === "_") return zoomed(view, 1 / STEP);
  if (key === "0") return WHOLE;
  const way = shift ? { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key] : null;
  return way ? moved(view, way[0] * KEY_PAN, way[1] * KEY_PAN) : null;
}

/**
 * Let pointers and the wheel change a view.
 * @param {HTMLElement} element
 * @param {object} options
 * @param {() => View} options.view @param {(view: View) => void} options.change
 * @param {(clientX: number, clientY: number) => { x: number, y: number, width: number, height: number }} options.at
 *   a point of the page: off its picture's middle and that picture's size, in CSS pixels
 * @param {(event: PointerEvent) => boolean} options.drags whether a pointer's drag means something else
 */
export function enableZoom(element, { view, change, at, drags }) {
  /** @type {Map<number, { x: number, y: number }>} */
  const pointers = new Map();

  element.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const point = at(event.clientX, event.clientY);
      const lines = event.deltaMode === 1 ? event.deltaY * 16 : event.deltaY;
      const factor = Math.exp(-lines * (event.ctrlKey ? 0.01 : 0.0015));
      change(zoomed(view(), factor, point.x / point.width, point.y / point.height));
    },
    { passive: false },
  );

  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || drags(event)) return;
    element.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  element.addEventListener("pointermove", (event) => {
    const last = pointers.get(event.pointerId);
    if (!last) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...pointers].filter(([id]) => id !== event.pointerId);
    pointers.set(event.pointerId, now);
    if (others.length > 1) return;
    const other = others[0]?.[1];
    const { width, height } = at(now.x, now.y);
    // Of two fingers each moves the middle by half.
    const part = other ? 0.5 : 1;
    change(moved(view(), ((now.x - last.x) * part) / width, ((now.y - last.y) * part) / height));
    if (!other) return;
    const point = at((now.x + other.x) / 2, (now.y + other.y) / 2);
    const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.hypot(last.x - other.x, last.y - other.y);
    if (Number.isFinite(factor)) change(zoomed(view(), factor, point.x / point.width, point.y / point.height));
  });
  for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
    element.addEventListener(type, (event) => pointers.delete(/** @type {PointerEvent} */ (event).pointerId));
  }
  element.addEventListener("dblclick", (event) => {
    if (drags(/** @type {any} */ (event))) return;
    const point = at(event.clientX, event.clientY);
    change(view().scale > 1 ? WHOLE : zoomed(view(), 3, point.x / point.width, point.y / point.height));
  });
}
