// @ts-check
// Every call to ComfyUI's page goes through here.

import { app, ComfyApp } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { inWords } from "./failures.js";
import { t } from "./i18n.js";

/** The editor's application; only this folder's host modules touch it. */
export { app };

/** @typedef {import("./failures.js").Failure} Failure */

/** An answer of ours that says what went wrong, in words a person can use. */
export class RequestError extends Error {
  /** @param {number} status @param {Partial<Failure>} failure */
  constructor(status, failure) {
    const { code, message, hint } = inWords(failure);
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

/**
 * Fetch one of our routes; long uploads and downloads may take their time.
 * @param {string} route @param {RequestInit} [options] @returns {Promise<Response>}
 */
async function fetchRoute(route, options = {}) {
  let response;
  try {
    // Newer frontends stop waiting for headers after a minute unless told not to.
    const patient = /** @type {RequestInit} */ ({ ...options, timeoutMs: null });
    response = await api.fetchApi(route, patient);
  } catch {
    throw new RequestError(0, { code: "unreachable" });
  }
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    throw new RequestError(response.status, body.error ?? { message: `${response.status}` });
  }
  if (!response.headers.get("X-Git-Pool")) warnOfOtherPack();
  return response;
}

/** @param {string} route @param {Record<string, unknown>} [query] @returns {Promise<any>} */
export async function getJSON(route, query = {}) {
  return (await fetchRoute(withQuery(route, query), { cache: "no-store" })).json();
}

/** @param {string} route @param {unknown} body @returns {Promise<any>} */
export async function postJSON(route, body) {
  const options = {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  return (await fetchRoute(route, options)).json();
}

/** @param {string} route @param {FormData} form @returns {Promise<any>} */
export async function postForm(route, form) {
  return (await fetchRoute(route, { method: "POST", body: form })).json();
}

/**
 * The address of a route for `<img>` and links, under whatever path ComfyUI is served.
 * @param {string} route @param {Record<string, unknown>} [query]
 */
export function urlOf(route, query = {}) {
  return api.apiURL(withQuery(route, query));
}

/** @param {string} route @param {Record<string, unknown>} query */
function withQuery(route, query) {
  const text = new URLSearchParams(
    Object.entries(query).map(([key, value]) => [key, String(value)]),
  ).toString();
  return text ? `${route}?${text}` : route;
}

/**
 * A file to be saved, and how many files of the profile it doesn't hold.
 * @param {string} route @param {Record<string, unknown>} query
 */
export async function getDownload(route, query) {
  const response = await fetchRoute(withQuery(route, query));
  return { blob: await response.blob(), leftOut: Number(response.headers.get("X-Git-Pool-Left-Out") ?? 0) };
}

/** A file that ComfyUI serves, by the name a mask editor gave it. @param {string} annotated */
export async function inputFile(annotated) {
  const match = /^(.*?)(?: \[(\w+)\])?$/.exec(annotated);
  const path = match?.[1] ?? annotated;
  const cut = path.lastIndexOf("/");
  const query = {
    filename: path.slice(cut + 1),
    subfolder: cut > 0 ? path.slice(0, cut) : "",
    type: match?.[2] ?? "input",
  };
  return fileAt(withQuery("/view", query));
}

/** @param {string} route */
export async function fileAt(route) {
  const response = await api.fetchApi(route, { cache: "no-store" });
  if (!response.ok) throw new RequestError(response.status, {});
  return response.blob();
}

/** Save a blob as a file. @param {Blob} blob @param {string} name */
export function saveFile(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/** @param {string} id @returns {string} "" where it isn't set */
function setting(id) {
  const chosen = app.extensionManager?.setting?.get?.(id);
  return typeof chosen === "string" ? chosen : "";
}

/** Languages that Git Pool speaks and ComfyUI doesn't. */
const OURS_ALONE = ["de"];

/** Our own setting, for where ComfyUI's page can't be in the person's language. */
export const LANGUAGE_SETTING = {
  id: "GitPool.Language",
  category: ["Git Pool", "Language"],
  name: "Language of Git Pool",
  tooltip: "Takes effect when the page is loaded again.",
  type: "combo",
  defaultValue: "auto",
  options: [
    { value: "auto", text: "Same as ComfyUI" },
    { value: "en", text: "English" },
    { value: "zh", text: "中文" },
    { value: "ja", text: "日本語" },
    { value: "de", text: "Deutsch" },
    { value: "fr", text: "Français" },
  ],
};

/** The language that the page shall be in, as `en` or `zh-TW`. */
export function pageLanguage() {
  const own = setting(LANGUAGE_SETTING.id);
  if (own && own !== LANGUAGE_SETTING.defaultValue) return own;
  const chosen = setting("Comfy.Locale") || "en";
  const first = navigator.language.split("-")[0];
  // ComfyUI falls back to English there, which nobody chose.
  return chosen === "en" && OURS_ALONE.includes(first) ? first : chosen;
}

/** @type {Promise<Record<string, any>> | null} */
let texts = null;

/** What every pack's `locales` folder says, by language; asked for once. */
export function translations() {
  texts ??= api.fetchApi("/i18n").then(
    (/** @type {Response} */ response) => (response.ok ? response.json() : {}),
  );
  return /** @type {Promise<Record<string, any>>} */ (texts);
}

/** Listen to the server's events. @param {string} event @param {(data: any) => void} listener */
export function onEvent(event, listener) {
  api.addEventListener(event, (/** @type {any} */ message) => listener(message.detail));
}

/**
 * Have every run wait for something first.
 * @param {() => Promise<unknown>} settled
 */
export function beforeEachRun(settled) {
  const original = api.queuePrompt;
  api.queuePrompt = async function (/** @type {any[]} */ ...args) {
    await settled();
    return original.apply(this, args);
  };
}

/** @param {"success"|"info"|"warn"|"error"} severity @param {string} summary @param {string} [detail] */
export function toast(severity, summary, detail = "") {
  const life = severity === "error" ? 9000 : 4000;
  app.extensionManager.toast.add({ severity, summary, detail, life });
}

/** Show what went wrong. @param {string} what @param {unknown} error */
export function toastError(what, error) {
  if (!(error instanceof RequestError)) console.error("[Git Pool]", error);
  toast("error", what, wordsOf(error));
}

/** What went wrong, in words. @param {unknown} error */
export function wordsOf(error) {
  if (error instanceof RequestError) return `${error.message} ${error.hint}`.trim();
  return error instanceof Error ? error.message : String(error);
}

/** Ask for a line of text. @param {string} title @param {string} message @param {string} [value] */
export async function askText(title, message, value = "") {
  const answer = await app.extensionManager.dialog.prompt({ title, message, defaultValue: value });
  return typeof answer === "string" && answer.trim() ? answer.trim() : null;
}

/**
 * @param {string} title @param {string} message
 * @param {{ type?: string, itemList?: string[] }} [options]
 */
export async function askConfirm(title, message, options = {}) {
  return (await app.extensionManager.dialog.confirm({ title, message, ...options })) === true;
}

/** Have the canvas drawn again, and the workflow known as changed. */
export function redraw() {
  (app.rootGraph ?? app.graph)?.setDirtyCanvas?.(true, true);
}

/** Add a tab to the sidebar. @param {Record<string, unknown>} tab as ComfyUI takes it */
export function registerSidebarTab(tab) {
  app.extensionManager.registerSidebarTab(tab);
}

/** Open a sidebar tab, or close it. @param {string} id @param {boolean} open */
export function showSidebarTab(id, open) {
  const { sidebarTab } = app.extensionManager;
  if ((sidebarTab.activeSidebarTabId === id) !== open) sidebarTab.toggleSidebarTab(id);
}

/** The nodes that are selected on the canvas. @returns {any[]} */
export function selectedNodes() {
  return Object.values(app.canvas?.selected_nodes ?? {});
}

/**
 * Open ComfyUI's mask editor on an image that belongs to no node.
 * @param {string} url the image with its mask as transparency
 * @param {(result: Promise<Blob>) => void} onSave called with the file that the editor made
 */
export async function openMaskEditor(url, onSave) {
  const image = new Image();
  image.src = url;
  await image.decode();
  const carrier = maskCarrier(image, onSave);
  ComfyApp.copyToClipspace(carrier);
  ComfyApp.clipspace_return_node = carrier;
  ComfyApp.open_maskeditor();
}

/**
 * A stand-in for a node: the editor reads its image and writes an `image` widget when it saves.
 * @param {HTMLImageElement} image @param {(result: Promise<Blob>) => void} onSave
 */
function maskCarrier(image, onSave) {
  let value = "";
  let saved = false;
  /** @type {any} */
  const widget = {
    name: "image",
    type: "string",
    options: {},
    get value() {
      return value;
    },
    set value(next) {
      value = typeof next === "string" ? next : annotated(next);
      if (value && !saved) {
        saved = true;
        ComfyApp.clipspace_return_node = null;
        onSave(inputFile(value));
      }
    },
  };
  return {
    id: -1,
    type: "GitPoolMask",
    imgs: [image],
    imageIndex: 0,
    previewMediaType: "image",
    widgets: [widget],
    properties: {},
    graph: carrierGraph(),
    isSubgraphNode: () => false,
    setDirtyCanvas() {},
  };
}

/** The editor redraws its node's graph after saving; ours has none, so the open one is. */
function carrierGraph() {
  return app.rootGraph ?? app.graph;
}

/** @param {{ filename?: string, subfolder?: string, type?: string } | null} ref */
function annotated(ref) {
  if (!ref?.filename) return "";
  const folder = ref.subfolder ? `${ref.subfolder}/` : "";
  return `${folder}${ref.filename}${ref.type ? ` [${ref.type}]` : ""}`;
}

/** The part of the page beside ComfyUI's bars and panels, where there is one. @returns {Element | null} */
export function workArea() {
  return document.querySelector(".graph-canvas-panel");
}

let warned = false;

function warnOfOtherPack() {
  if (warned) return;
  warned = true;
  toast(
    "warn",
    t("Another image pool pack answers"),
    t("Two custom node packs bring image pools. Remove the older one to use Git Pool."),
  );
}
