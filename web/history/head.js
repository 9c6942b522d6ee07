// @ts-check
// The top of the History panel: whose history it is, and what is looked for in it.

import { button, h, icon } from "../dom.js";
import { t } from "../i18n.js";

/** @typedef {import("./feed.js").Filter} Filter */

const TYPING = 250;

/**
 * @typedef {object} HeadHost
 * @property {(anchor: HTMLElement) => void} pick opens the list of profiles
 * @property {() => void} openStorage
 * @property {(filter: Filter) => void} filter another one is wanted
 * @property {() => void} down the keyboard goes to the list
 */

export class Head {
  /** @param {HeadHost} host */
  constructor(host) {
    this.host = host;
    /** @type {Filter} */
    this.filter = { text: "", auto: true };
    this.typing = 0;
    this.name = h("span.gp-pick-name", { dir: "auto" });
    this.pick = h(
      "button.gp-pick",
      { type: "button", "aria-haspopup": "listbox", onclick: () => host.pick(this.pick) },
      icon("bookmark"),
      this.name,
      icon("chevron-down"),
    );
    this.storage = button({ icon: "database", title: t("Storage"), onclick: () => host.openStorage() });
    this.search = h("input.gp-search", {
      type: "search",
      placeholder: t("Search the history…"),
      ariaLabel: t("Search the history"),
      maxLength: 200,
      dir: "auto",
      oninput: () => this.typed(),
      onkeydown: (/** @type {KeyboardEvent} */ event) => this.pressed(event),
    });
    this.hideAuto = button({ icon: "filter", label: t("Hide automatic"), onclick: () => this.toggle() });
    this.hideAuto.classList.add("gp-toggle");
    this.hideAuto.title = t("Show only snapshots that somebody took, named or locked");
    this.hideAuto.ariaPressed = "false";
    this.filters = h("div.gp-history-filters", { role: "search" }, this.search, this.hideAuto);
    this.element = h("div.gp-history-top", {}, h("header.gp-history-header", {}, this.pick, this.storage), this.filters);
  }

  /** @param {string} name the profile's @param {{ filters: boolean, storage: boolean }} shown */
  show(name, shown) {
    this.name.textContent = this.pick.title = name;
    this.filters.hidden = !shown.filters;
    this.storage.hidden = !shown.storage;
  }

  typed() {
    clearTimeout(this.typing);
    this.typing = window.setTimeout(() => {
      const text = this.search.value.trim();
      if (text !== this.filter.text) this.change({ ...this.filter, text });
    }, TYPING);
  }

  toggle() {
    this.change({ ...this.filter, auto: !this.filter.auto });
  }

  /** @param {Filter} filter */
  change(filter) {
    this.filter = filter;
    this.hideAuto.ariaPressed = String(!filter.auto);
    this.host.filter(filter);
  }

  /** Look for no words any more; without any, show the automatic ones again. */
  clear() {
    const auto = this.filter.text || this.search.value ? this.filter.auto : true;
    this.forget();
    this.search.focus();
    this.change({ text: "", auto });
  }

  /** Another profile is shown: its words are others. */
  forget() {
    clearTimeout(this.typing);
    this.search.value = "";
    this.filter = { ...this.filter, text: "" };
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.key === "ArrowDown") this.host.down();
    else if (event.key === "Escape" && this.search.value) this.clear();
    else return;
    event.preventDefault();
  }
}
