// @ts-check
// Mouse and keyboard in the grid: choosing images, and acting on the one the keyboard is at.

import { targetOf } from "./grid.js";

/**
 * What is shown; pool and selection change under it.
 * @typedef {object} GridView
 * @property {import("./grid.js").Grid<import("./cell.js").Cell>} grid
 * @property {import("./selection.js").Selection} selection
 * @property {string[]} images in the order shown
 * @property {() => void} draw
 *
 * @typedef {object} InputActions
 * @property {(image: string) => void} activate @property {(image: string) => void} enlarge
 * @property {(image: string) => void} remove
 */

/** Let a person use the grid. @param {GridView} view @param {InputActions} actions */
export function enableInput(view, actions) {
  const { element } = view.grid;
  element.addEventListener("click", (/** @type {MouseEvent} */ event) => click(view, actions, event));
  element.addEventListener("dblclick", (/** @type {MouseEvent} */ event) => {
    const target = /** @type {Element} */ (event.target);
    const image = target.closest(".gp-frame") && imageAt(target);
    if (image && !target.closest("button")) actions.enlarge(image);
  });
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => press(view, actions, event));
}

/** @param {Element} element @returns {string | null} */
export function imageAt(element) {
  const cell = /** @type {HTMLElement | null} */ (element.closest(".gp-cell"));
  return cell?.dataset.image ?? null;
}

/** @param {GridView} view @param {InputActions} actions @param {MouseEvent} event */
function click(view, actions, event) {
  const { selection } = view;
  const image = imageAt(/** @type {Element} */ (event.target));
  view.grid.element.focus({ preventScroll: true });
  if (!image) selection.clear();
  else if (event.shiftKey) selection.extend(image, view.images);
  else if (event.ctrlKey || event.metaKey) selection.toggle(image);
  else {
    selection.only(image);
    actions.activate(image);
  }
  view.draw();
}

/** @param {GridView} view @param {InputActions} actions @param {KeyboardEvent} event */
function press(view, actions, event) {
  const { selection, images } = view;
  const at = selection.focus ? images.indexOf(selection.focus) : -1;
  const to = targetOf(event.key, at, images.length, view.grid.measure().columns);
  event.stopPropagation();
  if (to !== null && images.length) {
    event.preventDefault();
    return focusOn(view, Math.max(0, Math.min(images.length - 1, at < 0 ? 0 : to)), event.shiftKey);
  }
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
    event.preventDefault();
    selection.all(images);
    return view.draw();
  }
  if (event.key === "Escape") {
    selection.clear();
    return view.draw();
  }
  if (at >= 0) actOn(view, actions, event, images[at]);
}

/** @param {GridView} view @param {InputActions} actions @param {KeyboardEvent} event @param {string} image */
function actOn(view, actions, event, image) {
  /** @type {Record<string, () => void>} */
  const acts = {
    Enter: () => actions.activate(image),
    " ": () => actions.enlarge(image),
    F2: () => view.grid.cells.get(image)?.editLabel(),
    Delete: () => actions.remove(image),
    Backspace: () => actions.remove(image),
  };
  if (!(event.key in acts)) return;
  event.preventDefault();
  acts[event.key]();
}

/** @param {GridView} view @param {number} index @param {boolean} extend */
function focusOn(view, index, extend) {
  const image = view.images[index];
  if (extend) view.selection.extend(image, view.images);
  else view.selection.only(image);
  view.grid.reveal(index);
  view.draw();
}
