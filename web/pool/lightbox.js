// @ts-check
// An image enlarged over the whole page; arrows go on, Escape closes.

import { button, giveFocusBack, h, isolate, keepInside } from "../dom.js";
import { t } from "../i18n.js";
import { paintWith } from "../thumbnails.js";

/** @param {import("../pools.js").Pool} pool @param {string} image */
export function enlarge(pool, image) {
  let index = Math.max(0, pool.indexOf(image));
  let masks = true;
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const picture = h("img", { alt: "" });
  const mask = h("div.gp-mask");
  const title = h("span.gp-lightbox-title", { role: "status" });
  const stage = h("div.gp-lightbox-stage", {}, h("div.gp-sheet", {}, picture, mask));
  const element = h(
    "div.gp-root.gp-lightbox",
    { role: "dialog", ariaModal: "true", ariaLabel: t("Enlarged image"), tabIndex: -1 },
    h(
      "header",
      {},
      title,
      button({ icon: "eye", title: t("Show or hide the mask"), onclick: () => draw(0, !masks) }),
      button({ icon: "times", title: t("Close"), onclick: () => close() }),
    ),
    button({ icon: "chevron-left", title: t("Previous"), kind: "side", onclick: () => draw(-1) }),
    stage,
    button({ icon: "chevron-right", title: t("Next"), kind: "side", onclick: () => draw(1) }),
  );
  isolate(element);

  /** @param {number} step @param {boolean} [showMasks] */
  function draw(step, showMasks = masks) {
    const { slots } = pool;
    if (!slots.length) return close();
    index = (index + step + slots.length) % slots.length;
    masks = showMasks;
    const slot = slots[index];
    const place = t("{index} of {last}", { index, last: slots.length - 1 });
    title.textContent = [place, slot.label].filter(Boolean).join("  ·  ");
    picture.alt = slot.label || t("Image {index}", { index });
    picture.src = pool.thumb(slot.image, slot.image_v, 2048);
    paintWith(mask, slot.mask && masks ? pool.thumb(slot.mask, slot.mask_v, 2048) : null);
  }

  const stop = pool.subscribe(() => draw(0));
  /** @param {KeyboardEvent} event */
  const keys = (event) => {
    const act = {
      Escape: close,
      ArrowLeft: () => draw(-1),
      ArrowRight: () => draw(1),
      Home: () => draw(-index),
      End: () => draw(pool.slots.length - 1 - index),
      m: () => draw(0, !masks),
    }[event.key];
    event.stopPropagation();
    if (event.key === "Tab") keepInside(element, event);
    if (!act) return;
    event.preventDefault();
    act();
  };
  function close() {
    stop();
    document.removeEventListener("keydown", keys, true);
    element.remove();
    giveFocusBack(before);
  }
  document.addEventListener("keydown", keys, true);
  element.addEventListener("click", (/** @type {MouseEvent} */ event) => {
    if (event.target === element || event.target === stage) close();
  });
  document.body.append(element);
  draw(0);
  element.focus();
}
