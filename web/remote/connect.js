// @ts-check
// The dialog that connects profiles to an online storage.

import { button, h, icon } from "../dom.js";
import { askConfirm, toast, wordsOf } from "../host.js";
import { t } from "../i18n.js";
import { Modal } from "../modal.js";
import * as profiles from "../profiles.js";
import * as jobs from "./jobs.js";
import * as remote from "./remote.js";
import { connectionChanged } from "./state.js";
import { foundWords } from "./words.js";

const FORM = "gp-connect";

/** @type {Record<"ssh" | "folder" | "web", () => string>} */
const SIGN_IN = {
  ssh: () => t("The SSH key of the machine that runs ComfyUI signs in; no token is needed."),
  folder: () => t("A folder that every machine reaches, such as on a NAS. The first sync makes it."),
  web: () =>
    t("You make the token in your account there. It stays on the machine that runs ComfyUI and is never shown again."),
};

/** @typedef {"all" | "own"} Scope whether it is set for all profiles, or for one alone */

/**
 * @typedef {object} ConnectOptions
 * @property {string} [id] the profile it is opened for
 * @property {string} [save] the button's words
 * @property {() => unknown} [saved] what comes after
 */

/** @param {ConnectOptions} [options] */
export function openConnect(options = {}) {
  return new ConnectDialog(options);
}

class ConnectDialog {
  /** @param {ConnectOptions} options */
  constructor(options) {
    this.options = options;
    this.profile = profiles.find(options.id ?? "") ?? null;
    /** The default connection, and the profile's. @type {Record<Scope, remote.Connection | null>} */
    this.known = { all: null, own: null };
    /** @type {Scope} */
    this.scope = "all";
    /** The job that tests. @type {string | null} */
    this.testing = null;
    this.address = field(t("Address"), { type: "text", inputMode: "url", placeholder: "https://…", maxLength: 2000 });
    this.username = field(t("User name"), { type: "text", maxLength: 200 });
    this.token = field(t("Token"), { type: "password", autocomplete: "new-password", maxLength: 4000 });
    this.keys = h("div.gp-fields", {}, this.username.element, this.token.element);
    this.keysHint = h("p.gp-note");
    this.answer = h("span.gp-answer", { role: "status" });
    this.problem = h("p.gp-problem-text", { role: "alert", hidden: true });
    this.tester = button({ icon: "bolt", label: t("Test"), kind: "secondary", onclick: () => this.test() });
    this.auto = h("input", { type: "checkbox" });
    this.save = h("button.gp-button.gp-primary", { type: "submit", textContent: options.save ?? t("Save") });
    this.save.setAttribute("form", FORM);
    this.address.input.addEventListener("input", () => this.typed());
    for (const { input } of [this.username, this.token]) {
      input.addEventListener("input", () => this.answered("", ""));
    }
    this.modal = new Modal({ title: t("Sync settings"), icon: "sync", onClose: () => this.stopTest() });
    this.load();
  }

  async load() {
    this.modal.show(h("p.gp-hint", { textContent: t("Loading…") }));
    try {
      const [all, own] = await Promise.all([
        remote.connection(""),
        this.profile ? remote.connection(this.profile.id) : null,
      ]);
      this.known = { all, own };
      this.scope = own?.own ? "own" : "all";
      this.auto.checked = all.auto_sync;
      this.show(all.allowed);
    } catch (error) {
      this.modal.show(
        h("p.gp-hint", { textContent: wordsOf(error) }),
        button({ icon: "refresh", label: t("Try again"), kind: "secondary", onclick: () => this.load() }),
      );
    }
  }

  /** @param {string[]} allowed */
  show(allowed) {
    const form = h(
      "form.gp-form",
      { id: FORM, noValidate: true, onsubmit: (/** @type {Event} */ event) => this.submit(event) },
      h("p.gp-lead", { textContent: lead() }),
      this.scopes(),
      this.address.element,
      addressHelp(allowed),
      this.keys,
      this.keysHint,
      h("div.gp-test", {}, this.tester, this.answer),
      h(
        "label.gp-tick",
        {},
        this.auto,
        h("span", { textContent: t("Sync by itself") }),
        h("span.gp-note", { textContent: t("Soon after each edit, and every few minutes") }),
      ),
      this.problem,
    );
    this.modal.show(form);
    this.fill();
    this.address.input.focus();
  }

  /** @returns {Node | null} */
  scopes() {
    if (!this.profile) return null;
    const choice = (/** @type {Scope} */ scope, /** @type {string} */ words) =>
      h(
        "label.gp-tick",
        {},
        h("input", {
          type: "radio",
          name: "gp-scope",
          checked: scope === this.scope,
          onchange: () => this.choose(scope),
        }),
        h("span", { textContent: words }),
      );
    return h(
      "fieldset.gp-scopes",
      {},
      h("legend", { textContent: t("These settings are") }),
      choice("all", t("for all profiles")),
      choice("own", t("only for “{name}”", { name: this.profile.name })),
    );
  }

  /** What is kept for what is being set; a profile without its own has the default. */
  get current() {
    return /** @type {remote.Connection} */ (this.known[this.scope] ?? this.known.all);
  }

  /** Whether something was typed that isn't saved. */
  get edited() {
    const { url, username } = this.current;
    const { value } = this.address.input;
    return value !== (url ?? "") || this.username.input.value !== (username ?? "") || !!this.token.input.value;
  }

  /** @param {Scope} scope */
  choose(scope) {
    const { edited } = this;
    this.scope = scope;
    if (edited) this.typed();
    else this.fill();
  }

  fill() {
    this.address.input.value = this.current.url ?? "";
    this.username.input.value = this.current.username ?? "";
    this.token.input.value = "";
    this.typed();
    if (this.current.problem) this.complain(this.current.problem);
  }

  /** Follow what the address asks for; what a test says of another doesn't count. */
  typed() {
    this.stopTest();
    this.testing = null;
    const address = this.address.input.value.trim();
    const kind = kindOf(address);
    const kept = this.isKept(address);
    this.keys.hidden = kind === "ssh" || kind === "folder";
    this.token.input.placeholder = kept ? t("One is kept; leave empty to keep it") : "";
    this.keysHint.textContent = SIGN_IN[kind]();
    this.complain("");
    this.answered("", "");
    this.drawFooter();
  }

  /** A token is told to nobody but the host it was kept for. @param {string} address */
  isKept(address) {
    const { url, has_secret } = this.current;
    return has_secret && !!url && originOf(url) === originOf(address);
  }

  drawFooter() {
    const own = this.scope === "own";
    const forgettable = this.current.url && this.current.own === own;
    this.modal.showFooter(
      forgettable && button({ icon: "trash", label: t("Forget"), kind: "danger", onclick: () => this.forget() }),
      h("span.gp-spring"),
      button({ label: t("Cancel"), kind: "secondary", onclick: () => this.modal.close() }),
      this.save,
    );
  }

  /** What was typed, as the server takes it. */
  given() {
    const address = this.address.input.value.trim();
    const signs = kindOf(address) === "web";
    const token = this.token.input.value.trim();
    return {
      ...(this.scope === "own" ? { id: this.profile?.id } : {}),
      url: address,
      username: signs ? this.username.input.value.trim() : "",
      ...(signs && token ? { token } : {}),
    };
  }

  /** Whether there is an address; if not, says so. */
  hasAddress() {
    if (this.address.input.value.trim()) return true;
    this.complain(t("Enter an address first."));
    this.address.input.focus();
    return false;
  }

  async test() {
    if (this.testing) return this.stopTest();
    this.complain("");
    if (!this.hasAddress()) return;
    try {
      this.answered("spinner", t("Connecting…"));
      const { job } = await remote.test(this.given());
      this.testing = job;
      if (!this.modal.open) return this.stopTest();
      this.drawTester();
      const ended = await jobs.follow(job);
      if (this.testing !== job) return;
      if (ended.state === "cancelled") this.answered("", "");
      else this.answered("check-circle", foundWords(jobs.resultOf(ended)));
    } catch (error) {
      this.answered("exclamation-triangle", wordsOf(error));
    } finally {
      this.testing = null;
      this.drawTester();
    }
  }

  stopTest() {
    if (this.testing) remote.cancel(this.testing).catch(() => {});
  }

  drawTester() {
    const [name, words] = this.testing ? ["times", t("Cancel")] : ["bolt", t("Test")];
    this.tester.replaceChildren(icon(name), h("span", { textContent: words }));
    this.tester.title = this.tester.ariaLabel = words;
  }

  /** Say what a test found. @param {string} name an icon's @param {string} words */
  answered(name, words) {
    const sign = name ? [icon(name)] : [];
    if (name === "spinner") sign[0].classList.add("pi-spin");
    this.answer.replaceChildren(...sign, h("span", { textContent: words }));
    this.answer.classList.toggle("gp-good", name === "check-circle");
    this.answer.classList.toggle("gp-bad", name === "exclamation-triangle");
  }

  /** @param {string} words */
  complain(words) {
    this.problem.textContent = words;
    this.problem.hidden = !words;
    if (words) this.problem.scrollIntoView({ block: "nearest" });
  }

  /** @param {Event} event */
  async submit(event) {
    event.preventDefault();
    this.complain("");
    const auto = { auto_sync: this.auto.checked };
    const unset = !this.address.input.value.trim() && !this.current.url;
    const onlyAuto = unset && !this.options.saved && this.auto.checked !== this.known.all?.auto_sync;
    if (!onlyAuto && !this.hasAddress()) return;
    await this.send(async () => {
      await remote.change(onlyAuto ? auto : { ...this.given(), ...auto });
      // One for all profiles is for this one too.
      if (this.scope === "all" && this.known.own?.own && !onlyAuto) {
        await remote.change({ id: this.profile?.id, url: null });
      }
      this.modal.close();
      await connectionChanged();
      if (!this.options.saved) toast("success", t("Sync settings saved"));
      this.options.saved?.();
    });
  }

  async forget() {
    const { name = "" } = this.profile ?? {};
    const whose = this.scope === "own" && name ? t("For “{name}” only.", { name }) : "";
    const what = t("The address and the token are forgotten. The profiles stay, here and there.");
    const question = `${whose} ${what}`.trim();
    if (!(await this.modal.aside(() => askConfirm(t("Forget the connection?"), question)))) return;
    await this.send(async () => {
      const id = this.scope === "own" ? { id: this.profile?.id } : {};
      const left = await remote.change({ ...id, url: null });
      await connectionChanged();
      await this.load();
      // The server's own setting can't be forgotten here.
      if (left.url && !left.own && this.scope === "all") {
        this.complain(t("Whoever runs the server has set this address; it stays."));
      }
    });
  }

  /** Send something; what goes wrong is said here, and nothing typed is lost. @param {() => Promise<void>} act */
  async send(act) {
    this.save.disabled = true;
    try {
      await act();
    } catch (error) {
      this.complain(wordsOf(error));
    } finally {
      this.save.disabled = false;
    }
  }
}

/** @param {string} label @param {Record<string, unknown>} properties */
function field(label, properties) {
  const input = h("input.gp-input", { spellcheck: false, autocapitalize: "off", autocomplete: "off", ...properties });
  return { input, element: h("label.gp-field", {}, h("span", { textContent: label }), input) };
}

/** @param {string[]} allowed */
function addressHelp(allowed) {
  const kinds = [
    ["https://github.com/you/pools.git", t("A private, empty repository at GitHub, GitLab, Codeberg or a host of your own, with a user name and a token that may write.")],
    ["git@github.com:you/pools.git", t("The same over SSH, with the key of the machine that runs ComfyUI.")],
  ];
  if (allowed.includes("http")) kinds.push(["http://nas.local:3000/you/pools.git", t("Without encryption; only inside your own network.")]);
  if (allowed.includes("file")) kinds.push(["/mnt/nas/pools.git", t("A folder that every machine reaches. No account needed.")]);
  return h(
    "details.gp-details",
    {},
    h("summary", { textContent: t("Which addresses work?") }),
    h("dl", {}, ...kinds.flatMap(([example, words]) => [
      h("dt", {}, h("code", { textContent: example })),
      h("dd", { textContent: words }),
    ])),
  );
}

function lead() {
  return t(
    "Sync keeps your profiles the same on all your machines, by way of an online storage that is yours.",
  );
}

/** @param {string} address @returns {"web" | "ssh" | "folder"} */
function kindOf(address) {
  if (/^(\/|\\\\|file:|[a-z]:[\\/])/i.test(address)) return "folder";
  if (/^ssh:/i.test(address)) return "ssh";
  return !address.includes("://") && /^[^/]+:./.test(address) ? "ssh" : "web";
}

/** @param {string} address */
function originOf(address) {
  try {
    return new URL(address.trim()).origin;
  } catch {
    return address;
  }
}
