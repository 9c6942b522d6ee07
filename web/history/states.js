// @ts-check
// What the History panel shows where there is no timeline: why, and what to do about it.

import { button, h, icon } from "../dom.js";
import { wordsOf } from "../host.js";
import { t } from "../i18n.js";

/** @typedef {import("./feed.js").Feed} Feed */

/** @param {string} sign @param {string} title @param {string} hint @param {...(HTMLElement | null)} ways */
function state(sign, title, hint, ...ways) {
  return h(
    "div.gp-empty",
    {},
    icon(sign),
    h("strong", { textContent: title, dir: "auto" }),
    hint && h("span", { textContent: hint }),
    ways.length > 0 && h("div.gp-ways", {}, ...ways),
  );
}

/** @param {() => void} choose opens the list of profiles */
export function noProfile(choose) {
  const way = button({ icon: "bookmark", label: t("Choose a profile…"), kind: "secondary", onclick: choose });
  return state("bookmark", t("No profile chosen"), t("Select a Pool Profile node, or choose a profile here."), way);
}

/** @param {() => void} adopt makes a profile of the pool */
export function noHistory(adopt) {
  const way = button({ icon: "bookmark", label: t("Make this pool a profile…"), kind: "secondary", onclick: adopt });
  return state("history", t("This pool has no history"), t("As a profile, it keeps every change from now on."), way);
}

/** @param {() => void} undelete */
export function deleted(undelete) {
  const way = button({ icon: "undo", label: t("Bring back"), kind: "secondary", onclick: undelete });
  return state("trash", t("This profile is deleted"), t("For 7 days it can be brought back."), way);
}

export function gone() {
  return state("question-circle", t("This profile is gone"), t("Choose another one above."));
}

export function noSnapshots() {
  return state("history", t("No snapshots yet"), t("Add an image: from then on, every change can be taken back."));
}

/** @param {Feed["filter"]} filter @param {() => void} clear */
export function noMatches({ text, auto }, clear) {
  const title = text ? t("Nothing matches “{text}”", { text }) : t("Only automatic snapshots here");
  const label = text ? t("Clear the search") : t("Show them");
  const hint = text && !auto ? t("Automatic snapshots are hidden.") : "";
  return state("search", title, hint, button({ icon: "times", label, kind: "secondary", onclick: clear }));
}

/** @param {unknown} error @param {() => void} retry */
export function failed(error, retry) {
  const way = button({ icon: "refresh", label: t("Try again"), kind: "secondary", onclick: retry });
  return state("exclamation-triangle", t("The history can't be read"), wordsOf(error), way);
}

/** Rows to come. */
export function loading() {
  const bars = Array.from({ length: 5 }, () => h("div.gp-skeleton", {}, h("i"), h("b"), h("span"), h("em")));
  return h("div.gp-loading-rows", { role: "status", ariaLabel: t("Loading…") }, ...bars);
}

/** @param {boolean} text whether words are looked for */
export function searching(text) {
  const turning = icon("spinner");
  turning.classList.add("pi-spin");
  return h("div.gp-tail", { role: "status" }, turning, h("span", { textContent: text ? t("Searching…") : t("Loading…") }));
}
