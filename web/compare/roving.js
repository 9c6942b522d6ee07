// @ts-check
// Cards that the arrow keys go through: one of them, and what is in it, takes part in Tab.

const INSIDE = "button";

/** Which card is beside another, by where they are drawn. */
export class Roving {
  /**
   * @param {HTMLElement} element @param {string} selector of a card
   * @param {(card: HTMLElement) => void} enter what Enter does on a card
   */
  constructor(element, selector, enter) {
    this.element = element;
    this.selector = selector;
    this.enter = enter;
    /** @type {HTMLElement | null} */
    this.current = null;
    element.addEventListener("keydown", (event) => this.press(event));
    element.addEventListener("focusin", (event) => {
      const card = /** @type {Element} */ (event.target).closest(selector);
      if (card) this.take(/** @type {HTMLElement} */ (card));
    });
  }

  /** @returns {HTMLElement[]} */
  get cards() {
    return [...this.element.querySelectorAll(this.selector)].map((card) => /** @type {any} */ (card));
  }

  /** Where the keyboard is among the cards; -1 where it isn't. */
  get index() {
    return this.current ? this.cards.indexOf(this.current) : -1;
  }

  /** Begin again with new cards, at a place, with the keyboard or without it. @param {number} index @param {boolean} focus */
  begin(index, focus) {
    const { cards } = this;
    for (const card of cards) setTabs(card, -1);
    this.current = null;
    const card = cards[Math.min(Math.max(0, index), cards.length - 1)];
    if (!card) return;
    this.take(card);
    if (focus) card.focus();
  }

  /** What was put into cards later takes part in Tab as they do. @param {Element[]} cards */
  grown(cards) {
    for (const card of cards) setTabs(/** @type {HTMLElement} */ (card), card === this.current ? 0 : -1);
    // A card that the keyboard jumped to was smaller when it came into view.
    if (this.current && cards.includes(this.current) && this.current === document.activeElement) {
      this.current.scrollIntoView({ block: "nearest" });
    }
  }

  /** @param {HTMLElement} card */
  take(card) {
    if (card === this.current) return;
    if (this.current) setTabs(this.current, -1);
    this.current = card;
    setTabs(card, 0);
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    const card = this.current;
    if (!card || !card.contains(/** @type {Node} */ (event.target))) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const to = this.target(event.key, card);
    if (to) {
      event.preventDefault();
      to.focus({ preventScroll: true });
      to.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && event.target === card) {
      event.preventDefault();
      this.enter(card);
    }
  }

  /** @param {string} key @param {HTMLElement} card @returns {HTMLElement | undefined} */
  target(key, card) {
    const { cards } = this;
    const at = cards.indexOf(card);
    if (key === "Home") return cards[0];
    if (key === "End") return cards.at(-1);
    if (key === "ArrowRight") return cards[at + 1];
    if (key === "ArrowLeft") return cards[at - 1];
    if (key === "ArrowDown") return beside(card, cards.slice(at + 1));
    if (key === "ArrowUp") return beside(card, cards.slice(0, at).reverse());
    return undefined;
  }
}

/**
 * The card of the next row that is nearest; `others` go away from `card`.
 * @param {HTMLElement} card @param {HTMLElement[]} others @returns {HTMLElement | undefined}
 */
function beside(card, others) {
  const { top, left } = card.getBoundingClientRect();
  /** @type {{ card: HTMLElement, far: number } | null} */
  let best = null;
  let row = NaN;
  for (const other of others) {
    const box = other.getBoundingClientRect();
    if (box.top === top) continue;
    if (Number.isNaN(row)) row = box.top;
    if (box.top !== row) break;
    const far = Math.abs(box.left - left);
    if (!best || far < best.far) best = { card: other, far };
  }
  return best?.card;
}

/** @param {HTMLElement} card @param {number} index */
function setTabs(card, index) {
  card.tabIndex = index;
  for (const control of card.querySelectorAll(INSIDE)) {
    /** @type {HTMLElement} */ (control).tabIndex = index;
  }
}
