// @ts-check
// The buttons that take one side of a comparison, or a part of it, back into the pool.

import { button, h } from "../dom.js";
import { t } from "../i18n.js";
import { offersOf } from "./changes.js";
import { nameOf } from "./words.js";

/** @typedef {import("../profiles.js").SlotChange} SlotChange */
/** @typedef {import("../profiles.js").PastSlot} PastSlot */
/** @typedef {import("./changes.js").Part} Part */
/** @typedef {import("./comparison.js").Side} Side */
/** @typedef {(side: Side, image: string, what: Part[] | null) => void} Take */

/**
 * The buttons for a side of a row; where there is nothing to take, what says so, or nothing.
 * @param {SlotChange} row @param {Side} side @param {PastSlot | null} slot the row's on that side
 * @param {Take} take @returns {HTMLElement[]}
 */
export function takeButtons(row, side, slot, take) {
  if (!side.snapshot || !slot) return [];
  const { whole, parts } = offersOf(row.what.length || row.change !== "moved" ? row : null, side.present.get(row.image));
  if (whole) return [made("undo", t("Bring back"), slot, () => take(side, row.image, null))];
  const buttons = parts.map((part) => made(...words(part, slot), slot, () => take(side, row.image, [part])));
  if (buttons.length || row.change === "moved") return buttons;
  return [h("span.gp-same", { textContent: t("The same now") })];
}

/** @param {Part} part @param {PastSlot} slot @returns {[string, string]} icon and words */
function words(part, slot) {
  if (part === "image") return ["image", t("Take this image back")];
  if (part === "label") return ["tag", t("Take this label back")];
  return slot.mask_id ? ["palette", t("Take this mask back")] : ["eraser", t("Take the mask off again")];
}

/** @param {string} name @param {string} label @param {PastSlot} slot @param {() => void} onclick */
function made(name, label, slot, onclick) {
  const element = button({ icon: name, label, kind: "secondary", onclick });
  element.classList.add("gp-take");
  element.title = label;
  element.ariaLabel = `${label}: ${nameOf(slot)}`;
  return element;
}
