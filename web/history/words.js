// @ts-check
// What the timeline says: sentences, days, times, in the user's language.

import { formatDate, t, tn } from "../i18n.js";

/** @typedef {import("../profiles.js").Snapshot} Snapshot */
/** @typedef {import("../profiles.js").Counts} Counts */

/** What a snapshot is called: its name, else what it did. @param {Snapshot} snapshot */
export function titleOf(snapshot) {
  return snapshot.name || sentenceOf(snapshot);
}

/** What a snapshot did, in one line. @param {Snapshot} snapshot */
export function sentenceOf({ kind, sentence, changes }) {
  const first = sentence.split("\n")[0];
  // One that a person took by the button says the same as an automatic one.
  const plain = kind === "auto" || (kind === "named" && first === english(changes));
  return (plain && said(changes)) || translated(first);
}

/** What the server says in English for itself, where the page has words for it. @param {string} sentence @returns {string} */
function translated(sentence) {
  const restored = /^Restore “(.*)”$/.exec(sentence);
  if (restored) return t("Restore “{name}”", { name: translated(restored[1]) });
  return sentence === "Create the profile" ? t("Create the profile") : sentence;
}

/**
 * What changed: "Add 3 images, repaint 1 mask"; "" where nothing is known of it.
 * @param {Counts} changes
 */
export function said(changes) {
  const { added, removed, replaced, masks_added, masks_changed, masks_removed, labels } = changes;
  const parts = [
    added && tn("Add {n} image", "Add {n} images", added),
    removed && tn("Remove {n} image", "Remove {n} images", removed),
    replaced && tn("Replace {n} image", "Replace {n} images", replaced),
    masks_added && tn("Paint {n} mask", "Paint {n} masks", masks_added),
    masks_changed && tn("Repaint {n} mask", "Repaint {n} masks", masks_changed),
    masks_removed && tn("Clear {n} mask", "Clear {n} masks", masks_removed),
    labels && tn("Change {n} label", "Change {n} labels", labels),
    changes.reordered && t("Reorder images"),
  ].filter(Boolean);
  if (!parts.length) return changes.active ? t("Choose another active image") : "";
  return joined(/** @type {string[]} */ (parts));
}

/** Parts of a sentence, of which only the first begins with a capital. @param {string[]} parts */
function joined([first, ...rest]) {
  return [first, ...rest.map((part) => part[0].toLocaleLowerCase() + part.slice(1))].join(t(", "));
}

/** As the server says it. @param {Counts} changes */
function english(changes) {
  const count = (/** @type {string} */ verb, /** @type {number} */ n, /** @type {string} */ noun) =>
    n ? `${verb} ${n} ${noun}${n === 1 ? "" : "s"}` : "";
  const parts = [
    count("Add", changes.added, "image"),
    count("Remove", changes.removed, "image"),
    count("Replace", changes.replaced, "image"),
    count("Paint", changes.masks_added, "mask"),
    count("Repaint", changes.masks_changed, "mask"),
    count("Clear", changes.masks_removed, "mask"),
    count("Change", changes.labels, "label"),
    changes.reordered ? "Reorder images" : "",
  ].filter(Boolean);
  return parts.map((part, i) => (i ? part[0].toLowerCase() + part.slice(1) : part)).join(", ");
}

/** What kind a snapshot is: an icon and its name. @param {Snapshot} snapshot @returns {[string, string]} */
export function signOf({ kind, name }) {
  if (name) return ["bookmark-fill", t("Named")];
  /** @type {Record<string, () => [string, string]>} */
  const signs = {
    auto: () => ["circle-fill", t("Automatic")],
    named: () => ["bookmark", t("Taken by hand")],
    restore: () => ["undo", t("Restored")],
    merge: () => ["sync", t("Joined from two machines")],
    import: () => ["download", t("Imported")],
    duplicate: () => ["clone", t("Duplicated")],
  };
  return signs[kind]?.() ?? ["user", t("Made with another program")];
}

/** @param {number} time seconds */
export function clock(time) {
  return formatDate(new Date(time * 1000), { hour: "numeric", minute: "2-digit" });
}

/** Day and time of day. @param {number} time seconds */
export function moment(time) {
  const date = new Date(time * 1000);
  return formatDate(date, { dateStyle: "medium", timeStyle: "short" });
}

/** From when to when. @param {number} from seconds @param {number} to seconds */
export function span(from, to) {
  const [first, last] = [clock(from), clock(to)];
  return first === last ? first : t("{from} – {to}", { from: first, to: last });
}

/** A day's heading. @param {number} time seconds @param {Date} [now] */
export function dayName(time, now = new Date()) {
  const date = new Date(time * 1000);
  const days = Math.round((startOf(now) - startOf(date)) / 86_400_000);
  if (days === 0) return t("Today");
  if (days === 1) return t("Yesterday");
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: /** @type {const} */ ("numeric") };
  return formatDate(date, { weekday: "long", day: "numeric", month: "long", ...year });
}

/** @param {Date} date */
function startOf(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

/** What happened to an image of a strip. @param {string} change @returns {[string, string]} icon, words */
export function signOfChange(change) {
  /** @type {Record<string, () => [string, string]>} */
  const signs = {
    added: () => ["plus", t("Added")],
    removed: () => ["minus", t("Removed")],
    replaced: () => ["refresh", t("Replaced")],
    painted: () => ["palette", t("Mask painted")],
    repainted: () => ["palette", t("Mask repainted")],
    cleared: () => ["eraser", t("Mask cleared")],
    labelled: () => ["tag", t("Label changed")],
  };
  return signs[change]?.() ?? ["image", ""];
}
