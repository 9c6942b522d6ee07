// @ts-check
// A history as the rows of a timeline: days, snapshots, and automatic ones folded into bursts. Pure.

/**
 * @typedef {import("../profiles.js").Snapshot} Snapshot
 * @typedef {import("../profiles.js").Counts} Counts
 * @typedef {import("../profiles.js").StripItem} StripItem
 *
 * One row. `snapshot` is the one that it stands for: a burst's newest. `members`: what a burst
 * holds, newest first. `inside`: of an unfolded burst.
 * @typedef {object} DayRow
 * @property {"day"} kind @property {string} key @property {number} time
 *
 * @typedef {object} SnapshotRow
 * @property {"snapshot"} kind @property {string} key @property {Snapshot} snapshot
 * @property {boolean} inside @property {boolean} last of its burst
 *
 * @typedef {object} BurstRow
 * @property {"burst"} kind @property {string} key @property {Snapshot} snapshot
 * @property {Snapshot[]} members @property {boolean} open
 *
 * What comes below the oldest one: that there is more to come, or why there isn't.
 * @typedef {object} TailRow
 * @property {"tail"} kind @property {string} key @property {"loading" | "failed" | "end"} state
 *
 * @typedef {DayRow | SnapshotRow | BurstRow | TailRow} Row
 */

/** Pauses as long as this end a burst: twenty minutes, in seconds. */
export const PAUSE = 20 * 60;
const STRIP = 8;

/**
 * Snapshots, newest first, as rows. A burst is unfolded while any of its members is in `open`, so
 * it stays as it is when older or newer ones join it.
 * @param {Snapshot[]} snapshots
 * @param {{ open?: ReadonlySet<string>, fold?: boolean }} [options] without `fold` there are no bursts
 * @returns {Row[]}
 */
export function rowsOf(snapshots, { open = new Set(), fold = true } = {}) {
  /** @type {Row[]} */
  const rows = [];
  let day = NaN;
  let i = 0;
  while (i < snapshots.length) {
    const snapshot = snapshots[i];
    const today = dayOf(snapshot.time);
    if (today !== day) rows.push({ kind: "day", key: `day ${(day = today)} ${snapshot.id}`, time: snapshot.time });
    const end = fold ? endOfBurst(snapshots, i, day) : i + 1;
    if (end - i > 1) rows.push(...burstRows(snapshots.slice(i, end), open));
    else rows.push({ kind: "snapshot", key: snapshot.id, snapshot, inside: false, last: false });
    i = end;
  }
  return rows;
}

/** Where the burst that begins at `start` ends. @param {Snapshot[]} all @param {number} start @param {number} day */
function endOfBurst(all, start, day) {
  let end = start;
  while (end < all.length && foldable(all[end]) && dayOf(all[end].time) === day) {
    if (end > start && Math.abs(all[end - 1].time - all[end].time) >= PAUSE) break;
    end += 1;
  }
  return Math.max(end, start + 1);
}

/** Whether nobody said anything of it. @param {Snapshot} snapshot */
function foldable({ kind, name, note, locked }) {
  return kind === "auto" && !name && !note && !locked;
}

/** @param {Snapshot[]} members @param {ReadonlySet<string>} unfolded @returns {Row[]} */
function burstRows(members, unfolded) {
  const open = members.some(({ id }) => unfolded.has(id));
  // The oldest one's id would change with each older page, the newest one's with each edit.
  const key = `burst ${members.find(({ id }) => unfolded.has(id))?.id ?? members[0].id}`;
  /** @type {Row[]} */
  const rows = [{ kind: "burst", key, snapshot: members[0], members, open }];
  if (!open) return rows;
  members.forEach((snapshot, i) =>
    rows.push({ kind: "snapshot", key: snapshot.id, snapshot, inside: true, last: i === members.length - 1 }),
  );
  return rows;
}

/**
 * Where a row is among others that may be of another moment: by its key, else by a snapshot.
 * @param {Row[]} rows @param {Row | null} row @returns {number} -1 where it is gone
 */
export function placeOf(rows, row) {
  if (!row) return -1;
  const same = rows.findIndex(({ key }) => key === row.key);
  if (same >= 0 || row.kind === "day" || row.kind === "tail") return same;
  const ids = new Set(row.kind === "burst" ? row.members.map(({ id }) => id) : [row.snapshot.id]);
  const fits = (/** @type {Row} */ other) => holds(other, ids);
  const alike = rows.findIndex((other) => other.kind === row.kind && fits(other));
  return alike >= 0 ? alike : rows.findIndex(fits);
}

/** @param {Row} row @param {Set<string>} ids */
function holds(row, ids) {
  if (row.kind === "snapshot") return ids.has(row.snapshot.id);
  return row.kind === "burst" && row.members.some(({ id }) => ids.has(id));
}

/** The day a moment is in, here; days are told apart by it. @param {number} time seconds */
function dayOf(time) {
  const date = new Date(time * 1000);
  return date.getFullYear() * 400 + date.getMonth() * 32 + date.getDate();
}

/** What several snapshots changed, added up. @param {Snapshot[]} members @returns {Counts} */
export function changesOf(members) {
  /** @type {any} */
  const sum = {};
  for (const { changes } of members) {
    for (const [key, value] of Object.entries(changes)) {
      sum[key] = typeof value === "boolean" ? (sum[key] ?? false) || value : (sum[key] ?? 0) + value;
    }
  }
  return sum;
}

/**
 * Of what several snapshots touched, each image once, as the newest left it; and how many they are.
 * @param {Snapshot[]} members @returns {{ items: StripItem[], total: number }}
 */
export function stripOf(members) {
  /** @type {Map<string, StripItem>} */
  const found = new Map();
  let more = 0;
  for (const { strip, changes } of members) {
    for (const item of strip) if (!found.has(item.image)) found.set(item.image, item);
    // A strip that is shorter than it may be has everything.
    if (strip.length >= STRIP) more += Math.max(0, touched(changes) - strip.length);
  }
  return { items: [...found.values()].slice(0, STRIP), total: found.size + more };
}

/** How many images, masks and labels were touched. @param {Counts} changes */
function touched({ added = 0, removed = 0, replaced = 0, masks = 0, labels = 0 }) {
  return added + removed + replaced + masks + labels;
}

/**
 * What is known of the top, put over what was known: a page of the newest ones, then the older
 * ones known already, as far as they still belong below it.
 * @param {Snapshot[]} known @param {Snapshot[]} page @param {string | null} next the page's
 * @returns {{ snapshots: Snapshot[], anew: boolean }} `anew`: what is older is to be asked for from `next`
 */
export function merge(known, page, next) {
  if (!next) return { snapshots: page, anew: true };
  // Of what was looked through for it, nothing fits: that is further down, as before.
  if (!page.length && known.length) return { snapshots: known, anew: false };
  const last = page.at(-1)?.id;
  const at = known.findIndex(({ id }) => id === last);
  const ids = new Set(known.map(({ id }) => id));
  // What another machine sent may lie anywhere below.
  const mixed = page.some(({ id, parents }) => !ids.has(id) && parents.length > 1);
  if (at < 0 || mixed) return { snapshots: page, anew: true };
  return { snapshots: [...page, ...known.slice(at + 1)], anew: false };
}
