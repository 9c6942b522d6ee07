// @ts-check
// All profiles with what they take, the largest first; one of them is looked at.

import { h, icon, stepTo } from "../dom.js";
import { t } from "../i18n.js";
import { size } from "../remote/words.js";

/**
 * `bytes`: null while it isn't known, NaN where it can't be.
 * @typedef {{ id: string, name: string, bytes: number | null, busy: boolean }} Row
 */

/**
 * Largest first; until all are known they stay in the order of their names, so that none jumps. Pure.
 * @param {Row[]} rows @returns {Row[]}
 */
export function sorted(rows) {
  const byName = (/** @type {Row} */ a, /** @type {Row} */ b) => a.name.localeCompare(b.name);
  if (rows.some(({ bytes }) => bytes === null)) return [...rows].sort(byName);
  const known = (/** @type {Row} */ row) => row.bytes || -1;
  return [...rows].sort((a, b) => known(b) - known(a) || byName(a, b));
}

export class StorageList {
  /** @param {(id: string) => void} choose */
  constructor(choose) {
    this.choose = choose;
    /** @type {Map<string, any>} */
    this.rows = new Map();
    this.items = h("div.gp-storage-rows", { onkeydown: (/** @type {KeyboardEvent} */ event) => this.press(event) });
    this.total = h("div.gp-storage-total");
    this.element = h("nav.gp-storage-list", { ariaLabel: t("Profiles") }, this.items, this.total);
  }

  /** @param {Row[]} all @param {string} chosen */
  show(all, chosen) {
    this.element.hidden = all.length < 2;
    const order = sorted(all);
    const most = Math.max(1, ...all.map(({ bytes }) => bytes || 0));
    const buttons = order.map((row) => this.button(row, row.id === chosen, most));
    this.rows = new Map(order.map(({ id }, i) => [id, buttons[i]]));
    const there = [...this.items.children];
    if (buttons.length !== there.length || buttons.some((each, i) => each !== there[i])) {
      const focused = /** @type {HTMLElement | null} */ (document.activeElement);
      this.items.replaceChildren(...buttons);
      if (focused && focused !== document.activeElement && buttons.includes(focused)) focused.focus();
    }
    const sum = all.reduce((total, { bytes }) => total + (bytes || 0), 0);
    const known = all.every(({ bytes }) => bytes !== null);
    this.total.replaceChildren(
      h("span", { textContent: t("All profiles") }),
      h("span", { textContent: sum && known ? size(sum) : known ? "–" : "…" }),
    );
  }

  /** The same element for the same profile, so that the keyboard stays on it. @param {Row} row @param {boolean} chosen @param {number} most */
  button({ id, name, bytes, busy }, chosen, most) {
    const made = this.rows.get(id) ?? h("button.gp-storage-row", { type: "button", onclick: () => this.choose(id) });
    const unknown = Number.isNaN(bytes) ? "–" : "…";
    const sign = icon("spinner");
    sign.classList.add("pi-spin");
    const share = h("span.gp-storage-share");
    share.hidden = !bytes;
    share.style.width = `${(100 * (bytes || 0)) / most}%`;
    made.replaceChildren(
      h("span.gp-row-name", { textContent: name, dir: "auto" }),
      busy ? sign : h("span.gp-storage-size", { textContent: bytes ? size(bytes) : unknown }),
      h("span.gp-storage-track", { ariaHidden: "true" }, share),
    );
    made.title = name;
    made.tabIndex = chosen ? 0 : -1;
    if (chosen) made.setAttribute("aria-current", "true");
    else made.removeAttribute("aria-current");
    return made;
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const buttons = [...this.items.children].map((each) => /** @type {any} */ (each));
    const to = stepTo(event.key, buttons.indexOf(document.activeElement), buttons.length);
    if (to === null) return;
    event.preventDefault();
    buttons[to].focus();
    buttons[to].click();
  }
}
