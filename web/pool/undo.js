// @ts-check
// Undo and redo of a pool's own edits: by key, and in words.

import { t, tn } from "../i18n.js";

/** @typedef {import("../pools.js").Step} Step */

/**
 * Take Ctrl+Z and Ctrl+Shift+Z inside an element for its pool; text fields keep their own, and
 * elsewhere the keys are ComfyUI's as ever.
 * @param {HTMLElement} element @param {(back: boolean) => void} act
 */
export function enableUndoKeys(element, act) {
  const press = (/** @type {KeyboardEvent} */ event) => {
    const back = directionOf(event);
    if (back === null || isTextField(event.target)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    hideModifiers(event);
    act(back);
  };
  element.addEventListener("keydown", press, true);
}

/** true for undo, false for redo, null for any other key. Pure. @param {KeyboardEvent} event */
export function directionOf(event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return null;
  // Where the keyboard isn't Latin, the key's place tells.
  const latin = /^[a-z]$/i.test(event.key);
  const letter = latin ? event.key.toLowerCase() : event.code.replace(/^Key/, "").toLowerCase();
  if (letter === "z") return !event.shiftKey;
  return letter === "y" && !event.shiftKey ? false : null;
}

/** @param {EventTarget | null} target */
function isTextField(target) {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA)$/.test(target.tagName));
}

/**
 * ComfyUI listens at the window, before anything in the page, and looks at the event once more a
 * frame later: by then it mustn't be a shortcut any more, or the workflow would be undone too.
 * @param {KeyboardEvent} event
 */
function hideModifiers(event) {
  Object.defineProperty(event, "ctrlKey", { value: false });
  Object.defineProperty(event, "metaKey", { value: false });
}

/** What an edit did, as a menu says it. @param {Step} step */
export function nameOf({ kind, count }) {
  /** @type {Record<string, () => string>} */
  const names = {
    add: () => tn("adding {n} image", "adding {n} images", count),
    delete: () => tn("deleting {n} image", "deleting {n} images", count),
    label: () => t("a label"),
    mask: () => t("a mask"),
    reorder: () => t("the order"),
    restore: () => t("going back to a version"),
    bring_back: () => tn("bringing back {n} image", "bringing back {n} images", count),
    seed: () => tn("copying {n} image", "copying {n} images", count),
  };
  return (names[kind] ?? (() => t("an edit")))();
}

/** What has been undone, or redone. @param {Step} step @param {boolean} back */
export function saidOf(step, back) {
  const { kind, count } = step;
  const came = back ? kind === "delete" : ["add", "seed", "bring_back"].includes(kind);
  const went = back ? ["add", "seed"].includes(kind) : kind === "delete";
  if (came) return tn("Brought back {n} image.", "Brought back {n} images.", count);
  if (went) return tn("Took away {n} image.", "Took away {n} images.", count);
  return back ? t("Undid: {what}.", { what: nameOf(step) }) : t("Redid: {what}.", { what: nameOf(step) });
}
