// @ts-check
// Git Pool's page, as ComfyUI loads it: the only module here that does something on import.

import { followServer } from "./events.js";
import { registerHistoryTab } from "./history/tab.js";
import { app, beforeEachRun, LANGUAGE_SETTING, pageLanguage, translations } from "./host.js";
import { use } from "./i18n.js";
import { POOL_NODE, PROFILE_NODE } from "./links.js";
import { allSettled } from "./pools.js";
import { setUpPoolNode } from "./pool/node.js";
import { setUpProfileNode } from "./profile/node.js";
import * as profiles from "./profiles.js";
import { followSoon, keepFollowing } from "./follow.js";

// Later ones win over earlier ones.
const STYLES = ["base", "pool", "lightbox", "profile", "history", "compare", "modal", "sync", "storage"];

function loadStyle() {
  for (const name of STYLES) {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = new URL(`./styles/${name}.css`, import.meta.url).href;
    document.head.append(link);
  }
}

function speak() {
  return use(pageLanguage(), translations).catch((error) => console.warn("[Git Pool]", error));
}

app.registerExtension({
  name: "GitPool",
  settings: [LANGUAGE_SETTING],
  // Before any node is drawn, so that all of it is in one language.
  init: speak,
  // With another language ComfyUI opens the workflow anew.
  beforeConfigureGraph: speak,
  setup() {
    loadStyle();
    registerHistoryTab();
    followServer();
    keepFollowing();
    // A run uses what the grid shows, also when Run follows a click at once.
    beforeEachRun(allSettled);
    profiles.begin().then(followSoon, (error) => console.warn("[Git Pool]", error));
  },
  nodeCreated(/** @type {any} */ node) {
    const type = node.comfyClass ?? node.type;
    if (type === POOL_NODE) setUpPoolNode(node);
    if (type === PROFILE_NODE) setUpProfileNode(node);
  },
});
