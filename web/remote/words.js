// @ts-check
// Sync in words: how far it is, how it went, how long ago. Pure.

import { plural } from "../dom.js";

/** @typedef {import("./jobs.js").Progress} Progress */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** @type {Record<string, string>} */
const PHASES = {
  waiting: "Waiting…",
  snapshot: "Taking a snapshot…",
  connect: "Connecting…",
  receive: "Receiving…",
  check: "Checking…",
  merge: "Putting edits together…",
  place: "Almost there…",
  send: "Sending…",
};

/** How far a job is. @param {Progress} progress */
export function progressWords({ phase, done, total, unit }) {
  if (phase === "send" && total) return `Sending ${Math.min(done, total)} of ${total}…`;
  if (phase === "receive" && unit === "bytes" && done) return `Receiving ${size(done)}…`;
  return PHASES[phase] ?? "Working…";
}

/** @param {number} bytes */
export function size(bytes) {
  const units = ["KB", "MB", "GB"];
  let value = bytes / 1000;
  while (value >= 1000 && units.length > 1) {
    value /= 1000;
    units.shift();
  }
  return `${value < 10 && units[0] !== "KB" ? value.toFixed(1) : Math.max(1, Math.round(value))} ${units[0]}`;
}

/** @param {number} time seconds since 1970 @param {number} now milliseconds since 1970 */
export function ago(time, now) {
  const passed = now / 1000 - time;
  if (passed < MINUTE) return "just now";
  if (passed < HOUR) return `${plural(Math.floor(passed / MINUTE), "minute")} ago`;
  if (passed < DAY) return `${plural(Math.floor(passed / HOUR), "hour")} ago`;
  if (passed < 2 * DAY) return "yesterday";
  if (passed < 30 * DAY) return `${Math.floor(passed / DAY)} days ago`;
  const options = /** @type {const} */ ({ year: "numeric", month: "short", day: "numeric" });
  return `on ${new Date(time * 1000).toLocaleDateString([], options)}`;
}

/** What a sync did. @param {{ status: string }} result */
export function resultWords({ status }) {
  /** @type {Record<string, string>} */
  const words = {
    up_to_date: "Up to date",
    pushed: "Sent",
    pulled: "Received the other machine's edits",
    merged: "Merged both machines' edits",
  };
  return words[status] ?? "Synced";
}

/** What is at an address. @param {{ profiles: number, empty: boolean }} found */
export function foundWords({ profiles, empty }) {
  return empty ? "It works. Nothing is there yet." : `It works. It holds ${plural(profiles, "profile")}.`;
}
