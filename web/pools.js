// @ts-check
// What the page knows of each pool, shared by every node that shows it.

import { getJSON, postForm, postJSON, RequestError, urlOf } from "./host.js";
import { t } from "./i18n.js";
import { Listeners } from "./listeners.js";
import * as profiles from "./profiles.js";

/**
 * @typedef {object} Slot
 * @property {string} image @property {string | null} mask @property {string} label
 * @property {number} added @property {string | null} image_v @property {string | null} mask_v
 * @property {boolean} [ends_early] the image's file is cut off: not all of its pixels are there
 * @property {boolean} [lfs] Git LFS keeps the image elsewhere
 *
 * @typedef {object} Manifest
 * @property {number} active @property {Slot[]} slots @property {number} next_seq
 * @property {{ undo: Step | null, redo: Step | null }} [undo] what each would begin with
 * @property {Done} [undone] @property {Done} [redone]
 *
 * One edit of a pool. `kind`: add, delete, label, mask, reorder, seed, restore or bring_back.
 * @typedef {{ kind: string, count: number }} Step
 * @typedef {Step & { images: string[] }} Done
 */

/** One pool: its manifest as last heard, and its edits, which go out one after another. */
export class Pool {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    /** @type {Manifest | null} */
    this.manifest = null;
    /** @type {Error & { code?: string } | null} */
    this.error = null;
    this.listeners = new Listeners();
    this.queue = Promise.resolve();
    this.answers = 0;
  }

  /** @param {() => void} listener @returns {() => void} stops listening */
  subscribe(listener) {
    return this.listeners.add(listener);
  }

  get slots() {
    return this.manifest?.slots ?? [];
  }

  /** Ask the server again. An answer that an edit has overtaken is dropped. */
  async refresh() {
    const asked = this.answers;
    await profiles.ready.catch(() => {});
    try {
      if (profiles.isDeleted(this.id)) throw new RequestError(404, { message: t("It was deleted.") });
      const manifest = await getJSON("/grid_pool/list", { pool_id: this.id });
      if (asked === this.answers) this.take(manifest);
    } catch (error) {
      this.error = /** @type {Error} */ (error);
      if (/** @type {any} */ (error).status === 404) this.manifest = null;
      this.tell();
    }
  }

  /** @param {Manifest} manifest */
  take(manifest) {
    this.manifest = manifest;
    this.error = null;
    this.answers += 1;
    this.tell();
  }

  tell() {
    this.listeners.tell();
  }

  /**
   * Run an edit after those before it; on a conflict the pool is read again.
   * @param {() => Promise<Manifest>} edit
   */
  change(edit) {
    const done = this.queue.then(async () => {
      try {
        const manifest = await edit();
        this.take(manifest);
        return manifest;
      } catch (error) {
        await this.refresh();
        throw error;
      }
    });
    this.queue = done.then(
      () => {},
      () => {},
    );
    return done;
  }

  /** Where an image is now. @param {string} image */
  indexOf(image) {
    return this.slots.findIndex((slot) => slot.image === image);
  }

  /** @param {string} route @param {string} image @param {object} [more] */
  edit(route, image, more = {}) {
    return this.change(() =>
      postJSON(`/grid_pool/${route}`, {
        pool_id: this.id,
        index: this.indexOf(image),
        image,
        ...more,
      }),
    );
  }

  /** @param {string} image */
  activate(image) {
    return this.edit("active", image);
  }

  /** @param {string} image @param {string} label */
  label(image, label) {
    return this.edit("label", image, { label });
  }

  /**
   * Add an image; those added one after another under one `batch` are undone at once.
   * @param {Blob} file @param {string} [label] @param {string} [name] @param {string} [batch]
   */
  add(file, label = "", name = "image.png", batch = "") {
    const form = new FormData();
    form.append("pool_id", this.id);
    form.append("ts", String(Date.now()));
    if (label) form.append("label", label);
    if (batch) form.append("batch", batch);
    form.append("image", file, name);
    return this.change(() => postForm("/grid_pool/add", form));
  }

  /** Set a mask, or clear it with null. @param {string} image @param {Blob | null} mask */
  setMask(image, mask) {
    return this.change(() => {
      const form = new FormData();
      form.append("pool_id", this.id);
      form.append("index", String(this.indexOf(image)));
      form.append("image", image);
      form.append("mask", mask ?? new Blob([]), "mask.png");
      return postForm("/grid_pool/set_mask", form);
    });
  }

  /** Put the images into this order, named as they are shown. @param {string[]} images */
  reorder(images) {
    return this.change(() => {
      const order = images.map((image) => this.indexOf(image));
      return postJSON("/grid_pool/reorder", { pool_id: this.id, order });
    });
  }

  /** @param {string[]} images */
  remove(images) {
    return this.change(() => postJSON("/grid_pool/remove", { pool_id: this.id, images }));
  }

  /** Take the newest edit back; the answer's `undone` says which. @returns {Promise<Manifest>} */
  undo() {
    return this.change(() => postJSON("/grid_pool/undo", { pool_id: this.id }));
  }

  /** Make the edit again that was undone last; the answer's `redone` says which. */
  redo() {
    return this.change(() => postJSON("/grid_pool/redo", { pool_id: this.id }));
  }

  /** @param {string} name @param {string | null} version @param {number} size */
  thumb(name, version, size) {
    return urlOf("/grid_pool/thumb", { pool_id: this.id, name, size, v: version ?? "" });
  }
}

/** @type {Map<string, Pool>} */
const pools = new Map();
/** The pool of that id, the same object for everyone. @param {string} id */
export function poolOf(id) {
  let pool = pools.get(id);
  if (!pool) pools.set(id, (pool = new Pool(id)));
  return pool;
}

/** Ask again for the pools that somebody looks at. @param {(id: string) => boolean} [which] */
export function refreshShown(which = () => true) {
  const shown = [...pools.values()].filter((pool) => pool.listeners.size && which(pool.id));
  return Promise.all(shown.map((pool) => pool.refresh()));
}

/** Once every edit that was begun has been answered. */
export function allSettled() {
  return Promise.all([...pools.values()].map((pool) => pool.queue));
}
