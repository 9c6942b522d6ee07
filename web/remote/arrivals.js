// @ts-check
// Profiles on their way from the online storage, whoever looks at them.

import { t } from "../i18n.js";
import { Listeners } from "../listeners.js";
import { tellLeftOut } from "../profile/leftout.js";
import * as profiles from "../profiles.js";
import { follow, resultOf } from "./jobs.js";
import * as remote from "./remote.js";

/** @typedef {import("./jobs.js").Job} Job */

/**
 * One on its way; `job` is null as long as its turn hasn't come.
 * @typedef {{ job: Job | null, what: "get" | "remove", stopped: boolean }} Arrival
 */

/** By branch. @type {Map<string, Arrival>} */
export const underway = new Map();
/** What came to nothing, and why. @type {Map<string, unknown>} */
export const failures = new Map();
/** What came, by branch: the profile's id here. @type {Map<string, string>} */
export const arrived = new Map();
const listeners = new Listeners();

/** @param {() => void} listener @returns {() => void} stops listening */
export function subscribe(listener) {
  return listeners.add(listener);
}

/** @param {string} branch @returns {Promise<profiles.Profile | null>} null where it didn't come */
export async function get(branch) {
  const result = await run(branch, "get", () => remote.fetch(branch));
  if (!result) return null;
  arrived.set(branch, result.id);
  await profiles.refresh().catch(() => {});
  listeners.tell();
  tellLeftOut(t("“{name}” is here", { name: result.name ?? "" }), result.left_out);
  return profiles.find(result.id) ?? null;
}

/** Get several, one after another. @param {string[]} branches */
export async function getAll(branches) {
  const waiting = branches.filter((branch) => !underway.has(branch));
  for (const branch of waiting) underway.set(branch, { job: null, what: "get", stopped: false });
  listeners.tell();
  // What was cancelled meanwhile isn't waiting any more.
  for (const branch of waiting) if (underway.has(branch)) await get(branch);
}

/** Remove one from the storage; nothing here is touched. @param {string} branch */
export async function remove(branch) {
  return !!(await run(branch, "remove", () => remote.remove(branch)));
}

/** @param {string} branch */
export function cancel(branch) {
  const arrival = underway.get(branch);
  if (!arrival) return;
  arrival.stopped = true;
  if (arrival.job) remote.cancel(arrival.job.job).catch(() => {});
  else underway.delete(branch);
  listeners.tell();
}

export function cancelAll() {
  for (const branch of [...underway.keys()]) cancel(branch);
}

/** @param {string} branch @param {"get" | "remove"} what @param {() => Promise<remote.Begun>} start */
async function run(branch, what, start) {
  /** @type {Arrival} */
  const arrival = { job: null, what, stopped: false };
  underway.set(branch, arrival);
  failures.delete(branch);
  listeners.tell();
  try {
    const { job } = await start();
    const ended = follow(job, (now) => {
      arrival.job = now;
      listeners.tell();
    });
    if (arrival.stopped) remote.cancel(job).catch(() => {});
    const done = await ended;
    return done.state === "cancelled" ? null : resultOf(done);
  } catch (error) {
    failures.set(branch, error);
    return null;
  } finally {
    underway.delete(branch);
    listeners.tell();
  }
}
