// @ts-check
// The History panel: a profile's timeline, what looks through it, and the chosen snapshot.

import { button, clamp, h, isolate, menu } from "../dom.js";
import { t, tn } from "../i18n.js";
import * as profiles from "../profiles.js";
import * as actions from "./actions.js";
import { Details, itemsFor } from "./details.js";
import { Feed } from "./feed.js";
import { Head } from "./head.js";
import { VirtualList } from "./list.js";
import { openNaming } from "./naming.js";
import { drawRow, heightOf, versionOf } from "./rows.js";
import * as states from "./states.js";
import { fillStrip, STEP } from "./strip.js";
import { placeOf, rowsOf } from "./timeline.js";
import { dayName } from "./words.js";

/** @typedef {profiles.Snapshot} Snapshot */
/** @typedef {import("./timeline.js").Row} Row */
/** @typedef {import("./timeline.js").BurstRow} BurstRow */
/** @typedef {typeof import("../compare/viewer.js")} Viewer */

const WALKING = 120;
// What a row has beside its thumbnails, in pixels.
const BESIDE = 86;

/**
 * What is around the panel.
 * @typedef {object} PanelHost
 * @property {(id: string) => void} choose feeds another profile
 * @property {(anchor: HTMLElement) => void} pick opens the list of profiles
 * @property {(poolId: string) => void} adopt makes a profile of a pool
 * @property {(id: string) => void} undelete
 * @property {() => void} close
 * @property {(id: string) => void} openStorage opens what takes up space
 */

export class HistoryPanel {
  /** @param {PanelHost} host */
  constructor(host) {
    this.host = host;
    this.id = "";
    /** @type {Feed | null} */
    this.feed = null;
    /** Members of the bursts that are unfolded. @type {Set<string>} */
    this.unfolded = new Set();
    /** @type {Snapshot | null} */
    this.chosen = null;
    /** @type {Viewer | null} */
    this.viewer = null;
    this.fits = 6;
    /** Whose rows are in the list. */
    this.listed = "";
    this.walking = 0;
    this.details = new Details({
      look: (snapshot) => this.look(snapshot, null),
      compare: (snapshot, against) => this.look(snapshot, against),
      restore: (snapshot) => actions.restore(this.id, snapshot),
      branchOff: (snapshot) => actions.branchOff(this.id, snapshot, this.host.choose),
      name: (snapshot) => openNaming(this.id, snapshot, (now) => this.feed?.put(now)),
      lock: async (snapshot) => {
        const now = await actions.toggleLock(this.id, snapshot);
        if (now) this.feed?.put(now);
      },
    });
    this.list = this.makeList();
    this.head = new Head({
      pick: host.pick,
      openStorage: () => host.openStorage(this.id),
      filter: () => this.filterBy(),
      down: () => this.list.focus(this.list.current),
    });
    this.place = h("div.gp-history-place", { hidden: true });
    this.stale = h(
      "div.gp-stale",
      { role: "status", hidden: true },
      h("span", { textContent: t("Not up to date.") }),
      button({ icon: "refresh", label: t("Try again"), onclick: () => this.refresh() }),
    );
    this.count = h("span.gp-unseen", { role: "status" });
    this.element = h(
      "section.gp-root.gp-history",
      { ariaLabel: t("Pool history") },
      this.head.element,
      this.stale,
      this.list.element,
      this.place,
      this.details.element,
      this.count,
    );
    isolate(this.element);
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.pressed(event));
    this.draw();
  }

  makeList() {
    const panel = this;
    /** @type {VirtualList<Row>} */
    const list = new VirtualList({
      label: t("Snapshots, newest first"),
      key: (row) => row.key,
      height: heightOf,
      version: (row) => versionOf(row, panel.scene),
      draw: (row) => drawRow(row, panel.scene),
      filled: fillStrip,
      takesFocus: (row) => row.kind === "snapshot" || row.kind === "burst",
      place: placeOf,
      focused: (row) => panel.choose(row),
      moved: () => panel.moved(),
    });
    list.element.addEventListener("click", (/** @type {MouseEvent} */ event) => this.clicked(event));
    list.element.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
      // The one that was chosen stays so, to be compared with.
      if (event.ctrlKey || event.metaKey) event.preventDefault();
    });
    list.element.addEventListener("contextmenu", (/** @type {MouseEvent} */ event) => {
      const row = this.rowOf(event.target);
      if (!row) return;
      event.preventDefault();
      this.openMenu(row);
    });
    new ResizeObserver(() => this.measure()).observe(list.element);
    return list;
  }

  /** What the rows are drawn by. */
  get scene() {
    return {
      id: this.id,
      newest: this.feed?.newest ?? "",
      fits: this.fits,
      menu: (/** @type {any} */ row, /** @type {HTMLElement} */ anchor) => this.openMenu(row, anchor),
      fold: (/** @type {BurstRow} */ row) => this.fold(row),
      retry: () => this.feed?.more(),
    };
  }

  measure() {
    const fits = clamp(Math.floor((this.list.element.clientWidth - BESIDE) / STEP), 1, 9);
    if (fits === this.fits) return;
    this.fits = fits;
    this.list.soon();
  }

  /** Show a profile's history, or a pool's want of one. @param {string} id */
  show(id) {
    if (id !== this.id) {
      this.id = id;
      this.unfolded.clear();
      this.chosen = null;
      this.viewer?.close();
      this.list.element.scrollTop = 0;
      this.head.forget();
    }
    this.read();
  }

  /** Read the history from its top, by the present filter. */
  read() {
    this.feed?.close();
    this.feed = null;
    if (profiles.find(this.id)) {
      const feed = (this.feed = new Feed(this.id, this.head.filter, () => this.heard(feed)));
      feed.refresh();
    }
    this.draw();
  }

  /** Learn what has changed; what is in view stays. */
  refresh() {
    if (!this.feed || !profiles.find(this.id)) return this.read();
    return this.feed.refresh(this.depth());
  }

  /** How many snapshots deep somebody has scrolled. */
  depth() {
    const { list, feed } = this;
    const row = list.rows[list.at(list.top + list.view)];
    const last = row?.kind === "burst" ? row.members.at(-1) : row?.kind === "snapshot" ? row.snapshot : null;
    return last && feed ? feed.snapshots.indexOf(last) + 1 : 0;
  }

  /** @param {Feed} feed */
  heard(feed) {
    if (feed !== this.feed) return;
    const chosen = feed.snapshots.find(({ id }) => id === this.chosen?.id);
    if (chosen) this.chosen = chosen;
    this.draw();
  }

  draw() {
    const { feed } = this;
    const filters = !!feed && !(feed.begun && feed.plain && !feed.snapshots.length);
    this.head.show(profiles.find(this.id)?.name ?? t("Choose a profile"), { filters, storage: !!feed });
    this.stale.hidden = !feed?.begun || !feed.failure;
    // While a search is on its way, what was found before stays.
    if (feed && !feed.begun && !feed.failure && this.list.rows.length && this.listed === this.id) {
      this.list.element.ariaBusy = "true";
      this.list.element.classList.add("gp-waiting");
      return;
    }
    this.list.element.classList.remove("gp-waiting");
    const instead = this.instead();
    this.place.hidden = !instead;
    this.list.element.hidden = !!instead;
    this.details.show(instead ? null : this.chosen);
    if (instead) {
      this.place.replaceChildren(instead);
      this.list.setRows([]);
    } else this.drawRows();
    this.say();
    if (feed?.begun && !feed.snapshots.length && !feed.failureBelow) feed.more();
  }

  /** What is shown instead of a timeline. @returns {HTMLElement | null} */
  instead() {
    const { feed, id, host } = this;
    if (!profiles.known.loaded) return states.loading();
    if (!id) return states.noProfile(() => host.pick(this.head.pick));
    if (!feed) {
      if (profiles.isDeleted(id)) return states.deleted(() => host.undelete(id));
      return profiles.known.unregistered.some((pool) => pool.id === id)
        ? states.noHistory(() => host.adopt(id))
        : states.gone();
    }
    const failure = feed.failure ?? feed.failureBelow;
    if (failure && !feed.snapshots.length) return states.failed(failure, () => this.read());
    if (!feed.begun) return states.loading();
    if (feed.snapshots.length) return null;
    if (feed.next) return states.searching(!!feed.filter.text);
    return feed.plain ? states.noSnapshots() : states.noMatches(feed.filter, () => this.head.clear());
  }

  drawRows() {
    const feed = /** @type {Feed} */ (this.feed);
    const fold = !feed.filter.text;
    const rows = rowsOf(feed.snapshots, { open: this.unfolded, fold });
    const state = feed.failureBelow ? "failed" : feed.next ? "loading" : "end";
    rows.push({ kind: "tail", key: "tail", state });
    this.listed = this.id;
    this.list.element.ariaBusy = String(feed.reading);
    this.list.setRows(rows);
  }

  /** Tell those who can't see it what a search has found. */
  say() {
    const { feed } = this;
    if (!feed?.begun || feed.plain) this.count.textContent = "";
    else this.count.textContent = tn("{n} snapshot found", "{n} snapshots found", feed.snapshots.length);
  }

  /** The list was scrolled, or shows other rows. */
  moved() {
    const { list, feed } = this;
    for (const { element } of list.drawn.values()) this.markChosen(element);
    this.pinDay();
    const near = list.left < list.view * 2;
    if (near && feed?.next && !feed.failureBelow && list.rows.length) feed.more();
  }

  /** @param {HTMLElement} element */
  markChosen(element) {
    const chosen = !!this.chosen && element.dataset.snapshot === this.chosen.id;
    if (element.classList.contains("gp-chosen") === chosen) return;
    element.classList.toggle("gp-chosen", chosen);
    element.ariaCurrent = chosen ? "true" : null;
  }

  /** The day of what is seen first stays in sight. */
  pinDay() {
    const { list } = this;
    let at = list.at(list.top);
    while (at > 0 && list.rows[at]?.kind !== "day") at -= 1;
    const day = list.rows[at];
    const words = list.top > 0 && day?.kind === "day" ? dayName(day.time) : "";
    if (list.pinned.textContent === words) return;
    list.pinned.textContent = words;
    list.pinned.hidden = !words;
  }

  // What a person does.

  filterBy() {
    this.list.element.scrollTop = 0;
    this.read();
  }

  /** @param {Row} row */
  choose(row) {
    if (row.kind !== "snapshot" && row.kind !== "burst") return;
    this.chosen = row.snapshot;
    this.details.show(this.chosen);
    this.list.soon();
    if (!this.viewer?.isOpen()) return;
    clearTimeout(this.walking);
    this.walking = window.setTimeout(() => {
      if (this.viewer?.isOpen() && this.chosen) this.look(this.chosen, null);
    }, WALKING);
  }

  /** @param {EventTarget | null} target */
  rowOf(target) {
    const element = /** @type {HTMLElement | null} */ (target)?.closest?.(".gp-event");
    for (const [key, drawn] of this.list.drawn) {
      if (drawn.element === element) return this.list.rows.find((row) => row.key === key) ?? null;
    }
    return null;
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const row = this.rowOf(event.target);
    if (row?.kind !== "snapshot" && row?.kind !== "burst") return;
    if ((event.ctrlKey || event.metaKey) && this.chosen && this.chosen.id !== row.snapshot.id) {
      this.look(row.snapshot, this.chosen.id);
    } else if (row.kind === "burst") this.fold(row);
    else this.look(row.snapshot, null);
  }

  /** Fold a burst, or unfold it. @param {BurstRow} row */
  fold(row) {
    if (row.open) for (const { id } of row.members) this.unfolded.delete(id);
    else this.unfolded.add(row.snapshot.id);
    this.drawRows();
  }

  /** @param {Row} row @param {HTMLElement} [anchor] */
  openMenu(row, anchor) {
    if (row.kind !== "snapshot" && row.kind !== "burst") return;
    const at = anchor ?? this.list.drawn.get(row.key)?.element.querySelector(".gp-event-more");
    if (!at) return;
    const own = itemsFor(row.snapshot, this.details.deeds, this.chosen);
    const label = row.kind === "burst" && row.open ? t("Fold these edits") : t("Show each edit");
    const folding = { icon: "list", label, onclick: () => this.fold(/** @type {BurstRow} */ (row)) };
    menu(/** @type {HTMLElement} */ (at), row.kind === "burst" ? [folding, null, ...own] : own);
  }

  /**
   * Show a snapshot as it was, or against another one.
   * @param {Snapshot} snapshot @param {string | null} against
   */
  async look(snapshot, against) {
    clearTimeout(this.walking);
    this.viewer ??= await import("../compare/viewer.js");
    this.viewer.openSnapshot({ id: this.id, snapshot, against, choose: this.host.choose });
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.defaultPrevented) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches(".gp-event")) this.pressedOnRow(event);
    if (event.key !== "Escape") return;
    event.preventDefault();
    this.escape();
  }

  escape() {
    if (this.viewer?.isOpen()) this.viewer.close();
    else if (this.head.filter.text) this.head.clear();
    else this.host.close();
  }

  /** @param {KeyboardEvent} event */
  pressedOnRow(event) {
    const row = this.list.current;
    if (row?.kind !== "snapshot" && row?.kind !== "burst") return;
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z") {
      if (event.shiftKey) actions.redo(this.id);
      else actions.undo(this.id);
    } else if (command || event.altKey) return;
    else if (event.key === "Enter" || event.key === " ") {
      if (row.kind === "burst") this.fold(row);
      else this.look(row.snapshot, null);
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") this.sideways(row, event.key === "ArrowRight");
    else return;
    event.preventDefault();
  }

  /** Into a burst, or out of it. @param {BurstRow | import("./timeline.js").SnapshotRow} row @param {boolean} into */
  sideways(row, into) {
    if (row.kind === "burst") {
      if (row.open !== into) this.fold(row);
      else if (into) this.list.focus(this.list.rows[this.list.rows.indexOf(row) + 1]);
    } else if (row.inside && !into) {
      const at = this.list.rows.indexOf(row);
      this.list.focus(this.list.rows.slice(0, at).findLast(({ kind }) => kind === "burst") ?? null);
    }
  }
}
