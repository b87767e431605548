// The nearest rows of E to the chosen token's, by cosine.

import { el } from "../shared/dom.js";
import { weightText } from "../shared/numbers.js";

const COSINE = "cos(a, b) = a · b / (‖a‖ ‖b‖), of raw rows of E: 1 is the same direction, 0 a right angle.";

export class Near {
  constructor(store) {
    this.store = store;
    this.title = el("b");
    /** @type {number | null} the id whose list is drawn */
    this.drawn = null;
    /** @type {HTMLElement[]} */
    this.rows = [];
    this.list = el("ol", { class: "near-list", tabindex: "0", role: "listbox" });
    const name = el("div", { class: "panel-name" }, this.title);
    this.node = el("section", { class: "near" }, name, el("p", { class: "note" }, COSINE), this.list);
  }

  draw() {
    this.drawn = null;
    this.drawCursor();
  }

  drawCursor() {
    const { store } = this;
    if (this.drawn !== store.id) {
      this.drawn = store.id;
      const name = store.side.tokens[store.cursor.token];
      this.title.replaceChildren("Nearest tokens to ", el("bdi", { class: "word-name" }, name), ` (id ${store.id})`);
      this.list.setAttribute("aria-label", `Nearest tokens to ${name}, by cosine`);
      this.rows = store.near(store.id).map((one, k) => this.row(one, k));
      this.list.replaceChildren(...this.rows);
    }
    const here = store.cursor.part === "near" ? store.cursor.near : null;
    this.rows.forEach((row, k) => row.setAttribute("aria-selected", String(k === here)));
  }

  row({ id, cosine }, k) {
    const { store } = this;
    const width = `${100 * Math.max(0, cosine)}%`;
    return el(
      "li",
      {
        class: "near-row",
        role: "option",
        onpointermove: () => store.point({ part: "near", near: k }),
        onclick: () => store.pin({ part: "near", near: k }),
      },
      el("span", { class: "near-rank" }, String(k + 1)),
      el("bdi", { class: "near-text", title: store.readable(id) }, store.readable(id)),
      el("span", { class: "near-id" }, String(id)),
      el("span", { class: "near-track" }, el("span", { class: "near-fill", style: { width } })),
      el("span", { class: "near-cosine" }, weightText(cosine).replace("-", "−")),
    );
  }
}
