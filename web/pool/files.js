// @ts-check
// Images from outside: chosen, pasted, or dropped as files, folders or links.

import { t } from "../i18n.js";

/** What a browser doesn't know to be pictures, and Git Pool shows all the same. */
const OTHERS = [
  ..."apng area avif avifs blp bw cur dcx dds dib fits flc fli ftc ftu gbr heic heif icns ico im imt j2c j2k jfif".split(" "),
  ..."jp2 jpc jpe jpf jpx jxl mpo msp p7 pbm pcd pcx pfm pgm pnm ppm psd pxr qoi ras rgb rgba sgi spi tga xbm".split(" "),
  ..."xpm tif tiff".split(" "),
];
const IMAGE_NAME = new RegExp(`\\.(png|jpe?g|webp|gif|bmp|${OTHERS.join("|")})$`, "i");
/** For `<input type="file">`: whatever may be a picture. */
export const PICTURES = ["image/*", ...OTHERS.map((each) => `.${each}`)].join();

/** Whether a drag carries something that could be an image. @param {DataTransfer | null} data */
export function carriesFiles(data) {
  const types = [...(data?.types ?? [])];
  return types.includes("Files") || types.includes("text/uri-list");
}

/**
 * The images of a drop, folders opened, in the order of their names.
 * @param {DataTransfer} data @returns {Promise<File[]>}
 */
export async function filesOfDrop(data) {
  // Entries must be asked for before anything is awaited: the list is emptied after the event.
  const entries = [...data.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const link = data.getData("text/uri-list");
  const found = (await Promise.all(entries.map(open))).flat();
  if (!found.length && link) return [await fetchLink(link.split("\n")[0].trim())];
  return found.filter(isImage).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
}

/** The images of a paste. @param {DataTransfer | null} data @returns {File[]} */
export function filesOfPaste(data) {
  return [...(data?.files ?? [])].filter(isImage);
}

/** Have a person choose files. @param {{ accept: string, multiple: boolean }} options @returns {Promise<File[]>} */
export function chooseFiles(options) {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.accept = options.accept;
    input.multiple = options.multiple;
    input.addEventListener("change", () => resolve([...(input.files ?? [])]));
    input.addEventListener("cancel", () => resolve([]));
    input.click();
  });
}

/** @param {File} file */
function isImage(file) {
  return file.type.startsWith("image/") || IMAGE_NAME.test(file.name);
}

/** @param {any} entry @returns {Promise<File[]>} */
async function open(entry) {
  if (!entry) return [];
  if (entry instanceof File) return [entry];
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  }
  const reader = entry.createReader();
  /** @type {File[]} */
  const found = [];
  for (;;) {
    // A reader gives a folder's entries a hundred at a time.
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return found;
    found.push(...(await Promise.all(batch.map(open))).flat());
  }
}

/** Only pictures that this server serves can be fetched. @param {string} link @returns {Promise<File>} */
async function fetchLink(link) {
  const url = new URL(link, location.href);
  if (url.origin !== location.origin) {
    throw new Error(t("Save that picture first, then drop the file."));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(t("That picture can't be read."));
  const name = url.searchParams.get("filename") ?? "image.png";
  return new File([await response.blob()], name);
}

/** A label from a file's name, or none where a camera or program numbered it. @param {string} name */
export function labelOf(name) {
  const stem = name.replace(/\.[^.]+$/, "");
  return /^(img|image|dsc|pasted|untitled|screenshot|comfyui)?[\s_-]*\d*[_\d-]*$/i.test(stem) ? "" : stem;
}
