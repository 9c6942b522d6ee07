// @ts-check
// Small helpers to build elements. Text from outside only ever becomes textContent.

/**
 * An element with properties, listeners (`onclick`…) and children.
 * @param {string} tag `div.class-a.class-b`
 * @param {Record<string, any>} [properties]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (key === "dataset") Object.assign(element.dataset, value);
    else if (key in element && key !== "list") /** @type {any} */ (element)[key] = value;
    else element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child || child === "").map((c) => c || ""));
  return element;
}

/** A PrimeIcons icon, which every ComfyUI page has. @param {string} name */
export function icon(name) {
  return h(`i.pi.pi-${name}`, { ariaHidden: "true" });
}

/**
 * A button with an icon, a label or both; the title is what assistive software says.
 * @param {{ icon?: string, label?: string, title?: string, kind?: string, onclick: (e: MouseEvent) => void }} options
 */
export function button(options) {
  return h(
    `button.gp-button${options.kind ? `.gp-${options.kind}` : ""}`,
    {
      type: "button",
      title: options.title ?? options.label ?? "",
      ariaLabel: options.title ?? options.label ?? "",
      onclick: options.onclick,
    },
    options.icon && icon(options.icon),
    options.label && h("span", { textContent: options.label }),
  );
}

/** Keep pointer and key events from reaching the canvas or the node. @param {HTMLElement} element */
export function isolate(element) {
  for (const type of ["pointerdown", "mousedown", "dblclick", "contextmenu"]) {
    element.addEventListener(type, (event) => event.stopPropagation());
  }
  for (const type of ["keydown", "keyup", "keypress"]) {
    element.addEventListener(type, (event) => event.stopPropagation());
  }
}

/**
 * Show a floating panel near an element, closed by Escape or a click elsewhere.
 * @param {HTMLElement} anchor @param {HTMLElement} content
 * @param {{ minWidth?: number, label?: string, onClose?: () => void }} [options] `label` says what
 *   it is, where the content doesn't itself
 * @returns {() => void} closes it; the keyboard goes back to where it was
 */
export function popover(anchor, content, options = {}) {
  const before = /** @type {HTMLElement | null} */ (document.activeElement);
  const named = options.label ? { role: "dialog", ariaLabel: options.label } : {};
  const panel = h("div.gp-root.gp-popover", named, content);
  isolate(panel);
  document.body.append(panel);
  place(panel, anchor, options.minWidth ?? 0);
  /** @param {Event} event */
  const outside = (event) => {
    const target = /** @type {Node} */ (event.target);
    if (!panel.contains(target) && !anchor.contains(target)) end(false);
  };
  /** @param {KeyboardEvent} event */
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    event.preventDefault();
    close();
  };
  let open = true;
  const close = () => end(true);
  function end(/** @type {boolean} */ back) {
    if (!open) return;
    open = false;
    const inside = panel.contains(document.activeElement);
    panel.remove();
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    if (back && inside) giveFocusBack(before, anchor);
    options.onClose?.();
  }
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  return close;
}

/** @param {HTMLElement | null} before @param {HTMLElement} [instead] where that is gone */
export function giveFocusBack(before, instead) {
  const there = before?.isConnected && before !== document.body;
  (there ? before : instead)?.focus({ preventScroll: true });
}

const TAKES_FOCUS = "a[href], button, input, select, textarea, summary, [tabindex='0']";

/**
 * Keep Tab inside an element: from its last control to its first, and back.
 * @param {HTMLElement} element @param {KeyboardEvent} event of the Tab key
 */
export function keepInside(element, event) {
  const all = /** @type {HTMLElement[]} */ ([...element.querySelectorAll(TAKES_FOCUS)]);
  const there = all.filter((each) => !each.matches(":disabled, [tabindex='-1']") && each.offsetParent);
  const at = there.indexOf(/** @type {any} */ (document.activeElement));
  const last = there.length - 1;
  const leaves = at < 0 || (event.shiftKey ? at === 0 : at === last);
  if (!leaves) return;
  event.preventDefault();
  event.stopPropagation();
  there[event.shiftKey ? last : 0]?.focus();
}

/**
 * Where a key moves to in a list that goes round; null where it doesn't move. Pure.
 * @param {string} key @param {number} at @param {number} count @returns {number | null}
 */
export function stepTo(key, at, count) {
  if (!count) return null;
  /** @type {Record<string, number>} */
  const targets = {
    ArrowDown: (at + 1) % count,
    ArrowUp: at <= 0 ? count - 1 : at - 1,
    Home: 0,
    End: count - 1,
  };
  return targets[key] ?? null;
}

/** @param {HTMLElement} panel @param {HTMLElement} anchor @param {number} minWidth */
function place(panel, anchor, minWidth) {
  const box = anchor.getBoundingClientRect();
  panel.style.minWidth = `${Math.max(minWidth, Math.min(box.width, 420))}px`;
  const { width, height } = panel.getBoundingClientRect();
  const below = window.innerHeight - box.bottom - 12;
  const top = height <= below || below > box.top ? box.bottom + 4 : box.top - height - 4;
  panel.style.left = `${clamp(box.left, 8, window.innerWidth - width - 8)}px`;
  panel.style.top = `${clamp(top, 8, Math.max(8, window.innerHeight - height - 8))}px`;
  panel.style.maxHeight = `${window.innerHeight - 16}px`;
}

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

/**
 * A choice of a menu; `keys` tells what does the same without the menu.
 * @typedef {{ icon: string, label: string, danger?: boolean, disabled?: boolean, keys?: string,
 *   onclick: () => void }} MenuItem
 */

/**
 * A menu of choices near an element; null parts them.
 * @param {HTMLElement} anchor @param {(MenuItem | null)[]} items
 */
export function menu(anchor, items) {
  const list = h("div.gp-menu", { role: "menu" });
  const close = popover(anchor, list, { minWidth: 180, onClose: () => opened(anchor, false) });
  opened(anchor, true);
  list.append(...items.map((item) => (item ? menuRow(item, close) : h("hr"))));
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const rows = [...list.querySelectorAll("button:not(:disabled)")];
    const at = rows.indexOf(/** @type {any} */ (document.activeElement));
    const to = stepTo(event.key, at, rows.length);
    if (event.key === "Tab") close();
    if (event.key !== "Tab" && to === null) return;
    event.preventDefault();
    rows[to ?? -1]?.focus();
  });
  list.querySelector("button:not(:disabled)")?.focus();
  return close;
}

/** @param {MenuItem} item @param {() => void} close */
function menuRow(item, close) {
  const choose = () => {
    close();
    item.onclick();
  };
  const row = button({ icon: item.icon, label: item.label, onclick: choose });
  row.setAttribute("role", "menuitem");
  row.tabIndex = -1;
  row.disabled = !!item.disabled;
  row.classList.toggle("gp-danger", !!item.danger);
  if (item.keys) {
    row.append(" ", h("kbd", { textContent: item.keys }));
    row.ariaLabel = `${item.label} ${item.keys}`;
  }
  return row;
}

/** @param {HTMLElement} anchor @param {boolean} open */
function opened(anchor, open) {
  if (anchor.hasAttribute("aria-haspopup")) anchor.ariaExpanded = String(open);
}
