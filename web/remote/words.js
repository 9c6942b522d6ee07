// @ts-check
// Sync in words: how far it is, how it went, how long ago.

import { formatDate, formatNumber, t, tn } from "../i18n.js";

/** @typedef {import("./jobs.js").Progress} Progress */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @type {Record<string, () => string>} */
const PHASES = {
  waiting: () => t("Waiting…"),
  snapshot: () => t("Taking a snapshot…"),
  connect: () => t("Connecting…"),
  receive: () => t("Receiving…"),
  check: () => t("Checking…"),
  merge: () => t("Putting edits together…"),
  place: () => t("Almost there…"),
  send: () => t("Sending…"),
};

/** How far a job is. @param {Progress} progress */
export function progressWords({ phase, done, total, unit }) {
  if (phase === "send" && total) return t("Sending {n} of {all}…", { n: Math.min(done, total), all: total });
  if (phase === "receive" && unit === "bytes" && done) return t("Receiving {size}…", { size: size(done) });
  return PHASES[phase]?.() ?? t("Working…");
}

/** @param {number} bytes */
export function size(bytes) {
  const units = [t("KB"), t("MB"), t("GB")];
  let value = bytes / 1000;
  let at = 0;
  while (value >= 1000 && at < 2) {
    value /= 1000;
    at += 1;
  }
  const exact = value < 10 && at > 0;
  const digits = exact ? 1 : 0;
  const shown = exact ? value : Math.max(1, Math.round(value));
  const number = formatNumber(shown, { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${number} ${units[at]}`;
}

/** @param {number} time seconds since 1970 @param {number} now milliseconds since 1970 */
export function ago(time, now) {
  const passed = now / 1000 - time;
  // Another machine's clock may be a little ahead; one that is far ahead is wrong.
  if (passed < -DAY) return onDate(time);
  if (passed < MINUTE) return t("just now");
  if (passed < HOUR) return tn("{n} minute ago", "{n} minutes ago", Math.floor(passed / MINUTE));
  if (passed < DAY) return tn("{n} hour ago", "{n} hours ago", Math.floor(passed / HOUR));
  if (passed < 2 * DAY) return t("yesterday");
  if (passed < 30 * DAY) return tn("{n} day ago", "{n} days ago", Math.floor(passed / DAY));
  return onDate(time);
}

/** @param {number} time seconds since 1970 */
function onDate(time) {
  const options = /** @type {const} */ ({ year: "numeric", month: "short", day: "numeric" });
  return t("on {date}", { date: formatDate(new Date(time * 1000), options) });
}

/** @type {Record<string, () => string>} */
const RESULTS = {
  up_to_date: () => t("Up to date"),
  pushed: () => t("Sent"),
  pulled: () => t("Received the other machine's edits"),
  merged: () => t("Merged both machines' edits"),
};

/** What a sync did. @param {{ status: string }} result */
export function resultWords({ status }) {
  return RESULTS[status]?.() ?? t("Synced");
}

/** What is at an address. @param {{ profiles: number, empty: boolean }} found */
export function foundWords({ profiles, empty }) {
  if (empty) return t("It works. Nothing is there yet.");
  return tn("It works. It holds {n} profile.", "It works. It holds {n} profiles.", profiles);
}
