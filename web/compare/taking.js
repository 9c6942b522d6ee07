// @ts-check
// Taking back, one after another, by the timeline's own actions, which offer to undo it.

/** @typedef {import("../profiles.js").Snapshot} Snapshot */
/** @typedef {import("./changes.js").Part} Part */

export class Taking {
  /** @param {string} id the profile's */
  constructor(id) {
    this.id = id;
    this.queue = Promise.resolve();
    /** @type {Set<string>} */
    this.under = new Set();
  }

  /** Whether something is being taken back. */
  get busy() {
    return this.under.size > 0;
  }

  /**
   * Restore a snapshot, or only some images of it, or only some parts of these. What is asked for
   * twice at a time is done once.
   * @param {Snapshot} snapshot @param {string[] | null} images @param {Part[] | null} what
   */
  async take(snapshot, images, what) {
    const key = JSON.stringify([snapshot.id, images, what]);
    if (this.under.has(key)) return;
    this.under.add(key);
    const next = () => this.restore(snapshot, images, what);
    // One that failed has said so and holds nothing up.
    this.queue = this.queue.then(next, next);
    try {
      await this.queue;
    } finally {
      this.under.delete(key);
    }
  }

  /** @param {Snapshot} snapshot @param {string[] | null} images @param {Part[] | null} what */
  async restore(snapshot, images, what) {
    const { restore } = await import("../history/actions.js");
    await restore(this.id, snapshot, { ...(images ? { images } : {}), ...(what ? { what } : {}) });
  }
}
