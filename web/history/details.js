// @ts-check
// Below the timeline: the chosen snapshot in full, and what can be done with it.

import { button, h, icon } from "../dom.js";
import { t, tn } from "../i18n.js";
import { moment, sentenceOf, signOf, titleOf } from "./words.js";

/** @typedef {import("../profiles.js").Snapshot} Snapshot */

/**
 * What can be done with a snapshot.
 * @typedef {object} Deeds
 * @property {(snapshot: Snapshot) => void} look
 * @property {(snapshot: Snapshot, against: string) => void} compare `against`: "now", or a snapshot
 * @property {(snapshot: Snapshot) => void} restore
 * @property {(snapshot: Snapshot) => void} branchOff
 * @property {(snapshot: Snapshot) => void} name
 * @property {(snapshot: Snapshot) => void} lock
 */

/**
 * The same deeds as a menu's items.
 * @param {Snapshot} snapshot @param {Deeds} deeds @param {Snapshot | null} chosen another one, to compare with
 */
export function itemsFor(snapshot, deeds, chosen) {
  const other = chosen && chosen.id !== snapshot.id ? chosen : null;
  return [
    { icon: "eye", label: t("Look"), keys: "⏎", onclick: () => deeds.look(snapshot) },
    { icon: "arrows-h", label: t("Compare with now"), onclick: () => deeds.compare(snapshot, "now") },
    ...(other
      ? [{ icon: "arrows-h", label: t("Compare with the chosen one"), onclick: () => deeds.compare(snapshot, other.id) }]
      : []),
    null,
    { icon: "undo", label: t("Restore"), onclick: () => deeds.restore(snapshot) },
    { icon: "clone", label: t("New profile from here…"), onclick: () => deeds.branchOff(snapshot) },
    null,
    { icon: "pencil", label: t("Name and note…"), onclick: () => deeds.name(snapshot) },
    {
      icon: snapshot.locked ? "unlock" : "lock",
      label: snapshot.locked ? t("Unlock") : t("Lock"),
      onclick: () => deeds.lock(snapshot),
    },
  ];
}

export class Details {
  /** @param {Deeds} deeds */
  constructor(deeds) {
    this.deeds = deeds;
    /** @type {Snapshot | null} */
    this.snapshot = null;
    this.shown = "";
    this.words = h("div.gp-details-words");
    this.lock = button({ icon: "lock", label: t("Lock"), kind: "lesser", onclick: () => this.does(deeds.lock) });
    this.element = h(
      "section.gp-details",
      { ariaLabel: t("The chosen snapshot"), hidden: true },
      this.words,
      h(
        "div.gp-details-tools",
        {},
        button({ icon: "eye", label: t("Look"), kind: "secondary", onclick: () => this.does(deeds.look) }),
        button({ icon: "arrows-h", label: t("Compare with now"), kind: "secondary", onclick: () => this.does((s) => deeds.compare(s, "now")) }),
        button({ icon: "undo", label: t("Restore"), kind: "secondary", onclick: () => this.does(deeds.restore) }),
        button({ icon: "clone", label: t("New profile from here"), kind: "lesser", onclick: () => this.does(deeds.branchOff) }),
        button({ icon: "pencil", label: t("Name and note…"), kind: "lesser", onclick: () => this.does(deeds.name) }),
        this.lock,
      ),
    );
  }

  /** @param {(snapshot: Snapshot) => void} deed */
  does(deed) {
    if (this.snapshot) deed(this.snapshot);
  }

  /** @param {Snapshot | null} snapshot */
  show(snapshot) {
    this.snapshot = snapshot;
    this.element.hidden = !snapshot;
    const version = JSON.stringify(snapshot);
    if (!snapshot || version === this.shown) return;
    this.shown = version;
    const { note, locked, author, images } = snapshot;
    const [title, sentence] = [titleOf(snapshot), sentenceOf(snapshot)];
    const [sign, kind] = signOf(snapshot);
    const facts = [moment(snapshot.time), author, tn("{n} image", "{n} images", images), kind];
    const lines = [
      h("div.gp-details-title", {}, icon(sign), h("strong", { textContent: title, dir: "auto" })),
      h("div.gp-event-meta", { textContent: facts.filter(Boolean).join(" · ") }),
      title !== sentence && h("div.gp-event-meta", { textContent: sentence, dir: "auto" }),
      note && h("p.gp-details-note", { textContent: note, dir: "auto", tabIndex: 0 }),
    ];
    this.words.replaceChildren(...lines.filter(Boolean));
    const words = locked ? t("Unlock") : t("Lock");
    this.lock.replaceChildren(icon(locked ? "unlock" : "lock"), h("span", { textContent: words }));
    this.lock.title = locked ? t("A clean-up keeps it; unlock it") : t("Have every clean-up keep it");
    this.lock.ariaLabel = words;
  }
}
