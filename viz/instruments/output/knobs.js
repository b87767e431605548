// Temperature, top-k and top-p: always marked as what if; they act on the logits that the browser holds.

import { el, listen } from "../shared/dom.js";
import { OWN } from "./sampling.js";

const MOST_K = 100;

export class Knobs {
  constructor(store) {
    this.store = store;
    const slider = (name, label, range, read, write) => {
      const input = el("input", { type: "range", "aria-label": label, ...range });
      const text = el("span", { class: "knob-value" });
      listen(input, { input: () => store.turn({ [name]: read(Number(input.value)) }) });
      const draw = () => {
        const value = store.knobs[name];
        input.value = String(write(value));
        text.textContent = value === null ? "off" : name === "topK" ? String(value) : value.toFixed(name === "topP" ? 2 : 1);
        input.setAttribute("aria-valuetext", text.textContent);
      };
      return { draw, node: el("label", { class: "knob" }, label, input, text) };
    };
    // The right end of top-k and top-p is "off": every word is kept.
    this.sliders = [
      slider("temperature", "temperature", { min: "0.1", max: "4", step: "0.1" }, (value) => value, (value) => value),
      slider("topK", "top-k", { min: "1", max: String(MOST_K + 1), step: "1" }, (value) => (value > MOST_K ? null : value), (value) => value ?? MOST_K + 1),
      slider("topP", "top-p", { min: "0.05", max: "1", step: "0.01" }, (value) => (value >= 1 ? null : value), (value) => value ?? 1),
    ];
    const [temperature, topK, topP] = this.sliders;
    this.flag = el("span", { class: "badge what-if" }, "what if");
    this.back = el("button", { class: "small", onclick: () => store.turn(OWN) }, "Back to the model's own numbers");
    this.node = el("div", { class: "knobs", role: "group", "aria-label": "What if" }, ...[temperature, topK].map(({ node }) => node), this.flag, topP.node, this.back);
  }

  draw() {
    const { whatIf } = this.store;
    for (const { draw } of this.sliders) draw();
    this.flag.hidden = !whatIf;
    this.back.hidden = !whatIf;
    this.node.classList.toggle("what-if", whatIf);
  }
}
