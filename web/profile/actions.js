// @ts-check
// What a person does with profiles: asks, does it, says how it went.

import { askConfirm, askText, saveFile, toast, toastError } from "../host.js";
import { t, tn } from "../i18n.js";
import { chooseFiles } from "../pool/files.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";
import { tellLeftOut } from "./leftout.js";

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
  const name = given ?? (await askText(t("Create a profile"), t("Its name:")));
  if (!name) return null;
  return attempt(t("The profile wasn't created"), () => profiles.create(name));
}

/** @param {Profile} profile @returns {Promise<Profile | null>} */
export async function rename(profile) {
  const name = await askText(t("Rename the profile"), t("Its new name:"), profile.name);
  if (!name || name === profile.name) return null;
  return attempt(t("The profile wasn't renamed"), () => profiles.rename(profile.id, name));
}

/** @param {Profile} profile @returns {Promise<Profile | null>} */
export async function duplicate(profile) {
  const wanted = t("{name} copy", { name: profile.name });
  const name = await askText(t("Duplicate the profile"), t("The copy's name:"), wanted);
  if (!name) return null;
  return attempt(t("The profile wasn't duplicated"), async () => {
    const copy = await profiles.duplicate(profile.id, name);
    toast("success", t("“{name}” is ready", { name: copy.name }));
    return copy;
  });
}

/** @param {Profile} profile */
export async function remove(profile) {
  const pool = poolOf(profile.id);
  await pool.refresh();
  const question = t("It can be brought back for 7 days, from the list of profiles.");
  const count = tn("{n} image", "{n} images", pool.slots.length);
  const options = { type: "delete", itemList: [`${profile.name} (${count})`] };
  if (!(await askConfirm(t("Delete the profile?"), question, options))) return;
  await attempt(t("The profile wasn't deleted"), async () => {
    await profiles.remove(profile.id);
    const said = t("“{name}” is deleted", { name: profile.name });
    toast("info", said, t("The list of profiles can bring it back."));
  });
}

/** @param {string} id @returns {Promise<Profile | null>} */
export function undelete(id) {
  return attempt(t("The profile wasn't brought back"), () => profiles.undelete(id));
}

/** @param {profiles.LoosePool} pool @returns {Promise<Profile | null>} */
export async function adopt(pool) {
  const name = await askText(t("Make this pool a profile"), t("Its name:"), pool.name ?? "");
  if (!name) return null;
  return attempt(t("The pool isn't a profile"), () => profiles.adopt(pool.id, name));
}

/** @param {string} id */
export function snapshot(id) {
  return attempt(t("No snapshot was taken"), async () => {
    const made = (await profiles.snapshot(id)).snapshot;
    if (made) toast("success", t("Snapshot taken"), made.message);
    else toast("info", t("Nothing has changed"), t("The newest snapshot has everything already."));
  });
}

/** @param {Profile} profile @param {"zip" | "bundle"} format */
export function exportFile(profile, format) {
  return attempt(t("The profile wasn't exported"), async () => {
    toast("info", t("Exporting “{name}”…", { name: profile.name }));
    const { blob, leftOut } = await profiles.exportFile(profile.id, format);
    if (leftOut) {
      const said = tn("{n} other file isn't in the zip", "{n} other files aren't in the zip", leftOut);
      toast("info", said, t("An export with its whole history has them."));
    }
    saveFile(blob, `${profile.name.replace(/[\\/:*?"<>|]/g, "_")}.${format}`);
  });
}

/** @returns {Promise<Profile | null>} */
export async function importFile() {
  const [file] = await chooseFiles({ accept: ".zip,.bundle", multiple: false });
  if (!file) return null;
  return attempt(t("“{name}” wasn't imported", { name: file.name }), async () => {
    const profile = await profiles.importFile(file);
    const said = t("Imported “{name}”", { name: profile.name });
    toast("success", said);
    tellLeftOut(said, profile.left_out);
    return profile;
  });
}
