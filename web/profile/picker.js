// @ts-check
// The searchable list of profiles.

import { button, h, icon, popover, stepTo } from "../dom.js";
import { t, tn } from "../i18n.js";
import * as profiles from "../profiles.js";

/**
 * @typedef {object} PickerActions
 * @property {(id: string) => void} choose @property {(name: string) => void} create
 * @property {(pool: profiles.LoosePool) => void} adopt @property {(id: string) => void} undelete
 * @property {() => void} getMore opens the list of what other machines sent
 */

const LIST = "gp-picker-list";

/** @param {HTMLElement} anchor @param {string} current @param {PickerActions} actions */
export function openPicker(anchor, current, actions) {
  const search = h("input.gp-search", {
    type: "search",
    placeholder: t("Search or create…"),
    ariaLabel: t("Search profiles"),
    role: "combobox",
    ariaExpanded: "true",
    autocomplete: "off",
    spellcheck: false,
    "aria-controls": LIST,
  });
  const list = h("div.gp-list", { role: "listbox", id: LIST, ariaLabel: t("Profiles") });
  const content = h("div.gp-picker", {}, search, list);
  const stop = profiles.subscribe(drawAnew);
  const onClose = () => {
    stop();
    anchor.ariaExpanded = "false";
  };
  const close = popover(anchor, content, { minWidth: 280, label: t("Choose a profile"), onClose });
  anchor.ariaExpanded = "true";
  let at = 0;
  let drawn = "";

  /** @param {() => void} act */
  const then = (act) => () => {
    close();
    act();
  };

  function draw() {
    const text = search.value.trim();
    drawn = JSON.stringify(profiles.known);
    list.replaceChildren(...partsFor(text, current, actions, then));
    at = Math.max(0, text ? 0 : profiles.known.profiles.findIndex((p) => p.id === current));
    mark();
  }

  /** Show what is new, with the keyboard where it was. A row that is being clicked stays where
   * nothing is: a click that ends on another element than it began on is none. */
  function drawAnew() {
    if (JSON.stringify(profiles.known) === drawn) return;
    const before = list.querySelectorAll("button")[at]?.title;
    draw();
    const now = [...list.querySelectorAll("button")].findIndex((element) => element.title === before);
    if (now < 0) return;
    at = now;
    mark();
  }

  function mark() {
    const rows = [...list.querySelectorAll("button")];
    at = Math.max(0, Math.min(rows.length - 1, at));
    rows.forEach((element, i) => {
      element.id = `${LIST}-${i}`;
      element.classList.toggle("gp-at", i === at);
      element.ariaSelected = String(i === at);
    });
    if (rows[at]) search.setAttribute("aria-activedescendant", rows[at].id);
    else search.removeAttribute("aria-activedescendant");
    rows[at]?.scrollIntoView({ block: "nearest" });
  }

  search.addEventListener("input", draw);
  content.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const rows = list.querySelectorAll("button");
    if (event.key === "Enter") {
      event.preventDefault();
      rows[at]?.click();
    } else if (event.key === "Tab") {
      event.preventDefault();
      close();
    }
    // In a text, Home and End go to its ends.
    if (search.value && (event.key === "Home" || event.key === "End")) return;
    const to = stepTo(event.key, at, rows.length);
    if (to === null) return;
    event.preventDefault();
    at = to;
    mark();
  });
  draw();
  search.focus();
  profiles.refresh().catch(() => {});
}

/**
 * What the list shows for a text.
 * @param {string} text @param {string} current @param {PickerActions} actions
 * @param {(act: () => void) => () => void} then closes the list first
 */
function partsFor(text, current, actions, then) {
  const { known, fold } = profiles;
  const fits = (/** @type {string | null} */ name) => fold(name ?? "").includes(fold(text));
  const rows = known.profiles
    .filter((profile) => fits(profile.name))
    .map((profile) => {
      const sign = profile.id === current ? "check" : "bookmark";
      return row(profile.name, sign, "", then(() => actions.choose(profile.id)));
    });
  if (text && !known.profiles.some((profile) => fold(profile.name) === fold(text))) {
    rows.push(row(t("Create “{name}”", { name: text }), "plus", "", then(() => actions.create(text))));
  }
  const hint = t("No profiles yet. Type a name to create one.");
  const deleted = known.deleted
    .filter((profile) => fits(profile.name))
    .map((profile) => row(profile.name, "undo", t("Bring back"), then(() => actions.undelete(profile.id))));
  const loose = known.unregistered
    .filter((pool) => fits(pool.name ?? pool.id))
    .map((pool) => {
      const count = tn("{n} image", "{n} images", pool.images);
      return row(pool.name ?? pool.id, "images", count, then(() => actions.adopt(pool)));
    });
  const more = row(t("Get from remote…"), "cloud-download", "", then(actions.getMore));
  return [
    ...(rows.length ? rows : [h("p.gp-hint", { textContent: hint })]),
    ...section(t("Recently deleted"), deleted),
    ...section(t("Pools without a profile"), loose),
    ...(text ? [] : [h("hr", { ariaHidden: "true" }), more]),
  ];
}

/** @param {string} title @param {HTMLElement[]} rows */
function section(title, rows) {
  if (!rows.length) return [];
  const heading = h("h4", { textContent: title, ariaHidden: "true" });
  return [h("div", { role: "group", ariaLabel: title }, heading, ...rows)];
}

/** @param {string} name @param {string} iconName @param {string} note @param {() => void} onclick */
function row(name, iconName, note, onclick) {
  const element = button({ title: note ? `${name} (${note})` : name, onclick });
  element.setAttribute("role", "option");
  element.tabIndex = -1;
  element.classList.add("gp-row");
  element.append(icon(iconName), h("span.gp-row-name", { textContent: name }));
  if (note) element.append(h("span.gp-note", { textContent: note }));
  return element;
}
