// The words of a side with their tokens and ids, and how merges split the chosen one.

import { el, listen } from "../shared/dom.js";

const MOST_ROWS = 40;
const MOST_PARTS = 12;
const RESERVED_ROWS = { least: 3, most: 11 };
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
    this.node = el("div", { class: "words", role: "group", "aria-label": "Words, their tokens and ids" });
  }

  draw() {
    const { store } = this;
    const { ids, tokens } = store.side;
    this.buttons = [];
    this.boxes = store.side.words.map((word) => {
      const buttons = word.tokens.map((token) => {
        const button = el(
          "button",
          { class: "piece", "data-token": token + 1, "aria-label": `token ${token + 1}: ${tokens[token]}, id ${ids[token]}`, onclick: () => store.choose(token) },
          tokens[token] === word.text ? null : el("span", { class: "piece-text", dir: "auto" }, tokens[token]),
          el("span", { class: "piece-id" }, String(ids[token])),
        );
        this.buttons[token] = button;
        return button;
      });
      const none = buttons.length ? null : el("span", { class: "piece-id" }, "in the token before");
      const box = el("div", { class: `word${word.special ? " special" : ""}` }, el("span", { class: "word-text", dir: "auto", title: word.text }, word.text), el("span", { class: "pieces" }, ...buttons, none));
      if (word.tokens.length) listen(box, { click: (event) => event.target.closest(".piece") ?? store.choose(word.tokens[0]) });
      return box;
    });
    this.node.replaceChildren(...this.boxes);
    this.drawCursor();
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
    this.buttons[this.store.cursor.token].focus({ preventScroll: true });
  }
}

export class Merges {
  constructor(store) {
    this.store = store;
    this.title = el("b");
    this.rows = el("ol", { class: "steps" });
    this.caption = el("p", { class: "note" });
    this.box = el("div", { class: "steps-box", role: "figure", tabindex: "0" }, this.rows);
    this.node = el("section", { class: "merges" }, el("div", { class: "panel-name" }, this.title), this.caption, this.box);
  }

  // A new side: as much height as its longest word needs, so that choosing another moves nothing below.
  draw() {
    const longest = Math.max(...this.store.side.words.map((word) => (word.special ? 0 : Math.max(2, word.merges.length + 1))));
    this.rowsReserved = Math.min(Math.max(longest, RESERVED_ROWS.least), RESERVED_ROWS.most);
    this.box.style.setProperty("--rows", this.rowsReserved);
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
      this.caption.textContent = "It stands for no text and has no bytes: it is a row of E that the model is given as a sign.";
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
    const first = Math.max(0, Math.min((step.at ?? 0) - Math.floor(MOST_PARTS / 2) + 1, step.parts.length - MOST_PARTS));
    const shown = step.parts.slice(first, first + MOST_PARTS);
    const after = step.parts.length - first - shown.length;
    const chips = shown.map((part, k) => {
      const at = first + k;
      const joined = step.at !== null && (at === step.at || at === step.at + 1);
      const below = isLast ? String(word.piece_ids[at]) : i === 0 ? hex(word.bytes[at]) : null;
      const edge = joined ? (at === step.at ? " joined left" : " joined right") : "";
      return el("span", { class: `part${edge}${isLast ? " final" : ""}` }, el("bdi", {}, part), below === null ? null : el("span", { class: "below" }, below));
    });
    if (first > 0) chips.unshift(el("span", { class: "part-more" }, `${first} before`));
    if (after > 0) chips.push(el("span", { class: "part-more" }, `${after} more`));
    const label = i === 0 ? "bytes" : isLast ? "tokens" : `${i}`;
    return el("li", { class: `step${i === 0 || isLast ? " tall" : ""}` }, el("span", { class: "step-name" }, label), el("span", { class: "parts" }, ...chips), this.rule(step, isLast));
  }

  // Which rule joins, and which others would have fitted.
  rule({ parts, ranks, at, rank, joined, alone }, isLast) {
    if (alone) return el("span", { class: "rule" }, parts.length === 1 ? "nothing to join" : "no rule joins any two of these");
    if (isLast) return el("span", { class: "rule" }, parts.length === 1 ? "one token, with its id" : "no rule joins any two of these: tokens, with ids");
    const others = ranks.filter((other, k) => other !== null && k !== at).sort((a, b) => a - b);
    const few = others.slice(0, 3).map((other) => grouped(other + 1)).join(", ") + (others.length > 3 ? "…" : "");
    return el(
      "span",
      { class: "rule", title: `Rules that fit a pair here: ${[rank, ...others].map((one) => grouped(one + 1)).join(", ")}` },
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
