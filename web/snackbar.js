// @ts-check
// A line at the bottom of the page that says what was done, with a button to undo it.

import { button, h, isolate } from "./dom.js";
import { workArea } from "./host.js";
import { t } from "./i18n.js";

const SHOWN = 12_000;
// Less room than this beside the sidebar, in pixels, and it lies over the whole page.
const ROOM = 240;

/** @type {Snackbar | null} */
let shown = null;

/**
 * Say something, in place of what was said before; it stays for a while, and while it is looked at.
 * @param {string} text
 * @param {{ label: string, icon?: string, act: () => void }} [action]
 */
export function say(text, action) {
  shown?.close();
  shown = new Snackbar(text, action);
}

class Snackbar {
  /** @param {string} text @param {{ label: string, icon?: string, act: () => void }} [action] */
  constructor(text, action) {
    this.timer = 0;
    this.before = /** @type {HTMLElement | null} */ (document.activeElement);
    const words = h("span.gp-snackbar-words", { dir: "auto" });
    this.element = h(
      "div.gp-root.gp-snackbar",
      {},
      h("div.gp-snackbar-status", { role: "status" }, words),
      action && button({ icon: action.icon, label: action.label, kind: "snack", onclick: () => this.choose(action.act) }),
      button({ icon: "times", title: t("Close"), onclick: () => this.close() }),
    );
    isolate(this.element);
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") this.close();
    });
    for (const type of ["pointerenter", "focusin"]) this.element.addEventListener(type, () => this.stay());
    for (const type of ["pointerleave", "focusout"]) this.element.addEventListener(type, () => this.count());
    this.put();
    document.body.append(this.element);
    // What is put into a status that is there already is read aloud.
    words.textContent = text;
    this.count();
  }

  /** In the middle of what is beside the sidebar, whose buttons stay free. */
  put() {
    const area = workArea()?.getBoundingClientRect();
    if (!area || area.width < ROOM) return;
    this.element.style.left = `${area.left + area.width / 2}px`;
    this.element.style.maxWidth = `${Math.min(560, area.width - 24)}px`;
  }

  stay() {
    clearTimeout(this.timer);
  }

  count() {
    this.stay();
    this.timer = window.setTimeout(() => {
      if (this.element.matches(":hover, :focus-within")) this.count();
      else this.close();
    }, SHOWN);
  }

  /** @param {() => void} act */
  choose(act) {
    this.close();
    act();
  }

  close() {
    this.stay();
    const inside = this.element.contains(document.activeElement);
    this.element.remove();
    if (shown === this) shown = null;
    if (inside && this.before?.isConnected) this.before.focus({ preventScroll: true });
  }
}
