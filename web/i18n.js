// @ts-check
// Text in the user's language: every sentence of the page, looked up by its English.

import { pageLanguage, translations } from "./host.js";

/** What ComfyUI's own keys can't collide with, in `locales/<language>/main.json`. */
const NAMESPACE = "gitPool";

/** @type {Record<string, string | string[]>} */
let known = {};
let language = "en";

/** Learn the language that ComfyUI shows; without it the page is English. */
export async function begin() {
  language = pageLanguage();
  const all = await translations();
  known = all[language]?.[NAMESPACE] ?? all[language.split("-")[0]]?.[NAMESPACE] ?? {};
}

/**
 * A sentence; `{name}` in it is replaced.
 * @param {string} english @param {Record<string, unknown>} [values]
 */
export function t(english, values = {}) {
  const found = known[english];
  return fill(typeof found === "string" ? found : english, values);
}

/**
 * A sentence about a number, which it has as `{n}`.
 * @param {string} one @param {string} many @param {number} n @param {Record<string, unknown>} [values]
 */
export function tn(one, many, n, values = {}) {
  const found = known[many];
  const forms = Array.isArray(found) && found.length ? found : [one, many];
  const last = forms.length - 1;
  // Of the languages here, only French takes the first form for none as well.
  const first = n === 1 || (n === 0 && language.startsWith("fr"));
  return fill(first ? forms[0] : forms[last], { n: formatNumber(n), ...values });
}

/** @param {number} value */
export function formatNumber(value) {
  return value.toLocaleString(language);
}

/** @param {Date} date @param {Intl.DateTimeFormatOptions} options */
export function formatDate(date, options) {
  return date.toLocaleString(language, options);
}

/** @param {string} text @param {Record<string, unknown>} values */
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
