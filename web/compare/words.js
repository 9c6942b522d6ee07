// @ts-check
// How snapshots, places and sizes are said in the viewer.

import { moment, titleOf } from "../history/words.js";
import { formatNumber, t } from "../i18n.js";

/** @typedef {import("../profiles.js").Snapshot} Snapshot */
/** @typedef {import("../profiles.js").PastSlot} PastSlot */
/** @typedef {import("../profiles.js").SlotChange} SlotChange */

/** What a snapshot is called, and when it was. @param {Snapshot | null} snapshot null is now */
export function lineOf(snapshot) {
  if (!snapshot) return t("Now");
  return `${titleOf(snapshot).split("\n")[0]}  ·  ${moment(snapshot.time)}`;
}

/** What an image is called: its label, or its place. @param {PastSlot} slot */
export function nameOf(slot) {
  return slot.label.trim() || t("Image {index}", { index: slot.index });
}

/** What happened to a slot, in a few words each. @param {SlotChange} row @returns {string[]} */
export function wordsOf({ change, what, from, to }) {
  if (change === "added") return [t("Added")];
  if (change === "removed") return [t("Removed")];
  const words = [];
  if (what.includes("image")) words.push(t("Image changed"));
  if (what.includes("mask")) {
    if (!from?.mask_id) words.push(t("Mask painted"));
    else words.push(to?.mask_id ? t("Mask repainted") : t("Mask cleared"));
  }
  if (what.includes("label")) words.push(t("Label changed"));
  if (what.includes("moved")) words.push(t("Moved"));
  return words;
}

/**
 * A picture's size in pixels, as far as its largest thumbnail tells.
 * @param {{ width: number, height: number }} size @param {number} limit
 */
export function sizeOf({ width, height }, limit) {
  const said = `${formatNumber(width)} × ${formatNumber(height)}`;
  return Math.max(width, height) < limit ? said : t("{size} or more", { size: said });
}
