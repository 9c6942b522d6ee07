// @ts-check
// What changed between two sides: sections of cards, one card a slot.

import { button, h, icon } from "../dom.js";
import { wordsOf } from "../host.js";
import { formatNumber, t, tn } from "../i18n.js";
import { cardParts, emptyCard } from "./card.js";
import { countParts, sectionsOf } from "./changes.js";
import { Roving } from "./roving.js";
import { lineOf } from "./words.js";

/** @typedef {import("../profiles.js").SlotChange} SlotChange */
/** @typedef {import("./comparison.js").Comparison} Comparison */

/** How far from the view a card is filled. */
const NEAR = "500px";

/**
 * @typedef {object} ChangedActions
 * @property {(rows: SlotChange[], image: string, comparison: Comparison) => void} open
 * @property {import("./takes.js").Take} take
 */

export class ChangedPanel {
  /** @param {string} id @param {ChangedActions} actions */
  constructor(id, actions) {
    this.id = id;
    this.actions = actions;
    this.list = h("div.gp-changed-list");
    this.element = h("div.gp-changed", { tabIndex: -1 }, this.list);
    this.roving = new Roving(this.list, ".gp-card", (shown) => this.open(shown.dataset.image ?? ""));
    /** @type {Comparison | null} */
    this.comparison = null;
    /** @type {SlotChange[]} */
    this.rows = [];
    this.shown = "";
    /** @type {Map<Element, SlotChange>} */
    this.waiting = new Map();
    this.observer = new IntersectionObserver(
      (entries) => {
        const near = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target);
        for (const element of near) this.fill(element);
        this.roving.grown(near);
      },
      { root: this.element, rootMargin: NEAR },
    );
  }

  dispose() {
    this.observer.disconnect();
  }

  /** @param {Comparison} comparison */
  show(comparison) {
    const { from, to } = comparison;
    const same = this.shown === `${from.target} ${to.target}`;
    this.shown = `${from.target} ${to.target}`;
    const place = same ? this.roving.index : 0;
    const focused = this.list.contains(document.activeElement);
    const scrolled = same ? this.element.scrollTop : 0;
    const filled = same ? this.filled() : new Set();
    this.comparison = comparison;
    const sections = sectionsOf(comparison.changes);
    this.rows = [...sections.added, ...sections.removed, ...sections.changed, ...sections.moved];
    this.observer.disconnect();
    this.waiting.clear();
    this.list.replaceChildren(this.line(comparison), ...this.parts(sections));
    // What was there to press stays so, and nothing flickers.
    for (const [element, row] of this.waiting) if (filled.has(row.image)) this.fill(element);
    this.element.scrollTop = scrolled;
    this.roving.begin(place, focused);
    if (focused && !this.rows.length) this.element.focus();
  }

  /** Which is compared with which. @param {Comparison} comparison */
  line({ from, to }) {
    return h(
      "p.gp-versus",
      {},
      h("span.gp-side-line", { textContent: lineOf(from.snapshot), dir: "auto" }),
      icon("arrow-right"),
      h("span.gp-side-line", { textContent: lineOf(to.snapshot), dir: "auto" }),
    );
  }

  /** @param {import("./changes.js").Sections} sections @returns {HTMLElement[]} */
  parts({ added, removed, changed, moved }) {
    if (!this.rows.length) return [nothing()];
    const { image, mask, label } = countParts(changed);
    const detail = [
      image && tn("{n} image", "{n} images", image),
      mask && tn("{n} mask", "{n} masks", mask),
      label && tn("{n} label", "{n} labels", label),
    ].filter(Boolean);
    return [
      this.section("plus-circle", t("Added"), added, ""),
      this.section("minus-circle", t("Removed"), removed, ""),
      this.section("pencil", t("Changed"), changed, detail.join("  ·  ")),
      this.section("arrows-h", t("Moved"), moved, ""),
    ].filter((section) => section !== null);
  }

  /** @param {string} name @param {string} title @param {SlotChange[]} rows @param {string} detail */
  section(name, title, rows, detail) {
    if (!rows.length) return null;
    return h(
      "section.gp-section",
      { dataset: { change: rows[0].change } },
      h(
        "h3",
        {},
        icon(name),
        h("span", { textContent: title }),
        h("span.gp-number-of", { textContent: formatNumber(rows.length) }),
        detail && h("span.gp-meta", { textContent: detail }),
      ),
      h("div.gp-cards", { role: "list", ariaLabel: title }, ...rows.map((row) => this.card(row))),
    );
  }

  /** @param {SlotChange} row */
  card(row) {
    const element = emptyCard(row);
    this.waiting.set(element, row);
    this.observer.observe(element);
    return element;
  }

  /** The images whose cards are filled. */
  filled() {
    const cards = /** @type {NodeListOf<HTMLElement>} */ (this.list.querySelectorAll(".gp-card"));
    return new Set([...cards].filter((card) => !this.waiting.has(card)).map((card) => card.dataset.image));
  }

  /** Hundreds of cards are filled as they come near the view. @param {Element} element */
  fill(element) {
    const row = this.waiting.get(element);
    this.observer.unobserve(element);
    if (!row || !this.comparison) return;
    this.waiting.delete(element);
    const open = (/** @type {string} */ image) => this.open(image);
    element.append(...cardParts(this.id, row, this.comparison, { open, take: this.actions.take }));
  }

  /** @param {string} image */
  open(image) {
    if (this.comparison) this.actions.open(this.rows, image, this.comparison);
  }

  /** Have the keyboard at an image's card. @param {string} [image] */
  focus(image) {
    const { cards } = this.roving;
    const at = cards.findIndex((shown) => shown.dataset.image === image);
    if (cards.length) this.roving.begin(at < 0 ? Math.max(0, this.roving.index) : at, true);
    else this.element.focus();
  }
}

function nothing() {
  return h(
    "div.gp-empty",
    {},
    icon("check-circle"),
    h("strong", { textContent: t("Nothing differs") }),
    h("span", { textContent: t("Both have the same images, masks and labels, in the same order.") }),
  );
}

/** What went wrong, and a way to try again. @param {unknown} error @param {() => void} again */
export function failure(error, again) {
  return h(
    "div.gp-empty.gp-viewer-failure",
    { role: "alert" },
    icon("exclamation-triangle"),
    h("strong", { textContent: t("The snapshot can't be shown") }),
    h("span", { textContent: wordsOf(error) }),
    button({ icon: "refresh", label: t("Try again"), kind: "secondary", onclick: again }),
  );
}
