// @ts-check
// What all who show thumbnails share: which size to ask for, and a mask's paint.

/** Those that are asked for, of the sizes that the server keeps. */
const SIZES = [96, 128, 192, 256, 384, 512];

/** The size to ask for to fill `side` CSS pixels. @param {number} side */
export function sizeFor(side) {
  const wanted = side * Math.min(2, window.devicePixelRatio || 1);
  return SIZES.find((size) => size >= wanted) ?? 512;
}

/** Paint an element with a mask, or hide it. @param {HTMLElement} element @param {string | null} url */
export function paintWith(element, url) {
  const paint = url ? `url("${url}")` : "";
  element.style.maskImage = paint;
  element.style.webkitMaskImage = paint;
  element.hidden = !url;
}
