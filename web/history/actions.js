// @ts-check
// What a person does with a snapshot: asks where need be, does it, says how it went.

import { askText, toast, toastError } from "../host.js";
import { t } from "../i18n.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";
import { say } from "../snackbar.js";
import { titleOf } from "./words.js";

/** @typedef {profiles.Snapshot} Snapshot */
/** @typedef {{ images?: string[], what?: ("image" | "mask" | "label")[] }} Only */

/**
 * Make the pool what a snapshot has, or only some images of it; it can be undone.
 * @param {string} id @param {Snapshot} snapshot @param {Only} [only]
 * @returns {Promise<boolean>} whether it was done
 */
export async function restore(id, snapshot, only = {}) {
  try {
    await profiles.restore(id, snapshot.id, only);
    await poolOf(id).refresh();
  } catch (error) {
    toastError(only.images ? t("It wasn't brought back") : t("The snapshot wasn't restored"), error);
    return false;
  }
  const name = titleOf(snapshot);
  const words = only.images ? t("Brought back from “{name}”.", { name }) : t("Restored “{name}”.", { name });
  const kind = only.images ? "bring_back" : "restore";
  say(words, { label: t("Undo"), icon: "undo", act: () => undoRestore(id, kind) });
  return true;
}

/** Undo a restore, unless something else was done since. @param {string} id @param {string} kind its kind as an edit */
async function undoRestore(id, kind) {
  const pool = poolOf(id);
  await pool.refresh();
  const newest = pool.manifest?.undo?.undo;
  if (newest?.kind === kind) await undo(id);
  else toast("info", t("The pool was changed since"), t("Its own Undo takes back one edit after another."));
}

/** Undo the newest edit of a pool, a restore too; then offer to redo it. @param {string} id */
export const undo = (id) => step(id, true);

/** Do again what was undone; then offer to undo it. @param {string} id */
export const redo = (id) => step(id, false);

/** @param {string} id @param {boolean} back */
async function step(id, back) {
  try {
    await (back ? poolOf(id).undo() : poolOf(id).redo());
  } catch (error) {
    return toastError(back ? t("It wasn't undone") : t("It wasn't done again"), error);
  }
  if (back) say(t("Undone."), { label: t("Redo"), icon: "refresh", act: () => redo(id) });
  else say(t("Done again."), { label: t("Undo"), icon: "undo", act: () => undo(id) });
}

/**
 * Make a new profile that starts at a snapshot.
 * @param {string} id @param {Snapshot} snapshot @param {(id: string) => void} choose feeds the new one
 */
export async function branchOff(id, snapshot, choose) {
  const old = profiles.find(id)?.name ?? t("Profile");
  const given = t("{name} copy", { name: old });
  const name = await askText(t("New profile from here"), t("The new profile's name:"), given);
  if (!name) return;
  try {
    const made = await profiles.branchOff(id, snapshot.id, name);
    choose(made.id);
    say(t("“{name}” is ready.", { name: made.name }));
  } catch (error) {
    toastError(t("The profile wasn't made"), error);
  }
}

/**
 * Lock a snapshot against clean-up, or unlock it.
 * @param {string} id @param {Snapshot} snapshot @returns {Promise<Snapshot | null>} as it is now
 */
export async function toggleLock(id, snapshot) {
  try {
    const { snapshot: now } = await profiles.mark(id, snapshot.id, { locked: !snapshot.locked });
    say(now.locked ? t("Locked: a clean-up keeps it.") : t("Unlocked."));
    return now;
  } catch (error) {
    toastError(t("The snapshot wasn't locked"), error);
    return null;
  }
}
