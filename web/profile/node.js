// @ts-check
// The Pool Profile node on the page: which profile it feeds, and everything one can do with it.

import { button, h, icon, isolate, menu } from "../dom.js";
import { followAll, hide, widgetOf } from "../follow.js";
import { openStorage as openUsage } from "../history/storage.js";
import { openHistory } from "../history/tab.js";
import { redraw } from "../host.js";
import { t } from "../i18n.js";
import { chain } from "../pool/node.js";
import * as profiles from "../profiles.js";
import { SyncBar } from "../remote/bar.js";
import { openConnect } from "../remote/connect.js";
import { openStorage } from "../remote/storage.js";
import * as actions from "./actions.js";
import { openPicker } from "./picker.js";

const HEIGHT = 112;

/** Give a new Pool Profile node its controls. @param {any} node */
export function setUpProfileNode(node) {
  const view = new ProfileView(node);
  node.gitpoolChoose = (/** @type {string} */ id) => view.choose(id);
  node.addDOMWidget("gitpool_profile", "GITPOOL_PROFILE", view.element, {
    serialize: false,
    hideOnZoom: false,
    getMinHeight: () => HEIGHT,
    getMaxHeight: () => HEIGHT,
    getValue: () => "",
    setValue() {},
  }).serialize = false;
  node.setSize?.([Math.max(node.size[0], 300), Math.max(node.computeSize?.()[1] ?? 0, HEIGHT + 50)]);
  chain(node, "onConfigure", () => view.configured());
  chain(node, "onRemoved", () => view.dispose());
  chain(node, "onAdded", () => view.follow());
}

class ProfileView {
  /** @param {any} node */
  constructor(node) {
    this.node = node;
    /** @type {(() => void) | null} */
    this.stop = null;
    this.hideWidgets();
    this.name = h("span.gp-pick-name");
    this.pick = h(
      "button.gp-pick",
      { type: "button", ariaHasPopup: "listbox", onclick: () => this.openPicker() },
      icon("bookmark"),
      this.name,
      icon("chevron-down"),
    );
    this.snapshot = this.tool("camera", t("Snapshot"), () => actions.snapshot(this.id));
    this.history = this.tool("history", t("History"), () => openHistory(this.id, (id) => this.choose(id)));
    this.create = this.tool("plus", t("Create"), () => this.follows(actions.create()));
    this.more = this.tool("ellipsis-v", t("More"), () => this.openMenu());
    this.more.setAttribute("aria-haspopup", "menu");
    this.sync = new SyncBar({
      id: () => this.id,
      name: () => profiles.find(this.id)?.name ?? this.savedName,
      choose: (id) => this.choose(id),
    });
    this.element = h(
      "div.gp-root.gp-profile",
      {},
      this.pick,
      h("div.gp-tools-row", {}, this.create, this.snapshot, this.history, this.more),
      this.sync.element,
    );
    isolate(this.element);
    this.follow();
    this.draw();
  }

  /** @param {string} name @param {string} label @param {() => void} onclick */
  tool(name, label, onclick) {
    return button({ icon: name, label, onclick });
  }

  get id() {
    return String(widgetOf(this.node, "profile_id")?.value ?? "");
  }

  get savedName() {
    return String(widgetOf(this.node, "profile")?.value ?? "");
  }

  hideWidgets() {
    hide(widgetOf(this.node, "profile"));
    hide(widgetOf(this.node, "profile_id"));
  }

  configured() {
    this.hideWidgets();
    this.draw();
    followAll();
  }

  follow() {
    this.stop ??= profiles.subscribe(() => this.draw());
    this.sync.follow();
  }

  /** Also called when the node moves into a subgraph, where it is added again. */
  dispose() {
    this.stop?.();
    this.stop = null;
    this.sync.dispose();
  }

  draw() {
    const profile = profiles.find(this.id);
    const missing = !!this.id && profiles.known.loaded && !profile;
    // The id decides, the name follows.
    const widget = widgetOf(this.node, "profile");
    if (profile && widget && widget.value !== profile.name) widget.value = profile.name;
    const gone = t("{name} (missing)", { name: this.savedName || t("Profile") });
    const shown = missing ? gone : profile?.name ?? this.savedName;
    this.name.textContent = shown || t("Choose a profile");
    this.pick.title = missing
      ? t("This profile is gone. Choose another, or bring it back from the deleted ones.")
      : shown;
    this.element.classList.toggle("gp-missing", missing);
    this.element.classList.toggle("gp-none", !this.id);
    for (const tool of [this.snapshot, this.history]) tool.disabled = !profile;
    this.sync.show();
  }

  /** Feed another profile from now on. @param {string} id */
  choose(id) {
    const profile = profiles.find(id);
    if (!profile) return;
    widgetOf(this.node, "profile").value = profile.name;
    widgetOf(this.node, "profile_id").value = profile.id;
    this.draw();
    followAll();
    redraw();
  }

  /** Choose what an action made, if it made something. @param {Promise<profiles.Profile | null>} made */
  async follows(made) {
    const profile = await made;
    if (profile) this.choose(profile.id);
  }

  openPicker() {
    openPicker(this.pick, this.id, {
      choose: (id) => this.choose(id),
      create: (name) => this.follows(actions.create(name)),
      adopt: (pool) => this.follows(actions.adopt(pool)),
      undelete: (id) => this.follows(actions.undelete(id)),
      getMore: () => this.openStorage(),
    });
  }

  openStorage() {
    openStorage({ choose: (id) => this.choose(id) });
  }

  openMenu() {
    const profile = profiles.find(this.id);
    const own = profile
      ? [
          { icon: "pencil", label: t("Rename…"), onclick: () => actions.rename(profile) },
          { icon: "clone", label: t("Duplicate…"), onclick: () => this.follows(actions.duplicate(profile)) },
          null,
          { icon: "download", label: t("Export as zip"), onclick: () => actions.exportFile(profile, "zip") },
          { icon: "box", label: t("Export with history"), onclick: () => actions.exportFile(profile, "bundle") },
          { icon: "database", label: t("Storage…"), onclick: () => openUsage(profile.id) },
        ]
      : [];
    menu(this.more, [
      ...own,
      { icon: "upload", label: t("Import…"), onclick: () => this.follows(actions.importFile()) },
      null,
      { icon: "cloud-download", label: t("Get from remote…"), onclick: () => this.openStorage() },
      { icon: "sync", label: t("Sync settings…"), onclick: () => openConnect({ id: this.id }) },
      ...(profile
        ? [null, { icon: "trash", label: t("Delete…"), danger: true, onclick: () => actions.remove(profile) }]
        : []),
    ]);
  }
}
