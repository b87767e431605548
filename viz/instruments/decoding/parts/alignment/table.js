// Beside each source token: how much attention it gets at the chosen step, how long a vector is taken from it, and what
// masking it out does to the token that was chosen.

import { Badge } from "../../../shared/badge.js";
import { el, listen } from "../../../shared/dom.js";
import { numberText, shortened, weightText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";

const TWO_BLOCKS = 860;
const BARS_BESIDE = 1300; // with two blocks; in less width bars lie under their numbers
const NARROW = 521;
const ONE_BLOCK = 10; // tokens that fit into one

// How well two rankings agree, in words.
/** @param {number} rho */
function verdict(rho) {
  if (rho >= 0.8) return "agree largely here";
  if (rho >= 0.4) return "agree only partly here";
  return rho > -0.2 ? "hardly agree here" : "disagree here";
}

export class AlignTable {
  /**
   * @param {import("./state.js").AlignState} state
   * @param {{ onPoint: (cursor: any) => void, onPin: (cursor: any) => void, onOpen: (step: number) => void }} told
   *   cursor: { kind: "token", what, column } or { kind: "rank", what }
   */
  constructor(state, { onPoint, onPin, onOpen }) {
    this.state = state;
    this.onPoint = onPoint;
    this.onPin = onPin;
    /** @type {{ node: HTMLElement, cursor: any }[]} */
    this.cells = [];
    const step = (/** @type {number} */ by) => () => onOpen(state.store.step + by);
    this.back = el("button", { class: "small", "aria-label": "One step back", onclick: step(-1) }, "◀");
    this.on = el("button", { class: "small", "aria-label": "One step on", onclick: step(1) }, "▶");
    this.title = el("h3", { class: "align-title" });
    this.badge = new Badge();
    this.blocks = el("div", { class: "align-blocks" });
    this.verdict = el("p", { class: "align-verdict", "aria-live": "polite" });
    this.caption = el("p", { class: "align-caption" });
    const steps = el("span", { class: "align-steps" }, this.back, this.on);
    const heading = el("div", { class: "align-heading" }, steps, this.title, this.badge.node);
    const named = { class: "align-owed", "aria-label": "Attention is not explanation" };
    this.node = el("section", named, heading, this.verdict, this.blocks, this.caption);
  }

  // Of each column what it is called, its numbers, and the ends of the scale that its bars share.
  /** @param {any} theme */
  columns(theme) {
    const { state } = this;
    const taken = state.store.head === null ? "‖Σ α·v·W_O‖" : "‖α·v·W_O‖";
    const influence = "influence Δ log P (nats)";
    const { query, value, output } = theme.roles;
    /** @type {[string, string, string, number[] | null, (value: number) => string, string][]} */
    const rows = [
      ["alpha", "α", "attention α (weight)", state.alphas(), weightText, query],
      ["norm", taken, "norm of what is taken", state.norms(), numberText, value],
      ["influence", "Δ log P, nats", influence, state.influence, numberText, output],
    ];
    return rows.map(([what, head, name, values, text, colour]) => {
      const [low, high] = [Math.min(0, ...(values ?? [])), Math.max(0, ...(values ?? []))];
      return { what, head, name, values, text, colour, low, high };
    });
  }

  /** @param {any} theme @param {number} width */
  draw(theme, width) {
    const { store } = this.state;
    const { source } = store.header;
    const taken = store.lane.header.predicts[store.step];
    this.back.setAttribute("aria-disabled", String(store.step === 0));
    this.on.setAttribute("aria-disabled", String(store.step === store.steps - 1));
    const said = el("b", { class: "align-taken" }, `“${taken}”`);
    this.title.replaceChildren(`Attention is not explanation: step ${store.step + 1}, `, said, this.piece());
    const columns = this.columns(theme);
    const blocks = width >= TWO_BLOCKS && source.length > ONE_BLOCK ? 2 : 1;
    const size = Math.ceil(source.length / blocks);
    this.blocks.classList.toggle("stacked", (blocks === 2 && width < BARS_BESIDE) || width < NARROW);
    this.cells = [];
    const block = (/** @type {number} */ n) => this.block(columns, n * size, Math.min(source.length, (n + 1) * size));
    this.blocks.replaceChildren(...Array.from({ length: blocks }, (_, n) => block(n)));
    this.drawVerdict();
    const [whose, vector] =
      store.head === null ? ["mean of this layer's heads", "‖Σ_h α_h·v_h·W_O‖"] : ["of this head", "‖α·v·W_O‖"];
    this.caption.textContent =
      `α: weight, ${whose}. ${vector}: length of the vector taken from the token (Kobayashi et al. 2020). ` +
      `Δ log P = log P(“${taken}” | source, this token masked out) − log P(“${taken}” | whole source), in nats, ` +
      "whatever the head: below 0, the step needed the token. Masked out: nothing looks at it, all places are kept. " +
      "The longest bar of each column is its largest number.";
  }

  piece() {
    const { store } = this.state;
    const units = this.state.units;
    const pieces = units.pieces[this.state.unitOf(store.step, units)];
    return pieces.length > 1 ? `, piece ${pieces.indexOf(store.step) + 1} of ${pieces.length}` : "";
  }

  /** @param {ReturnType<AlignTable["columns"]>} columns @param {number} from @param {number} to */
  block(columns, from, to) {
    const heads = columns.map(({ head, name }) => el("th", { scope: "col", title: name }, head));
    const tokens = /** @type {string[]} */ (this.state.store.header.source.slice(from, to));
    const rows = tokens.map((token, i) => {
      const title = el("th", { scope: "row", title: token }, shortened(token, 14));
      return el("tr", { "data-column": from + i }, title, ...columns.map((column) => this.cell(column, from + i)));
    });
    const head = el("tr", {}, el("th", { scope: "col" }, "source"), ...heads);
    return el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows));
  }

  /** @param {ReturnType<AlignTable["columns"]>[number]} column @param {number} at the token */
  cell({ what, values, text, colour, low, high }, at) {
    const track = el("span", { class: "align-track" });
    if (values) {
      const [value, range] = [values[at], high - low || 1];
      const share = (/** @type {number} */ length) => `${(100 * length) / range}%`;
      const style = { background: colour, left: share(Math.min(0, value) - low), width: share(Math.abs(value)) };
      track.append(marked(el("span", { class: "align-bar", style }), what, [at, value, low, high]));
      if (low < 0 && high > 0) track.append(el("span", { class: "align-zero", style: { left: share(-low) } }));
    }
    const number = el("span", { class: "align-number" }, values ? text(values[at]) : "…");
    const node = el("td", { "data-what": what }, el("div", { class: "align-cell" }, track, number));
    return this.pointed(node, { kind: "token", what, column: at });
  }

  // The node tells when it is pointed at or clicked, and is marked with the cursor.
  /** @param {HTMLElement} node @param {any} cursor */
  pointed(node, cursor) {
    listen(node, { pointerenter: () => this.onPoint(cursor), click: () => this.onPin(cursor) });
    this.cells.push({ node, cursor });
    return node;
  }

  drawVerdict() {
    const { correlations, store } = this.state;
    const n = store.header.source.length;
    const rhoText = (/** @type {number} */ rho) => (Number.isNaN(rho) ? "n/a" : rho.toFixed(2).replace("-", "−"));
    const said = (/** @type {"norm" | "influence"} */ what, /** @type {string} */ name) => {
      const found = correlations[what];
      const text = el("b", {}, found ? rhoText(found.value) : "…");
      const node = el("span", { class: "align-rank", "data-what": what }, `α ~ ${name} `, text);
      return this.pointed(node, { kind: "rank", what });
    };
    const over = `Rank correlation (Spearman) over ${n} token${n === 1 ? "" : "s"}: `;
    this.verdict.replaceChildren(over, said("norm", "norm"), ", ", said("influence", "|Δ|"), this.verdictText());
  }

  verdictText() {
    const rho = this.state.correlations.influence?.value;
    if (rho === undefined) return "";
    if (Number.isNaN(rho)) return ": too few tokens, or equal ranks, to compare.";
    return `: attention and influence ${verdict(rho)}; ${this.firsts()}.`;
  }

  // Which token attention and influence put first.
  firsts() {
    const { source } = this.state.store.header;
    const first = (/** @type {number[]} */ values) => values.indexOf(Math.max(...values));
    const influence = /** @type {number[]} */ (this.state.influence);
    const [looked, needed] = [first(this.state.alphas()), first(influence.map(Math.abs))];
    if (looked === needed) return `both put “${source[looked]}” first`;
    return `attention puts “${source[looked]}” first, influence “${source[needed]}”`;
  }

  /** @param {any} cursor @param {boolean} pinned */
  mark(cursor, pinned) {
    for (const { node, cursor: own } of this.cells) {
      const isHere = cursor && cursor.kind === own.kind && cursor.what === own.what && cursor.column === own.column;
      node.classList.toggle("here", Boolean(isHere));
      node.classList.toggle("pinned", Boolean(isHere && pinned));
    }
  }
}
