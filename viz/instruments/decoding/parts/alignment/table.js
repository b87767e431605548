// Beside each source token: how much attention it gets at the chosen step, how long a vector is taken from it, and what masking
// it out does to the token that was chosen.

import { Badge } from "../../../shared/badge.js";
import { el, listen } from "../../../shared/dom.js";
import { numberText, shortened, weightText } from "../../../shared/numbers.js";

const TWO_BLOCKS = 860;
const BARS_BESIDE = 1300; // with two blocks; in less width bars lie under their numbers
const NARROW = 521;
const ONE_BLOCK = 10; // tokens that fit into one

// How well two rankings agree, in words.
function verdict(rho) {
  if (rho >= 0.8) return "agree largely here";
  if (rho >= 0.4) return "agree only partly here";
  return rho > -0.2 ? "hardly agree here" : "disagree here";
}

export class AlignTable {
  // onPoint(cursor), onPin(cursor): { kind: "token", what, column } or { kind: "rank", what }; onOpen(step).
  constructor(state, { onPoint, onPin, onOpen }) {
    Object.assign(this, { state, onPoint, onPin });
    const step = (by) => () => onOpen(state.store.step + by);
    this.back = el("button", { class: "small", "aria-label": "One step back", onclick: step(-1) }, "◀");
    this.on = el("button", { class: "small", "aria-label": "One step on", onclick: step(1) }, "▶");
    this.title = el("h3", { class: "align-title" });
    this.badge = new Badge();
    this.blocks = el("div", { class: "align-blocks" });
    this.verdict = el("p", { class: "align-verdict", "aria-live": "polite" });
    this.caption = el("p", { class: "align-caption" });
    this.node = el("section", { class: "align-owed", "aria-label": "Attention is not explanation" }, el("div", { class: "align-heading" }, el("span", { class: "align-steps" }, this.back, this.on), this.title, this.badge.node), this.verdict, this.blocks, this.caption);
  }

  draw(theme, width) {
    const { state } = this;
    const { store } = state;
    const { source } = store.header;
    const taken = store.lane.header.predicts[store.step];
    const { influence } = state;
    this.back.setAttribute("aria-disabled", String(store.step === 0));
    this.on.setAttribute("aria-disabled", String(store.step === store.steps - 1));
    this.title.replaceChildren("Attention is not explanation: step ", String(store.step + 1), ", ", el("b", { class: "align-taken" }, `“${taken}”`), this.piece());
    const one = store.head !== null;
    const columns = {
      alpha: { head: "α", name: "attention α (weight)", values: state.alphas(), text: weightText, colour: theme.roles.query },
      norm: { head: one ? "‖α·v·W_O‖" : "‖Σ α·v·W_O‖", name: "norm of what is taken", values: state.norms(), text: numberText, colour: theme.roles.value },
      influence: { head: "Δ log P, nats", name: "influence Δ log P (nats)", values: influence, text: numberText, colour: theme.roles.output },
    };
    for (const column of Object.values(columns)) {
      column.low = Math.min(0, ...(column.values ?? []));
      column.high = Math.max(0, ...(column.values ?? []));
    }
    const blocks = width >= TWO_BLOCKS && source.length > ONE_BLOCK ? 2 : 1;
    const size = Math.ceil(source.length / blocks);
    this.blocks.classList.toggle("stacked", (blocks === 2 && width < BARS_BESIDE) || width < NARROW);
    this.cells = [];
    this.blocks.replaceChildren(...Array.from({ length: blocks }, (_, block) => this.block(columns, source, block * size, Math.min(source.length, (block + 1) * size))));
    this.drawVerdict();
    this.caption.textContent =
      `α: weight, ${one ? "of this head" : "mean of this layer's heads"}. ${one ? "‖α·v·W_O‖" : "‖Σ_h α_h·v_h·W_O‖"}: length of the vector taken from the token (Kobayashi et al. 2020). ` +
      `Δ log P = log P(“${taken}” | source, this token masked out) − log P(“${taken}” | whole source), in nats, whatever the head: below 0, the step needed the token. Masked out: nothing looks at it, all places are kept. The longest bar of each column is its largest number.`;
  }

  piece() {
    const { store } = this.state;
    const units = this.state.units;
    const pieces = units.pieces[this.state.unitOf(store.step, units)];
    return pieces.length > 1 ? `, piece ${pieces.indexOf(store.step) + 1} of ${pieces.length}` : "";
  }

  block(columns, source, from, to) {
    const head = el("tr", {}, el("th", { scope: "col" }, "source"), ...Object.values(columns).map(({ head: text, name }) => el("th", { scope: "col", title: name }, text)));
    const rows = source.slice(from, to).map((token, i) =>
      el("tr", { "data-column": from + i }, el("th", { scope: "row", title: token }, shortened(token, 14)), ...Object.entries(columns).map(([what, column]) => this.cell(what, column, from + i))),
    );
    return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
  }

  cell(what, { values, text, colour, low, high }, column) {
    const value = values?.[column];
    const range = high - low || 1;
    const bar = values && el("span", { class: "align-bar", style: { background: colour, left: `${(100 * (Math.min(0, value) - low)) / range}%`, width: `${(100 * Math.abs(value)) / range}%` } });
    const zero = values && low < 0 && high > 0 ? el("span", { class: "align-zero", style: { left: `${(-100 * low) / range}%` } }) : null;
    const node = el("td", { "data-what": what }, el("div", { class: "align-cell" }, el("span", { class: "align-track" }, bar, zero), el("span", { class: "align-number" }, values ? text(value) : "…")));
    const cursor = { kind: "token", what, column };
    listen(node, { pointerenter: () => this.onPoint(cursor) });
    listen(node, { click: () => this.onPin(cursor) });
    this.cells.push({ node, cursor });
    return node;
  }

  drawVerdict() {
    const { correlations, store } = this.state;
    const n = store.header.source.length;
    const said = (what, name) => {
      const found = correlations[what];
      const text = !found ? "…" : Number.isNaN(found.value) ? "n/a" : found.value.toFixed(2).replace("-", "−");
      const node = el("span", { class: "align-rank", "data-what": what }, `α ~ ${name} `, el("b", {}, text));
      listen(node, { pointerenter: () => this.onPoint({ kind: "rank", what }) });
      listen(node, { click: () => this.onPin({ kind: "rank", what }) });
      this.cells.push({ node, cursor: { kind: "rank", what } });
      return node;
    };
    const rho = correlations.influence?.value;
    const sentence = rho === undefined ? "" : Number.isNaN(rho) ? ": too few tokens, or equal ranks, to compare." : `: attention and influence ${verdict(rho)}; ${this.firsts()}.`;
    this.verdict.replaceChildren(`Rank correlation (Spearman) over ${n} token${n === 1 ? "" : "s"}: `, said("norm", "norm"), ", ", said("influence", "|Δ|"), sentence);
  }

  // Which token attention and influence put first.
  firsts() {
    const { source } = this.state.store.header;
    const first = (values) => values.indexOf(Math.max(...values));
    const [looked, needed] = [first(this.state.alphas()), first(this.state.influence.map(Math.abs))];
    return looked === needed ? `both put “${source[looked]}” first` : `attention puts “${source[looked]}” first, influence “${source[needed]}”`;
  }

  mark(cursor, pinned) {
    for (const { node, cursor: own } of this.cells ?? []) {
      const isHere = cursor && cursor.kind === own.kind && cursor.what === own.what && cursor.column === own.column;
      node.classList.toggle("here", Boolean(isHere));
      node.classList.toggle("pinned", Boolean(isHere && pinned));
    }
  }
}
