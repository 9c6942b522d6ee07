// @ts-check
// What a person does with Sync: does it, and says how it went.

import { RequestError, toast, toastError } from "../host.js";
import { t } from "../i18n.js";
import * as profileActions from "../profile/actions.js";
import { tellLeftOut } from "../profile/leftout.js";
import * as profiles from "../profiles.js";
import { openConnect } from "./connect.js";
import { resultOf } from "./jobs.js";
import * as remote from "./remote.js";
import { stateOf } from "./state.js";
import { resultWords } from "./words.js";

/** @typedef {import("./jobs.js").Job} Job */
/** @typedef {import("./state.js").SyncState} SyncState */

/**
 * Sync a profile; where nothing is connected yet, that comes first.
 * @param {string} id @param {boolean} [again] also where the other side was set back or lost it
 * @returns {Promise<Job | null>} as it ended; null where it didn't begin
 */
export async function sync(id, again = false) {
  const state = stateOf(id);
  if (state.busy) return null;
  try {
    const job = await state.begin(() => remote.sync(id, again));
    if (job.state === "done") sayResult(id, job.result);
    else if (job.state === "failed" && !needsChoice(job.error?.code)) toastError(t("Not synced"), failureOf(job));
    return job;
  } catch (error) {
    if (error instanceof RequestError && error.code === "no_remote") {
      openConnect({ id, save: t("Save and sync"), saved: () => sync(id) });
    } else toastError(t("Not synced"), error);
    return null;
  }
}

/** @param {string} id @param {any} result */
function sayResult(id, result) {
  const name = profiles.find(id)?.name ?? "";
  tellLeftOut(resultWords(result), result.left_out);
  if (!result.conflicts?.length) return toast("success", resultWords(result), name);
  const detail = t("{name}: yours is shown. “Needs a choice” on the node shows the other one.", { name });
  toast("warn", t("Both machines changed the same thing"), detail);
}

/** @param {Job} job */
function failureOf(job) {
  return new RequestError(0, job.error ?? {});
}

const CHOICES = ["remote_gone", "remote_rewritten", "remote_unrelated", "name_taken_there"];
const OFFLINE = ["remote_offline", "remote_timeout", "remote_cut_off"];

/** Whether only a person can say how to go on. @param {string | undefined} code an error's */
export function needsChoice(code) {
  return !!code && CHOICES.includes(code);
}

/** Whether it may do another time. @param {string | undefined} code an error's */
export function isOffline(code) {
  return !!code && OFFLINE.includes(code);
}

/**
 * Get the storage's profile as one of its own, beside this one.
 * @param {string} id @param {boolean} namesake the one of the same name, not of the same origin
 */
export async function getBeside(id, namesake) {
  const name = profiles.find(id)?.name ?? "";
  try {
    const job = await stateOf(id).begin(async () => {
      const held = await remote.held();
      const found = namesake ? byName(held, name) : held.find((h) => h.id === id) ?? byName(held, name);
      if (!found) throw notThere(name);
      return remote.fetch(found.remote_branch, !namesake);
    }, t("Looking for it…"));
    if (job.state === "cancelled") return;
    const made = resultOf(job);
    await profiles.refresh();
    const said = t("“{name}” is beside it now", { name: made.name });
    tellLeftOut(said, made.left_out);
    toast("success", said, t("Choose it in the list of profiles."));
  } catch (error) {
    toastError(t("The other one didn't come"), error);
  }
}

/** Give this one another name, and sync it under that. @param {string} id */
export async function renameAndSync(id) {
  const profile = profiles.find(id);
  if (profile && (await profileActions.rename(profile))) await sync(id);
}

/**
 * Get a profile that a workflow names and this machine hasn't got.
 * @param {string} id @param {string} name @param {(id: string) => void} choose
 */
export async function getMissing(id, name, choose) {
  const state = stateOf(id);
  if (state.busy) return;
  try {
    const job = await state.begin(async () => {
      const held = await remote.held();
      const found = held.find((h) => h.id === id) ?? byName(held, name);
      if (!found) throw notThere(name);
      return remote.fetch(found.remote_branch);
    }, t("Looking for it…"));
    if (job.state === "cancelled") return;
    const made = resultOf(job);
    await profiles.refresh();
    choose(made.id);
    const said = t("“{name}” is here", { name: made.name });
    tellLeftOut(said, made.left_out);
    toast("success", said);
  } catch (error) {
    toastError(t("“{name}” didn't come", { name: name || t("The profile") }), error);
  }
}

/** @param {remote.Held[]} held @param {string} name */
function byName(held, name) {
  const folded = profiles.fold(name);
  return held.find((each) => profiles.fold(each.name) === folded);
}

/** @param {string} name */
function notThere(name) {
  return new RequestError(404, {
    code: "not_there",
    message: t("The online storage doesn't hold “{name}”.", { name }),
    hint: t("Sync it on the machine that has it, then try again."),
  });
}
