// Knobs inside one head, always marked as what if, and what they do to each row's entropy and largest weight.

import { el, listen } from "../shared/dom.js";
import { entropy, rowMax } from "../shared/maths.js";
import { weightText } from "../shared/numbers.js";
import { OWN } from "./maths.js";
import { TEMPERATURES } from "./store.js";

const COLUMNS = ["row", "entropy (bits), the model's", "what if", "largest weight, the model's", "what if"];

export class Knobs {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    const turned = (/** @type {Partial<import("./maths.js").Knobs>} */ knobs) => {
      store.turn(knobs);
      store.say({ quiet: true });
    };
    this.scale = switchOf("÷ √d_head", (scale) => turned({ scale }));
    this.mask = switchOf("mask", (mask) => turned({ mask }));
    this.padding = switchOf("pad the sentence", (isPadded) => store.pad(isPadded));
    const { least: min, most: max } = TEMPERATURES;
    this.temperature = el("input", { type: "range", min, max, step: "0.1", "aria-label": "Temperature" });
    // While it slides, the link waits.
    listen(this.temperature, {
      input: () => store.turn({ temperature: Number(this.temperature.value) }),
      change: () => store.say({ quiet: true }),
    });
    this.temperatureText = el("span", { class: "value" });
    this.back = el("button", { class: "small", onclick: () => turned(OWN) }, "Back to the model's own numbers");
    this.flag = el("span", { class: "badge what-if" }, "what if: this head only");
    const temperature = el("label", { class: "knob" }, "temperature", this.temperature, this.temperatureText);
    const all = [this.scale.node, this.mask.node, temperature, this.padding.node, this.flag, this.back];
    this.bar = el("div", { class: "knobs", role: "group", "aria-label": "What if" }, ...all);
    this.table = el("div", { class: "before-after" });
  }

  draw() {
    const { store } = this;
    const { scale, mask, temperature } = store.knobs;
    this.scale.box.checked = scale;
    this.mask.box.checked = mask;
    this.padding.box.checked = store.isPadded;
    this.temperature.value = String(temperature);
    this.temperatureText.textContent = temperature.toFixed(1);
    this.mask.node.hidden = mask && !(store.exact && store.own("masked").values.includes(-Infinity));
    this.flag.hidden = this.back.hidden = !store.whatIf;
    this.bar.classList.toggle("what-if", store.whatIf);
    this.drawTable();
  }

  drawTable() {
    const { store } = this;
    if (!store.whatIf || !store.exact) {
      this.table.replaceChildren();
      return;
    }
    const [before, after] = [store.own("weights"), store.weights()].map(figuresOf);
    const rows = store.site.queries.map((label, i) => {
      const cells = [0, 1].flatMap((n) => [el("td", {}, before[i][n]), el("td", { class: "after" }, after[i][n])]);
      return el("tr", {}, el("th", { scope: "row" }, label), ...cells);
    });
    const head = el("tr", {}, ...COLUMNS.map((text) => el("th", { scope: "col" }, text)));
    this.table.replaceChildren(el("table", {}, el("thead", {}, head), el("tbody", {}, ...rows)));
  }
}

/** @param {string} label @param {(isOn: boolean) => void} change */
function switchOf(label, change) {
  const box = el("input", { type: "checkbox" });
  listen(box, { change: () => change(box.checked) });
  return { box, node: el("label", { class: "knob" }, box, label) };
}

// Each row's entropy and largest weight.
/** @param {import("../shared/part.js").Part} part */
function figuresOf({ values, rows, columns }) {
  const starts = Array.from({ length: rows }, (_, i) => i * columns);
  return starts.map((at) => [entropy(values, at, columns).toFixed(2), weightText(rowMax(values, at, columns))]);
}
