// @ts-check
// The rows of the timeline as elements, and how high each is.

import { button, h, icon } from "../dom.js";
import { t, tn } from "../i18n.js";
import { drawStrip } from "./strip.js";
import { changesOf, stripOf } from "./timeline.js";
import { clock, dayName, moment, said, sentenceOf, signOf, span, titleOf } from "./words.js";

/** @typedef {import("./timeline.js").Row} Row */
/** @typedef {import("./timeline.js").BurstRow} BurstRow */
/** @typedef {import("./timeline.js").SnapshotRow} SnapshotRow */

// In pixels, as styles/history.css has them.
const DAY = 34;
const TAIL = 52;
const EDGES = 14;
const HEAD = 20;
const LINE = 18;
const STRIP = 48;

/**
 * What rows must know to be drawn.
 * @typedef {object} Scene
 * @property {string} id the profile's @property {string} newest the newest snapshot's
 * @property {number} fits how many thumbnails there is room for
 * @property {(row: SnapshotRow | BurstRow, anchor: HTMLElement) => void} menu
 * @property {(row: BurstRow) => void} fold folds or unfolds it
 * @property {() => void} retry
 */

/** @param {Row} row */
export function heightOf(row) {
  if (row.kind === "day") return DAY;
  if (row.kind === "tail") return TAIL;
  if (row.kind === "burst") {
    return EDGES + HEAD + (row.open ? 0 : LINE + (row.members.some(({ strip }) => strip.length) ? STRIP : 0));
  }
  const { note, strip } = row.snapshot;
  return EDGES + HEAD + LINE + (note ? LINE : 0) + (strip.length ? STRIP : 0);
}

/** What a row's look depends on. @param {Row} row @param {Scene} scene */
export function versionOf(row, scene) {
  if (row.kind === "day") return dayName(row.time);
  if (row.kind === "tail") return row.state;
  const { id, name, note, locked } = row.snapshot;
  const newest = id === scene.newest;
  const own = row.kind === "burst" ? [row.open, row.members.length, row.members.at(-1)?.id] : [row.inside, row.last];
  return JSON.stringify([scene.id, id, name, note, locked, newest, scene.fits, ...own]);
}

/** @param {Row} row @param {Scene} scene @returns {HTMLElement} */
export function drawRow(row, scene) {
  if (row.kind === "day") return h("h4.gp-day", { textContent: dayName(row.time) });
  if (row.kind === "tail") return drawTail(row.state, scene);
  return row.kind === "burst" ? drawBurst(row, scene) : drawSnapshot(row, scene);
}

/** @param {SnapshotRow} row @param {Scene} scene */
function drawSnapshot(row, scene) {
  const { snapshot } = row;
  const { author, images, locked, note } = snapshot;
  const strip = stripOf([snapshot]);
  const [sign, kind] = signOf(snapshot);
  const title = titleOf(snapshot);
  const newest = snapshot.id === scene.newest;
  const facts = [clock(snapshot.time), author, tn("{n} image", "{n} images", images)].filter(Boolean);
  const state = [kind, newest && t("Now"), locked && t("Locked")];
  const article = frame(row, [title, ...facts, ...state, note], scene);
  const inner = h(
    "div.gp-event-body",
    {},
    h(
      "div.gp-event-head",
      {},
      h("strong", { textContent: title, title: hintOf(snapshot), dir: "auto" }),
      newest && h("span.gp-now", { textContent: t("Now") }),
      locked && h("span.gp-locked", { title: t("Locked: a clean-up keeps it") }, icon("lock")),
    ),
    h("div.gp-event-meta", { textContent: facts.join(" · "), title: `${kind}, ${moment(snapshot.time)}` }),
    note && h("div.gp-event-note", { textContent: note.replace(/\s+/g, " "), title: note, dir: "auto" }),
    strip.items.length > 0 && drawStrip(scene.id, strip.items, strip.total, scene.fits),
  );
  article.prepend(h("span.gp-event-sign", { title: kind }, icon(sign)), inner);
  article.classList.add(`gp-kind-${snapshot.name ? "named" : snapshot.kind}`);
  article.classList.toggle("gp-inside", row.inside);
  return article;
}

/** The whole of what its first line says in short. @param {import("./timeline.js").Snapshot} snapshot */
function hintOf(snapshot) {
  const sentence = sentenceOf(snapshot);
  return snapshot.name && snapshot.name !== sentence ? `${snapshot.name}\n${sentence}` : sentence;
}

/** @param {BurstRow} row @param {Scene} scene */
function drawBurst(row, scene) {
  const { members, open } = row;
  const changes = changesOf(members);
  const when = span(members[members.length - 1].time, members[0].time);
  const title = tn("{when}, {n} edit", "{when}, {n} edits", members.length, { when });
  const newest = members[0].id === scene.newest;
  const words = said(changes);
  const article = frame(row, [title, words, newest && t("Now")], scene);
  const strip = stripOf(open ? [] : members);
  const inner = h(
    "div.gp-event-body",
    {},
    h(
      "div.gp-event-head",
      {},
      h("strong", { textContent: title }),
      newest && !open && h("span.gp-now", { textContent: t("Now") }),
    ),
    !open && h("div.gp-event-meta", { textContent: words, title: words }),
    strip.items.length > 0 && drawStrip(scene.id, strip.items, strip.total, scene.fits),
  );
  const fold = button({
    icon: open ? "chevron-down" : "chevron-right",
    title: open ? t("Fold these edits") : t("Show each edit"),
    onclick: (event) => {
      event.stopPropagation();
      scene.fold(row);
    },
  });
  fold.classList.add("gp-event-fold");
  fold.tabIndex = -1;
  article.prepend(fold, inner);
  article.classList.add("gp-burst");
  article.classList.toggle("gp-open", open);
  article.ariaExpanded = String(open);
  return article;
}

/** @param {SnapshotRow | BurstRow} row @param {(string | false)[]} words @param {Scene} scene */
function frame(row, words, scene) {
  const more = button({
    icon: "ellipsis-v",
    title: t("More for this snapshot (Shift+F10)"),
    onclick: (event) => {
      event.stopPropagation();
      scene.menu(row, more);
    },
  });
  more.classList.add("gp-event-more");
  more.setAttribute("aria-haspopup", "menu");
  more.tabIndex = -1;
  const label = words.filter(Boolean).join(", ");
  return h("article.gp-event", { ariaLabel: label, dataset: { snapshot: row.snapshot.id } }, more);
}

/** @param {"loading" | "failed" | "end"} state @param {Scene} scene */
function drawTail(state, scene) {
  if (state === "failed") {
    return h(
      "div.gp-tail",
      {},
      h("span", { textContent: t("Older ones can't be read.") }),
      button({ icon: "refresh", label: t("Try again"), kind: "secondary", onclick: () => scene.retry() }),
    );
  }
  if (state === "end") return h("div.gp-tail", { textContent: t("The beginning") });
  const turning = icon("spinner");
  turning.classList.add("pi-spin");
  return h("div.gp-tail", {}, turning, h("span", { textContent: t("Loading older ones…") }));
}
