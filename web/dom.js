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
 * @param {{ minWidth?: number, onClose?: () => void }} [options]
 * @returns {() => void} closes it
 */
export function popover(anchor, content, options = {}) {
  const panel = h("div.gp-root.gp-popover", { role: "dialog" }, content);
  isolate(panel);
  document.body.append(panel);
  place(panel, anchor, options.minWidth ?? 0);
  /** @param {Event} event */
  const outside = (event) => {
    const target = /** @type {Node} */ (event.target);
    if (!panel.contains(target) && !anchor.contains(target)) close();
  };
  /** @param {KeyboardEvent} event */
  const escape = (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
    anchor.focus?.();
  };
  let open = true;
  function close() {
    if (!open) return;
    open = false;
    panel.remove();
    document.removeEventListener("pointerdown", outside, true);
    document.removeEventListener("keydown", escape, true);
    options.onClose?.();
  }
  document.addEventListener("pointerdown", outside, true);
  document.addEventListener("keydown", escape, true);
  return close;
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
 * A menu of choices near an element.
 * @param {HTMLElement} anchor
 * @param {({ icon: string, label: string, danger?: boolean, onclick: () => void } | null)[]} items
 */
export function menu(anchor, items) {
  const list = h("div.gp-menu", { role: "menu" });
  const close = popover(anchor, list, { minWidth: 180 });
  for (const item of items) {
    if (!item) {
      list.append(h("hr"));
      continue;
    }
    const choose = () => {
      close();
      item.onclick();
    };
    const row = button({ icon: item.icon, label: item.label, onclick: choose });
    row.setAttribute("role", "menuitem");
    row.classList.toggle("gp-danger", !!item.danger);
    list.append(row);
  }
  list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    const rows = [...list.querySelectorAll("button")];
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = rows.indexOf(/** @type {any} */ (document.activeElement));
    rows[(at + step + rows.length) % rows.length].focus();
  });
  list.querySelector("button")?.focus();
  return close;
}

/** `count` things, in words. @param {number} count @param {string} noun */
export function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
