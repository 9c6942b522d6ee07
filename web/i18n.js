// @ts-check
// Text in the user's language: every sentence of the page, looked up by its English.

/** What ComfyUI's own keys can't collide with, in `locales/<language>/main.json`. */
const NAMESPACE = "gitPool";
const ENGLISH = "en";

/** @type {Record<string, string | string[]>} */
let known = {};
let language = ENGLISH;
/** How dates and numbers are written; English has several ways. */
let region = ENGLISH;

/**
 * Speak a language from now on; without texts for it, English.
 * @param {string} wanted a tag such as `de` or `zh-TW`
 * @param {() => Promise<Record<string, any>>} translations gives the texts of all packs by language
 */
export async function use(wanted, translations) {
  const base = wanted.split("-")[0];
  const all = base === ENGLISH ? {} : await translations();
  const spoken = [wanted, base].find((each) => all[each]?.[NAMESPACE]);
  known = spoken ? all[spoken][NAMESPACE] : {};
  language = spoken ?? ENGLISH;
  region = regionOf(language);
}

/** Whether the page is in English. */
export function isEnglish() {
  return language === ENGLISH;
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

/** @param {number} value @param {Intl.NumberFormatOptions} [options] */
export function formatNumber(value, options) {
  return value.toLocaleString(region, options);
}

/** @param {Date} date @param {Intl.DateTimeFormatOptions} options */
export function formatDate(date, options) {
  return date.toLocaleString(region, options);
}

/** The browser's own kind of a language, such as British English. @param {string} spoken */
function regionOf(spoken) {
  const same = (/** @type {string} */ tag) => tag.split("-")[0] === spoken.split("-")[0];
  return navigator.languages.find(same) ?? spoken;
}

/** @param {string} text @param {Record<string, unknown>} values */
function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
