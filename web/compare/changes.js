// @ts-check
// What a comparison says, put into sections, and what of it can be taken back. Pure.

/** @typedef {import("../profiles.js").SlotChange} SlotChange */
/** @typedef {import("../profiles.js").PastSlot} PastSlot */
/** @typedef {"image" | "mask" | "label"} Part */

/**
 * @typedef {object} Sections
 * @property {SlotChange[]} added @property {SlotChange[]} removed
 * @property {SlotChange[]} changed @property {SlotChange[]} moved
 */

/** @type {Part[]} */
const PARTS = ["image", "mask", "label"];

/** Sections in which the order of `changes` is kept. @param {SlotChange[]} changes @returns {Sections} */
export function sectionsOf(changes) {
  /** @type {Sections} */
  const sections = { added: [], removed: [], changed: [], moved: [] };
  for (const change of changes) sections[change.change].push(change);
  sections.removed.sort((a, b) => placeOf(a.from) - placeOf(b.from));
  return sections;
}

/** How many of some changed slots differ in each part. @param {SlotChange[]} changed */
export function countParts(changed) {
  const count = (/** @type {Part} */ part) => changed.filter((c) => c.what.includes(part)).length;
  return { image: count("image"), mask: count("mask"), label: count("label") };
}

/**
 * What taking one side of a row back would change now, told by how that side differs from now:
 * `whole` where the image itself comes back, or some parts of it.
 * @param {SlotChange | null} row what is compared; null means the whole slot
 * @param {SlotChange | undefined} present from that side to now; undefined where they are the same
 * @returns {{ whole: boolean, parts: Part[] }}
 */
export function offersOf(row, present) {
  if (!present || present.change === "added") return { whole: false, parts: [] };
  if (present.change === "removed") return { whole: true, parts: [] };
  const parts = PARTS.filter((part) => present.what.includes(part));
  if (row?.change === "changed") {
    return { whole: false, parts: parts.filter((part) => row.what.includes(part)) };
  }
  return { whole: parts.length > 0, parts: [] };
}

/** Whether a slot would come back in any way. @param {SlotChange | undefined} present */
export function wouldChange(present) {
  return offersOf(null, present).whole;
}

/** The changes by image. @param {SlotChange[]} changes @returns {Map<string, SlotChange>} */
export function byImage(changes) {
  return new Map(changes.map((change) => [change.image, change]));
}

/**
 * A slot of a snapshot beside the one of now, as a comparison would say it; one that is the same
 * has nothing in `what`.
 * @param {PastSlot} slot @param {SlotChange | undefined} present @param {PastSlot | undefined} now
 * @returns {SlotChange}
 */
export function besideNow(slot, present, now) {
  return present ?? { image: slot.image, change: "moved", what: [], from: slot, to: now ?? slot };
}

/** @param {PastSlot | null} slot */
function placeOf(slot) {
  return slot?.index ?? 0;
}
