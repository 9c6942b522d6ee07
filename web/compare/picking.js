// @ts-check
// Choosing images of a pool as it was, by mouse, touch and keyboard. Nothing here edits a pool.

import { clamp } from "../dom.js";
import { targetOf } from "../pool/grid.js";
import { imageAt } from "../pool/input.js";

/**
 * What is shown; it changes under it.
 * @typedef {object} PickView
 * @property {import("../pool/grid.js").Grid<any>} grid
 * @property {import("../pool/selection.js").Selection} selection
 * @property {string[]} images in the order shown
 * @property {() => void} draw
 * @property {(image: string) => void} open what Enter and a double click do
 */

/** @param {PickView} view */
export function enablePicking(view) {
  const { element } = view.grid;
  element.addEventListener("click", (/** @type {MouseEvent} */ event) => click(view, event));
  element.addEventListener("dblclick", (/** @type {MouseEvent} */ event) => {
    const image = imageAt(/** @type {Element} */ (event.target));
    if (image && !onTick(event)) view.open(image);
  });
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => press(view, event));
}

/** The box in the corner selects further images without a key, as touch has none. @param {Event} event */
function onTick(event) {
  return !!(/** @type {Element} */ (event.target).closest(".gp-tick-box"));
}

/** @param {PickView} view @param {MouseEvent} event */
function click(view, event) {
  const { selection } = view;
  const image = imageAt(/** @type {Element} */ (event.target));
  view.grid.element.focus({ preventScroll: true });
  if (!image) selection.clear();
  else if (event.shiftKey) selection.extend(image, view.images);
  else if (event.ctrlKey || event.metaKey || onTick(event)) selection.toggle(image);
  else choose(view, image);
  view.draw();
}

/** @param {PickView} view @param {string} image */
function choose({ selection }, image) {
  selection.only(image);
  selection.chosen.add(image);
}

/** @param {PickView} view @param {KeyboardEvent} event */
function press(view, event) {
  const { selection, images } = view;
  const held = event.ctrlKey || event.metaKey;
  const at = selection.focus ? images.indexOf(selection.focus) : -1;
  const to = targetOf(event.key, at, images.length, view.grid.measure().columns);
  if (to !== null && images.length) {
    event.preventDefault();
    return go(view, clamp(at < 0 ? 0 : to, 0, images.length - 1), event.shiftKey, held);
  }
  if (held && event.key.toLowerCase() === "a") selection.all(images);
  else if (event.key === "Escape" && selection.chosen.size > 1) selection.clear();
  else if (event.key === " " && at >= 0) selection.toggle(images[at]);
  else if (event.key === "Enter" && at >= 0) view.open(images[at]);
  else return;
  event.preventDefault();
  event.stopPropagation();
  view.draw();
}

/** @param {PickView} view @param {number} index @param {boolean} extend @param {boolean} alone */
function go(view, index, extend, alone) {
  const image = view.images[index];
  if (extend) view.selection.extend(image, view.images);
  else if (alone) view.selection.focus = image;
  else choose(view, image);
  view.grid.reveal(index);
  view.draw();
}
