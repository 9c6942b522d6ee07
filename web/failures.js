// @ts-check
// What the server says went wrong, in the user's language: by the error's code.

import { isEnglish, t } from "./i18n.js";

/** @typedef {{ code: string, message: string, hint: string }} Failure */

/** By code: what happened, and what to do. @type {Record<string, () => [string, string?]>} */
const WORDS = {
  unreachable: () => [t("ComfyUI's server did not answer."), t("Check that ComfyUI is running.")],
  disk_full: () => [t("The disk is full."), t("Free some space and try again.")],
  disk_failed: () => [t("Reading or writing the disk failed."), t("Check the disk and try again.")],
  busy: () => [t("Something else is working on this pool."), t("Try again in a moment.")],
  history_moved: () => [t("Something else changed this at the same moment."), t("Try again.")],
  stopping: () => [t("ComfyUI is about to stop.")],
  foreign_page: () => [
    t("The server takes {address} for another site's page, so this was refused.", { address: location.origin }),
    t("Have the proxy before ComfyUI pass its address on, or add it to trusted_origins in Git Pool's settings.json."),
  ],

  not_an_image: () => [t("This file isn't an image that can be read."), t("Use PNG, JPEG, WebP, GIF, BMP or TIFF.")],
  broken_image: () => [t("This image is damaged and can't be read whole."), t("Export it again.")],
  image_too_large: () => [t("This image has too many pixels."), t("Make it smaller and add it again.")],
  too_large: () => [t("That is too large.")],
  slot_moved: () => [t("That image isn't at this place any more."), t("The pool was changed elsewhere; try again.")],
  order_stale: () => [t("That order doesn't match the images in the pool now."), t("The pool was changed elsewhere; try again.")],
  mask_size: () => [t("The mask and the image are of different sizes."), t("Paint the mask on the image itself.")],
  image_gone: () => [t("The image's file is gone from the pool.")],
  unknown_image: () => [t("There is no such image any more.")],
  unknown_pool: () => [t("There is no such pool any more.")],
  bad_label: () => [t("The label is too long, or has characters that can't be shown.")],
  nothing_to_undo: () => [t("There is nothing to undo.")],
  nothing_to_redo: () => [t("There is nothing to redo.")],
  undo_gone: () => [t("That can't be undone any more."), t("A clean-up has freed what it needs.")],

  name_taken: () => [t("There is already a profile of that name."), t("Choose another name.")],
  bad_name: () => [t("That name can't be used."), t("Use 1 to 100 characters that can be shown.")],
  unknown_profile: () => [
    t("This profile doesn't exist any more."),
    t("Choose another profile, or bring it back from the deleted ones."),
  ],
  missing_folder: () => [t("This profile's folder is gone.")],
  folder_taken: () => [t("A pool of the same id is here already."), t("Make it a profile from the list of pools.")],
  already_profile: () => [t("This pool is a profile already.")],
  not_empty: () => [t("This profile has images already.")],
  no_snapshots: () => [t("This profile has no snapshots yet.")],
  unknown_snapshot: () => [t("There is no such snapshot any more.")],
  damaged: () => [
    t("A part of this profile's history is damaged."),
    t("The images you see are untouched. Export the profile to be safe."),
  ],
  bad_archive: () => [t("This file can't be imported."), t("Use a file that was exported from a Pool Profile.")],
  bad_bundle: () => [t("This file can't be imported."), t("Export it again where it came from.")],
  unknown_format: () => [t("This file can't be imported."), t("Use a file that was exported from a Pool Profile.")],

  no_remote: () => [t("No online storage is connected yet."), t("Connect one first.")],
  bad_address: () => [t("This address can't be used."), t("Check the address.")],
  bad_redirect: () => [t("This address can't be used."), t("Check the address.")],
  bad_token: () => [t("The token has characters that no token has.")],
  bad_username: () => [t("A user name has no colon.")],
  remote_not_allowed: () => [
    t("Addresses of this kind aren't allowed here."),
    t("Use https://, or have whoever runs the server allow it in Git Pool's settings.json."),
  ],
  remote_offline: () => [t("The online storage didn't answer."), t("Check that this machine is online, and try again.")],
  remote_timeout: () => [t("The online storage took too long to answer."), t("Try again later.")],
  remote_cut_off: () => [t("The connection broke off."), t("Sync again; nothing was lost.")],
  remote_unavailable: () => [t("The online storage can't serve this just now."), t("Try again in a while.")],
  remote_auth: () => [
    t("The online storage didn't accept this sign-in."),
    t("Check the user name and the token, or the machine's SSH key."),
  ],
  remote_denied: () => [t("You may not write there."), t("Ask its owner for the right to write, or use a token that has it.")],
  remote_refused: () => [t("The online storage refused the upload."), t("A rule there stands in the way; its owner can lift it.")],
  remote_not_found: () => [t("There is nothing at this address, or you may not see it."), t("Check the address.")],
  remote_certificate: () => [t("The host's certificate isn't valid."), t("Check the address.")],
  remote_host_key: () => [
    t("This machine doesn't know the host, or its key has changed."),
    t("Connect once with ssh on the machine that runs ComfyUI, and accept the host's key."),
  ],
  remote_no_ssh: () => [t("The ssh program isn't installed where ComfyUI runs."), t("Install OpenSSH, or use an https address.")],
  remote_not_pools: () => [t("This place already holds something that isn't Git Pool's."), t("Make a new, empty one there.")],
  remote_unfit: () => [t("This place can't be used for profiles."), t("Make a new, empty one there.")],
  bad_remote: () => [t("What the online storage holds can't be taken in."), t("Nothing was changed.")],
  remote_damaged: () => [t("What the online storage holds is damaged."), t("Nothing was changed.")],
  remote_too_large: () => [t("The online storage sends more than can be taken in."), t("Nothing was changed.")],
  remote_keeps_name: () => [t("The online storage won't let go of the profile's old name.")],
  remote_gone: () => [
    t("The online storage doesn't hold this profile any more."),
    t("Send it again, or keep it on this machine only."),
  ],
  remote_rewritten: () => [
    t("The profile in the online storage was replaced by another version."),
    t("Both are kept. Sync all the same, or get the other one beside yours."),
  ],
  remote_unrelated: () => [
    t("The profile in the online storage has nothing in common with this one."),
    t("Both are kept. Get the other one beside yours, and copy over what you want."),
  ],
  name_taken_there: () => [
    t("The online storage holds another profile of that name."),
    t("Rename this one and sync again, or get the other one beside it."),
  ],
  unknown_remote_profile: () => [t("The online storage doesn't hold this profile.")],
  unknown_conflict: () => [t("That has been decided already.")],
  unknown_job: () => [t("ComfyUI was started anew in between."), t("Try again; nothing was lost.")],
};

/**
 * A failure in the user's language. In English the server's own words stay: they say more.
 * @param {Partial<Failure>} failure without a code, its words are the page's own
 * @returns {Failure}
 */
export function inWords({ code = "", message = "", hint = "" }) {
  const [said, advice] = (code || !message) && !(isEnglish() && message) ? wordsFor(code) : [];
  return said ? { code, message: said, hint: advice ?? "" } : { code: code || "unreachable", message, hint };
}

/** @param {string} code @returns {[string?, string?]} */
function wordsFor(code) {
  return WORDS[code || "unreachable"]?.() ?? [];
}
