// @ts-check
// What a profile takes on the disk, as one bar to scale and in words.

import { h } from "../dom.js";
import { t, tn } from "../i18n.js";
import { size } from "../remote/words.js";

/** @typedef {import("../profiles.js").Storage} Storage */
/** @typedef {"images" | "history" | "thumbnails"} Share */

/** @type {Share[]} */
const SHARES = ["images", "history", "thumbnails"];

/** @type {Record<Share, () => string>} */
const NAMES = {
  images: () => t("Images"),
  history: () => t("History"),
  thumbnails: () => t("Thumbnails"),
};

/** All of it, in bytes. @param {Storage} storage */
export const totalOf = ({ files, history, thumbnails }) => files + history + thumbnails;

/** @param {number} bytes */
export const sizeOrNone = (bytes) => (bytes ? size(bytes) : t("none"));

export class StorageBar {
  constructor() {
    this.goes = h("div.gp-goes", { hidden: true });
    this.shares = SHARES.map((share) => h(`div.gp-share.gp-share-${share}`, {}, share === "history" && this.goes));
    this.bar = h("div.gp-shares", { role: "img" }, ...this.shares);
    this.legend = h("dl.gp-legend");
    this.element = h("div.gp-usage", {}, this.bar, this.legend);
  }

  /**
   * @param {Storage | null} storage null while it is measured
   * @param {number | null} freed what the chosen clean-up would free of the history, in bytes;
   *   null while that isn't known
   */
  show(storage, freed) {
    this.element.classList.toggle("gp-waiting", !storage);
    const bytes = storage ? [storage.files, storage.history, storage.thumbnails] : [0, 0, 0];
    const counts = storage
      ? [
          tn("{n} image", "{n} images", storage.images),
          tn("{n} snapshot", "{n} snapshots", storage.snapshots),
          "",
        ]
      : ["", "", ""];
    this.shares.forEach((share, i) => {
      share.hidden = !bytes[i];
      share.style.flexGrow = String(bytes[i]);
    });
    this.goes.hidden = !freed;
    this.goes.style.width = `${Math.min(100, (100 * (freed ?? 0)) / Math.max(1, bytes[1]))}%`;
    const rows = SHARES.map((share, i) => {
      const words = storage ? [sizeOrNone(bytes[i]), counts[i]].filter(Boolean).join(" · ") : "…";
      return { share, name: NAMES[share](), words };
    });
    this.bar.ariaLabel = storage ? rows.map(({ name, words }) => `${name}: ${words}`).join(", ") : t("Measuring…");
    const goes = { share: "goes", name: t("Would go"), words: freed === null ? "…" : sizeOrNone(freed) };
    this.legend.replaceChildren(...[...rows, goes].map(entry));
  }
}

/** @param {{ share: string, name: string, words: string }} row */
function entry({ share, name, words }) {
  return h(
    "div",
    {},
    h(`span.gp-swatch.gp-share-${share}`, { ariaHidden: "true" }),
    h("dt", { textContent: name }),
    h("dd", { textContent: words }),
  );
}
