// What is drawn: temperature, top-k, top-p, how many, and the seed. null: the knob is off, nothing is cut.

import { el, listen } from "../../../shared/dom.js";
import { within } from "../../../shared/store.js";

const MOST_K = 100;
const LARGEST_SEED = 999_999;
const PAUSE = 250;

// own: where the knob stands at first. The right end of top-k and top-p keeps every word.
const RANGES = {
  temperature: { label: "temperature", least: 0.1, most: 2, step: 0.1, digits: 1, own: 1 },
  top_k: { label: "top-k", least: 1, most: MOST_K + 1, step: 1, digits: 0, own: null, off: "all" },
  top_p: { label: "top-p", least: 0.05, most: 1, step: 0.05, digits: 2, own: null, off: "1" },
  samples: { label: "samples", least: 1, most: 50, step: 1, digits: 0, own: 20, typed: true },
  seed: { label: "seed", least: 0, most: LARGEST_SEED, step: 1, digits: 0, own: 1, typed: true },
};

// The nearest number that the knob can stand on; what is no number stands for its own.
function nearest({ least, most, step, digits, own, off }, text) {
  const number = text === null || text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(number)) return own;
  const steps = Math.round((Math.min(Math.max(number, least), most) - least) / step);
  const value = Number((least + steps * step).toFixed(digits));
  return off && value >= most ? null : value;
}

// What is wrong with a number of the link, as a sentence; null where nothing is.
function trouble({ label, least, most, off }, text) {
  const number = text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(number)) return `The link's ${label} is “${text}”, which is no number.`;
  if (number >= least && number <= most) return null;
  return `${label} ${text} is out of range: it runs from ${least} to ${off === "all" ? MOST_K : most}.`;
}

export class Knobs {
  // onTurn(): after a pause, or at once where a button was pressed.
  constructor(onTurn) {
    this.onTurn = onTurn;
    this.values = Object.fromEntries(Object.entries(RANGES).map(([name, { own }]) => [name, own]));
    this.inputs = {};
    this.texts = {};
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

  knob(name, { label, least, most, step, typed }) {
    const input = el("input", { type: typed ? "number" : "range", min: least, max: most, step, "aria-label": label, "data-knob": name });
    listen(input, { input: () => this.turn(name, input.value) });
    if (typed) listen(input, { change: () => this.draw() });
    // Digits and arrows typed here mean nothing to the table, nor to Streamlit.
    listen(input, {
      keydown: (event) => {
        event.stopPropagation();
        if (typed && event.key === "Enter") this.now();
      },
    });
    this.inputs[name] = input;
    this.texts[name] = typed ? null : el("span", { class: "samples-value" });
    return el("label", { class: "samples-knob" }, label, input, this.texts[name]);
  }

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
  draw(typing = null) {
    for (const [name, { most, digits, off, typed }] of Object.entries(RANGES)) {
      const value = this.values[name];
      if (!(typed && name === typing)) this.inputs[name].value = String(value ?? most);
      if (typed) continue;
      this.texts[name].textContent = value === null ? off : value.toFixed(digits);
      this.inputs[name].setAttribute("aria-valuetext", this.texts[name].textContent);
    }
  }

  // Sentences on what in the link was no number, or out of range.
  restore(link) {
    const told = [];
    for (const [name, range] of Object.entries(RANGES)) {
      this.values[name] = range.own;
      if (link[name] === undefined) continue;
      this.values[name] = nearest(range, link[name]);
      told.push(trouble(range, link[name]));
    }
    this.draw();
    return told.filter(Boolean);
  }

  // For the link: what stands as at first is left out.
  get link() {
    return Object.fromEntries(Object.entries(this.values).map(([name, value]) => [name, value === RANGES[name].own ? null : value]));
  }

  // For the server.
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
    const parts = [`temperature ${temperature.toFixed(1)}`, top_k === null ? null : `top-k ${top_k}`, top_p === null ? null : `top-p ${top_p.toFixed(2)}`];
    return parts.filter(Boolean).join(", ");
  }
}
