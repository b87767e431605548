// Temperature, top-k and top-p: always marked as what if; they act on the logits that the browser holds.

import { el, listen } from "../shared/dom.js";
import { OWN } from "./sampling.js";

const MOST_K = 100;
// The right end of top-k and top-p is "off" (null): every word is kept.
const RANGES = {
  temperature: { label: "temperature", min: 0.1, max: 4, step: 0.1, off: Infinity, digits: 1 },
  topK: { label: "top-k", min: 1, max: MOST_K + 1, step: 1, off: MOST_K + 1, digits: 0 },
  topP: { label: "top-p", min: 0.05, max: 1, step: 0.01, off: 1, digits: 2 },
};

export class Knobs {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.inputs = {};
    this.texts = {};
    const [temperature, topK, topP] = Object.entries(RANGES).map(([name, range]) => this.slider(name, range));
    this.flag = el("span", { class: "badge what-if" }, "what if");
    this.back = el("button", { class: "small", onclick: () => this.undo() }, "Back to the model's own numbers");
    const about = { class: "knobs", role: "group", "aria-label": "What if" };
    this.node = el("div", about, temperature, topK, this.flag, topP, this.back);
  }

  slider(name, { label, min, max, step, off }) {
    const { store } = this;
    const input = el("input", { type: "range", "aria-label": label, min, max, step });
    const text = el("span", { class: "knob-value" });
    const read = () => (Number(input.value) >= off ? null : Number(input.value));
    listen(input, { input: () => store.turn({ [name]: read() }), change: () => store.say() });
    Object.assign(this.inputs, { [name]: input });
    Object.assign(this.texts, { [name]: text });
    return el("label", { class: "knob" }, label, input, text);
  }

  undo() {
    this.store.turn(OWN);
    this.store.say();
  }

  draw() {
    const { whatIf, knobs } = this.store;
    for (const [name, { off, digits }] of Object.entries(RANGES)) {
      const value = knobs[name];
      const text = value === null ? "off" : value.toFixed(digits);
      this.inputs[name].value = String(value ?? off);
      this.texts[name].textContent = text;
      this.inputs[name].setAttribute("aria-valuetext", text);
    }
    this.flag.hidden = !whatIf;
    this.back.hidden = !whatIf;
    this.node.classList.toggle("what-if", whatIf);
  }
}
