// @ts-check
// The Storage dialog: what each profile takes on the disk, and freeing some of it.

import { h, icon } from "../dom.js";
import { toast, toastError, wordsOf } from "../host.js";
import { t } from "../i18n.js";
import { Modal } from "../modal.js";
import * as profiles from "../profiles.js";
import * as remote from "../remote/remote.js";
import { size } from "../remote/words.js";
import * as cleaning from "./cleaning.js";
import { keepOf, WAYS } from "./keep.js";
import { KeepForm } from "./keepform.js";
import { Questions } from "./questions.js";
import { StorageBar, totalOf } from "./storagebar.js";
import { CleanupFooter } from "./storagefooter.js";
import { StorageList } from "./storagelist.js";

/**
 * @typedef {import("./keep.js").Way} Way
 * @typedef {import("./questions.js").Question} Question
 * @typedef {import("./questions.js").Answer} Answer
 * @typedef {import("./storagefooter.js").Said} Said
 */

/** @type {StorageDialog | null} */
let open = null;

/** Show what takes up space, a profile's first. @param {string} id */
export function openStorage(id) {
  open?.modal.close();
  open = new StorageDialog(id);
}

/** @param {string} id */
const sizeKey = (id) => `${id} size`;
/** @param {string} id */
const remoteKey = (id) => `${id} remote`;
/** @param {string} id @param {profiles.Keep} keep */
const freeKey = (id, keep) => `${id} free ${JSON.stringify(keep)}`;

class StorageDialog {
  /** @param {string} id */
  constructor(id) {
    this.id = id;
    this.confirming = false;
    /** How the last clean-up ended, by profile. @type {Map<string, Said>} */
    this.outcomes = new Map();
    this.questions = new Questions(() => this.draw());
    const stops = [cleaning.subscribe(() => this.draw()), profiles.subscribe(() => this.draw())];
    this.modal = new Modal({
      title: t("Storage"),
      icon: "database",
      wide: true,
      onClose: () => {
        for (const stop of stops) stop();
        this.questions.close();
        if (open === this) open = null;
      },
    });
    this.modal.panel.classList.add("gp-storage");
    this.list = new StorageList((chosen) => this.show(chosen));
    this.bar = new StorageBar();
    this.form = new KeepForm(() => this.chosenAnew());
    this.footer = new CleanupFooter(this.modal, {
      close: () => this.modal.close(),
      ask: () => this.askSure(true),
      back: () => this.askSure(false),
      clean: () => this.clean(),
      cancel: () => cleaning.cancel(this.id),
      again: () => this.again(),
    });
    this.name = h("h3", { dir: "auto" });
    this.total = h("span.gp-storage-size");
    this.kept = h("p.gp-note");
    this.problem = h("div.gp-problem-text", { role: "alert", hidden: true });
    this.cleanup = h(
      "section.gp-cleanup",
      { ariaLabel: t("Free space") },
      h("h4", { textContent: t("Free space") }),
      h("p.gp-lead", { textContent: lead() }),
      this.form.element,
      this.kept,
    );
    this.detail = h("div.gp-storage-detail", {}, h("header", {}, this.name, this.total), this.problem, this.bar.element, this.cleanup);
    this.none = h("div.gp-empty", {}, icon("database"), h("strong", { textContent: t("There are no profiles yet.") }));
    this.modal.show(h("div.gp-storage-columns", {}, this.list.element, this.detail, this.none));
    this.draw();
  }

  /** Look at another profile. @param {string} id */
  show(id) {
    if (id === this.id) return;
    this.id = id;
    this.confirming = false;
    this.draw();
  }

  chosenAnew() {
    this.confirming = false;
    this.outcomes.delete(this.id);
    this.draw();
  }

  /** @param {boolean} asking */
  askSure(asking) {
    this.confirming = asking;
    this.outcomes.delete(this.id);
    this.draw();
  }

  /** Measure and calculate the profile anew. */
  again() {
    this.outcomes.delete(this.id);
    this.questions.forget((key) => key.startsWith(`${this.id} `));
    this.draw();
  }

  /** @param {string} key @returns {Answer | undefined} */
  answer(key) {
    return this.questions.answers.get(key);
  }

  /** What a way would free here. @param {Way} way */
  answerFor(way) {
    return this.answer(freeKey(this.id, keepOf(way, this.form.own)));
  }

  draw() {
    if (!this.modal.open) return;
    const all = profiles.known.profiles;
    if (!profiles.find(this.id)) Object.assign(this, { id: all[0]?.id ?? "", confirming: false });
    this.detail.hidden = !all.length;
    this.none.hidden = all.length > 0;
    this.ask();
    this.drawList();
    this.drawDetail();
    this.footer.show(this.footerState());
  }

  /** The one that is looked at first, its chosen way before the others; then the others' sizes. */
  ask() {
    const { id, form } = this;
    /** @type {Question[]} */
    const wanted = [];
    const busy = cleaning.underway;
    const measure = (/** @type {string} */ each) => ({ key: sizeKey(each), ask: () => profiles.storage(each) });
    if (id && !busy.has(id)) {
      wanted.push(measure(id), { key: remoteKey(id), ask: () => remote.connection(id) });
      const failed = this.answer(sizeKey(id))?.error !== undefined;
      const ways = failed ? [] : [form.way, ...WAYS.filter((way) => way !== form.way && form.isOpen(way))];
      for (const way of ways) {
        const keep = keepOf(way, form.own);
        wanted.push({ key: freeKey(id, keep), ask: () => profiles.wouldFree(id, keep) });
      }
    }
    for (const { id: each } of profiles.known.profiles) if (each !== id && !busy.has(each)) wanted.push(measure(each));
    this.questions.want(wanted);
  }

  drawList() {
    const rows = profiles.known.profiles.map(({ id, name }) => {
      const { value, error } = this.answer(sizeKey(id)) ?? {};
      const bytes = value ? totalOf(value) : error === undefined ? null : NaN;
      return { id, name, bytes, busy: cleaning.underway.has(id) };
    });
    this.list.show(rows, this.id);
  }

  drawDetail() {
    const { value, error } = this.answer(sizeKey(this.id)) ?? {};
    const running = cleaning.underway.has(this.id);
    this.name.textContent = profiles.find(this.id)?.name ?? "";
    this.total.textContent = value ? size(totalOf(value)) : "";
    const problem = error === undefined ? "" : wordsOf(error);
    if (this.problem.textContent !== problem) this.problem.textContent = problem;
    this.problem.hidden = !problem;
    this.bar.element.hidden = this.cleanup.hidden = !!problem;
    this.bar.show(value ?? null, this.answerFor(this.form.way)?.value?.freed ?? null);
    this.form.show((way) => this.answerFor(way), running);
    const synced = this.answer(remoteKey(this.id))?.value?.status?.synced;
    this.kept.textContent = synced ? keptWhereSynced() : kept();
  }

  /** @returns {import("./storagefooter.js").State} */
  footerState() {
    const running = cleaning.underway.get(this.id);
    if (running) return { kind: "running", cleaning: running };
    const measured = this.answer(sizeKey(this.id));
    const answer = this.answerFor(this.form.way);
    const found = answer?.value;
    if (this.confirming && found?.dropped) return { kind: "asking", ...found };
    const failed = measured?.error !== undefined || answer?.error !== undefined;
    const said = this.outcomes.get(this.id) ?? (answer?.error !== undefined ? { bad: wordsOf(answer.error) } : null);
    if (!this.id) return { kind: "idle", said: null, freed: null, failed: false };
    return { kind: "idle", said, freed: found?.dropped ? found.freed : null, failed };
  }

  async clean() {
    const { id } = this;
    this.confirming = false;
    this.outcomes.delete(id);
    /** @type {Said} */
    let said;
    try {
      const freed = await cleaning.cleanUp(id, this.form.keep);
      said = freed ? { good: cleaning.freedWords(freed) } : { plain: t("Cancelled. Nothing was changed.") };
      // Nobody looks any more.
      if (!open) toast(freed ? "success" : "info", profiles.find(id)?.name ?? t("Storage"), said.good ?? said.plain);
    } catch (error) {
      said = { bad: t("The clean-up didn't finish. {why}", { why: wordsOf(error) }) };
      if (!open) toastError(t("The clean-up didn't finish"), error);
    }
    open?.ended(id, said);
  }

  /** @param {string} id @param {Said} said */
  ended(id, said) {
    this.outcomes.set(id, said);
    this.questions.forget((key) => key.startsWith(`${id} `));
    this.draw();
  }
}

function lead() {
  return t("A clean-up thins out old automatic snapshots and frees what only they needed, deleted images too.");
}

function kept() {
  return t("Always kept: the images in the grid, the newest snapshot, and those that you took, named or locked.");
}

function keptWhereSynced() {
  return t(
    "Always kept: the images in the grid, the newest snapshot, those that you took, named or locked, and what isn't synced yet. The online storage keeps everything.",
  );
}
