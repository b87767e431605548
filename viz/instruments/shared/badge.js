// The badge: the browser recomputed what is on screen from the numbers beside it, and says how well that agrees.

import { el } from "./dom.js";

const TOLERANCE = 1e-5;

/** @param {number} error */
const sizeText = (error) => (Number.isFinite(error) ? error.toExponential(0) : "not a number");

export class Badge {
  constructor(says = "recomputed", tolerance = TOLERANCE) {
    this.says = says;
    this.tolerance = tolerance;
    this.node = el("span", { class: "check", role: "status" });
  }

  // `checked`: the largest error, and what was recomputed from what; null while the numbers are not here.
  /** @param {{ error: number, what: string } | null} checked */
  draw(checked) {
    const { node } = this;
    if (!checked) {
      Object.assign(node, { className: "check", textContent: "", title: "" });
      return;
    }
    const { error, what } = checked;
    node.className = error <= this.tolerance ? "check right" : "check wrong";
    node.textContent = `${this.says}: max error ${error === 0 ? "0" : sizeText(error)}`;
    const against = `the largest |a − b| / max(1, |b|) against the model's own is ${error}`;
    node.title = `Your browser recomputed ${what}; ${against}.`;
  }
}
