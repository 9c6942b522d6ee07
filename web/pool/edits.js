// @ts-check
// What a person changes about a pool's images: the active one, masks, labels, order, deletion.

import { button } from "../dom.js";
import { toastError } from "../host.js";
import { t, tn } from "../i18n.js";
import { enlarge } from "./lightbox.js";
import { paintMask } from "./mask.js";
import { moveTo } from "./reorder.js";
import { saidOf } from "./undo.js";

const OFFERED_FOR = 12_000;
const SAID_FOR = 4_000;

/**
 * What is shown when an edit begins, and how to show what came of it.
 * @typedef {object} EditView
 * @property {import("../pools.js").Pool | null} pool
 * @property {import("./selection.js").Selection} selection
 * @property {string[]} images in the order shown
 * @property {() => void} draw
 * @property {(images: string[]) => void} reveal scrolls to the first of them that is shown
 * @property {() => void} keepFocus has the keyboard stay in the panel, whatever is drawn anew
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
    attempt(t("The active image wasn't changed"), () => pool.activate(image));
  }

  /** @param {string} image */
  paint(image) {
    const { pool } = this.view;
    if (!pool) return;
    attempt(t("The mask editor didn't open"), () =>
      paintMask(pool.id, image, (mask) => {
        attempt(t("The mask wasn't saved"), async () => pool.setMask(image, await mask));
      }),
    );
  }

  /** @param {string} image */
  clearMask(image) {
    attempt(t("The mask wasn't cleared"), () => this.view.pool?.setMask(image, null));
  }

  /** @param {string} image @param {string} label */
  label(image, label) {
    attempt(t("The label wasn't changed"), () => this.view.pool?.label(image, label));
  }

  /** @param {string[]} images @param {number} gap */
  move(images, gap) {
    const { pool } = this.view;
    const order = moveTo(this.view.images, images, gap);
    if (!pool?.manifest || order.join() === this.view.images.join()) return;
    attempt(t("The order wasn't changed"), () => pool.reorder(order));
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
    await attempt(t("The images weren't deleted"), async () => {
      await pool.remove(images);
      view.selection.clear();
      const said = tn("Deleted {n} image.", "Deleted {n} images.", images.length);
      view.showStatus(said, OFFERED_FOR, this.stepButton(true));
    });
  }

  undo() {
    return this.step(true);
  }

  redo() {
    return this.step(false);
  }

  /** Take the pool's newest edit back, or make it again, and say which it was. @param {boolean} back */
  async step(back) {
    const { view } = this;
    const { pool } = view;
    if (!pool) return;
    view.keepFocus();
    try {
      const answer = await (back ? pool.undo() : pool.redo());
      const done = back ? answer.undone : answer.redone;
      if (view.pool !== pool || !done) return;
      view.reveal(done.images);
      view.showStatus(saidOf(done, back), OFFERED_FOR, this.stepButton(!back));
    } catch (error) {
      const { code } = /** @type {{ code?: string }} */ (error);
      if (code === "nothing_to_undo") view.showStatus(t("There is nothing to undo."), SAID_FOR);
      else if (code === "nothing_to_redo") view.showStatus(t("There is nothing to redo."), SAID_FOR);
      else toastError(back ? t("It wasn't undone") : t("It wasn't redone"), error);
    }
  }

  /** @param {boolean} back */
  stepButton(back) {
    const label = back ? t("Undo") : t("Redo");
    return button({ icon: back ? "undo" : "replay", label, onclick: () => this.step(back) });
  }
}
