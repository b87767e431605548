// The strongest hidden units of the chosen token, and for each the tokens of this sentence that activate it most.

import { el } from "../shared/dom.js";
import { numberText, shortened } from "../shared/numbers.js";
import { strongest, strongestRows } from "./maths.js";

const MOST_UNITS = 10;
const MOST_TOKENS = 3;
const LONGEST = 12;

export class Units {
  constructor(store) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    // Of which row and layer the units are.
    this.drawn = { row: -1, values: new Float32Array() };
    this.title = el("b", { class: "units-title" });
    this.list = el("ol", { class: "unit-list" });
    this.node = el("section", { class: "units", "aria-label": "Strongest hidden units" }, this.title, this.list);
  }

  draw(theme) {
    this.theme = theme;
    const { store } = this;
    this.node.hidden = !store.exact || !store.sizes.d_ff;
    if (this.node.hidden) return;
    const { row } = store.cursor;
    const part = store.own("ffn_hidden");
    const units = strongest(part.values, part.rows, part.columns, row, MOST_UNITS);
    const whose = `row ${row + 1}, ${store.header.tokens[row]}`;
    const [what, each] = units.length === 1 ? ["unit", "it"] : [`${units.length} units`, "each"];
    this.title.textContent = units.length
      ? `Strongest ${what} of ${whose}, and the tokens that switch ${each} on most`
      : `No hidden unit is active for ${whose}`;
    const highest = units.length ? part.values[row * part.columns + units[0]] : 1;
    this.drawn = { row, values: part.values };
    this.list.replaceChildren(...units.map((unit) => this.line(part, row, unit, highest)));
    this.mark();
  }

  line(part, row, unit, highest) {
    const value = part.values[row * part.columns + unit];
    const tokens = strongestRows(part.values, part.rows, part.columns, unit, MOST_TOKENS).map((i) =>
      el(
        "span",
        { class: i === row ? "unit-token here" : "unit-token", title: `row ${i + 1}: ${this.store.header.tokens[i]}` },
        `${shortened(this.store.header.tokens[i], LONGEST)} `,
        el("span", { class: "value" }, numberText(part.values[i * part.columns + unit])),
      ),
    );
    const choose = () => this.store.pin({ stage: "ffn_hidden", row, unit });
    return el(
      "li",
      { class: "unit", "data-unit": unit + 1 },
      el("button", { class: "small", onclick: choose, "aria-label": `unit ${unit + 1}` }, `unit ${unit + 1}`),
      el(
        "span",
        { class: "track" },
        el("span", {
          class: "fill",
          style: { width: `${(100 * value) / highest}%`, background: this.theme.roles.value },
        }),
      ),
      el("span", { class: "value unit-value" }, numberText(value)),
      el("span", { class: "unit-tokens" }, ...tokens),
    );
  }

  mark() {
    const here = String(this.store.cursor.unit + 1);
    for (const line of this.list.children) line.classList.toggle("here", line.getAttribute("data-unit") === here);
  }

  // Another row shows other units; another cell of the row only marks one.
  follow() {
    if (!this.store.sizes.d_ff) return;
    const { row } = this.store.cursor;
    if (row === this.drawn.row && this.store.own("ffn_hidden").values === this.drawn.values) this.mark();
    else this.draw(this.theme);
  }
}
