// @ts-check
// What a person changes about a pool's images: the active one, masks, labels, order, deletion.

import { button, plural } from "../dom.js";
import { toastError } from "../host.js";
import { enlarge } from "./lightbox.js";
import { paintMask } from "./mask.js";
import { moveTo } from "./reorder.js";

const UNDO_FOR = 12_000;

/**
 * What is shown when an edit begins, and how to show what came of it.
 * @typedef {object} EditView
 * @property {import("../pools.js").Pool | null} pool
 * @property {import("./selection.js").Selection} selection
 * @property {string[]} images in the order shown
 * @property {() => void} draw
 * @property {(text: string, forTime?: number, ...more: Node[]) => void} showStatus
 * @property {() => void} hideStatus
 */

/**
 * Do something; what goes wrong is said.
 * @param {string} failure @param {() => any} action
 */
export async function attempt(failure, action) {
  try {
    return await action();
  } catch (error) {
    toastError(failure, error);
    return undefined;
  }
}

export class Edits {
  /** @param {EditView} view */
  constructor(view) {
    this.view = view;
  }

  /** @param {string} image */
  enlarge(image) {
    const { pool } = this.view;
    if (pool) enlarge(pool, image);
  }

  /** @param {string} image */
  activate(image) {
    const { pool } = this.view;
    if (!pool?.manifest || pool.slots[pool.manifest.active]?.image === image) return;
    // Shown at once; the server's answer follows.
    pool.manifest.active = pool.indexOf(image);
    this.view.draw();
    attempt("The active image wasn't changed", () => pool.activate(image));
  }

  /** @param {string} image */
  paint(image) {
    const { pool } = this.view;
    if (!pool) return;
    attempt("The mask editor didn't open", () =>
      paintMask(pool.id, image, (mask) => {
        attempt("The mask wasn't saved", async () => pool.setMask(image, await mask));
      }),
    );
  }

  /** @param {string} image */
  clearMask(image) {
    attempt("The mask wasn't cleared", () => this.view.pool?.setMask(image, null));
  }

  /** @param {string} image @param {string} label */
  label(image, label) {
    attempt("The label wasn't changed", () => this.view.pool?.label(image, label));
  }

  /** @param {string[]} images @param {number} gap */
  move(images, gap) {
    const { pool } = this.view;
    const order = moveTo(this.view.images, images, gap);
    if (!pool?.manifest || order.join() === this.view.images.join()) return;
    attempt("The order wasn't changed", () => pool.reorder(order));
  }

  /** The image, or all of the selection that it belongs to. @param {string} image */
  remove(image) {
    return this.removeAll(this.view.selection.with(image));
  }

  /** @param {string[]} images */
  async removeAll(images) {
    const { view } = this;
    const { pool } = view;
    if (!pool || !images.length) return;
    await attempt("The images weren't deleted", async () => {
      const undo = await pool.remove(images);
      view.selection.clear();
      const back = button({
        icon: "undo",
        label: "Undo",
        onclick: () => {
          view.hideStatus();
          attempt("The images weren't brought back", undo);
        },
      });
      view.showStatus(`Deleted ${plural(images.length, "image")}.`, UNDO_FOR, back);
    });
  }
}
