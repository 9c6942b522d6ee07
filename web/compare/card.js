// @ts-check
// One slot of a comparison: how it was, how it became, and what of it can be taken back.

import { h, icon } from "../dom.js";
import { t } from "../i18n.js";
import { labelDiff } from "./labels.js";
import { takeButtons } from "./takes.js";
import { picture } from "./thumbs.js";
import { nameOf, wordsOf } from "./words.js";

/** @typedef {import("../profiles.js").SlotChange} SlotChange */
/** @typedef {import("../profiles.js").PastSlot} PastSlot */
/** @typedef {import("./comparison.js").Comparison} Comparison */

const SIDE = 150;
const SMALL = 64;

/**
 * A card with nothing in it yet but what it is.
 * @param {SlotChange} row @returns {HTMLElement}
 */
export function emptyCard(row) {
  const slot = /** @type {PastSlot} */ (row.to ?? row.from);
  const said = [nameOf(slot), ...wordsOf(row), row.what.includes("moved") && placesOf(row)];
  return h(`article.gp-card.gp-card-${row.change}`, {
    tabIndex: -1,
    role: "listitem",
    dataset: { image: row.image },
    ariaLabel: said.filter(Boolean).join(", "),
  });
}

/**
 * What is in a card.
 * @param {string} id @param {SlotChange} row @param {Comparison} comparison
 * @param {{ open: (image: string) => void, take: import("./takes.js").Take }} actions
 * @returns {HTMLElement[]}
 */
export function cardParts(id, row, comparison, actions) {
  const takes = takesOf(row, comparison, actions.take);
  if (row.change === "moved") return [moved(id, row, actions.open), takes].filter((part) => part !== null);
  const words = row.change === "changed" ? wordsOf(row) : [];
  const parts = [
    pair(id, row, actions.open),
    labelOf(row),
    words.length ? h("div.gp-words", {}, ...words.map((word) => h("span.gp-word", { textContent: word }))) : null,
    takes,
  ];
  return parts.filter((part) => part !== null);
}

/**
 * What can be taken back: of the earlier side, and where there is a later one, of that beside it.
 * @param {SlotChange} row @param {Comparison} comparison @param {import("./takes.js").Take} take
 * @returns {HTMLElement | null}
 */
function takesOf(row, { from, to }, take) {
  const sides = [takeButtons(row, from, row.from, take), takeButtons(row, to, row.to, take)];
  if (!sides.flat().length) return null;
  const both = to.snapshot !== null;
  const parts = both ? sides : [sides[0]];
  return h(`div.gp-card-takes${both ? ".gp-both" : ""}`, {}, ...parts.map((side) => h("div.gp-takes", {}, ...side)));
}

/** From which place to which. @param {SlotChange} row */
function placesOf({ from, to }) {
  return t("from {old} to {place}", { old: from?.index, place: to?.index });
}

/** The label, or what changed in it. @param {SlotChange} row @returns {HTMLElement | null} */
export function labelOf({ from, to, what }) {
  if (what.includes("label") && from && to) return h("div.gp-card-label", {}, labelDiff(from.label, to.label));
  const label = (to ?? from)?.label;
  return label ? h("div.gp-card-label", { dir: "auto", textContent: label }) : null;
}

/** @param {string} id @param {SlotChange} row @param {(image: string) => void} open @returns {HTMLElement} */
function pair(id, row, open) {
  return h(
    "div.gp-pair",
    {},
    figure(id, row, row.from, t("Before"), open),
    h("span.gp-arrow", {}, icon("arrow-right")),
    figure(id, row, row.to, t("After"), open),
  );
}

/**
 * @param {string} id @param {SlotChange} row @param {PastSlot | null} slot @param {string} side
 * @param {(image: string) => void} open
 */
function figure(id, row, slot, side, open) {
  if (!slot) return h("div.gp-absent", { textContent: t("Not there") });
  return look(id, row, slot, `${side}: ${nameOf(slot)}`, SIDE, open);
}

/**
 * A picture that opens the comparison of this image.
 * @param {string} id @param {SlotChange} row @param {PastSlot} slot @param {string} title
 * @param {number} side @param {(image: string) => void} open
 */
function look(id, row, slot, title, side, open) {
  return h(
    "button.gp-look",
    { type: "button", title: t("Look closer"), ariaLabel: title, onclick: () => open(row.image) },
    picture(id, slot, side),
    h("span.gp-number", { textContent: String(slot.index) }),
  );
}

/** @param {string} id @param {SlotChange} row @param {(image: string) => void} open @returns {HTMLElement} */
function moved(id, row, open) {
  const slot = /** @type {PastSlot} */ (row.to);
  return h(
    "div.gp-card-row",
    {},
    look(id, row, slot, nameOf(slot), SMALL, open),
    h(
      "div.gp-moved-text",
      {},
      h("span.gp-card-label", { dir: "auto", textContent: slot.label }),
      h(
        "span.gp-places",
        { title: placesOf(row) },
        h("span", { textContent: String(row.from?.index) }),
        icon("arrow-right"),
        h("span", { textContent: String(slot.index) }),
      ),
    ),
  );
}
