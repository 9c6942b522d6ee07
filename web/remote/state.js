// @ts-check
// What the page knows of each profile's sync, shared by every node that shows it.

import * as profiles from "../profiles.js";
import { t } from "../i18n.js";
import { Listeners } from "../listeners.js";
import * as jobs from "./jobs.js";
import * as remote from "./remote.js";

/** @typedef {import("./jobs.js").Job} Job */

/** One profile's sync; that of no profile ("") knows only the default connection. */
export class SyncState {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    /** @type {remote.Connection | null} */
    this.connection = null;
    /** @type {remote.Conflict[]} */
    this.conflicts = [];
    /** What runs now. @type {Job | null} */
    this.job = null;
    /** What is said while something is begun that has no job yet. */
    this.starting = "";
    this.cancelling = false;
    /** How the last one ended. @type {{ job: Job, at: number } | null} */
    this.outcome = null;
    this.listeners = new Listeners();
    /** @type {Map<string, Promise<Job>>} */
    this.followed = new Map();
    this.asked = 0;
  }

  get busy() {
    return !!this.starting || !!this.job;
  }

  /** @param {() => void} listener @returns {() => void} stops listening */
  subscribe(listener) {
    return this.listeners.add(listener);
  }

  tell() {
    this.listeners.tell();
  }

  /** Ask the server again. While it is away, what was known stays. */
  async refresh() {
    const asked = (this.asked += 1);
    const here = !!profiles.find(this.id);
    try {
      const [connection, conflicts] = await Promise.all([
        remote.connection(here ? this.id : ""),
        here ? remote.conflicts(this.id) : [],
      ]);
      if (asked !== this.asked) return;
      Object.assign(this, { connection, conflicts });
    } catch (error) {
      console.debug("[Git Pool]", error);
    }
    this.tell();
  }

  /**
   * Begin something and follow it to its end.
   * @param {() => Promise<remote.Begun>} start @param {string} [words] @returns {Promise<Job>}
   */
  async begin(start, words = t("Starting…")) {
    this.starting = words;
    this.tell();
    try {
      const { job } = await start();
      return this.follow(job);
    } finally {
      this.starting = "";
      this.tell();
    }
  }

  /** @param {string} id @returns {Promise<Job>} */
  follow(id) {
    let following = this.followed.get(id);
    if (!following) {
      this.cancelling = false;
      following = jobs.follow(id, (job) => this.take(job));
      this.followed.set(id, following);
      following.then(() => this.followed.delete(id));
    }
    return following;
  }

  /** @param {Job} job */
  take(job) {
    if (job.state === "running") this.job = job;
    else {
      this.job = null;
      this.cancelling = false;
      this.outcome = { job, at: Date.now() };
      this.refresh();
    }
    this.tell();
  }

  async cancel() {
    if (!this.job) return;
    this.cancelling = true;
    this.tell();
    await remote.cancel(this.job.job).catch(() => (this.cancelling = false));
    this.tell();
  }
}

/** @type {Map<string, SyncState>} */
const states = new Map();

/** A profile's, the same object for everyone. @param {string} id */
export function stateOf(id) {
  let state = states.get(id);
  if (!state) states.set(id, (state = new SyncState(id)));
  return state;
}

/** Ask again for what somebody looks at. @param {(id: string) => boolean} [which] */
export function refreshStates(which = () => true) {
  const shown = [...states.values()].filter((state) => state.listeners.size && which(state.id));
  return Promise.all(shown.map((state) => state.refresh()));
}

/** With another connection, what went wrong before is of no interest. */
export function connectionChanged() {
  for (const state of states.values()) state.outcome = null;
  return refreshStates();
}

/** Take in an event about a job. @param {Job} job */
export function hearJob(job) {
  jobs.hear(job);
  const state = states.get(job.id);
  if (!state) return;
  if (job.state === "running") state.follow(job.job);
  else if (state.outcome?.job.job !== job.job) state.take(job);
}
