// @ts-check
// Which images are selected, and which one the keyboard is at. Knows nothing of the page.

export class Selection {
  constructor() {
    /** @type {Set<string>} */
    this.chosen = new Set();
    /** @type {string | null} */
    this.focus = null;
    /** @type {string | null} */
    this.anchor = null;
  }

  /** Forget what isn't there any more. @param {string[]} images */
  keepOnly(images) {
    const present = new Set(images);
    for (const image of this.chosen) if (!present.has(image)) this.chosen.delete(image);
    if (this.focus && !present.has(this.focus)) this.focus = null;
    if (this.anchor && !present.has(this.anchor)) this.anchor = null;
  }

  clear() {
    this.chosen.clear();
  }

  /** @param {string} image */
  only(image) {
    this.chosen.clear();
    this.focus = this.anchor = image;
  }

  /** @param {string} image */
  toggle(image) {
    if (!this.chosen.delete(image)) this.chosen.add(image);
    this.focus = this.anchor = image;
  }

  /** Everything from the anchor to `image`. @param {string} image @param {string[]} images */
  extend(image, images) {
    const from = images.indexOf(this.anchor ?? image);
    const to = images.indexOf(image);
    this.chosen = new Set(images.slice(Math.min(from, to), Math.max(from, to) + 1));
    this.anchor ??= image;
    this.focus = image;
  }

  /** @param {string[]} images */
  all(images) {
    this.chosen = new Set(images);
  }

  /** What an action on `image` means: the selection it belongs to, or itself. @param {string} image */
  with(image) {
    return this.chosen.has(image) ? [...this.chosen] : [image];
  }
}
