// @ts-check
// What can be done where a sync couldn't go on: said in words, with a button for each way.

import { button, h, popover } from "../dom.js";
import { inWords } from "../failures.js";
import { t } from "../i18n.js";
import { getBeside, isOffline, needsChoice, renameAndSync, sync } from "./actions.js";
import { openConnect } from "./connect.js";

/** @typedef {import("./state.js").SyncState} SyncState */
/** @typedef {{ icon: string, label: string, onclick: () => unknown }} Way */

/** For when only the server knows that the storage was away. */
export function offlineError() {
  return {
    code: "remote_offline",
    message: t("The online storage didn't answer the last time."),
    hint: t("Check that this machine is online, and try again."),
  };
}

/** @param {SyncState} state */
function errorOf({ outcome, connection }) {
  const error = outcome?.job.error;
  return error ? inWords(error) : connection?.status?.offline ? offlineError() : null;
}

/**
 * Say why the last sync didn't go on, and what can be done.
 * @param {HTMLElement} anchor @param {SyncState} state
 */
export function openChoices(anchor, state) {
  const error = errorOf(state);
  if (!error) return;
  const buttons = waysOf(state, error.code).map((way) => {
    const onclick = () => {
      close();
      way.onclick();
    };
    return button({ ...way, kind: "secondary", onclick });
  });
  const content = h(
    "div.gp-choices",
    {},
    h("strong", { textContent: error.message }),
    error.hint && h("p", { textContent: error.hint }),
    h("div.gp-ways", {}, ...buttons),
  );
  const close = popover(anchor, content, { minWidth: 260, label: error.message });
  buttons[0]?.focus();
}

/** @param {SyncState} state @param {string} code @returns {Way[]} */
function waysOf({ id, connection }, code) {
  const settings = { icon: "cog", label: t("Connection settings…"), onclick: () => openConnect({ id }) };
  const retry = { icon: "refresh", label: t("Try again"), onclick: () => sync(id) };
  const beside = (/** @type {boolean} */ namesake) => ({
    icon: "clone",
    label: t("Get the other beside mine"),
    onclick: () => getBeside(id, namesake),
  });
  if (isOffline(code)) return [retry, settings];
  if (!needsChoice(code)) return [settings, retry];
  /** @type {Record<string, Way[]>} */
  const ways = {
    remote_gone: [{ icon: "cloud-upload", label: t("Send it again"), onclick: () => sync(id, true) }],
    remote_rewritten: [
      { icon: "sync", label: t("Sync all the same"), onclick: () => sync(id, true) },
      beside(false),
    ],
    remote_unrelated: [beside(false)],
    name_taken_there: [
      { icon: "pencil", label: t("Rename mine…"), onclick: () => renameAndSync(id) },
      beside(true),
    ],
  };
  const found = ways[code] ?? [];
  // Only from the default storage can another one be had.
  const possible = found.filter((way) => way.icon !== "clone" || !connection?.own);
  return [...possible, settings];
}
