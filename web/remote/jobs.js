// @ts-check
// Work that goes on in the server: followed by its events, and asked for where they don't come.

import { RequestError } from "../host.js";
import { t } from "../i18n.js";
import * as remote from "./remote.js";

/**
 * @typedef {{ phase: string, done: number, total: number, unit: string }} Progress
 * @typedef {{ code: string, message: string, hint: string }} Failure
 *
 * `id`: what it works on.
 * @typedef {object} Job
 * @property {string} job @property {string} id @property {"running" | "done" | "failed" | "cancelled"} state
 * @property {Progress} progress @property {any} result @property {Failure | null} error
 */

const LOOK_AFTER = 1500;
const REMEMBERED = 100;

/** @type {Map<string, Job>} */
const heard = new Map();
/** @type {Map<string, Set<(job: Job) => void>>} */
const listeners = new Map();

/** Take in an event. @param {Job} job */
export function hear(job) {
  heard.delete(job.job);
  heard.set(job.job, job);
  if (heard.size > REMEMBERED) heard.delete(/** @type {string} */ (heard.keys().next().value));
  for (const listener of [...(listeners.get(job.job) ?? [])]) listener(job);
}

/**
 * Follow a job to its end.
 * @param {string} id @param {(job: Job) => void} [changed] @returns {Promise<Job>} as it ended
 */
export function follow(id, changed = () => {}) {
  return new Promise((resolve) => {
    let waiting = 0;
    const all = listeners.get(id) ?? new Set();
    listeners.set(id, all);

    const take = (/** @type {Job} */ job) => {
      clearTimeout(waiting);
      changed(job);
      if (job.state === "running") waiting = window.setTimeout(look, LOOK_AFTER);
      else {
        all.delete(take);
        if (!all.size) listeners.delete(id);
        resolve(job);
      }
    };

    async function look() {
      try {
        hear(await remote.job(id));
      } catch (error) {
        if (error instanceof RequestError && error.status === 404) hear(lost(id));
        else waiting = window.setTimeout(look, LOOK_AFTER);
      }
    }

    all.add(take);
    // A quick one may have ended before anybody knew its id.
    take(heard.get(id) ?? begun(id));
  });
}

/** What a job gave. Raises what it failed with. @param {Job} job */
export function resultOf(job) {
  if (job.state === "done") return job.result;
  throw new RequestError(0, job.error ?? {});
}

/** A job of which nothing has been heard yet. @param {string} id @returns {Job} */
function begun(id) {
  const progress = { phase: "waiting", done: 0, total: 0, unit: "" };
  return { job: id, id: "", state: "running", progress, result: null, error: null };
}

/** @param {string} id @returns {Job} */
function lost(id) {
  const message = t("ComfyUI was started anew in between.");
  const error = { code: "unknown_job", message, hint: t("Try again; nothing was lost.") };
  return { ...begun(id), state: "failed", error };
}
