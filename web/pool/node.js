// @ts-check
// The Image Pool node on the page: its hidden id, its panel, its place in the workflow.

import { isConnected, profileNodeOf } from "../links.js";
import * as profiles from "../profiles.js";
import { followSoon, hide, widgetOf } from "../follow.js";
import { t } from "../i18n.js";
import { enableCellMenu } from "./cellmenu.js";
import { carriesFiles } from "./files.js";
import { enableKeys } from "./keys.js";
import { PoolPanel, SIZES } from "./panel.js";

const MIN_HEIGHT = 220;
const START_SIZE = [420, 520];

/** Give a new Image Pool node its panel. @param {any} node */
export function setUpPoolNode(node) {
  const idWidget = widgetOf(node, "pool_id");
  hide(idWidget);
  if (idWidget) idWidget.value = freshId();
  node.properties ??= {};

  const panel = new PoolPanel(panelHost(node, idWidget));
  enableKeys(panel, panel.edits);
  enableCellMenu(panel, panel.edits);
  node.addDOMWidget("gitpool_grid", "GITPOOL_GRID", panel.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => MIN_HEIGHT,
    getValue: () => "",
    setValue() {},
  }).serialize = false;
  node.setSize?.([Math.max(node.size[0], START_SIZE[0]), Math.max(node.size[1], START_SIZE[1])]);

  node._datasetePoolRefresh = () => panel.refresh();
  chain(node, "onConfigure", () => {
    hide(widgetOf(node, "pool_id"));
    panel.grid.wanted = SIZES[node.properties.gitpool_size ?? 1];
    panel.refresh();
    followSoon();
  });
  chain(node, "onConnectionsChange", () => {
    followSoon();
    setTimeout(() => panel.draw(), 0);
  });
  chain(node, "onAdded", () => queueMicrotask(() => panel.refresh()));
  acceptDrops(node, panel);
  return panel;
}

/** @param {any} node @param {any} idWidget */
function panelHost(node, idWidget) {
  return {
    poolId: () => String(idWidget?.value || "default"),
    source: () => sourceOf(node, idWidget),
    previous: () => node.properties?.gitpool_previous ?? null,
    show(/** @type {string} */ id) {
      idWidget.value = id;
      delete node.properties.gitpool_previous;
      node._datasetePoolRefresh();
    },
    size(/** @type {number} */ step) {
      const now = (node.properties?.gitpool_size ?? 1) + step;
      const kept = Math.max(0, Math.min(SIZES.length - 1, now));
      if (step) node.properties.gitpool_size = kept;
      return kept;
    },
  };
}

/** What the panel's title says. @param {any} node @param {any} idWidget */
function sourceOf(node, idWidget) {
  const id = String(idWidget?.value || "default");
  const source = profileNodeOf(node);
  const profile = profiles.find(id);
  const connected = isConnected(node);
  const wanted = source && widgetOf(source, "profile_id")?.value;
  const missing = !!wanted && profiles.known.loaded && !profiles.find(wanted);
  const name = profile?.name ?? (missing ? widgetOf(source, "profile")?.value || t("The profile") : "");
  return { name: name || t("This node's own pool"), missing, connected };
}

/** Files dropped on the node outside its panel. @param {any} node @param {PoolPanel} panel */
function acceptDrops(node, panel) {
  node.onDragOver = (/** @type {DragEvent} */ event) => carriesFiles(event.dataTransfer);
  node.onDragDrop = (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer || !carriesFiles(event.dataTransfer)) return false;
    panel.drop(event.dataTransfer);
    return true;
  };
}

/** Run something after a node's own callback. @param {any} node @param {string} name @param {() => void} extra */
export function chain(node, name, extra) {
  const original = node[name];
  node[name] = function (/** @type {any[]} */ ...args) {
    const result = original?.apply(this, args);
    extra();
    return result;
  };
}

/** A pool that no other node has. */
function freshId() {
  const random = crypto.getRandomValues(new Uint32Array(4));
  return `pool_${[...random].map((part) => part.toString(16).padStart(8, "0")).join("")}`;
}
