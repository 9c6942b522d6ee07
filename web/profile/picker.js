// @ts-check
// The searchable list of profiles.

import { button, h, icon, plural, popover } from "../dom.js";
import * as profiles from "../profiles.js";

/**
 * @typedef {object} PickerActions
 * @property {(id: string) => void} choose @property {(name: string) => void} create
 * @property {(pool: profiles.LoosePool) => void} adopt @property {(id: string) => void} undelete
 * @property {() => void} getMore opens the list of what other machines sent
 */

/** @param {HTMLElement} anchor @param {string} current @param {PickerActions} actions */
export function openPicker(anchor, current, actions) {
  const search = h("input.gp-search", {
    type: "search",
    placeholder: "Search or create…",
    ariaLabel: "Search profiles",
  });
  const list = h("div.gp-list", { role: "listbox" });
  const content = h("div.gp-picker", {}, search, list);
  const stop = profiles.subscribe(draw);
  const close = popover(anchor, content, { minWidth: 280, onClose: stop });
  let at = 0;

  /** @param {() => void} act */
  const then = (act) => () => {
    close();
    act();
  };

  function draw() {
    const text = search.value.trim();
    const fits = (/** @type {string | null} */ name) => profiles.fold(name ?? "").includes(profiles.fold(text));
    const rows = profiles.known.profiles
      .filter((profile) => fits(profile.name))
      .map((profile) => row(profile.name, profile.id === current ? "check" : "bookmark", "", then(() => actions.choose(profile.id))));
    const exact = profiles.known.profiles.some((profile) => profiles.fold(profile.name) === profiles.fold(text));
    if (text && !exact) rows.push(row(`Create “${text}”`, "plus", "", then(() => actions.create(text))));
    const parts = [...rows];
    if (!rows.length) parts.push(h("p.gp-hint", { textContent: "No profiles yet. Type a name to create one." }));
    addSection(parts, "Recently deleted", profiles.known.deleted.filter((p) => fits(p.name)).map((profile) =>
      row(profile.name, "undo", "Bring back", then(() => actions.undelete(profile.id)))));
    addSection(parts, "Pools without a profile", profiles.known.unregistered.filter((p) => fits(p.name ?? p.id)).map((pool) =>
      row(pool.name ?? pool.id, "images", plural(pool.images, "image"), then(() => actions.adopt(pool)))));
    if (!text) parts.push(h("hr"), row("Get from remote…", "cloud-download", "", then(actions.getMore)));
    list.replaceChildren(...parts);
    at = Math.max(0, text ? 0 : profiles.known.profiles.findIndex((p) => p.id === current));
    mark();
  }

  function mark() {
    const rows = [...list.querySelectorAll("button")];
    at = Math.max(0, Math.min(rows.length - 1, at));
    rows.forEach((element, i) => element.classList.toggle("gp-at", i === at));
    rows[at]?.scrollIntoView({ block: "nearest" });
  }

  search.addEventListener("input", draw);
  content.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at += event.key === "ArrowDown" ? 1 : -1;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      list.querySelectorAll("button")[at]?.click();
    }
  });
  draw();
  search.focus();
  profiles.refresh().catch(() => {});
}

/** @param {Node[]} parts @param {string} title @param {HTMLElement[]} rows */
function addSection(parts, title, rows) {
  if (rows.length) parts.push(h("h4", { textContent: title }), ...rows);
}

/** @param {string} name @param {string} iconName @param {string} note @param {() => void} onclick */
function row(name, iconName, note, onclick) {
  const element = button({ title: name, onclick });
  element.setAttribute("role", "option");
  element.classList.add("gp-row");
  element.append(icon(iconName), h("span.gp-row-name", { textContent: name }));
  if (note) element.append(h("span.gp-note", { textContent: note }));
  return element;
}
