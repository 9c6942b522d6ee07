// @ts-check
// The ways to clean up as cards to choose from, each with what it would free.

import { h, icon } from "../dom.js";
import { wordsOf } from "../host.js";
import { t, tn } from "../i18n.js";
import { size } from "../remote/words.js";
import { ageWords, choicesOf, keepOf, ownKeep, SPANS, SPAN_WORDS, WAY_WORDS, WAYS, withSpan } from "./keep.js";

/**
 * @typedef {import("../profiles.js").Keep} Keep
 * @typedef {import("./keep.js").Way} Way
 * @typedef {import("./keep.js").Span} Span
 * @typedef {import("./questions.js").Answer} Answer
 * @typedef {{ element: any, input: any, answer: any }} Card
 */

let made = 0;

export class KeepForm {
  /** @param {() => void} changed called when another way, or another span, was chosen */
  constructor(changed) {
    this.changed = changed;
    /** @type {Way} */
    this.way = "light";
    this.own = ownKeep();
    this.name = `gp-keep-${(made += 1)}`;
    /** @type {Map<Way, Card>} */
    this.cards = new Map(WAYS.map((way) => [way, this.card(way)]));
    /** @type {Map<Span, any>} */
    this.selects = new Map(SPANS.map((span) => [span, this.select(span)]));
    this.spans = h(
      "div.gp-spans",
      { role: "group", ariaLabel: t("Custom") },
      ...SPANS.map((span) => field(SPAN_WORDS[span](), this.selects.get(span))),
    );
    this.element = h(
      "fieldset.gp-ways-to-keep",
      { ariaLabel: t("What to keep") },
      ...WAYS.map((way) => this.cards.get(way)?.element),
      this.spans,
    );
    this.drawSpans();
  }

  /** @returns {Keep} */
  get keep() {
    return keepOf(this.way, this.own);
  }

  /** Whether what a way would free is of interest. @param {Way} way */
  isOpen(way) {
    return way !== "custom" || this.way === "custom";
  }

  /** @param {Way} way @returns {Card} */
  card(way) {
    const [title, text] = WAY_WORDS[way]();
    const input = h("input", {
      type: "radio",
      name: this.name,
      value: way,
      checked: way === this.way,
      onchange: () => this.choose(way),
    });
    const answer = h("span.gp-way-answer");
    const words = h("span.gp-way-words", {}, h("strong", { textContent: title }), h("span", { textContent: text }));
    return { element: h("label.gp-way", {}, input, words, answer), input, answer };
  }

  /** @param {Way} way */
  choose(way) {
    this.way = way;
    this.drawSpans();
    this.changed();
    if (way === "custom") this.spans.scrollIntoView({ block: "nearest" });
  }

  /** @param {Span} span */
  select(span) {
    const choose = () => {
      const days = choicesOf(this.own, span)[this.selects.get(span).selectedIndex];
      this.own = withSpan(this.own, span, days);
      this.drawSpans();
      this.changed();
    };
    return h("select.gp-input", { onchange: choose });
  }

  drawSpans() {
    this.spans.hidden = this.way !== "custom";
    for (const span of SPANS) {
      const select = this.selects.get(span);
      const choices = choicesOf(this.own, span);
      const words = choices.map((days, i) => ageWords(days, i === 0));
      select.replaceChildren(...words.map((textContent) => h("option", { textContent })));
      select.selectedIndex = choices.indexOf(this.own[span]);
      select.disabled = choices.length < 2;
    }
  }

  /**
   * @param {(way: Way) => Answer | undefined} answerOf what is known of each way
   * @param {boolean} disabled while nothing can be chosen
   */
  show(answerOf, disabled) {
    this.element.disabled = disabled;
    for (const [way, { input, element, answer }] of this.cards) {
      input.checked = way === this.way;
      element.classList.toggle("gp-on", way === this.way);
      answer.replaceChildren(...(this.isOpen(way) ? said(answerOf(way)) : []));
    }
  }
}

/** @param {string} label @param {HTMLElement} control */
function field(label, control) {
  return h("label.gp-field", {}, h("span", { textContent: label }), control);
}

/** What a way would free, in words. @param {Answer | undefined} answer @returns {Node[]} */
function said(answer) {
  if (!answer) return [h("span.gp-calculating", { textContent: t("Calculating…") })];
  if (answer.error) return [h("span.gp-bad", { title: wordsOf(answer.error) }, icon("exclamation-triangle"), " ", t("Not known"))];
  const { dropped, freed } = answer.value;
  if (!dropped) return [h("span", { textContent: t("Nothing to free") })];
  return [
    h("strong", { textContent: t("Frees {size}", { size: size(freed) }) }),
    h("span", { textContent: tn("{n} snapshot goes", "{n} snapshots go", dropped) }),
  ];
}
