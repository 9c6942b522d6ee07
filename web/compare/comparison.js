// @ts-check
// What the viewer shows, asked of the server: a pool as it was, and what differs from another.

import * as profiles from "../profiles.js";
import { byImage } from "./changes.js";

/** @typedef {profiles.Snapshot} Snapshot */
/** @typedef {profiles.SlotChange} SlotChange */
/** @typedef {profiles.PastSlot} PastSlot */
/** @typedef {{ snapshot: Snapshot | null, active: number, slots: PastSlot[] }} Look */

/**
 * `present`: by image, what differs between this side and now.
 * @typedef {object} Side
 * @property {string} target a snapshot's id, or `now`
 * @property {Snapshot | null} snapshot null is now
 * @property {Map<string, SlotChange>} present
 */

/** @typedef {{ from: Side, to: Side, changes: SlotChange[] }} Comparison */

export const NOW = "now";
const CHOICES = 100;
const PAGES = 20;

/** From a side to now. @param {string} id @param {string} target */
export async function presentOf(id, target) {
  return target === NOW ? [] : profiles.diff(id, target, NOW);
}

/**
 * What turns the older of two into the newer.
 * @param {string} id @param {Side} one @param {Side} other @returns {Promise<Comparison>}
 */
export async function compare(id, one, other) {
  const [from, to] = (await isOlder(id, one, other)) ? [one, other] : [other, one];
  const changes =
    to.target === NOW ? [...from.present.values()] : await profiles.diff(id, from.target, to.target);
  return { from, to, changes };
}

/** @param {string} id @param {string} target @returns {Promise<Side>} */
export async function sideOf(id, target) {
  if (target === NOW) return { target, snapshot: null, present: new Map() };
  const [seen, changes] = await Promise.all([profiles.look(id, target), presentOf(id, target)]);
  return { target, snapshot: seen.snapshot, present: byImage(changes) };
}

/** @param {string} id @param {Side} one @param {Side} other */
async function isOlder(id, one, other) {
  if (!one.snapshot || !other.snapshot) return other.snapshot === null;
  const [first, second] = [one.snapshot.time, other.snapshot.time];
  const possible = Math.max(first, second) <= Date.now() / 1000;
  if (first !== second && possible) return first < second;
  // Of one second, or by a clock that was wrong: the history tells which came first.
  if (await isBelow(id, one, other)) return true;
  return first < second && !(await isBelow(id, other, one));
}

/** Whether the history lists the one not far below the other. @param {string} id @param {Side} one @param {Side} other */
async function isBelow(id, one, other) {
  const older = await profiles.history(id, other.target, { limit: 200 });
  return older.snapshots.some((snapshot) => snapshot.id === one.target);
}

/** The snapshots that a person named or locked, newest first. @param {string} id @returns {Promise<Snapshot[]>} */
export async function markedOf(id) {
  /** @type {Snapshot[]} */
  const found = [];
  /** @type {string | null} */
  let before = null;
  for (let page = 0; page < PAGES && found.length < CHOICES; page++) {
    const { snapshots, next } = /** @type {{ snapshots: Snapshot[], next: string | null }} */ (
      await profiles.history(id, before, { limit: 200, auto: false })
    );
    found.push(...snapshots.filter((snapshot) => snapshot.name || snapshot.locked));
    if (!next) break;
    before = next;
  }
  return found;
}
