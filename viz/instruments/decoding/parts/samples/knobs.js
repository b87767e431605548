// What is drawn: temperature, top-k, top-p, how many, and the seed. null: the knob is off, nothing is cut.

import { el, listen } from "../../../shared/dom.js";
import { within } from "../../../shared/store.js";

const MOST_K = 100;
const LARGEST_SEED = 999_999;
const PAUSE = 250;

/**
 * @typedef {{ label: string, least: number, most: number, step: number, digits: number, first: number | null,
 *   off?: string, typed?: boolean }} Range
 *   `first`: where the knob stands at first; `off`: what its right end says, which keeps every word
 */
/** @type {Record<string, Range>} */
const RANGES = {
  temperature: { label: "temperature", least: 0.1, most: 2, step: 0.1, digits: 1, first: 1 },
  top_k: { label: "top-k", least: 1, most: MOST_K + 1, step: 1, digits: 0, first: null, off: "all" },
  top_p: { label: "top-p", least: 0.05, most: 1, step: 0.05, digits: 2, first: null, off: "1" },
  samples: { label: "samples", least: 1, most: 50, step: 1, digits: 0, first: 20, typed: true },
  seed: { label: "seed", least: 0, most: LARGEST_SEED, step: 1, digits: 0, first: 1, typed: true },
};

// The nearest number that the knob can stand on; what is no number stands for its own.
/** @param {Range} range @param {string} text */
function nearest({ least, most, step, digits, first, off }, text) {
  const number = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(number)) return first;
  const steps = Math.round((Math.min(Math.max(number, least), most) - least) / step);
  const value = Number((least + steps * step).toFixed(digits));
  return off && value >= most ? null : value;
}

// What is wrong with a number of the link, as a sentence; null where nothing is.
/** @param {Range} range @param {string} text */
function trouble({ label, least, most, off }, text) {
  const number = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(number)) return `The link's ${label} is “${text}”, which is no number.`;
  if (number >= least && number <= most) return null;
  return `${label} ${text} is out of range: it runs from ${least} to ${off === "all" ? MOST_K : most}.`;
}

export class Knobs {
  /** @param {() => void} onTurn after a pause, or at once where a button was pressed */
  constructor(onTurn) {
    this.onTurn = onTurn;
    /** @type {Record<string, any>} */
    this.values = Object.fromEntries(Object.entries(RANGES).map(([name, { first }]) => [name, first]));
    /** @type {Record<string, HTMLInputElement>} */
    this.inputs = {};
    /** @type {Record<string, HTMLElement | null>} */
    this.texts = {};
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    const labels = Object.entries(RANGES).map(([name, range]) => this.knob(name, range));
    this.node = el(
      "div",
      { class: "samples-knobs", role: "group", "aria-label": "What is drawn" },
      ...labels,
      el("button", { class: "small", onclick: () => this.now() }, "Draw"),
      el("button", { class: "small", onclick: () => this.reseed() }, "Another seed"),
    );
    this.draw();
  }

  /** @param {string} name @param {Range} range */
  knob(name, { label, least, most, step, typed }) {
    const range = { min: least, max: most, step, "aria-label": label, "data-knob": name };
    const input = el("input", { type: typed ? "number" : "range", ...range });
    listen(input, { input: () => this.turn(name, input.value) });
    if (typed) listen(input, { change: () => this.draw() });
    // Digits and arrows typed here mean nothing to the table, nor to Streamlit.
    listen(input, {
      keydown: (/** @type {KeyboardEvent} */ event) => {
        event.stopPropagation();
        if (typed && event.key === "Enter") this.now();
      },
    });
    this.inputs[name] = input;
    this.texts[name] = typed ? null : el("span", { class: "samples-value" });
    return el("label", { class: "samples-knob" }, label, input, this.texts[name]);
  }

  /** @param {string} name @param {string} text */
  turn(name, text) {
    this.values = { ...this.values, [name]: nearest(RANGES[name], text) };
    this.draw(name);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.onTurn(), PAUSE);
  }

  now() {
    clearTimeout(this.timer);
    this.draw();
    this.onTurn();
  }

  reseed() {
    this.values = { ...this.values, seed: within(this.values.seed + 1, LARGEST_SEED + 1) };
    this.now();
  }

  // `typing`: the box that is being typed in keeps what stands there.
  draw(typing = "") {
    for (const [name, { most, digits, off, typed }] of Object.entries(RANGES)) {
      const value = this.values[name];
      const [input, text] = [this.inputs[name], this.texts[name]];
      if (!(typed && name === typing)) input.value = String(value ?? most);
      if (!text) continue;
      text.textContent = value === null ? off : value.toFixed(digits);
      input.setAttribute("aria-valuetext", text.textContent ?? "");
    }
  }

  // Sentences on what in the link was no number, or out of range.
  /** @param {Record<string, string>} link */
  restore(link) {
    /** @type {(string | null)[]} */
    const told = [];
    for (const [name, range] of Object.entries(RANGES)) {
      this.values[name] = range.first;
      if (link[name] === undefined) continue;
      this.values[name] = nearest(range, link[name]);
      told.push(trouble(range, link[name]));
    }
    this.draw();
    return /** @type {string[]} */ (told.filter(Boolean));
  }

  // For the link: what stands as at first is left out.
  get link() {
    const said = (/** @type {string} */ name) => (this.values[name] === RANGES[name].first ? null : this.values[name]);
    return Object.fromEntries(Object.keys(RANGES).map((name) => [name, said(name)]));
  }

  // For the server.
  /** @returns {Record<string, any>} */
  get asked() {
    return { ...this.values, top_k: this.values.top_k ?? 0, top_p: this.values.top_p ?? 1 };
  }

  // Whether the model's own probabilities are drawn from, uncut.
  get uncut() {
    const { temperature, top_k, top_p } = this.values;
    return temperature === 1 && top_k === null && top_p === null;
  }

  // Whether words are left out of what is drawn from.
  get isCut() {
    const { top_k, top_p } = this.values;
    return top_k !== null || top_p !== null;
  }

  get cutText() {
    const { temperature, top_k, top_p } = this.values;
    const parts = [`temperature ${temperature.toFixed(1)}`];
    if (top_k !== null) parts.push(`top-k ${top_k}`);
    if (top_p !== null) parts.push(`top-p ${top_p.toFixed(2)}`);
    return parts.join(", ");
  }
}
