// @ts-check
// What the server says has changed, anywhere, shown here.

import { refreshHistory } from "./history/tab.js";
import { onEvent } from "./host.js";
import { refreshShown } from "./pools.js";
import * as profiles from "./profiles.js";
import { hearJob, refreshStates } from "./remote/state.js";

const QUIET = 120;

/** Follow the server's events from now on. */
export function followServer() {
  /** @type {Set<string>} */
  let changed = new Set();
  let waiting = 0;

  async function show() {
    const ids = changed;
    changed = new Set();
    const which = (/** @type {string} */ id) => ids.has(id);
    // The list first: it knows which pools are gone and needn't be asked for.
    await profiles.refresh().catch(() => {});
    await refreshShown(which);
    refreshHistory(which);
    await refreshStates(which);
  }

  onEvent("gitpool.changed", ({ id }) => {
    changed.add(id);
    clearTimeout(waiting);
    waiting = window.setTimeout(show, QUIET);
  });
  onEvent("gitpool.progress", hearJob);
  // Another tab may have changed the settings.
  window.addEventListener("focus", () => refreshStates());
  // After a broken connection nobody knows what was missed.
  onEvent("reconnected", async () => {
    await profiles.refresh().catch(() => {});
    await refreshShown();
    refreshHistory(() => true);
    await refreshStates();
  });
}
