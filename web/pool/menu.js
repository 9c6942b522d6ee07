// @ts-check
// The ⋮ menu of an Image Pool: what is done with the pool as a whole.

import { menu } from "../dom.js";
import { askConfirm, askText, toast } from "../host.js";
import { t, tn } from "../i18n.js";
import * as profiles from "../profiles.js";
import { attempt } from "./edits.js";
import { nameOf } from "./undo.js";

/** @typedef {import("../pools.js").Pool} Pool */
/** @typedef {import("../dom.js").MenuItem} Item */

/**
 * @typedef {object} MenuOptions
 * @property {Pool} pool
 * @property {boolean} connected whether a profile feeds it
 * @property {string | null} previous the pool shown before a profile was connected
 * @property {string[]} chosen the images selected
 * @property {() => unknown} refresh @property {() => void} selectAll
 * @property {(images: string[]) => unknown} remove
 * @property {(back: boolean) => unknown} step undoes the newest edit, or redoes it
 * @property {(id: string) => void} show shows another pool
 */

/** @param {HTMLElement} anchor @param {MenuOptions} options */
export function openMenu(anchor, options) {
  const { pool, connected, chosen } = options;
  /** @type {(Item | null)[]} */
  const items = [
    ...itemsForSteps(options),
    null,
    { icon: "refresh", label: t("Refresh"), onclick: () => lookAgain(options) },
    { icon: "check-square", label: t("Select all"), onclick: options.selectAll },
  ];
  if (chosen.length) {
    const label = tn("Delete {n} image", "Delete {n} images", chosen.length);
    items.push({ icon: "trash", label, danger: true, onclick: () => options.remove(chosen) });
  }
  if (!profiles.find(pool.id) && !connected) {
    items.push({ icon: "bookmark", label: t("Make this pool a profile…"), onclick: () => adopt(pool.id) });
  }
  menu(anchor, [...items, ...itemsForPrevious(options)]);
}

/** @param {MenuOptions} options @returns {Item[]} */
function itemsForSteps({ pool, step }) {
  const { undo, redo } = pool.manifest?.undo ?? {};
  return [
    {
      icon: "undo",
      label: undo ? t("Undo {what}", { what: nameOf(undo) }) : t("Undo"),
      keys: t("Ctrl+Z"),
      disabled: !undo,
      onclick: () => step(true),
    },
    {
      icon: "replay",
      label: redo ? t("Redo {what}", { what: nameOf(redo) }) : t("Redo"),
      keys: t("Ctrl+Shift+Z"),
      disabled: !redo,
      onclick: () => step(false),
    },
  ];
}

/** For the pool shown before, if it is still there. @param {MenuOptions} options @returns {Item[]} */
function itemsForPrevious(options) {
  const { pool, previous } = options;
  const lies = profiles.find(previous ?? "") || profiles.known.unregistered.some((p) => p.id === previous);
  if (!previous || !lies || previous === pool.id) return [];
  /** @type {Item[]} */
  const items = [
    { icon: "copy", label: t("Copy the images shown before into this profile"), onclick: () => seed(previous, pool) },
    { icon: "bookmark", label: t("Make the pool shown before a profile…"), onclick: () => adopt(previous) },
  ];
  if (!options.connected) {
    items.push({ icon: "history", label: t("Show the pool shown before"), onclick: () => options.show(previous) });
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
  const name = await askText(t("Make this pool a profile"), t("Its name:"));
  if (!name) return;
  await attempt(t("The pool isn't a profile"), async () => {
    await profiles.adopt(poolId, name);
    toast("success", t("“{name}” is a profile now", { name }), t("Choose it in a Pool Profile node."));
  });
}

/** @param {string} from @param {Pool} pool */
async function seed(from, pool) {
  const question = t("The images shown before are copied into this profile, with masks and labels.");
  if (!(await askConfirm(t("Copy the images?"), question))) return;
  await attempt(t("The images weren't copied"), async () => {
    const { copied } = await profiles.seed(from, pool.id);
    toast("success", tn("Copied {n} image", "Copied {n} images", copied));
    await pool.refresh();
  });
}
