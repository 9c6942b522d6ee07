// @ts-check
// The ⋮ menu of an Image Pool: what is done with the pool as a whole.

import { menu, plural } from "../dom.js";
import { askConfirm, askText, toast } from "../host.js";
import * as profiles from "../profiles.js";
import { attempt } from "./edits.js";

/** @typedef {import("../pools.js").Pool} Pool */
/** @typedef {{ icon: string, label: string, danger?: boolean, onclick: () => void }} Item */

/**
 * @typedef {object} MenuOptions
 * @property {Pool} pool
 * @property {boolean} connected whether a profile feeds it
 * @property {string | null} previous the pool shown before a profile was connected
 * @property {string[]} chosen the images selected
 * @property {() => unknown} refresh @property {() => void} selectAll
 * @property {(images: string[]) => unknown} remove
 * @property {(id: string) => void} show shows another pool
 */

/** @param {HTMLElement} anchor @param {MenuOptions} options */
export function openMenu(anchor, options) {
  const { pool, connected, chosen } = options;
  /** @type {Item[]} */
  const items = [
    { icon: "refresh", label: "Refresh", onclick: () => lookAgain(options) },
    { icon: "check-square", label: "Select all", onclick: options.selectAll },
  ];
  if (chosen.length) {
    const label = `Delete ${plural(chosen.length, "image")}`;
    items.push({ icon: "trash", label, danger: true, onclick: () => options.remove(chosen) });
  }
  if (!profiles.find(pool.id) && !connected) {
    items.push({ icon: "bookmark", label: "Make this pool a profile…", onclick: () => adopt(pool.id) });
  }
  menu(anchor, [...items, ...itemsForPrevious(options)]);
}

/** For the pool shown before, if it is still there. @param {MenuOptions} options @returns {Item[]} */
function itemsForPrevious(options) {
  const { pool, previous } = options;
  const lies = profiles.find(previous ?? "") || profiles.known.unregistered.some((p) => p.id === previous);
  if (!previous || !lies || previous === pool.id) return [];
  /** @type {Item[]} */
  const items = [
    { icon: "copy", label: "Copy the images shown before into this profile", onclick: () => seed(previous, pool) },
    { icon: "bookmark", label: "Make the pool shown before a profile…", onclick: () => adopt(previous) },
  ];
  if (!options.connected) {
    items.push({ icon: "history", label: "Show the pool shown before", onclick: () => options.show(previous) });
  }
  return items;
}

/** For a profile, files that somebody dropped into its folder are taken in too. @param {MenuOptions} options */
async function lookAgain({ pool, refresh }) {
  if (profiles.find(pool.id)) await profiles.takeIn(pool.id).catch(() => {});
  await refresh();
}

/** @param {string} poolId */
async function adopt(poolId) {
  const name = await askText("Make this pool a profile", "Its name:");
  if (!name) return;
  await attempt("The pool isn't a profile", async () => {
    await profiles.adopt(poolId, name);
    toast("success", `“${name}” is a profile now`, "Choose it in a Pool Profile node.");
  });
}

/** @param {string} from @param {Pool} pool */
async function seed(from, pool) {
  const question = "The images shown before are copied into this profile, with masks and labels.";
  if (!(await askConfirm("Copy the images?", question))) return;
  await attempt("The images weren't copied", async () => {
    const { copied } = await profiles.seed(from, pool.id);
    toast("success", `Copied ${plural(copied, "image")}`);
    await pool.refresh();
  });
}
