// @ts-check
// What of a file wasn't taken, and why: told once, all of it within reach.

import { h } from "../dom.js";
import { t, tn } from "../i18n.js";
import { Modal } from "../modal.js";

/** @typedef {{ name: string, why: string }} LeftOut */

/** The server's reasons, in the user's language. @type {Record<string, () => string>} */
const REASONS = {
  "it isn't an image": () => t("it isn't an image"),
  "it isn't an image that can be read": () => t("it isn't an image that can be read"),
  "it is too large": () => t("it is too large"),
  "it is damaged": () => t("it is damaged"),
  "it is damaged; the list was made anew": () => t("it is damaged; the list was made anew"),
  "it is encrypted": () => t("it is encrypted"),
  "its compression isn't supported": () => t("its compression isn't supported"),
  "its file isn't in the zip": () => t("its file isn't in the zip"),
  "it isn't in the pool's folder": () => t("it isn't in the pool's folder"),
  "it is a history, which no zip brings": () => t("it is a history, which no zip brings"),
  "it is a link or a device": () => t("it is a link or a device"),
  "it is a file that was never finished": () => t("it is a file that was never finished"),
  "it is listed twice": () => t("it is listed twice"),
  "there are two of that name": () => t("there are two of that name"),
  "too many to name": () => t("too many to name"),
  "the list doesn't name an image there": () => t("the list doesn't name an image there"),
  "a link": () => t("a link"),
  "another repository": () => t("another repository"),
  "a name that not every system can hold": () => t("a name that not every system can hold"),
  "more files than a pool can carry": () => t("more files than a pool can carry"),
};

/** @param {string} why */
const reasonOf = (why) => REASONS[why]?.() ?? why;

/** @param {string} title @param {LeftOut[] | undefined} leftOut nothing is shown where there is none */
export function tellLeftOut(title, leftOut) {
  if (!leftOut?.length) return;
  const modal = new Modal({ title, icon: "info-circle" });
  const rows = leftOut.map(({ name, why }) =>
    h(
      "li",
      {},
      h("bdi.gp-leftout-name", { textContent: name }),
      h("span.gp-note", { textContent: reasonOf(why), dir: "auto" }),
    ),
  );
  modal.show(
    h("p", { textContent: tn("{n} file was left out:", "{n} files were left out:", leftOut.length) }),
    h("ul.gp-leftout", { tabIndex: 0 }, ...rows),
  );
}
