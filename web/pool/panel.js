// @ts-check
// The Image Pool node's panel: header, grid, status line, and what a person can do with them.

import { button, h, icon, isolate, menu, plural } from "../dom.js";
import { askConfirm, askText, toast, toastError } from "../host.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";
import { Cell } from "./cell.js";
import { carriesFiles, chooseFiles, filesOfDrop, filesOfPaste, labelOf } from "./files.js";
import { Grid } from "./grid.js";
import { enlarge } from "./lightbox.js";
import { paintMask } from "./mask.js";
import { enableReorder, moveTo } from "./reorder.js";
import { Selection } from "./selection.js";

const UNDO_FOR = 12_000;
const SIZES = [72, 112, 168, 240];

/** @typedef {import("../pools.js").Pool} Pool */

/**
 * What the panel must know of its node.
 * @typedef {object} PanelHost
 * @property {() => string} poolId the pool to show
 * @property {() => { name: string, missing: boolean, connected: boolean }} source where it comes from
 * @property {() => string | null} previous the pool shown before a profile was connected
 * @property {(id: string) => void} show show another pool, where no profile is connected
 * @property {(step: number) => number} size remember the cells' size; 0 asks for it
 */

export class PoolPanel {
  /** @param {PanelHost} host */
  constructor(host) {
    this.host = host;
    this.offline = false;
    this.selection = new Selection();
    /** @type {Pool | null} */
    this.pool = null;
    this.stop = () => {};
    this.grid = new Grid({
      makeCell: () => new Cell(this.cellActions()),
      elementOf: (cell) => cell.element,
      keyOf: (index) => this.slots[index].image,
      fill: (cell, index, side) => this.fill(cell, index, side),
    });
    this.grid.wanted = SIZES[host.size(0)] ?? SIZES[1];
    this.build();
    this.listen();
    enableReorder(this.grid, {
      imageAt,
      dragged: (image) => this.selection.with(image),
      drop: (images, gap) => this.move(images, gap),
    });
    this.stopProfiles = profiles.subscribe(() => this.draw());
  }

  get slots() {
    return this.pool?.slots ?? [];
  }

  get images() {
    return this.slots.map((slot) => slot.image);
  }

  build() {
    this.title = h("span.gp-title");
    this.count = h("span.gp-count");
    this.add = button({ icon: "plus", label: "Add", title: "Add images", onclick: () => this.choose() });
    this.more = button({ icon: "ellipsis-v", title: "More", onclick: () => this.openMenu() });
    this.notice = h("div.gp-notice");
    this.status = h("div.gp-status", { hidden: true, role: "status" });
    this.element = h(
      "div.gp-root.gp-pool",
      {},
      h(
        "header.gp-bar",
        {},
        h("span.gp-source", {}, icon("images"), this.title),
        this.count,
        h("span.gp-spring"),
        this.add,
        button({ icon: "search-minus", title: "Smaller images", onclick: () => this.resize(-1) }),
        button({ icon: "search-plus", title: "Larger images", onclick: () => this.resize(1) }),
        this.more,
      ),
      this.notice,
      this.grid.element,
      this.status,
    );
  }

  /** Show the node's pool, asking the server anew. */
  refresh() {
    const pool = poolOf(this.host.poolId());
    if (pool !== this.pool) {
      this.stop();
      this.pool = pool;
      this.selection = new Selection();
      this.grid.element.scrollTop = 0;
      this.stop = pool.subscribe(() => this.draw());
      this.hideStatus();
    }
    this.draw();
    return pool.refresh();
  }

  dispose() {
    this.stop();
    this.stopProfiles();
    this.grid.observer.disconnect();
  }

  draw() {
    if (!this.pool) return;
    const source = this.host.source();
    this.selection.keepOnly(this.images);
    this.title.textContent = source.name;
    const chosen = this.selection.chosen.size;
    const all = this.pool.manifest ? plural(this.slots.length, "image") : "";
    this.count.textContent = chosen ? `${chosen} of ${this.slots.length} selected` : all;
    this.add.disabled = source.missing;
    this.drawNotice(source);
    this.grid.show(this.slots.length);
  }

  /** @param {{ name: string, missing: boolean, connected: boolean }} source */
  drawNotice(source) {
    const { pool } = this;
    const failed = pool?.error && !source.missing && !pool.manifest;
    /** @type {[string, string, string] | null} */
    let said = null;
    if (source.missing) {
      said = ["question-circle", `“${source.name}” is missing`, "Choose another profile, or bring it back."];
    } else if (failed) said = ["exclamation-triangle", "The pool can't be read", pool.error?.message ?? ""];
    else if (!pool?.manifest) said = ["spinner", "Loading…", ""];
    else if (!this.slots.length) {
      said = ["images", "No images yet", "Drop files or folders here, paste, or use Add."];
    }
    // What was read before stays in view while the server is away.
    if (pool?.error && pool.manifest && !source.missing) {
      const again = button({ icon: "refresh", label: "Try again", onclick: () => this.refresh() });
      this.showStatus(pool.error.message, 0, again);
      this.offline = true;
    } else if (this.offline) {
      this.offline = false;
      this.hideStatus();
    }
    this.notice.hidden = !said;
    this.grid.element.hidden = !!said;
    this.element.classList.toggle("gp-problem", source.missing || !!failed);
    if (!said) return;
    const again = button({ icon: "refresh", label: "Try again", onclick: () => this.refresh() });
    this.notice.replaceChildren(
      icon(said[0]),
      h("strong", { textContent: said[1] }),
      h("span", { textContent: said[2] }),
      ...(failed ? [again] : []),
    );
  }

  /** @param {Cell} cell @param {number} index @param {number} side */
  fill(cell, index, side) {
    const { pool, selection } = this;
    if (!pool?.manifest) return;
    const slot = this.slots[index];
    cell.fill(pool, slot, {
      index,
      side,
      active: index === pool.manifest.active,
      selected: selection.chosen.has(slot.image),
      focused: selection.focus === slot.image,
    });
  }

  cellActions() {
    return {
      paint: (/** @type {string} */ image) => this.paint(image),
      clearMask: (/** @type {string} */ image) => this.clearMask(image),
      enlarge: (/** @type {string} */ image) => this.pool && enlarge(this.pool, image),
      remove: (/** @type {string} */ image) => this.remove(this.selection.with(image)),
      label: (/** @type {string} */ image, /** @type {string} */ label) =>
        this.act("The label wasn't changed", () => this.pool?.label(image, label)),
    };
  }

  listen() {
    const { element } = this.grid;
    isolate(this.element);
    element.addEventListener("click", (/** @type {MouseEvent} */ event) => this.click(event));
    element.addEventListener("dblclick", (/** @type {MouseEvent} */ event) => {
      const target = /** @type {Element} */ (event.target);
      const image = target.closest(".gp-frame") && imageAt(target);
      if (image && this.pool && !target.closest("button")) enlarge(this.pool, image);
    });
    element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    this.element.addEventListener("paste", (/** @type {ClipboardEvent} */ event) => {
      if (event.target instanceof HTMLInputElement) return;
      const files = filesOfPaste(event.clipboardData);
      event.stopPropagation();
      event.preventDefault();
      if (files.length) this.upload(files);
    });
    this.listenForDrops();
  }

  listenForDrops() {
    const { element } = this;
    const over = (/** @type {boolean} */ on) => element.classList.toggle("gp-drop", on);
    element.addEventListener("dragover", (/** @type {DragEvent} */ event) => {
      if (!carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      event.stopPropagation();
      over(true);
    });
    element.addEventListener("dragleave", () => over(false));
    element.addEventListener("drop", (/** @type {DragEvent} */ event) => {
      over(false);
      if (!event.dataTransfer || !carriesFiles(event.dataTransfer)) return;
      event.preventDefault();
      event.stopPropagation();
      this.drop(event.dataTransfer);
    });
  }

  /** @param {DataTransfer} data */
  drop(data) {
    return this.act("The images weren't added", async () => this.upload(await filesOfDrop(data)));
  }

  /** @param {MouseEvent} event */
  click(event) {
    const image = imageAt(/** @type {Element} */ (event.target));
    this.grid.element.focus({ preventScroll: true });
    if (!image) {
      this.selection.clear();
      return this.draw();
    }
    if (event.shiftKey) this.selection.extend(image, this.images);
    else if (event.ctrlKey || event.metaKey) this.selection.toggle(image);
    else {
      this.selection.only(image);
      this.activate(image);
    }
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { selection, images } = this;
    const { columns } = this.grid.measure();
    const at = selection.focus ? images.indexOf(selection.focus) : -1;
    /** @type {Record<string, number>} */
    const targets = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - columns,
      ArrowDown: at + columns,
      Home: 0,
      End: images.length - 1,
    };
    const to = targets[event.key] ?? null;
    event.stopPropagation();
    if (to !== null && images.length) {
      event.preventDefault();
      return this.focusOn(Math.max(0, Math.min(images.length - 1, at < 0 ? 0 : to)), event.shiftKey);
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") {
      event.preventDefault();
      selection.all(images);
      return this.draw();
    }
    if (event.key === "Escape") {
      selection.clear();
      return this.draw();
    }
    if (at >= 0) this.keyOn(event, images[at]);
  }

  /** @param {KeyboardEvent} event @param {string} image */
  keyOn(event, image) {
    /** @type {Record<string, () => any>} */
    const acts = {
      Enter: () => this.activate(image),
      " ": () => this.pool && enlarge(this.pool, image),
      F2: () => this.grid.cells.get(image)?.editLabel(),
      Delete: () => this.remove(this.selection.with(image)),
      Backspace: () => this.remove(this.selection.with(image)),
    };
    if (!(event.key in acts)) return;
    event.preventDefault();
    acts[event.key]();
  }

  /** @param {number} index @param {boolean} extend */
  focusOn(index, extend) {
    const image = this.images[index];
    if (extend) this.selection.extend(image, this.images);
    else this.selection.only(image);
    this.grid.reveal(index);
    this.draw();
  }

  /** @param {string} image */
  activate(image) {
    const { pool } = this;
    if (!pool?.manifest || pool.slots[pool.manifest.active]?.image === image) return;
    // Shown at once; the server's answer follows.
    pool.manifest.active = pool.indexOf(image);
    this.draw();
    this.act("The active image wasn't changed", () => pool.activate(image));
  }

  /** @param {string} image */
  paint(image) {
    const { pool } = this;
    if (!pool) return;
    this.act("The mask editor didn't open", () =>
      paintMask(pool.id, image, (mask) => {
        this.act("The mask wasn't saved", async () => pool.setMask(image, await mask));
      }),
    );
  }

  /** @param {string} image */
  clearMask(image) {
    this.act("The mask wasn't cleared", () => this.pool?.setMask(image, null));
  }

  /** @param {string[]} images @param {number} gap */
  move(images, gap) {
    const { pool } = this;
    const order = moveTo(this.images, images, gap);
    if (!pool?.manifest || order.join() === this.images.join()) return;
    this.act("The order wasn't changed", () => pool.reorder(order));
  }

  /** @param {string[]} images */
  async remove(images) {
    const { pool } = this;
    if (!pool || !images.length) return;
    await this.act("The images weren't deleted", async () => {
      const undo = await pool.remove(images);
      this.selection.clear();
      const back = button({
        icon: "undo",
        label: "Undo",
        onclick: () => {
          this.hideStatus();
          this.act("The images weren't brought back", undo);
        },
      });
      this.showStatus(`Deleted ${plural(images.length, "image")}.`, UNDO_FOR, back);
    });
  }

  async choose() {
    const files = await chooseFiles({ accept: "image/*", multiple: true });
    if (files.length) await this.upload(files);
  }

  /** Add files one after another; one that fails doesn't stop the rest. @param {File[]} files */
  async upload(files) {
    const { pool } = this;
    if (!pool || this.host.source().missing) return;
    if (!files.length) return toast("warn", "No images there", "Those files aren't images.");
    /** @type {[string, unknown][]} */
    const failed = [];
    for (const [done, file] of files.entries()) {
      if (files.length > 1) this.showStatus(`Adding ${done + 1} of ${files.length}…`);
      await pool.add(file, labelOf(file.name), file.name).catch((error) => failed.push([file.name, error]));
    }
    this.hideStatus();
    if (failed.length === 1) toastError(`“${failed[0][0]}” wasn't added`, failed[0][1]);
    else if (failed.length) toastError(`${failed.length} images weren't added`, failed[0][1]);
    this.grid.reveal(Math.max(0, this.slots.length - 1));
  }

  /** @param {number} step */
  resize(step) {
    this.grid.wanted = SIZES[this.host.size(step)];
    this.grid.draw();
  }

  openMenu() {
    const { pool } = this;
    if (!pool) return;
    const source = this.host.source();
    const previous = this.shownBefore();
    const chosen = [...this.selection.chosen];
    const items = [
      { icon: "refresh", label: "Refresh", onclick: () => this.lookAgain() },
      { icon: "check-square", label: "Select all", onclick: () => this.selectAll() },
      ...(chosen.length
        ? [{ icon: "trash", label: `Delete ${plural(chosen.length, "image")}`, danger: true, onclick: () => this.remove(chosen) }]
        : []),
      ...(profiles.find(pool.id) || source.connected
        ? []
        : [{ icon: "bookmark", label: "Make this pool a profile…", onclick: () => this.adopt(pool.id) }]),
    ];
    if (previous && previous !== pool.id) {
      items.push({ icon: "copy", label: "Copy the images shown before into this profile", onclick: () => this.seed(previous) });
      items.push({ icon: "bookmark", label: "Make the pool shown before a profile…", onclick: () => this.adopt(previous) });
      if (!source.connected) {
        items.push({ icon: "history", label: "Show the pool shown before", onclick: () => this.host.show(previous) });
      }
    }
    menu(this.more, items);
  }

  /** The pool shown before a profile was connected, if there is anything in it. */
  shownBefore() {
    const id = this.host.previous();
    const lies = profiles.find(id ?? "") || profiles.known.unregistered.some((pool) => pool.id === id);
    return lies ? id : null;
  }

  /** For a profile, files that somebody dropped into its folder are taken in too. */
  async lookAgain() {
    const { pool } = this;
    if (pool && profiles.find(pool.id)) await profiles.takeIn(pool.id).catch(() => {});
    await this.refresh();
  }

  selectAll() {
    this.selection.all(this.images);
    this.draw();
    this.grid.element.focus({ preventScroll: true });
  }

  /** @param {string} poolId */
  async adopt(poolId) {
    const name = await askText("Make this pool a profile", "Its name:");
    if (!name) return;
    await this.act("The pool isn't a profile", async () => {
      await profiles.adopt(poolId, name);
      toast("success", `“${name}” is a profile now`, "Choose it in a Pool Profile node.");
    });
  }

  /** @param {string} from */
  async seed(from) {
    const { pool } = this;
    const question = "The images shown before are copied into this profile, with masks and labels.";
    if (!pool || !(await askConfirm("Copy the images?", question))) return;
    await this.act("The images weren't copied", async () => {
      const { copied } = await profiles.seed(from, pool.id);
      toast("success", `Copied ${plural(copied, "image")}`);
      await pool.refresh();
    });
  }

  /** @param {string} failure @param {() => any} action */
  async act(failure, action) {
    try {
      return await action();
    } catch (error) {
      toastError(failure, error);
      return undefined;
    }
  }

  /** @param {string} text @param {number} [forTime] @param {...Node} more */
  showStatus(text, forTime = 0, ...more) {
    clearTimeout(this.statusTimer);
    this.status.replaceChildren(h("span", { textContent: text }), ...more);
    this.status.hidden = false;
    if (forTime) this.statusTimer = window.setTimeout(() => this.hideStatus(), forTime);
  }

  hideStatus() {
    clearTimeout(this.statusTimer);
    this.status.hidden = true;
  }
}

/** @param {Element} element @returns {string | null} */
function imageAt(element) {
  const cell = /** @type {HTMLElement | null} */ (element.closest(".gp-cell"));
  return cell?.dataset.image ?? null;
}
