// @ts-check
// Keeps every Image Pool showing what a run would use: the profile that is connected to it.

import { redraw } from "./host.js";
import { nodesOfType, POOL_NODE, profileNodeOf } from "./links.js";

const DEFAULT_POOL = "default";
const LOOK_EVERY = 400;

/** A node's widget by name. @param {any} node @param {string} name @returns {any} */
export function widgetOf(node, name) {
  return node.widgets?.find((/** @type {any} */ widget) => widget.name === name);
}

/** Hide a widget everywhere; its value is saved and sent as before. @param {any} widget */
export function hide(widget) {
  if (!widget) return;
  widget.hidden = true;
  widget.options ??= {};
  widget.options.hidden = true;
  widget.computeSize = () => [0, -4];
}

/** Bring one Image Pool in line with its profile. @param {any} node */
export function followProfile(node) {
  const source = profileNodeOf(node);
  const widget = widgetOf(node, "pool_id");
  if (!source || !widget) return;
  const id = widgetOf(source, "profile_id")?.value || DEFAULT_POOL;
  if (widget.value === id) return;
  // What was shown before can be brought back, so connecting never loses a pool.
  if (!node.properties?.gitpool_fed) node.properties.gitpool_previous = widget.value;
  node.properties.gitpool_fed = true;
  widget.value = id;
  node._datasetePoolRefresh?.();
  redraw();
}

/** Bring every Image Pool in line. */
export function followAll() {
  for (const node of nodesOfType(POOL_NODE)) {
    if (!profileNodeOf(node) && node.properties?.gitpool_fed) delete node.properties.gitpool_fed;
    followProfile(node);
  }
}

let waiting = 0;

/** Bring every Image Pool in line once the present change is through. */
export function followSoon() {
  clearTimeout(waiting);
  waiting = window.setTimeout(followAll, 0);
}

/** Look again now and then: links also change by undo, subgraphs and other packs. */
export function keepFollowing() {
  setInterval(() => {
    if (!document.hidden) followAll();
  }, LOOK_EVERY);
}
