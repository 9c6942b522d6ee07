// @ts-check
// Masks through ComfyUI's own mask editor: what it saved as transparency becomes white paint.

import { t } from "../i18n.js";
import { openMaskEditor, urlOf } from "../host.js";

/**
 * Open the mask editor on an image of a pool.
 * @param {string} poolId @param {string} image
 * @param {(mask: Promise<Blob>) => void} onSave
 */
export function paintMask(poolId, image, onSave) {
  // The editor asks for `filename` with each channel; old ones also look the original up by
  // subfolder and type.
  const url = urlOf("/grid_pool/layers", {
    pool_id: poolId,
    filename: image,
    subfolder: `grid_pool/${poolId}`,
    type: "input",
    rand: Math.random(),
  });
  return openMaskEditor(url, (saved) => onSave(saved.then(maskOf)));
}

/** White where the picture is transparent. @param {Blob} picture @returns {Promise<Blob>} */
async function maskOf(picture) {
  const bitmap = await createImageBitmap(picture, { premultiplyAlpha: "none" });
  const canvas = document.createElement("canvas");
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const { data } = pixels;
  for (let i = 0; i < data.length; i += 4) {
    data[i] = data[i + 1] = data[i + 2] = 255 - data[i + 3];
    data[i + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error(t("No mask was made.")))), "image/png");
  });
}
