// @ts-check
// Those who want to know of something.

export class Listeners {
  constructor() {
    /** @type {Set<() => void>} */
    this.all = new Set();
  }

  /** How many they are. */
  get size() {
    return this.all.size;
  }

  /** @param {() => void} listener @returns {() => void} stops listening */
  add(listener) {
    this.all.add(listener);
    return () => this.all.delete(listener);
  }

  /** Tell each of them; one that stops, or begins, to listen meanwhile changes nothing of that. */
  tell() {
    for (const listener of [...this.all]) listener();
  }
}
