// @ts-check
// What a clean-up may keep: ways to choose from, and spans for one's own. Pure.

import { t, tn } from "../i18n.js";

/**
 * @typedef {import("../profiles.js").Keep} Keep
 * @typedef {"light" | "strong" | "named" | "custom"} Way
 * @typedef {keyof Keep} Span
 */

const DAYS = [1, 3, 7, 14, 30, 90, 180, 365];
const WEEK = 7;
const MONTH = 30;
const YEAR = 365;

/** @type {Way[]} */
export const WAYS = ["light", "strong", "named", "custom"];

/** From the newest snapshots to the oldest. @type {Span[]} */
export const SPANS = ["all", "hourly", "daily", "weekly"];

/** @type {Record<Exclude<Way, "custom">, Keep>} */
const PRESETS = {
  light: { all: 1, hourly: 7, daily: 30, weekly: null },
  strong: { all: 1, hourly: 7, daily: 30, weekly: 90 },
  named: { all: 0, hourly: 0, daily: 0, weekly: 0 },
};

/** Where one's own way begins. @returns {Keep} */
export const ownKeep = () => ({ ...PRESETS.light });

/** @param {Way} way @param {Keep} own @returns {Keep} */
export const keepOf = (way, own) => (way === "custom" ? own : PRESETS[way]);

/** A way's name, and what it keeps. @type {Record<Way, () => [string, string]>} */
export const WAY_WORDS = {
  light: () => [
    t("Light"),
    t("Keeps everything of the last day, then one snapshot an hour for a week, one a day for a month, and one a week after that."),
  ],
  strong: () => [t("Strong"), t("As Light, but nothing automatic that is older than 3 months.")],
  named: () => [t("Only what I named"), t("Keeps no automatic snapshots but the newest one.")],
  custom: () => [t("Custom"), t("Choose for how long automatic snapshots are kept.")],
};

/** What is kept in each span. @type {Record<Span, () => string>} */
export const SPAN_WORDS = {
  all: () => t("Keep all"),
  hourly: () => t("Then one an hour"),
  daily: () => t("Then one a day"),
  weekly: () => t("Then one a week"),
};

/** How old snapshots get in a span. @param {number | null} days @param {boolean} none whether the span has no length */
export function ageWords(days, none) {
  if (none) return t("not at all");
  if (days === null) return t("for ever");
  if (days >= YEAR) return tn("until {n} year old", "until {n} years old", Math.round(days / YEAR));
  if (days >= MONTH) return tn("until {n} month old", "until {n} months old", Math.round(days / MONTH));
  if (days >= WEEK) return tn("until {n} week old", "until {n} weeks old", Math.round(days / WEEK));
  return tn("until {n} day old", "until {n} days old", days);
}

/**
 * How far a span may reach; the first choice is no further than the one before it.
 * @param {Keep} keep @param {Span} span @returns {(number | null)[]} days, null for ever
 */
export function choicesOf(keep, span) {
  const least = before(keep, span);
  if (least === null) return [null];
  return [least, ...DAYS.filter((days) => days > least), null];
}

/**
 * Another length for a span; those after it reach at least as far.
 * @param {Keep} keep @param {Span} span @param {number | null} days @returns {Keep}
 */
export function withSpan(keep, span, days) {
  const made = { ...keep, [span]: days };
  for (const later of SPANS.slice(SPANS.indexOf(span) + 1)) {
    const least = before(made, later);
    // Where nothing is left for it, a span has no length.
    if (least === null || (made[later] !== null && made[later] < least)) Object.assign(made, { [later]: least });
  }
  return made;
}

/** Where the span before ends. @param {Keep} keep @param {Span} span @returns {number | null} */
function before(keep, span) {
  const at = SPANS.indexOf(span);
  return at === 0 ? 0 : keep[SPANS[at - 1]];
}
