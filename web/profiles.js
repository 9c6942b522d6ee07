// @ts-check
// The list of profiles, shared by every node, and what can be done with one.

import { getBlob, getJSON, postForm, postJSON, urlOf } from "./host.js";

/**
 * @typedef {{ id: string, name: string, created: number }} Profile
 * @typedef {{ id: string, images: number, name: string | null, has_history: boolean, preview: string[] }} LoosePool
 * @typedef {object} Snapshot
 * @property {string} id @property {string} message @property {string} kind @property {number} time
 * @property {boolean} locked @property {string[]} preview @property {number} images
 */

const ROUTE = "/grid_pool/profiles/";

/** @type {{ profiles: Profile[], unregistered: LoosePool[], deleted: (Profile & { deleted: number })[], loaded: boolean }} */
export const known = { profiles: [], unregistered: [], deleted: [], loaded: false };

/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {() => void} listener @returns {() => void} stops listening */
export function subscribe(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {string} id @returns {Profile | undefined} */
export function find(id) {
  return known.profiles.find((profile) => profile.id === id);
}

/** What names are compared by. @param {string} name */
export function fold(name) {
  return name.normalize("NFC").toLocaleLowerCase();
}

/** Ask the server for the list. */
export async function refresh() {
  Object.assign(known, { unregistered: [], deleted: [] }, await getJSON(`${ROUTE}list`));
  known.loaded = true;
  for (const listener of [...listeners]) listener();
}

/** Whether a profile was deleted, so that its pool can't be asked for. @param {string} id */
export function isDeleted(id) {
  return known.deleted.some((profile) => profile.id === id);
}

/** Ask for the list for the first time; others wait for it by `ready`. */
export function begin() {
  ready = refresh();
  return ready;
}

/** @type {Promise<void>} */
export let ready = Promise.resolve();

/** @param {string} action @param {object} body */
async function act(action, body) {
  const answer = await postJSON(ROUTE + action, body);
  await refresh();
  return answer;
}

/** @param {string} name @returns {Promise<Profile>} */
export const create = (name) => act("create", { name });

/** @param {string} id @param {string} name @returns {Promise<Profile>} */
export const rename = (id, name) => act("rename", { id, name });

/** @param {string} id @param {string} name @returns {Promise<Profile>} */
export const duplicate = (id, name) => act("duplicate", { id, name });

/** @param {string} id */
export const remove = (id) => act("delete", { id });

/** @param {string} id @returns {Promise<Profile>} */
export const undelete = (id) => act("undelete", { id });

/** @param {string} poolId @param {string} name @returns {Promise<Profile>} */
export const adopt = (poolId, name) => act("adopt", { pool_id: poolId, name });

/** @param {string} from @param {string} id @returns {Promise<{ copied: number }>} */
export const seed = (from, id) => act("seed", { from, id });

/** @param {string} id @param {string} snapshot @param {string} name @returns {Promise<Profile>} */
export const branchOff = (id, snapshot, name) => act("branch_off", { id, snapshot, name });

/** @param {string} id @param {string} [message] @returns {Promise<{ snapshot: Snapshot | null }>} */
export const snapshot = (id, message) => postJSON(`${ROUTE}snapshot`, { id, message });

/** Take in what somebody put into the profile's folder. @param {string} id */
export const takeIn = (id) => postJSON(`${ROUTE}snapshot`, { id, auto: true });

/** @param {string} id @param {string} target */
export const restore = (id, target) => postJSON(`${ROUTE}restore`, { id, snapshot: target });

/**
 * @param {string} id @param {string | null} before @param {number} [limit]
 * @returns {Promise<{ snapshots: Snapshot[], next: string | null }>}
 */
export const history = (id, before, limit = 30) =>
  getJSON(`${ROUTE}history`, { id, limit, ...(before ? { before } : {}) });

/** @param {File} file @returns {Promise<Profile>} */
export async function importFile(file) {
  const form = new FormData();
  form.append("file", file, file.name);
  const entry = await postForm(`${ROUTE}import`, form);
  await refresh();
  return entry;
}

/** @param {string} id @param {"zip" | "bundle"} format @returns {Promise<Blob>} */
export async function exportFile(id, format) {
  // What isn't snapshotted yet would be missing from a history.
  await takeIn(id);
  return getBlob(`${ROUTE}export`, { id, format });
}

/** @param {string} id @param {string} target @param {string} name @param {number} size */
export const snapshotThumb = (id, target, name, size) =>
  urlOf("/grid_pool/thumb", { pool_id: id, snapshot: target, name, size });
