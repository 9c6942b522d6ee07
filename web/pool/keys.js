// @ts-check
// More keys for the image that the keyboard is at: M paints its mask, Alt and arrows move it.

/** @typedef {import("./input.js").GridView & { pool: import("../pools.js").Pool | null }} PoolView */
/** @typedef {import("./edits.js").Edits} Edits */
/** @typedef {"ArrowLeft" | "ArrowRight" | "ArrowUp" | "ArrowDown"} Arrow */

/** @param {PoolView} view @param {Edits} edits */
export function enableKeys(view, edits) {
  const { element } = view.grid;
  const press = (/** @type {KeyboardEvent} */ event) => {
    const image = view.selection.focus;
    if (!image || event.target !== element || event.ctrlKey || event.metaKey) return;
    if (event.altKey && event.key.startsWith("Arrow")) {
      nudge(view, edits, image, /** @type {Arrow} */ (event.key));
    } else if (!event.altKey && event.key.toLowerCase() === "m") edits.paint(image);
    else return;
    event.preventDefault();
    // Without Alt an arrow only goes to another image.
    event.stopImmediatePropagation();
  };
  element.addEventListener("keydown", press, true);
}

/**
 * Move an image, with the selection that it belongs to, one place on.
 * @param {PoolView} view @param {Edits} edits @param {string} image @param {Arrow} towards
 */
export async function nudge(view, edits, image, towards) {
  // The place of one step follows from the step before, which may still be on its way.
  await view.pool?.queue;
  const { images, grid } = view;
  const moved = view.selection.with(image);
  const places = moved.map((each) => images.indexOf(each));
  await edits.move(moved, gapFor(towards, places, images.length, grid.measure().columns));
  await view.pool?.queue;
  const place = view.images.indexOf(image);
  if (place >= 0) grid.reveal(place);
}

/**
 * Before which image things go that are moved one step. Pure.
 * @param {Arrow} towards @param {number[]} places where they are
 * @param {number} count @param {number} columns
 */
export function gapFor(towards, places, count, columns) {
  const first = Math.min(...places);
  const last = Math.max(...places);
  const gap = {
    ArrowLeft: first - 1,
    ArrowRight: last + 2,
    ArrowUp: first - columns,
    ArrowDown: last + 1 + columns,
  }[towards];
  return Math.max(0, Math.min(count, gap));
}
