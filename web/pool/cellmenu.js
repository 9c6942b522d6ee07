// @ts-check
// The menu of one image: by ⋮, right click, long touch, or Shift+F10.

import { menu } from "../dom.js";
import { t, tn } from "../i18n.js";
import { imageAt } from "./input.js";
import { nudge } from "./keys.js";

/** @typedef {import("./keys.js").PoolView} PoolView */
/** @typedef {import("./edits.js").Edits} Edits */
/** @typedef {import("../dom.js").MenuItem} MenuItem */

const LONG = 500;
const STILL = 10;

/** @param {PoolView} view @param {Edits} edits */
export function enableCellMenu(view, edits) {
  const { element } = view.grid;
  /** @type {(() => void) | null} */
  let close = null;
  const open = (/** @type {string | null} */ image) => {
    const cell = image ? view.grid.cells.get(image) : null;
    if (!image || !cell) return;
    close?.();
    if (!view.selection.chosen.has(image)) view.selection.only(image);
    view.draw();
    element.focus({ preventScroll: true });
    close = menu(cell.element, itemsFor(view, edits, image));
  };
  element.addEventListener("contextmenu", (/** @type {MouseEvent} */ event) => {
    if (event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    open(imageAt(/** @type {Element} */ (event.target)));
  });
  element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "ContextMenu" && !(event.shiftKey && event.key === "F10")) return;
    event.preventDefault();
    open(view.selection.focus);
  });
  onLongTouch(element, (target) => open(imageAt(target)));
}

/** @param {PoolView} view @param {Edits} edits @param {string} image @returns {(MenuItem | null)[]} */
function itemsFor(view, edits, image) {
  const { selection, pool } = view;
  const place = view.images.indexOf(image);
  const slot = pool?.slots[place];
  const chosen = selection.with(image).length;
  const selected = selection.chosen.has(image);
  const toggle = () => {
    selection.toggle(image);
    view.draw();
  };
  const move = (/** @type {"ArrowLeft" | "ArrowRight"} */ key) => () => nudge(view, edits, image, key);
  const label = () => view.grid.cells.get(image)?.editLabel();
  return [
    { icon: "check-circle", label: t("Use this image"), keys: t("Enter"), onclick: () => edits.activate(image) },
    { icon: "search-plus", label: t("Enlarge"), keys: t("Space"), onclick: () => edits.enlarge(image) },
    { icon: "tag", label: t("Change the label"), keys: "F2", onclick: label },
    { icon: "pencil", label: t("Paint a mask"), keys: "M", onclick: () => edits.paint(image) },
    ...(slot?.mask
      ? [{ icon: "eraser", label: t("Clear the mask"), onclick: () => edits.clearMask(image) }]
      : []),
    null,
    { icon: "check-square", label: selected ? t("Unselect") : t("Select"), onclick: toggle },
    { icon: "arrow-left", label: t("Move earlier"), keys: t("Alt+←"), disabled: place <= 0, onclick: move("ArrowLeft") },
    {
      icon: "arrow-right",
      label: t("Move later"),
      keys: t("Alt+→"),
      disabled: place >= view.images.length - 1,
      onclick: move("ArrowRight"),
    },
    null,
    {
      icon: "trash",
      label: chosen > 1 ? tn("Delete {n} image", "Delete {n} images", chosen) : t("Delete"),
      keys: t("Del"),
      danger: true,
      onclick: () => edits.remove(image),
    },
  ];
}

/** A finger that rests. @param {HTMLElement} element @param {(target: Element) => void} act */
function onLongTouch(element, act) {
  let waiting = 0;
  let from = { x: 0, y: 0 };
  const stop = () => clearTimeout(waiting);
  element.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    stop();
    if (event.pointerType !== "touch" || !event.isPrimary) return;
    const target = /** @type {Element} */ (event.target);
    if (target.closest("button, input")) return;
    from = { x: event.clientX, y: event.clientY };
    waiting = window.setTimeout(() => {
      // Lifting the finger isn't a click any more.
      element.addEventListener("click", swallow, { capture: true, once: true });
      document.addEventListener("pointerdown", () => element.removeEventListener("click", swallow, true), {
        capture: true,
        once: true,
      });
      act(target);
    }, LONG);
  });
  element.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (Math.hypot(event.clientX - from.x, event.clientY - from.y) > STILL) stop();
  });
  for (const type of ["pointerup", "pointercancel", "scroll"]) element.addEventListener(type, stop);
}

/** @param {Event} event */
function swallow(event) {
  event.stopPropagation();
  event.preventDefault();
}
