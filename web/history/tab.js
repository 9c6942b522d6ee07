// @ts-check
// The History tab in ComfyUI's sidebar: it follows the selected node, or what was opened last.

import { widgetOf } from "../follow.js";
import { registerSidebarTab, selectedNodes, showSidebarTab } from "../host.js";
import { t } from "../i18n.js";
import { nodesOfType, POOL_NODE, PROFILE_NODE } from "../links.js";
import * as profileActions from "../profile/actions.js";
import { openPicker } from "../profile/picker.js";
import * as profiles from "../profiles.js";
import { openStorage as openRemote } from "../remote/storage.js";
import { HistoryPanel } from "./panel.js";
import { openStorage } from "./storage.js";

const TAB = "gitpool.history";
const LOOK_EVERY = 400;

/** @type {HistoryPanel | null} */
let panel = null;
let shown = false;
/** The selection that was followed last. */
let followed = "";
/** What feeds a profile to the node that opened the history. @type {{ id: string, choose: (id: string) => void } | null} */
let opener = null;
let following = 0;
let stop = () => {};

/** Add the tab to ComfyUI's sidebar. */
export function registerHistoryTab() {
  registerSidebarTab({
    id: TAB,
    icon: "pi pi-camera",
    title: t("Pool history"),
    label: t("Pool history"),
    tooltip: t("Pool history"),
    type: "custom",
    render,
    destroy: leave,
  });
}

/**
 * Show a profile's history.
 * @param {string} id @param {(id: string) => void} choose feeds a profile made from a snapshot
 */
export function openHistory(id, choose) {
  opener = { id, choose };
  followed = selection().key;
  panelOf().show(id);
  showSidebarTab(TAB, true);
}

/** Show what has changed, if it is shown. @param {(id: string) => boolean} which */
export function refreshHistory(which) {
  if (shown && panel && which(panel.id)) panel.refresh();
}

/** ComfyUI calls this again and again with the same element. @param {HTMLElement} container */
function render(container) {
  const { element } = panelOf();
  if (element.parentNode !== container) {
    container.classList.add("gp-history-tab");
    container.replaceChildren(element);
    panelOf().list.render();
  }
  if (shown) return;
  shown = true;
  stop = profiles.subscribe(listed);
  following = window.setInterval(follow, LOOK_EVERY);
  follow();
  if (!panel?.id) panel?.show(firstId());
  else if (!panel.feed || panel.feed.begun) panel.refresh();
}

function leave() {
  shown = false;
  clearInterval(following);
  stop();
}

function panelOf() {
  panel ??= new HistoryPanel({ choose, pick, adopt, undelete, close: () => showSidebarTab(TAB, false), openStorage });
  return panel;
}

/** The list of profiles was read: names may be others, the one that is shown may be gone. */
function listed() {
  if (!panel) return;
  if (!panel.id) panel.show(firstId());
  else if (!!profiles.find(panel.id) !== !!panel.feed) panel.read();
  else panel.draw();
}

/** The node of ours that is selected, and what it shows. */
function selection() {
  const node = selectedNodes().find(({ type }) => type === PROFILE_NODE || type === POOL_NODE);
  const id = node ? idOf(node) : "";
  return { node, id, key: node ? `${node.id} ${id}` : "" };
}

/** @param {any} node */
function idOf(node) {
  return String(widgetOf(node, node.type === PROFILE_NODE ? "profile_id" : "pool_id")?.value ?? "");
}

/** Show what another selected node shows. */
function follow() {
  const { id, key } = selection();
  if (key === followed) return;
  followed = key;
  if (id && panel && id !== panel.id) panel.show(id);
}

/** What to show where nothing was asked for. */
function firstId() {
  const ids = [...nodesOfType(PROFILE_NODE), ...nodesOfType(POOL_NODE)].map(idOf);
  return ids.find((id) => profiles.find(id)) ?? profiles.known.profiles[0]?.id ?? "";
}

/** Feed another profile to the node whose history is shown, and show that one's. @param {string} id */
function choose(id) {
  const old = panel?.id;
  const node = nodesOfType(PROFILE_NODE).find((each) => idOf(each) === old);
  if (opener && opener.id === old) opener.choose(id);
  else node?.gitpoolChoose?.(id);
  if (opener) opener.id = id;
  followed = selection().key;
  panel?.show(id);
}

/** @param {HTMLElement} anchor */
function pick(anchor) {
  const shows = async (/** @type {Promise<profiles.Profile | null>} */ made) => {
    const profile = await made;
    if (profile) panel?.show(profile.id);
  };
  openPicker(anchor, panel?.id ?? "", {
    choose: (id) => panel?.show(id),
    create: (name) => shows(profileActions.create(name)),
    adopt: (pool) => shows(profileActions.adopt(pool)),
    undelete: (id) => shows(profileActions.undelete(id)),
    getMore: () => openRemote({ choose: (id) => panel?.show(id) }),
  });
}

/** @param {string} id */
async function adopt(id) {
  const pool = profiles.known.unregistered.find((each) => each.id === id);
  const made = pool && (await profileActions.adopt(pool));
  if (made) panel?.show(made.id);
}

/** @param {string} id */
async function undelete(id) {
  const made = await profileActions.undelete(id);
  if (made) panel?.show(made.id);
}
