// @ts-check
// The Image Pool node's panel: header, grid and status line, and what they show.

import { button, h, icon, isolate, plural } from "../dom.js";
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
      makeCell: () => new Cell(this.edits),
      elementOf: (cell) => cell.element,
      keyOf: (index) => this.slots[index].image,
      fill: (cell, index, side) => this.fill(cell, index, side),
    });
    this.grid.wanted = SIZES[host.size(0)] ?? SIZES[1];
    this.build();
    isolate(this.element);
    enableInput(this, this.edits);
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
    this.add = button({ icon: "plus", label: "Add", title: "Add images", onclick: () => this.adding.choose() });
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
    return button({ icon: "refresh", label: "Try again", onclick: () => this.refresh() });
  }

  /** @param {{ name: string, missing: boolean }} source */
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
    this.notice.hidden = !said;
    this.grid.element.hidden = !!said;
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
    });
  }

  /** @param {number} step */
  resize(step) {
    this.grid.wanted = SIZES[this.host.size(step)];
    this.grid.draw();
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
