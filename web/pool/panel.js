// @ts-check
// The Image Pool node's panel: header, grid and status line, and what they show.

import { button, h, icon, isolate } from "../dom.js";
import { t, tn } from "../i18n.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";
import { Adding } from "./adding.js";
import { Cell } from "./cell.js";
import { Edits } from "./edits.js";
import { Grid } from "./grid.js";
import { enableInput, imageAt } from "./input.js";
import { openMenu } from "./menu.js";
import { enableReorder } from "./reorder.js";
import { Selection } from "./selection.js";
import { enableUndoKeys } from "./undo.js";

/** Sides of a cell, in pixels, from small to large. */
export const SIZES = [72, 112, 168, 240];

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
    this.edits = new Edits(this);
    this.adding = new Adding({
      pool: () => (host.source().missing ? null : this.pool),
      progress: (text) => this.showStatus(text),
      added: () => this.showLast(),
    });
    this.grid = new Grid({
      role: "grid",
      label: t("Images"),
      makeCell: () => new Cell(this.edits),
      elementOf: (cell) => cell.element,
      keyOf: (index) => this.slots[index].image,
      fill: (cell, index, side) => this.fill(cell, index, side),
      mayReuse: (cell) => cell.free,
    });
    this.grid.wanted = SIZES[host.size(0)] ?? SIZES[1];
    this.build();
    isolate(this.element);
    enableInput(this, this.edits);
    enableUndoKeys(this.element, (back) => this.edits.step(back));
    this.adding.listen(this.element);
    enableReorder(this.grid, {
      imageAt,
      dragged: (image) => this.selection.with(image),
      drop: (images, gap) => this.edits.move(images, gap),
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
    this.add = button({ icon: "plus", label: t("Add"), title: t("Add images"), onclick: () => this.adding.choose() });
    this.more = button({ icon: "ellipsis-v", title: t("More"), onclick: () => this.openMenu() });
    this.notice = h("div.gp-notice");
    this.status = h("div.gp-status", { hidden: true, role: "status" });
    this.element = h(
      "div.gp-root.gp-pool",
      { tabIndex: -1 },
      h(
        "header.gp-bar",
        {},
        h("span.gp-source", {}, icon("images"), this.title),
        this.count,
        h("span.gp-spring"),
        this.add,
        button({ icon: "search-minus", title: t("Smaller images"), onclick: () => this.resize(-1) }),
        button({ icon: "search-plus", title: t("Larger images"), onclick: () => this.resize(1) }),
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
    const all = this.pool.manifest ? tn("{n} image", "{n} images", this.slots.length) : "";
    const some = t("{n} of {all} selected", { n: chosen, all: this.slots.length });
    this.count.textContent = chosen ? some : all;
    this.add.disabled = source.missing;
    this.drawOffline(source);
    this.drawNotice(source);
    this.grid.show(this.slots.length);
  }

  /** What was read before stays in view while the server is away. @param {{ missing: boolean }} source */
  drawOffline(source) {
    const { pool } = this;
    if (pool?.error && pool.manifest && !source.missing) {
      this.showStatus(pool.error.message, 0, this.againButton());
      this.offline = true;
    } else if (this.offline) {
      this.offline = false;
      this.hideStatus();
    }
  }

  againButton() {
    return button({ icon: "refresh", label: t("Try again"), onclick: () => this.refresh() });
  }

  /** @param {{ name: string, missing: boolean }} source */
  drawNotice(source) {
    const { pool } = this;
    const failed = pool?.error && !source.missing && !pool.manifest;
    /** @type {[string, string, string] | null} */
    let said = null;
    if (source.missing) {
      const what = t("“{name}” is missing", { name: source.name });
      said = ["question-circle", what, t("Choose another profile, or bring it back.")];
    } else if (failed) said = ["exclamation-triangle", t("The pool can't be read"), pool.error?.message ?? ""];
    else if (!pool?.manifest) said = ["spinner", t("Loading…"), ""];
    else if (!this.slots.length) {
      said = ["images", t("No images yet"), t("Drop files or folders here, paste, or use Add.")];
    }
    const focused = this.element.contains(document.activeElement);
    this.notice.hidden = !said;
    this.grid.element.hidden = !!said;
    if (focused && !this.element.contains(document.activeElement)) this.keepFocus();
    this.element.classList.toggle("gp-problem", source.missing || !!failed);
    if (!said) return;
    this.notice.replaceChildren(
      icon(said[0]),
      h("strong", { textContent: said[1] }),
      h("span", { textContent: said[2] }),
      ...(failed ? [this.againButton()] : []),
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
      passing: this.grid.scrolling,
    });
  }

  /** @param {number} step */
  resize(step) {
    this.grid.wanted = SIZES[this.host.size(step)];
    this.grid.draw();
  }

  /** The grid where there is one, else the panel itself. */
  keepFocus() {
    const to = this.grid.element.hidden ? this.element : this.grid.element;
    to.focus({ preventScroll: true });
  }

  /** @param {string[]} images */
  reveal(images) {
    const place = this.images.findIndex((image) => images.includes(image));
    if (place >= 0) this.grid.reveal(place);
  }

  showLast() {
    this.hideStatus();
    this.grid.reveal(Math.max(0, this.slots.length - 1));
  }

  openMenu() {
    const { pool, host } = this;
    if (!pool) return;
    openMenu(this.more, {
      pool,
      connected: host.source().connected,
      previous: host.previous(),
      chosen: [...this.selection.chosen],
      refresh: () => this.refresh(),
      selectAll: () => this.selectAll(),
      remove: (images) => this.edits.removeAll(images),
      step: (back) => this.edits.step(back),
      show: (id) => host.show(id),
    });
  }

  selectAll() {
    this.selection.all(this.images);
    this.draw();
    this.grid.element.focus({ preventScroll: true });
  }

  /** Add what is dropped, also outside the panel. @param {DataTransfer} data */
  drop(data) {
    return this.adding.drop(data);
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
