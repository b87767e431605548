// Knobs inside one head, always marked as what if, and what they do to each row's entropy and largest weight.

import { el, listen } from "../shared/dom.js";
import { entropy, rowMax } from "../shared/maths.js";
import { weightText } from "../shared/numbers.js";

export class Knobs {
  constructor(store) {
    this.store = store;
    const check = (label, change) => {
      const box = el("input", { type: "checkbox" });
      listen(box, { change: () => change(box.checked) });
      return { box, node: el("label", { class: "knob" }, box, label) };
    };
    this.scale = check("÷ √d_head", (on) => store.turn({ scale: on }));
    this.mask = check("mask", (on) => store.turn({ mask: on }));
    this.padding = check("pad the sentence", (on) => store.pad(on));
    this.temperature = el("input", { type: "range", min: "0.1", max: "4", step: "0.1", "aria-label": "Temperature" });
    listen(this.temperature, { input: () => store.turn({ temperature: Number(this.temperature.value) }) });
    this.temperatureText = el("span", { class: "value" });
    this.back = el("button", { class: "small", onclick: () => store.reset() }, "Back to the model's own numbers");
    this.flag = el("span", { class: "badge what-if" }, "what if: this head only");
    this.bar = el(
      "div",
      { class: "knobs", role: "group", "aria-label": "What if" },
      this.scale.node,
      this.mask.node,
      el("label", { class: "knob" }, "temperature", this.temperature, this.temperatureText),
      this.padding.node,
      this.flag,
      this.back,
    );
    this.table = el("div", { class: "before-after" });
  }

  draw() {
    const { store } = this;
    const { scale, mask, temperature } = store.knobs;
    this.scale.box.checked = scale;
    this.mask.box.checked = mask;
    this.temperature.value = String(temperature);
    this.temperatureText.textContent = temperature.toFixed(1);
    this.padding.box.checked = store.padded;
    const masks = store.exact ? store.keep().includes(0) : false;
    this.mask.node.hidden = !masks && mask;
    this.flag.hidden = !store.whatIf;
    this.back.hidden = !store.whatIf;
    this.bar.classList.toggle("what-if", store.whatIf);
    this.drawTable();
  }

  drawTable() {
    const { store } = this;
    if (!store.whatIf || !store.exact) {
      this.table.replaceChildren();
      return;
    }
    const { keys } = store.sizes;
    const before = store.own("weights").values;
    const after = store.stage("weights").values;
    const rows = store.site.queries.map((label, i) => {
      const numbers = [before, after].flatMap((weights) => [entropy(weights, i * keys, keys).toFixed(2), weightText(rowMax(weights, i * keys, keys))]);
      const [entropyBefore, largestBefore, entropyAfter, largestAfter] = numbers;
      return el(
        "tr",
        {},
        el("th", { scope: "row" }, label),
        el("td", {}, entropyBefore),
        el("td", { class: "after" }, entropyAfter),
        el("td", {}, largestBefore),
        el("td", { class: "after" }, largestAfter),
      );
    });
    const heads = ["row", "entropy (bits), the model's", "what if", "largest weight, the model's", "what if"];
    const head = el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)));
    this.table.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
  }
}
