// @ts-check
// What differs between two labels, word by word. Pure, save for the elements it is shown with.

import { h } from "../dom.js";

/** @typedef {{ kind: "same" | "del" | "ins", text: string }} Piece */

// Scripts that put no spaces between words go by characters.
const UNSPACED =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}";
const EMOJI =
  "\\p{Regional_Indicator}{2}|\\p{Extended_Pictographic}(?:\\p{Emoji_Modifier}|\\uFE0F|\\u200D\\p{Extended_Pictographic})*";
const TOKEN = new RegExp(
  `${EMOJI}|[${UNSPACED}]\\p{M}*|(?:(?![${UNSPACED}])[\\p{L}\\p{N}\\p{M}_])+|\\s+|.\\p{M}*`,
  "gsu",
);
// Beyond this many comparisons a label is shown as replaced.
const LIMIT = 1_000_000;

/** @param {string} text @returns {string[]} pieces that make up the text again */
export function tokensOf(text) {
  return text.match(TOKEN) ?? [];
}

/**
 * What turns one text into another; the pieces but `ins` make up `before`, those but `del` `after`.
 * @param {string} before @param {string} after @returns {Piece[]}
 */
export function diffText(before, after) {
  const a = tokensOf(before);
  const b = tokensOf(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  const most = Math.min(a.length, b.length) - head;
  while (tail < most && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const middle = between(a.slice(head, a.length - tail), b.slice(head, b.length - tail));
  return joined([
    { kind: "same", text: a.slice(0, head).join("") },
    ...middle,
    { kind: "same", text: a.slice(a.length - tail).join("") },
  ]);
}

/**
 * By the longest common subsequence.
 * @param {string[]} a @param {string[]} b @returns {Piece[]}
 */
function between(a, b) {
  if (a.length * b.length > LIMIT) {
    return [{ kind: "del", text: a.join("") }, { kind: "ins", text: b.join("") }];
  }
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const down = longest[(i + 1) * width + j];
      const right = longest[i * width + j + 1];
      const both = a[i] === b[j] ? longest[(i + 1) * width + j + 1] + 1 : 0;
      longest[i * width + j] = Math.max(down, right, both);
    }
  }
  /** @type {Piece[]} */
  const pieces = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      pieces.push({ kind: "same", text: a[i] });
      [i, j] = [i + 1, j + 1];
    } else if (j >= b.length || (i < a.length && longest[(i + 1) * width + j] >= longest[i * width + j + 1])) {
      pieces.push({ kind: "del", text: a[i++] });
    } else pieces.push({ kind: "ins", text: b[j++] });
  }
  return pieces;
}

/**
 * Fewer, longer pieces: of each stretch of changes first what went, then what came; a space
 * between two changes belongs to both.
 * @param {Piece[]} pieces @returns {Piece[]}
 */
function joined(pieces) {
  /** @type {Piece[]} */
  const out = [];
  let [gone, come, space] = ["", "", ""];
  const flush = () => {
    if (gone) out.push({ kind: "del", text: gone });
    if (come) out.push({ kind: "ins", text: come });
    if (space) keep(out, space);
    [gone, come, space] = ["", "", ""];
  };
  for (const { kind, text } of pieces) {
    if (!text) continue;
    if (kind === "same") {
      if ((gone || come) && !text.trim()) space += text;
      else {
        flush();
        keep(out, text);
      }
      continue;
    }
    // Only where both sides have words around it: else it is clearer kept.
    if (space && gone && come) [gone, come, space] = [gone + space, come + space, ""];
    else if (space) flush();
    if (kind === "del") gone += text;
    else come += text;
  }
  flush();
  return out;
}

/** @param {Piece[]} out @param {string} text */
function keep(out, text) {
  const last = out.at(-1);
  if (last?.kind === "same") last.text += text;
  else out.push({ kind: "same", text });
}

/**
 * A label's change as text with what went struck out and what came marked.
 * @param {string} before @param {string} after @returns {HTMLElement}
 */
export function labelDiff(before, after) {
  const tags = { same: "span", del: "del", ins: "ins" };
  return h(
    "span.gp-label-diff",
    { dir: "auto" },
    ...diffText(before, after).map(({ kind, text }) => h(tags[kind], { textContent: text })),
  );
}
