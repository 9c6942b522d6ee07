// @ts-check
// Clean-ups on their way, whoever looks at them.

import { t, tn } from "../i18n.js";
import { Listeners } from "../listeners.js";
import * as profiles from "../profiles.js";
import * as jobs from "../remote/jobs.js";
import * as remote from "../remote/remote.js";
import { size } from "../remote/words.js";

/**
 * `job` is null until the server has begun.
 * @typedef {{ job: jobs.Job | null, cancelling: boolean, problem: unknown }} Cleaning
 */

/** By profile. @type {Map<string, Cleaning>} */
export const underway = new Map();

const listeners = new Listeners();

/** @param {() => void} listener @returns {() => void} stops listening */
export function subscribe(listener) {
  return listeners.add(listener);
}

/**
 * Clean up a profile's history, to the end. Raises what it failed with.
 * @param {string} id @param {profiles.Keep} keep
 * @returns {Promise<profiles.Freed | null>} null where it was cancelled, and nothing changed
 */
export async function cleanUp(id, keep) {
  /** @type {Cleaning} */
  const cleaning = { job: null, cancelling: false, problem: null };
  underway.set(id, cleaning);
  listeners.tell();
  try {
    const { job } = await profiles.cleanUp(id, keep);
    const ended = await jobs.follow(job, (now) => {
      cleaning.job = now;
      listeners.tell();
    });
    return ended.state === "cancelled" ? null : jobs.resultOf(ended);
  } finally {
    underway.delete(id);
    listeners.tell();
  }
}

/** @param {string} id */
export async function cancel(id) {
  const cleaning = underway.get(id);
  if (!cleaning?.job || cleaning.cancelling) return;
  Object.assign(cleaning, { cancelling: true, problem: null });
  listeners.tell();
  try {
    await remote.cancel(cleaning.job.job);
  } catch (error) {
    Object.assign(cleaning, { cancelling: false, problem: error });
    listeners.tell();
  }
}

/** Whether the history is changed by now, so that there is no way back. @param {Cleaning} cleaning */
export const isPastCancel = ({ job }) => job?.progress.phase === "free";

/** @param {Cleaning} cleaning */
export function progressWords(cleaning) {
  if (isPastCancel(cleaning)) return t("Freeing space…");
  return cleaning.cancelling ? t("Cancelling…") : t("Looking through the history…");
}

/** What a clean-up did. @param {profiles.Freed} freed */
export function freedWords({ freed, dropped }) {
  if (!dropped) return t("There was nothing to free.");
  return tn("Freed {size}; {n} snapshot went.", "Freed {size}; {n} snapshots went.", dropped, { size: size(freed) });
}
