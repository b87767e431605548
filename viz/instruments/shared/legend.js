// The legend of a diverging scale: its colours between its two ends, −limit and limit.

import { el } from "./dom.js";
import { numberText } from "./numbers.js";

export class Legend {
  constructor() {
    this.scale = el("span", { class: "scale" });
    this.ends = [el("span"), el("span")];
    this.node = el("span", { class: "legend" }, this.ends[0], this.scale, this.ends[1]);
  }

  /** @param {any} theme @param {number} limit */
  draw(theme, limit) {
    this.scale.style.background = `linear-gradient(to right, ${theme.signedStops.join(", ")})`;
    this.ends.forEach((node, n) => (node.textContent = numberText(n ? limit : -limit)));
  }
}
