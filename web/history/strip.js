// @ts-check
// A strip of thumbnails: what a snapshot added, took away or repainted.

import { h, icon } from "../dom.js";
import { formatNumber, t } from "../i18n.js";
import { thumbOf } from "../profiles.js";
import { paintWith } from "../thumbnails.js";
import { signOfChange } from "./words.js";

/** @typedef {import("../profiles.js").StripItem} StripItem */

/** A thumbnail with the gap beside it, in pixels. */
export const STEP = 44;
const SIZE = 96;

/**
 * @param {string} id the profile @param {StripItem[]} items @param {number} total what was touched in all
 * @param {number} fits how many thumbnails there is room for
 * @returns {HTMLElement} its pictures are asked for by `fillStrip`
 */
export function drawStrip(id, items, total, fits) {
  const many = Math.max(total, items.length);
  const shown = many > fits ? Math.max(1, Math.min(items.length, fits - 1)) : items.length;
  const rest = many - shown;
  return h(
    "div.gp-strip",
    { ariaHidden: "true" },
    ...items.slice(0, shown).map((item) => thumbnail(id, item)),
    rest > 0 && h("span.gp-strip-more", { textContent: `+${formatNumber(rest)}` }),
  );
}

/** @param {string} id @param {StripItem} item */
function thumbnail(id, item) {
  const [name, words] = signOfChange(item.change);
  const title = words ? t("{what}: {image}", { what: words, image: item.image }) : item.image;
  const picture = item.image_id
    ? h("img", { alt: "", decoding: "async", draggable: false, dataset: { src: thumbOf(id, item.image, item.image_id, SIZE) } })
    : icon("image");
  picture.addEventListener("error", () => picture.replaceWith(icon("image")));
  const mask = item.mask && item.mask_id ? thumbOf(id, item.mask, item.mask_id, SIZE) : "";
  return h(
    `span.gp-strip-item.gp-was-${item.change}`,
    { title },
    picture,
    mask && item.change !== "added" && item.change !== "removed" && h("span.gp-strip-mask", { dataset: { mask } }),
    h("span.gp-strip-sign", {}, icon(name)),
  );
}

/** Ask for the pictures in an element. @param {HTMLElement} element */
export function fillStrip(element) {
  for (const picture of element.querySelectorAll("img[data-src]")) {
    const image = /** @type {HTMLImageElement} */ (picture);
    image.src = image.dataset.src ?? "";
    delete image.dataset.src;
  }
  for (const each of element.querySelectorAll("[data-mask]")) {
    const layer = /** @type {HTMLElement} */ (each);
    paintWith(layer, layer.dataset.mask ?? null);
    delete layer.dataset.mask;
  }
}
