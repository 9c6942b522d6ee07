// @ts-check
// The dialog that gives a snapshot a name and a note.

import { button, h } from "../dom.js";
import { t } from "../i18n.js";
import { Modal } from "../modal.js";
import * as profiles from "../profiles.js";
import { moment, sentenceOf } from "./words.js";

/** @typedef {profiles.Snapshot} Snapshot */

const NAME_LIMIT = 200;
const NOTE_LIMIT = 2000;

/**
 * @param {string} id the profile's @param {Snapshot} snapshot
 * @param {(snapshot: Snapshot) => void} saved gets it as it is then
 */
export function openNaming(id, snapshot, saved) {
  const modal = new Modal({ title: t("Name and note"), icon: "bookmark" });
  const name = h("input.gp-input", {
    value: snapshot.name,
    maxLength: NAME_LIMIT,
    placeholder: sentenceOf(snapshot),
    autocomplete: "off",
    dir: "auto",
  });
  const note = h("textarea.gp-input.gp-note-field", {
    value: snapshot.note,
    maxLength: NOTE_LIMIT,
    rows: 5,
    placeholder: t("What is good about it, what to try next…"),
    dir: "auto",
  });
  const problem = h("p.gp-bad", { role: "alert", hidden: true });
  const save = button({ icon: "check", label: t("Save"), kind: "primary", onclick: () => keep() });

  async function keep() {
    if (save.disabled) return;
    save.disabled = true;
    problem.hidden = true;
    try {
      const mark = { locked: snapshot.locked, message: name.value.trim(), note: note.value.trim() };
      const answer = await profiles.mark(id, snapshot.id, mark);
      modal.close();
      saved(answer.snapshot);
    } catch (error) {
      problem.textContent = error instanceof Error ? error.message : String(error);
      problem.hidden = false;
      save.disabled = false;
    }
  }

  modal.show(
    h("p.gp-note", { textContent: `${moment(snapshot.time)} · ${sentenceOf(snapshot)}`, dir: "auto" }),
    field(t("Name"), name),
    field(t("Note"), note),
    problem,
  );
  modal.showFooter(
    h("span.gp-spring"),
    button({ label: t("Cancel"), kind: "secondary", onclick: () => modal.close() }),
    save,
  );
  modal.body.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const inNote = event.target === note && !(event.ctrlKey || event.metaKey);
    if (event.key !== "Enter" || event.isComposing || inNote) return;
    event.preventDefault();
    keep();
  });
  name.focus();
  name.select();
}

/** @param {string} label @param {HTMLElement} input */
function field(label, input) {
  return h("label.gp-field", {}, h("span", { textContent: label }), input);
}
