// @ts-check
// One profile's history as far as it is known here: read in pages, filtered, kept up to date.

import * as profiles from "../profiles.js";
import { merge } from "./timeline.js";

/** @typedef {profiles.Snapshot} Snapshot */
/** @typedef {{ text: string, auto: boolean }} Filter what to look for; without `auto`, no automatic ones */

/** More than a window shows, and no more: the first sight of a history shouldn't wait for the rest. */
const FIRST = 20;
const PAGE = 100;
/** The most that one request gives. */
const MOST = 500;

export class Feed {
  /** @param {string} id the profile's @param {Filter} filter @param {() => void} tell called when anything changed */
  constructor(id, filter, tell) {
    this.id = id;
    this.filter = filter;
    this.tell = tell;
    /** @type {Snapshot[]} */
    this.snapshots = [];
    /** Where to go on below. @type {string | null} */
    this.next = null;
    /** The newest of all, whatever is filtered. */
    this.newest = "";
    /** Whether the first page has come. */
    this.begun = false;
    /** What went wrong at the top, or further down. @type {unknown} */
    this.failure = null;
    /** @type {unknown} */
    this.failureBelow = null;
    this.reading = false;
    this.open = true;
    this.asked = 0;
  }

  /** Nothing it hears from now on counts. */
  close() {
    this.open = false;
  }

  get plain() {
    return this.filter.auto && !this.filter.text;
  }

  /** @param {string | null} before @param {number} limit */
  page(before, limit) {
    const { text, auto } = this.filter;
    return profiles.history(this.id, before, { limit, text, auto });
  }

  /**
   * Read the newest ones again, down to what is seen.
   * @param {number} [seen] how many snapshots deep somebody has scrolled
   */
  async refresh(seen = 0) {
    const asked = (this.asked += 1);
    try {
      const limit = this.begun ? Math.min(MOST, Math.max(PAGE, seen)) : FIRST;
      const [page, top] = await Promise.all([
        this.page(null, limit),
        this.plain ? null : profiles.history(this.id, null, { limit: 1 }),
      ]);
      if (!this.open || asked !== this.asked) return;
      const { snapshots, anew } = merge(this.begun ? this.snapshots : [], page.snapshots, page.next);
      this.snapshots = snapshots;
      if (anew) this.next = page.next;
      this.newest = (top ?? page).snapshots[0]?.id ?? "";
      this.begun = true;
      this.failure = null;
    } catch (error) {
      if (!this.open || asked !== this.asked) return;
      this.failure = error;
    }
    this.tell();
  }

  /** Read the next page further down. */
  async more() {
    const { next } = this;
    if (this.reading || !next) return;
    this.reading = true;
    this.failureBelow = null;
    try {
      const page = await this.page(next, PAGE);
      // Meanwhile the history may have been read anew.
      if (this.open && next === this.next) {
        this.snapshots = [...this.snapshots, ...page.snapshots];
        this.next = page.next;
      }
    } catch (error) {
      this.failureBelow = error;
      // A clean-up took away what was to be gone on from.
      if (/** @type {any} */ (error).code === "unknown_snapshot") {
        this.snapshots = [];
        await this.refresh();
      }
    } finally {
      this.reading = false;
    }
    if (this.open) this.tell();
  }

  /** Take in what is said of a snapshot now. @param {Snapshot} snapshot */
  put(snapshot) {
    this.snapshots = this.snapshots.map((each) => (each.id === snapshot.id ? snapshot : each));
    this.tell();
  }
}
