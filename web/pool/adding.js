// @ts-check
// Adding images to the pool shown: chosen, dropped or pasted files, one upload after another.

import { toast, toastError } from "../host.js";
import { t, tn } from "../i18n.js";
import { attempt } from "./edits.js";
import { carriesFiles, chooseFiles, filesOfDrop, filesOfPaste, labelOf, PICTURES } from "./files.js";

/**
 * @typedef {object} AddOptions
 * @property {() => import("../pools.js").Pool | null} pool where to add; null where nothing can be
 * @property {(text: string) => void} progress says how far it is
 * @property {() => void} added shows what was added
 */

export class Adding {
  /** @param {AddOptions} options */
  constructor(options) {
    this.options = options;
  }

  /** Take what is pasted or dropped on an element. @param {HTMLElement} element */
  listen(element) {
    element.addEventListener("paste", (event) => {
      if (event.target instanceof HTMLInputElement) return;
      const files = filesOfPaste(event.clipboardData);
      event.stopPropagation();
      event.preventDefault();
      if (files.length) this.upload(files);
    });
    this.listenForDrops(element);
  }

  /** @param {HTMLElement} element */
  listenForDrops(element) {
    element.dataset.drop = t("Drop to add");
    const over = (/** @type {boolean} */ on) => element.classList.toggle("gp-drop", on);
    element.addEventListener("dragover", (event) => {
      if (!carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      event.stopPropagation();
      over(true);
    });
    element.addEventListener("dragleave", () => over(false));
    element.addEventListener("drop", (event) => {
      over(false);
      if (!event.dataTransfer || !carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      event.stopPropagation();
      this.drop(event.dataTransfer);
    });
  }

  async choose() {
    const files = await chooseFiles({ accept: PICTURES, multiple: true });
    if (files.length) await this.upload(files);
  }

  /** @param {DataTransfer} data */
  drop(data) {
    return attempt(t("The images weren't added"), async () => this.upload(await filesOfDrop(data)));
  }

  /** Add files one after another; one that fails doesn't stop the rest. @param {File[]} files */
  async upload(files) {
    const { progress, added } = this.options;
    const pool = this.options.pool();
    if (!pool) return;
    if (!files.length) return toast("warn", t("No images there"), t("Those files aren't images."));
    /** @type {[string, unknown][]} */
    const failed = [];
    const batch = freshBatch();
    for (const [done, file] of files.entries()) {
      if (files.length > 1) progress(t("Adding {n} of {all}…", { n: done + 1, all: files.length }));
      await pool.add(file, labelOf(file.name), file.name, batch).catch((error) => failed.push([file.name, error]));
    }
    if (failed.length === 1) toastError(t("“{name}” wasn't added", { name: failed[0][0] }), failed[0][1]);
    else if (failed.length) {
      toastError(tn("{n} image wasn't added", "{n} images weren't added", failed.length), failed[0][1]);
    }
    added();
  }
}

/** A word under which the images of one upload are undone at once. */
function freshBatch() {
  return [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(36)).join("");
}
