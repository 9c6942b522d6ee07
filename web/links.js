// @ts-check
// Which Pool Profile feeds an Image Pool: along links, through reroutes and subgraphs.

import { app } from "./host.js";

export const POOL_NODE = "GridImagePool";
export const PROFILE_NODE = "PoolProfile";

// litegraph's ids for a subgraph's own input and output nodes.
const SUBGRAPH_INPUT = -10;
const FAR_ENOUGH = 64;

/** The workflow's outermost graph. @returns {any} */
export function rootGraph() {
  return app.rootGraph ?? app.graph;
}

/** Every graph of the workflow, subgraphs included, each once. @returns {any[]} */
export function allGraphs() {
  const found = new Set();
  const visit = (/** @type {any} */ graph) => {
    if (!graph || found.has(graph)) return;
    found.add(graph);
    for (const node of nodesOf(graph)) if (node.subgraph) visit(node.subgraph);
  };
  visit(rootGraph());
  return [...found];
}

/** @param {any} graph @returns {any[]} */
function nodesOf(graph) {
  return graph._nodes ?? graph.nodes ?? [];
}

/** Every node of a type, wherever it lies. @param {string} type @returns {any[]} */
export function nodesOfType(type) {
  return allGraphs().flatMap((graph) => nodesOf(graph).filter((node) => node.type === type));
}

/** @param {any} graph @param {any} id @returns {any} */
function linkOf(graph, id) {
  if (id === null || id === undefined) return null;
  if (graph.getLink) return graph.getLink(id) ?? null;
  return graph.links?.get?.(id) ?? graph.links?.[id] ?? null;
}

/** The link into an input, by the way this frontend prefers. @param {any} node @param {number} slot */
function linkInto(node, slot) {
  if (slot < 0 || !node.graph) return null;
  // A subgraph's own answer is about the inside of its outputs, not about what feeds it.
  if (node.subgraph) return linkTo(node, slot);
  if (node.getInputLink) return node.getInputLink(slot) ?? null;
  return linkOf(node.graph, node.inputs?.[slot]?.link);
}

/** @param {any} node @param {number} slot */
function linkTo(node, slot) {
  const { links } = node.graph;
  const all = links?.values ? [...links.values()] : Object.values(links ?? {});
  const fits = (/** @type {any} */ link) =>
    link && String(link.target_id) === String(node.id) && Number(link.target_slot) === slot;
  return all.find(fits) ?? null;
}

/** @param {any} node */
function profileSlot(node) {
  return node.inputs?.findIndex((/** @type {any} */ input) => input.name === "profile") ?? -1;
}

/**
 * The Pool Profile node that an Image Pool's `profile` input comes from, or null.
 * @param {any} node @returns {any}
 */
export function profileNodeOf(node) {
  return follow(node.graph, linkInto(node, profileSlot(node)), 0);
}

/** Whether anything is connected to the `profile` input. @param {any} node */
export function isConnected(node) {
  return !!linkInto(node, profileSlot(node));
}

/** @param {any} graph @param {any} link @param {number} depth @returns {any} */
function follow(graph, link, depth) {
  if (!link || depth > FAR_ENOUGH) return null;
  if (Number(link.origin_id) === SUBGRAPH_INPUT) return followOut(graph, link, depth);
  const origin = graph.getNodeById(link.origin_id);
  if (!origin) return null;
  if (origin.type === PROFILE_NODE) return origin;
  if (origin.subgraph) {
    const inner = origin.subgraph.outputs?.[link.origin_slot]?.linkIds?.[0];
    return follow(origin.subgraph, linkOf(origin.subgraph, inner), depth + 1);
  }
  // Reroutes, and whatever passes its only input on.
  if (origin.inputs?.length === 1 && (origin.isVirtualNode || /reroute/i.test(origin.type))) {
    return follow(graph, linkInto(origin, 0), depth + 1);
  }
  return null;
}

/** From a subgraph's input to what feeds it outside. @param {any} graph @param {any} link @param {number} depth */
function followOut(graph, link, depth) {
  for (const outer of allGraphs()) {
    for (const holder of nodesOf(outer)) {
      if (holder.subgraph !== graph) continue;
      const found = follow(outer, linkInto(holder, link.origin_slot), depth + 1);
      if (found) return found;
    }
  }
  return null;
}
