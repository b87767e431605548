// Translations drawn at random: a table of the distinct ones, the share of each beside its probability.

import { el, listen } from "../../../shared/dom.js";
import { LEFT_RIGHT, UP_DOWN, walk } from "../../../shared/keys.js";
import { readLink } from "../../../shared/link.js";
import { sum } from "../../../shared/maths.js";
import { numberText, probText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";
import { within } from "../../../shared/store.js";
import { Part } from "../../part.js";
import { explanation } from "./explain.js";
import { Knobs } from "./knobs.js";

const WHATS = ["share", "probability", "logProb", "mean"];
const SHARE_OF_BAR = 0.94;
const times = (/** @type {number} */ count) => (count === 1 ? "once" : `${count} times`);

// The distinct sequences of an answer: [{ text, tokens, ids, count, logs, drawnLogs, finished, greedy, twin }].
/** @param {{ header: any, arrays: Record<string, any> }} answer @returns {any[]} */
function rowsOf({ header, arrays }) {
  let start = 0;
  return Array.from(arrays.lengths.values, (length, i) => {
    const of = (/** @type {string} */ name) => arrays[name].values.subarray(start, start + length);
    const row = {
      text: header.texts[i],
      ids: of("ids"),
      tokens: Array.from(of("ids"), (id) => header.tokens[id]),
      count: arrays.counts.values[i],
      logs: of("log_probs"),
      drawnLogs: of("drawn_log_probs"),
      finished: header.finished[i],
      greedy: header.greedy[i],
      twin: header.texts.indexOf(header.texts[i]) < i,
    };
    start += length;
    return row;
  });
}

export class Samples extends Part {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    super(store, el("div", { class: "samples-part" }));
    /** @type {any[]} */
    this.rows = [];
    this.cursor = { row: 0, what: "share" };
    /** @type {any} what was asked last, and what came */
    this.asked = this.answer = null;
    /** @type {import("./explain.js").Drawn} */
    this.drawn = { total: 0, cut: "", uncut: true, isCut: false };
    this.knobs = new Knobs(() => this.turned());
    this.summary = el("p", { class: "samples-summary", role: "status", "aria-live": "polite" });
    this.notice = el("p", { class: "samples-notice", role: "status", hidden: "" });
    this.body = el("tbody");
    this.table = el("table", {}, el("thead", {}, this.headings()), this.body);
    const named = { role: "figure", tabindex: "0", "aria-label": "Drawn translations" };
    this.figure = el("div", { class: "samples-figure", ...named }, this.table);
    this.caption = el("p", { class: "samples-caption note" });
    this.node.append(this.knobs.node, this.notice, this.summary, this.figure, this.caption);
    listen(this.table, {
      pointermove: (/** @type {Event} */ event) => this.at(event, (cursor) => this.point(cursor)),
      click: (/** @type {Event} */ event) => this.at(event, (cursor) => this.pin(cursor)),
    });
  }

  headings() {
    /** @param {string} text @param {string} title @param {string} [what] */
    const head = (text, title, what) => el("th", { scope: "col", title, "data-what": what }, text);
    return el(
      "tr",
      {},
      head("drawn", "how often; bar: share, line: probability", "share"),
      head("share", "how often / all samples", "share"),
      head("probability", "exp(Σ ln q), q: a step's probability in what is drawn from", "probability"),
      head("translation", "the distinct results, most frequent first"),
      head("log P", "nats; of the model itself, at temperature 1 over all tokens", "logProb"),
      head("per token", "log P / tokens, nats", "mean"),
      el("th", {}, el("span", { class: "samples-hidden" }, "open")),
    );
  }

  linked() {
    return this.knobs.link;
  }

  restore() {
    this.tell(this.knobs.restore(readLink()));
    if (this.isOpen) this.fetch();
  }

  /** @param {string[]} sentences */
  tell(sentences) {
    this.notice.textContent = sentences.join(" ");
    this.notice.hidden = sentences.length === 0;
  }

  turned() {
    this.tell([]);
    this.store.say();
    this.fetch();
  }

  draw() {
    this.fetch();
  }

  changed() {}

  // Only the newest question's answer is shown; until then the old table stays.
  async fetch() {
    const { asked } = this.knobs;
    this.asked = asked;
    this.figure.setAttribute("aria-busy", "true");
    const answer = await this.store.ask("samples", asked);
    if (this.asked !== asked) return;
    this.figure.setAttribute("aria-busy", "false");
    if (!answer || answer === this.answer) return;
    const isFirst = !this.rows.length;
    this.answer = answer;
    const { cutText: cut, uncut, isCut } = this.knobs;
    this.drawn = { total: asked.samples, cut, uncut, isCut };
    this.rows = rowsOf(answer);
    this.pinned = false;
    this.cursor = { row: 0, what: isFirst ? "logProb" : this.cursor.what };
    this.drawTable();
    this.store.changed("cursor");
  }

  drawTable() {
    const { rows, drawn } = this;
    const probabilities = rows.map(({ drawnLogs }) => Math.exp(sum(drawnLogs)));
    const longest = Math.max(...rows.map(({ count }) => count / drawn.total), ...probabilities);
    this.body.replaceChildren(...rows.map((row, i) => this.row(row, i, probabilities[i], longest)));
    this.summary.textContent = this.summaryOf();
    this.figure.setAttribute("aria-label", `Drawn translations: ${this.summary.textContent}`);
    const all = rows.length === 1 ? "It has" : `All ${rows.length} together have`;
    const cut = `softmax(logits / temperature)${drawn.isCut ? ", cut and renormalised" : ""} (${drawn.cut})`;
    this.caption.textContent =
      `Bar: share, line: probability (the longest is ${probText(longest)}). ` +
      `${all} probability ${probText(sum(probabilities))}. ` +
      `Each step draws from q = ${drawn.uncut ? "p, uncut" : cut}; ` +
      "with more samples, shares come nearer to probabilities.";
    this.figure.scrollTop = 0;
    this.mark();
  }

  // The share as a bar, the probability as a line across it, both on the scale of the longest.
  /** @param {number} i @param {number} share @param {number} probability @param {number} longest */
  bar(i, share, probability, longest) {
    const at = (/** @type {number} */ value) => `${(100 * SHARE_OF_BAR * value) / longest}%`;
    const drawn = marked(el("span", { style: { width: at(share) } }), "share", [i, share]);
    const expected = marked(el("i", { style: { left: at(probability) } }), "probability", [i, probability]);
    return el("span", { class: "samples-bar", "aria-hidden": "true" }, drawn, expected);
  }

  /** @param {any} row @param {number} i @param {number} probability @param {number} longest */
  row(row, i, probability, longest) {
    const share = row.count / this.drawn.total;
    /** @param {string} name @param {string} text @param {string} title */
    const badge = (name, text, title) => el("span", { class: `samples-badge ${name}`, title }, text);
    const marks = [
      row.greedy ? badge("greedy", "greedy", "the most probable token at each step") : null,
      row.finished ? null : badge("unfinished", "unfinished", `cut at the limit of ${row.ids.length} tokens`),
      row.twin ? badge("twin", "other tokens", "the same text as above, cut into other tokens") : null,
    ].filter(Boolean);
    const logP = sum(row.logs);
    /** @param {string} name @param {string} what @param {(Node | string)[]} content */
    const cell = (name, what, ...content) => el("td", { class: name, "data-what": what }, ...content);
    const label = `Open in Step by step: ${row.text}`;
    const opens = { title: "Open this translation in Step by step", "aria-label": label };
    const onclick = (/** @type {Event} */ event) => this.open(event, row);
    const open = el("button", { class: "small", tabindex: "-1", ...opens, onclick }, "▸ steps");
    open.disabled = row.ids.length >= this.store.header.max_steps;
    return el(
      "tr",
      { "data-row": i },
      cell("samples-count", "share", el("b", {}, `${row.count}×`), this.bar(i, share, probability, longest)),
      cell("samples-number samples-share", "share", probText(share)),
      cell("samples-number samples-probability", "probability", probText(probability)),
      el("td", { class: "samples-text" }, el("span", { dir: "auto" }, row.text || "(says nothing)"), ...marks),
      cell("samples-number samples-logp", "logProb", numberText(logP)),
      cell("samples-number samples-mean", "mean", numberText(logP / row.logs.length)),
      el("td", { class: "samples-open" }, open),
    );
  }

  summaryOf() {
    const { rows, drawn } = this;
    const greedy = rows.find((row) => row.greedy);
    const unfinished = rows.reduce((all, row) => (row.finished ? all : all + row.count), 0);
    const said = [
      `${drawn.total} ${drawn.total === 1 ? "sample" : "samples"}, ${rows.length} distinct`,
      `the most frequent ${rows[0].count}×`,
      `greedy's translation was ${greedy ? `drawn ${times(greedy.count)}` : "not drawn"}`,
    ];
    if (unfinished) said.push(`${unfinished} did not end within ${this.store.header.max_steps} tokens`);
    return `${said.join("; ")}.`;
  }

  // Cursor -------------------------------------------------------------------------------------------------------

  /** @param {any} event @param {(cursor: any) => void} then */
  at({ target }, then) {
    const row = target.closest("tr[data-row]");
    if (!row || target.closest("button")) return;
    const what = target.closest("[data-what]")?.dataset.what ?? this.cursor.what;
    then({ row: Number(row.dataset.row), what });
  }

  mark() {
    for (const row of /** @type {any} */ (this.body.children)) {
      const isHere = Number(row.dataset.row) === this.cursor.row;
      row.classList.toggle("here", isHere);
      row.classList.toggle("pinned", isHere && this.pinned);
      row.querySelector("button").tabIndex = isHere ? 0 : -1;
      for (const cell of row.querySelectorAll("[data-what]")) {
        cell.classList.toggle("cell-here", isHere && cell.dataset.what === this.cursor.what);
      }
    }
  }

  get keys() {
    const { cursor, rows } = this;
    const on = ".samples-figure";
    const column = WHATS.indexOf(cursor.what);
    const to = (/** @type {number} */ row) => {
      this.move({ ...cursor, row: within(row, rows.length) });
      this.body.children[this.cursor.row].scrollIntoView({ block: "nearest" });
    };
    const next = (/** @type {number} */ by) => this.move({ ...cursor, what: WHATS[within(column + by, WHATS.length)] });
    const ends = { moves: "row", on, says: "Home, End: first, last" };
    const table = [
      ...walk(UP_DOWN, "row", (by) => to(cursor.row + by), { on, says: "↑ ↓ translation" }),
      ...walk(LEFT_RIGHT, "what", next, { on, says: "← → number" }),
      { key: "Home", ...ends, act: () => to(0) },
      { key: "End", ...ends, act: () => to(rows.length - 1) },
      ...this.pinning(on),
    ];
    return rows.length ? table : [];
  }

  get state() {
    return { ...this.cursor, pinned: this.pinned };
  }

  /** @param {Event} event @param {any} row */
  async open(event, row) {
    event.stopPropagation();
    if (await this.store.branch(0, [...row.ids])) this.store.show("steps");
  }

  explain() {
    if (!this.rows.length) return "…";
    return explanation(this.rows[this.cursor.row], this.cursor.what, this.drawn);
  }

  closed() {
    this.store.trouble = null;
  }
}
