// @ts-check
// A dialog over the whole page: keeps the keyboard inside, Escape closes it.

import { button, giveFocusBack, h, icon, isolate, keepInside } from "./dom.js";
import { t } from "./i18n.js";

let made = 0;

export class Modal {
  /**
   * @param {object} options
   * @param {string} options.title @param {string} options.icon
   * @param {boolean} [options.wide]
   * @param {() => void} [options.onClose] called once, however it closes
   */
  constructor(options) {
    this.onClose = options.onClose;
    this.open = true;
    this.before = /** @type {HTMLElement | null} */ (document.activeElement);
    const titleId = `gp-modal-title-${(made += 1)}`;
    this.title = h("h2.gp-title", { id: titleId, textContent: options.title });
    this.body = h("div.gp-modal-body");
    this.footer = h("footer.gp-modal-footer", { hidden: true });
    this.panel = h(
      `div.gp-modal${options.wide ? ".gp-wide" : ""}`,
      { role: "dialog", ariaModal: "true", "aria-labelledby": titleId, tabIndex: -1 },
      h(
        "header.gp-modal-header",
        {},
        icon(options.icon),
        this.title,
        button({ icon: "times", title: t("Close"), onclick: () => this.close() }),
      ),
      this.body,
      this.footer,
    );
    this.element = h("div.gp-root.gp-backdrop", {}, this.panel);
    isolate(this.element);
    for (const type of ["paste", "copy", "cut", "wheel"]) {
      this.element.addEventListener(type, (/** @type {Event} */ event) => event.stopPropagation());
    }
    // A click beside the dialog neither closes it nor takes the keyboard away.
    this.element.addEventListener("mousedown", (/** @type {MouseEvent} */ event) => {
      if (event.target === this.element) event.preventDefault();
    });
    this.keys = (/** @type {KeyboardEvent} */ event) => this.pressed(event);
    document.addEventListener("keydown", this.keys, true);
    document.body.append(this.element);
    this.panel.focus();
  }

  /** @param {Node[]} content */
  show(...content) {
    this.body.replaceChildren(...content);
  }

  /** @param {...(Node | null | false | undefined)} content */
  showFooter(...content) {
    const shown = /** @type {Node[]} */ (content.filter(Boolean));
    this.footer.replaceChildren(...shown);
    this.footer.hidden = !shown.length;
  }

  close() {
    if (!this.open) return;
    this.open = false;
    document.removeEventListener("keydown", this.keys, true);
    this.element.remove();
    giveFocusBack(this.before);
    this.onClose?.();
  }

  /**
   * Let a dialog of ComfyUI's own come before this one while it is asked.
   * @template T
   * @param {() => Promise<T>} ask @returns {Promise<T>}
   */
  async aside(ask) {
    const focused = /** @type {HTMLElement | null} */ (document.activeElement);
    this.element.classList.add("gp-aside");
    try {
      return await ask();
    } finally {
      this.element.classList.remove("gp-aside");
      if (this.open) (focused?.isConnected ? focused : this.panel).focus();
    }
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    // Of several dialogs the last one counts; one that stands aside hears nothing.
    const top = [...document.querySelectorAll(".gp-backdrop")].at(-1);
    if (top !== this.element || this.element.classList.contains("gp-aside")) return;
    const inside = this.element.contains(/** @type {Node} */ (event.target));
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab") {
      keepInside(this.panel, event);
    } else if (!inside) {
      // What was in the dialog may be gone; the page behind it isn't meant.
      event.stopPropagation();
    }
  }
}
