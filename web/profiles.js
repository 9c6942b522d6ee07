// @ts-check
// The list of profiles, shared by every node, and what can be done with one.

import { getDownload, getJSON, postForm, postJSON, urlOf } from "./host.js";
import { Listeners } from "./listeners.js";

/**
 * @typedef {{ id: string, name: string, created: number }} Profile
 * @typedef {{ id: string, images: number, name: string | null, has_history: boolean, preview: string[] }} LoosePool
 *
 * `message`: its name, or the sentence that says what changed; `sentence`: that one in any case;
 * `kind`: auto, named, restore, merge, import, duplicate, git…; `time`: seconds since 1970;
 * `strip`: thumbnails of what it changed, a few of them.
 * @typedef {object} Snapshot
 * @property {string} id @property {string} message @property {string} sentence @property {string} name
 * @property {string} note @property {string} author @property {string} kind @property {number} time
 * @property {string[]} parents @property {boolean} locked @property {string[]} preview
 * @property {number} images @property {Counts} changes @property {StripItem[]} strip
 *
 * @typedef {object} Counts
 * @property {number} added @property {number} removed @property {number} replaced
 * @property {number} masks @property {number} masks_added @property {number} masks_changed
 * @property {number} masks_removed @property {number} labels @property {boolean} reordered
 * @property {boolean} active
 *
 * `image_id`, `mask_id`: the contents, for `thumbOf`.
 * @typedef {object} StripItem
 * @property {"added" | "removed" | "replaced" | "painted" | "repainted" | "cleared" | "labelled"} change
 * @property {string} image @property {string | null} image_id
 * @property {string | null} mask @property {string | null} mask_id
 *
 * One image of a pool as a snapshot holds it; `index` is its place.
 * @typedef {object} PastSlot
 * @property {string} image @property {string | null} mask @property {string} label
 * @property {number} added @property {number} index
 * @property {string | null} image_id @property {string | null} mask_id
 *
 * @typedef {object} SlotChange
 * @property {string} image @property {"added" | "removed" | "changed" | "moved"} change
 * @property {("image" | "mask" | "label" | "moved")[]} what
 * @property {PastSlot | null} from @property {PastSlot | null} to
 *
 * How many days automatic snapshots are kept: all of them, then one an hour, a day, a week;
 * null for ever.
 * @typedef {{ all: number, hourly: number | null, daily: number | null, weekly: number | null }} Keep
 *
 * @typedef {object} Storage
 * @property {number} files @property {number} history @property {number} thumbnails
 * @property {number} reclaimable @property {number} images @property {number} snapshots
 *
 * @typedef {{ dropped: number, kept: number, freed: number }} Freed
 */

const ROUTE = "/grid_pool/profiles/";

/** @type {{ profiles: Profile[], unregistered: LoosePool[], deleted: (Profile & { deleted: number })[], loaded: boolean }} */
export const known = { profiles: [], unregistered: [], deleted: [], loaded: false };

const listeners = new Listeners();

/** @param {() => void} listener @returns {() => void} stops listening */
export function subscribe(listener) {
  return listeners.add(listener);
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
  listeners.tell();
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

/**
 * Make the pool what it was; or, with `images`, bring back just these, or (`what`) only some part
 * of each. What is there now is kept first.
 * @param {string} id @param {string} target
 * @param {{ images?: string[], what?: ("image" | "mask" | "label")[] }} [only]
 * @returns {Promise<{ snapshot: Snapshot }>}
 */
export const restore = (id, target, only = {}) =>
  postJSON(`${ROUTE}restore`, { id, snapshot: target, ...only });

/**
 * A page of snapshots, newest first; it may be short, or empty, though there are more.
 * @param {string} id @param {string | null} before
 * @param {{ limit?: number, text?: string, auto?: boolean }} [options] `auto: false` leaves the automatic ones out
 * @returns {Promise<{ snapshots: Snapshot[], next: string | null }>}
 */
export const history = (id, before, { limit = 60, text = "", auto = true } = {}) =>
  getJSON(`${ROUTE}history`, {
    id,
    limit,
    ...(before ? { before } : {}),
    ...(text ? { q: text } : {}),
    ...(auto ? {} : { auto: 0 }),
  });

/**
 * The pool as a snapshot holds it, or as it is `now`.
 * @param {string} id @param {string} target
 * @returns {Promise<{ snapshot: Snapshot | null, active: number, slots: PastSlot[] }>}
 */
export const look = (id, target) => getJSON(`${ROUTE}look`, { id, snapshot: target });

/**
 * What differs, slot by slot, in the order of the newer one; the removed ones come last.
 * @param {string} id @param {string} from @param {string} to a snapshot, or `now`
 * @returns {Promise<SlotChange[]>}
 */
export const diff = async (id, from, to) => (await getJSON(`${ROUTE}diff`, { id, from, to })).slots;

/**
 * Name a snapshot, write a note to it, lock it against clean-up. What isn't given stays.
 * @param {string} id @param {string} target
 * @param {{ locked: boolean, message?: string, note?: string }} mark
 * @returns {Promise<{ snapshot: Snapshot }>}
 */
export const mark = (id, target, mark) => postJSON(`${ROUTE}lock`, { id, snapshot: target, ...mark });

/** @param {string} id @returns {Promise<Storage>} */
export const storage = (id) => getJSON(`${ROUTE}storage`, { id });

/** What a clean-up would free. @param {string} id @param {Keep} keep @returns {Promise<Freed>} */
export const wouldFree = (id, keep) => postJSON(`${ROUTE}compact`, { id, keep, dry_run: true });

/** Begin a clean-up. @param {string} id @param {Keep} keep @returns {Promise<{ job: string }>} */
export const cleanUp = (id, keep) =>
  postJSON(`${ROUTE}compact`, { id, keep, dry_run: false, background: true });

/**
 * `left_out`: what of a zip wasn't taken, and why.
 * @param {File} file @returns {Promise<Profile & { left_out?: { name: string, why: string }[] }>}
 */
export async function importFile(file) {
  const form = new FormData();
  form.append("file", file, file.name);
  const entry = await postForm(`${ROUTE}import`, form);
  await refresh();
  return entry;
}

/** @param {string} id @param {"zip" | "bundle"} format */
export const exportFile = (id, format) => getDownload(`${ROUTE}export`, { id, format });

/** @param {string} id @param {string} target @param {string} name @param {number} size */
export const snapshotThumb = (id, target, name, size) =>
  urlOf("/grid_pool/thumb", { pool_id: id, snapshot: target, name, size });

/**
 * A thumbnail by content: for images and masks of any snapshot, kept by the browser for good.
 * @param {string} id @param {string} name the file's name @param {string} content its content id
 * @param {number} size
 */
export const thumbOf = (id, name, content, size) =>
  urlOf("/grid_pool/thumb", { pool_id: id, name, blob: content, size });
