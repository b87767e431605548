// The words of a side with their tokens and ids, and how merges split the chosen one.

import { el, focusOn } from "../shared/dom.js";

const MOST_ROWS = 40;
const MOST_PARTS = 12;
const RESERVED_ROWS = { least: 3, most: 11 };
const SPECIAL = "It stands for no text and has no bytes: it is a row of E that the model is given as a sign.";
const hex = (byte) => byte.toString(16).toUpperCase().padStart(2, "0");
const grouped = (number) => number.toLocaleString("en");

// One picture a step: the parts before it, their pairs' ranks, and the merge that follows. The last has no merge; where
// there is none at all, the bytes still have a picture of their own.
export function stepsOf(word) {
  const parts = [...word.parts];
  const ranks = [...word.ranks];
  const steps = [];
  for (const [at, rank, joined, left, right] of word.merges) {
    steps.push({ parts: [...parts], ranks: [...ranks], at, rank, joined });
    parts.splice(at, 2, joined);
    ranks.splice(at, 1);
    if (at > 0) ranks[at - 1] = left;
    if (at < ranks.length) ranks[at] = right;
  }
  if (!steps.length) steps.push({ parts: [...parts], ranks: [...ranks], at: null, alone: true });
  steps.push({ parts, ranks, at: null });
  return steps;
}

export class Words {
  constructor(store) {
    this.store = store;
    /** @type {HTMLElement[]} */
    this.buttons = [];
    /** @type {HTMLElement[]} */
    this.boxes = [];
    this.node = el("div", { class: "words", role: "group", "aria-label": "Words, their tokens and ids" });
  }

  draw() {
    const { words } = this.store.side;
    this.buttons = [];
    this.boxes = words.map((word) => this.box(word));
    this.node.replaceChildren(...this.boxes);
    this.drawCursor();
  }

  box(word) {
    const pieces = word.tokens.map((token) => this.piece(token, word));
    const shown = pieces.length ? pieces : [el("span", { class: "piece-id" }, "in the token before")];
    const choose = (event) => event.target.closest(".piece") ?? this.store.choose(word.tokens[0]);
    return el(
      "div",
      { class: `word${word.special ? " special" : ""}`, ...(pieces.length ? { onclick: choose } : {}) },
      el("span", { class: "word-text", dir: "auto", title: word.text }, word.text),
      el("span", { class: "pieces" }, ...shown),
    );
  }

  piece(token, word) {
    const { store } = this;
    const [text, id] = [store.side.tokens[token], store.side.ids[token]];
    const button = el(
      "button",
      {
        class: "piece", "data-token": token + 1, "aria-label": `token ${token + 1}: ${text}, id ${id}`,
        onclick: () => store.choose(token),
      },
      text === word.text ? null : el("span", { class: "piece-text", dir: "auto" }, text),
      el("span", { class: "piece-id" }, String(id)),
    );
    this.buttons[token] = button;
    return button;
  }

  drawCursor() {
    const { store } = this;
    this.buttons.forEach((button, token) => {
      const here = token === store.cursor.token;
      button.setAttribute("aria-pressed", String(here));
      button.tabIndex = here ? 0 : -1;
    });
    this.boxes.forEach((box, i) => box.classList.toggle("here", store.side.words[i] === store.word));
  }

  focus() {
    focusOn(this.buttons[this.store.cursor.token]);
  }
}

export class Merges {
  constructor(store) {
    this.store = store;
    this.title = el("b");
    this.rows = el("ol", { class: "steps" });
    this.caption = el("p", { class: "note" });
    this.box = el("div", { class: "steps-box", role: "figure", tabindex: "0" }, this.rows);
    const name = el("div", { class: "panel-name" }, this.title);
    this.node = el("section", { class: "merges" }, name, this.caption, this.box);
    // The word whose merges are drawn.
    this.drawn = null;
  }

  // A new side: as much height as its longest word needs, so that choosing another moves nothing below.
  draw() {
    const rows = this.store.side.words.map((word) => (word.special ? 0 : Math.max(2, word.merges.length + 1)));
    const reserved = Math.min(Math.max(...rows, RESERVED_ROWS.least), RESERVED_ROWS.most);
    this.box.style.setProperty("--rows", String(reserved));
    this.drawn = null;
    this.drawCursor();
  }

  drawCursor() {
    const { word } = this.store;
    if (!word || word === this.drawn) return;
    this.drawn = word;
    this.box.scrollTop = 0;
    this.title.replaceChildren("From bytes to tokens: ", el("bdi", { class: "word-name" }, word.text));
    this.box.setAttribute("aria-label", `How merges split ${word.text}`);
    if (word.special) {
      this.caption.textContent = SPECIAL;
      this.rows.replaceChildren();
      return;
    }
    const { rules } = this.store.sizes;
    const n = word.bytes.length;
    this.caption.textContent =
      `${n} ${n === 1 ? "byte" : "bytes"}, ${word.merges.length} ${word.merges.length === 1 ? "merge" : "merges"}. ` +
      `Each merge joins the pair whose rule stands first in the list of ${grouped(rules)}.` +
      (word.as_bpe ? "" : ` The model itself wrote other tokens here (above); merges would end in these.`);
    this.rows.replaceChildren(...this.rowsOf(word));
  }

  rowsOf(word) {
    const steps = stepsOf(word);
    const hidden = steps.length > MOST_ROWS ? steps.length - MOST_ROWS : 0;
    const rows = steps.map((step, i) => () => this.row(word, step, i));
    if (!hidden) return rows.map((make) => make());
    const first = MOST_ROWS - 10;
    return [
      ...rows.slice(0, first).map((make) => make()),
      el("li", { class: "step more" }, `… ${hidden} more merges …`),
      ...rows.slice(first + hidden).map((make) => make()),
    ];
  }

  row(word, step, i) {
    const isLast = step.at === null && !step.alone;
    const middle = (step.at ?? 0) - Math.floor(MOST_PARTS / 2) + 1;
    const first = Math.max(0, Math.min(middle, step.parts.length - MOST_PARTS));
    const shown = step.parts.slice(first, first + MOST_PARTS);
    const after = step.parts.length - first - shown.length;
    const below = this.below(word, isLast, i);
    const chips = shown.map((part, k) => {
      const at = first + k;
      const edge = step.at === null ? "" : { 0: " joined left", 1: " joined right" }[at - step.at] ?? "";
      const under = below ? el("span", { class: "below" }, below(at)) : null;
      return el("span", { class: `part${edge}${isLast ? " final" : ""}` }, el("bdi", {}, part), under);
    });
    if (first > 0) chips.unshift(el("span", { class: "part-more" }, `${first} before`));
    if (after > 0) chips.push(el("span", { class: "part-more" }, `${after} more`));
    const name = isLast ? "tokens" : `${i || "bytes"}`;
    return el(
      "li",
      { class: `step${i === 0 || isLast ? " tall" : ""}` },
      el("span", { class: "step-name" }, name),
      el("span", { class: "parts" }, ...chips),
      this.rule(step, isLast),
    );
  }

  // What stands below a part: a token's id in the last row, a byte in the first.
  below(word, isLast, i) {
    if (isLast) return (at) => String(word.piece_ids[at]);
    return i === 0 ? (at) => hex(word.bytes[at]) : null;
  }

  // Which rule joins, and which others would have fitted.
  rule({ parts, ranks, at, rank, joined, alone }, isLast) {
    const none = { one: "nothing to join", more: "no rule joins any two of these" };
    const last = { one: "one token, with its id", more: `${none.more}: tokens, with ids` };
    const said = alone ? none : last;
    if (alone || isLast) return el("span", { class: "rule" }, parts.length === 1 ? said.one : said.more);
    const others = ranks.filter((other, k) => other !== null && k !== at).sort((a, b) => a - b);
    const all = [rank, ...others].map((one) => grouped(one + 1));
    const few = all.slice(1, 4).join(", ") + (others.length > 3 ? "…" : "");
    return el(
      "span",
      { class: "rule", title: `Rules that fit a pair here: ${all.join(", ")}` },
      el("b", {}, `rule ${grouped(rank + 1)}`),
      ": ",
      el("bdi", {}, parts[at]),
      " + ",
      el("bdi", {}, parts[at + 1]),
      " → ",
      el("bdi", {}, joined),
      others.length ? el("span", { class: "faint" }, ` (before ${few})`) : null,
    );
  }
}
