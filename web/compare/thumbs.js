// @ts-check
// Thumbnails of images and masks by content, at the sizes that the server keeps.

import { h } from "../dom.js";
import { thumbOf } from "../profiles.js";
import { paintWith, sizeFor } from "../thumbnails.js";

/** @typedef {import("../profiles.js").PastSlot} PastSlot */

/** The largest that there is. */
export const LARGEST = 2048;

/** @param {string} id @param {PastSlot} slot @param {number} size @returns {string | null} */
export function imageThumb(id, slot, size) {
  return slot.image_id && thumbOf(id, slot.image, slot.image_id, size);
}

/** @param {string} id @param {PastSlot} slot @param {number} size @returns {string | null} */
export function maskThumb(id, slot, size) {
  return slot.mask && slot.mask_id ? thumbOf(id, slot.mask, slot.mask_id, size) : null;
}

/**
 * A slot's picture with its mask over it, asked for when it comes near the view.
 * @param {string} id @param {PastSlot} slot @param {number} side in CSS pixels
 */
export function picture(id, slot, side) {
  const size = sizeFor(side);
  const source = imageThumb(id, slot, size);
  const image = h("img.gp-thumb", { alt: "", loading: "lazy", decoding: "async", draggable: false });
  const mask = h("div.gp-mask");
  paintWith(mask, maskThumb(id, slot, size));
  const broken = h("span.gp-broken.pi.pi-exclamation-triangle");
  const frame = h(`span.gp-frame${source ? "" : ".gp-gone"}`, {}, image, mask, broken);
  image.addEventListener("error", () => frame.classList.add("gp-failed"));
  if (source) image.src = source;
  return frame;
}
