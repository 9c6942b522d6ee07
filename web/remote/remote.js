// @ts-check
// What the server says of the online storage, and what can be asked of it.

import { getJSON, postJSON, urlOf } from "../host.js";

/**
 * Where profiles are synced to; `own` is for one profile alone.
 * @typedef {object} Connection
 * @property {string | null} url @property {string | null} username @property {boolean} own
 * @property {boolean} has_secret @property {boolean} auto_sync @property {string[]} allowed
 * @property {string} [problem]
 * @property {Status} [status]
 *
 * `ahead`: snapshots not sent yet; `behind`: whether there is something newer; `offline`: whether
 * it didn't answer the last time.
 * @typedef {object} Status
 * @property {number | null} synced @property {number | null} ahead
 * @property {boolean | null} [behind] @property {boolean} [offline]
 *
 * A profile in the storage.
 * @typedef {object} Held
 * @property {string | null} id @property {string} name @property {string} remote_branch
 * @property {number | null} images @property {boolean} here @property {string[]} preview
 * @property {{ id: string, message: string, time: number }} snapshot
 *
 * What two machines both changed; `slot` is the image's file name.
 * @typedef {object} Conflict
 * @property {string} conflict @property {string | null} slot
 * @property {"image" | "mask" | "label" | "order" | "name"} what
 * @property {Side} kept @property {Side} other
 *
 * @typedef {object} Side
 * @property {string} [label] @property {string[]} [images] @property {string} [name]
 * @property {string} [snapshot] @property {string | null} [image] @property {string | null} [mask]
 *
 * @typedef {"mine" | "theirs" | "both"} Choice
 * @typedef {{ job: string }} Begun
 */

const ROUTE = "/grid_pool/profiles/";

/** @param {string} id a profile's, or "" for the default @returns {Promise<Connection>} */
export const connection = (id) => getJSON(`${ROUTE}remote`, id ? { id } : {});

/** Set or forget a connection. @param {object} change @returns {Promise<Connection>} */
export const change = (change) => postJSON(`${ROUTE}remote`, change);

/** @param {object} given @returns {Promise<Begun>} */
export const test = (given) => postJSON(`${ROUTE}remote/test`, given);

/** @returns {Promise<Held[]>} */
export const held = async () => (await getJSON(`${ROUTE}remote/profiles`)).profiles;

/** A thumbnail of one of `preview`. @param {string} blob */
export const thumb = (blob) => urlOf(`${ROUTE}remote/thumb`, { blob });

/** @param {string} id @param {boolean} again @returns {Promise<Begun>} */
export const sync = (id, again) => postJSON(`${ROUTE}sync`, { id, ...(again ? { again } : {}) });

/** @param {string} branch @param {boolean} [copy] @returns {Promise<Begun>} */
export const fetch = (branch, copy = false) =>
  postJSON(`${ROUTE}sync`, { remote_branch: branch, ...(copy ? { copy } : {}) });

/** @param {string} branch @returns {Promise<Begun>} */
export const remove = (branch) => postJSON(`${ROUTE}remote/delete`, { remote_branch: branch });

/** @param {string} job @returns {Promise<import("./jobs.js").Job>} */
export const job = (job) => getJSON(`${ROUTE}job`, { id: job });

/** @param {string} job @returns {Promise<import("./jobs.js").Job>} */
export const cancel = (job) => postJSON(`${ROUTE}cancel`, { job });

/** @param {string} id @returns {Promise<Conflict[]>} */
export const conflicts = async (id) => (await getJSON(`${ROUTE}conflicts`, { id })).conflicts;

/** @param {string} id @param {string} conflict @param {Choice} choice @returns {Promise<Conflict[]>} */
export const resolve = async (id, conflict, choice) =>
  (await postJSON(`${ROUTE}resolve`, { id, conflict, choice })).conflicts;
