// @ts-check
// The history of a profile: a panel that lists its snapshots and goes back to any of them.

import { button, h, icon, isolate, plural } from "../dom.js";
import { askConfirm, askText, toast, toastError } from "../host.js";
import { poolOf } from "../pools.js";
import * as profiles from "../profiles.js";

/** @typedef {profiles.Snapshot} Snapshot */

/** @type {HistoryPanel | null} */
let open = null;

/**
 * Show a profile's history.
 * @param {string} id @param {(id: string) => void} choose feeds a profile made from a snapshot
 */
export function openHistory(id, choose) {
  open?.close();
  open = new HistoryPanel(id, choose);
}

/** Show what has changed, if the panel is open. @param {(id: string) => boolean} which */
export function refreshHistory(which) {
  if (open && which(open.id) && profiles.find(open.id)) open.reload();
}

class HistoryPanel {
  /** @param {string} id @param {(id: string) => void} choose */
  constructor(id, choose) {
    this.id = id;
    this.choose = choose;
    /** @type {Snapshot[]} */
    this.snapshots = [];
    /** @type {string | null} */
    this.next = null;
    this.busy = false;
    this.list = h("div.gp-timeline", { role: "list", tabIndex: 0 });
    this.title = h("span.gp-title");
    this.element = h(
      "aside.gp-root.gp-history",
      { role: "dialog", ariaLabel: "History" },
      h(
        "header.gp-bar",
        {},
        icon("history"),
        this.title,
        h("span.gp-spring"),
        button({ icon: "times", title: "Close", onclick: () => this.close() }),
      ),
      this.list,
    );
    isolate(this.element);
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key === "Escape") this.close();
    });
    this.list.addEventListener("scroll", () => this.loadNear(), { passive: true });
    this.stop = profiles.subscribe(() => this.drawTitle());
    document.body.append(this.element);
    this.drawTitle();
    this.list.replaceChildren(h("p.gp-hint", { textContent: "Loading…" }));
    this.reload();
    this.list.focus();
  }

  close() {
    this.stop();
    this.element.remove();
    if (open === this) open = null;
  }

  drawTitle() {
    this.title.textContent = profiles.find(this.id)?.name ?? "Deleted profile";
  }

  async reload() {
    try {
      const wanted = Math.max(30, this.snapshots.length);
      const page = await profiles.history(this.id, null, { limit: Math.min(wanted, 500) });
      this.snapshots = page.snapshots;
      this.next = page.next;
      this.draw();
    } catch (error) {
      this.showFailure(error);
    }
  }

  async loadNear() {
    const { list } = this;
    if (this.busy || !this.next || list.scrollHeight - list.scrollTop > list.clientHeight * 2) return;
    this.busy = true;
    try {
      const page = await profiles.history(this.id, this.next);
      this.snapshots.push(...page.snapshots);
      this.next = page.next;
      this.draw();
    } catch (error) {
      toastError("The history can't be read on", error);
    } finally {
      this.busy = false;
    }
  }

  /** @param {unknown} error */
  showFailure(error) {
    const message = error instanceof Error ? error.message : String(error);
    this.list.replaceChildren(
      h("p.gp-hint", { textContent: `The history can't be read. ${message}` }),
      button({ icon: "refresh", label: "Try again", onclick: () => this.reload() }),
    );
  }

  draw() {
    if (!this.snapshots.length) {
      this.list.replaceChildren(h("p.gp-hint", { textContent: "No snapshots yet." }));
      return;
    }
    const parts = [];
    let day = "";
    for (const [index, snapshot] of this.snapshots.entries()) {
      const date = new Date(snapshot.time * 1000);
      const today = dayOf(date);
      if (today !== day) parts.push(h("h4", { textContent: (day = today) }));
      parts.push(this.row(snapshot, date, index === 0));
    }
    this.list.replaceChildren(...parts);
  }

  /** @param {Snapshot} snapshot @param {Date} date @param {boolean} newest */
  row(snapshot, date, newest) {
    const clock = date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const thumbs = snapshot.preview.slice(0, 6).map((name) =>
      h("img", {
        src: profiles.snapshotThumb(this.id, snapshot.id, name, 96),
        alt: "",
        loading: "lazy",
        decoding: "async",
      }),
    );
    const more = snapshot.images - thumbs.length;
    return h(
      "article.gp-snapshot",
      { role: "listitem" },
      h(
        "div.gp-snapshot-head",
        {},
        h("strong", { textContent: snapshot.message.split("\n")[0] }),
        snapshot.locked && icon("lock"),
      ),
      h("div.gp-meta", { textContent: [clock, plural(snapshot.images, "image"), newest && "newest"].filter(Boolean).join("  ·  ") }),
      h("div.gp-strip", {}, ...thumbs, more > 0 && h("span.gp-more", { textContent: `+${more}` })),
      h(
        "div.gp-snapshot-tools",
        {},
        button({ icon: "undo", label: "Restore", onclick: () => this.restore(snapshot) }),
        button({ icon: "clone", label: "Duplicate from here", onclick: () => this.branchOff(snapshot) }),
      ),
    );
  }

  /** @param {Snapshot} snapshot */
  async restore(snapshot) {
    const when = new Date(snapshot.time * 1000).toLocaleString();
    const question = "What is there now is kept as a snapshot first, so you can come back to it.";
    const options = { itemList: [`${snapshot.message.split("\n")[0]} (${when})`] };
    if (!(await askConfirm("Go back to this snapshot?", question, options))) return;
    try {
      await profiles.restore(this.id, snapshot.id);
      await Promise.all([poolOf(this.id).refresh(), this.reload()]);
      this.list.scrollTop = 0;
      toast("success", "Restored", snapshot.message.split("\n")[0]);
    } catch (error) {
      toastError("The snapshot wasn't restored", error);
    }
  }

  /** @param {Snapshot} snapshot */
  async branchOff(snapshot) {
    const name = profiles.find(this.id)?.name ?? "Profile";
    const wanted = await askText("Duplicate from here", "The new profile's name:", `${name} copy`);
    if (!wanted) return;
    try {
      const made = await profiles.branchOff(this.id, snapshot.id, wanted);
      this.choose(made.id);
      toast("success", `“${made.name}” is ready`);
    } catch (error) {
      toastError("The profile wasn't made", error);
    }
  }
}

/** @param {Date} date */
function dayOf(date) {
  const days = Math.round((startOf(new Date()) - startOf(date)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });
}

/** @param {Date} date */
function startOf(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
