// @ts-check
// What a person does with profiles: asks, does it, says how it went.

import { askConfirm, askText, saveFile, toast, toastError } from "../host.js";
import { chooseFiles } from "../pool/files.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";

/** @typedef {profiles.Profile} Profile */

/**
 * Do something; what goes wrong is said, and null comes back.
 * @template T
 * @param {string} failure @param {() => Promise<T>} action @returns {Promise<T | null>}
 */
async function attempt(failure, action) {
  try {
    return await action();
  } catch (error) {
    toastError(failure, error);
    return null;
  }
}

/** @param {string} [given] @returns {Promise<Profile | null>} */
export async function create(given) {
  const name = given ?? (await askText("Create a profile", "Its name:"));
  if (!name) return null;
  return attempt("The profile wasn't created", () => profiles.create(name));
}

/** @param {Profile} profile @returns {Promise<Profile | null>} */
export async function rename(profile) {
  const name = await askText("Rename the profile", "Its new name:", profile.name);
  if (!name || name === profile.name) return null;
  return attempt("The profile wasn't renamed", () => profiles.rename(profile.id, name));
}

/** @param {Profile} profile @returns {Promise<Profile | null>} */
export async function duplicate(profile) {
  const name = await askText("Duplicate the profile", "The copy's name:", `${profile.name} copy`);
  if (!name) return null;
  return attempt("The profile wasn't duplicated", async () => {
    const copy = await profiles.duplicate(profile.id, name);
    toast("success", `“${copy.name}” is ready`);
    return copy;
  });
}

/** @param {Profile} profile */
export async function remove(profile) {
  const pool = poolOf(profile.id);
  await pool.refresh();
  const question = "It can be brought back for 7 days, from the list of profiles.";
  const count = `${pool.slots.length} image${pool.slots.length === 1 ? "" : "s"}`;
  const options = { type: "delete", itemList: [`${profile.name} (${count})`] };
  if (!(await askConfirm("Delete the profile?", question, options))) return;
  await attempt("The profile wasn't deleted", async () => {
    await profiles.remove(profile.id);
    toast("info", `“${profile.name}” is deleted`, "The list of profiles can bring it back.");
  });
}

/** @param {string} id @returns {Promise<Profile | null>} */
export function undelete(id) {
  return attempt("The profile wasn't brought back", () => profiles.undelete(id));
}

/** @param {profiles.LoosePool} pool @returns {Promise<Profile | null>} */
export async function adopt(pool) {
  const name = await askText("Make this pool a profile", "Its name:", pool.name ?? "");
  if (!name) return null;
  return attempt("The pool isn't a profile", () => profiles.adopt(pool.id, name));
}

/** @param {string} id */
export function snapshot(id) {
  return attempt("No snapshot was taken", async () => {
    const made = (await profiles.snapshot(id)).snapshot;
    if (made) toast("success", "Snapshot taken", made.message);
    else toast("info", "Nothing has changed", "The newest snapshot has everything already.");
  });
}

/** @param {Profile} profile @param {"zip" | "bundle"} format */
export function exportFile(profile, format) {
  return attempt("The profile wasn't exported", async () => {
    toast("info", `Exporting “${profile.name}”…`);
    const blob = await profiles.exportFile(profile.id, format);
    saveFile(blob, `${profile.name.replace(/[\\/:*?"<>|]/g, "_")}.${format}`);
  });
}

/** @returns {Promise<Profile | null>} */
export async function importFile() {
  const [file] = await chooseFiles({ accept: ".zip,.bundle", multiple: false });
  if (!file) return null;
  return attempt(`“${file.name}” wasn't imported`, async () => {
    const profile = await profiles.importFile(file);
    toast("success", `Imported “${profile.name}”`);
    return profile;
  });
}
