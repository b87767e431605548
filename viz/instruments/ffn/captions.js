// The block's equation, and what its numbers say in words.

import { el } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { css } from "../shared/theme.js";
import { relativeLengths, shareText } from "./maths.js";

const SCALE =
  "Colours diverge about 0 and end at the ± above a panel: what lies beyond (at most 2% of it) has the end colour; " +
  "in brackets the largest there is.";
const PARAMETERS = "γ and β (the strips below norm_out) are the same for every row.";

/** @param {string} least @param {string} most */
const range = (least, most) => (least === most ? least : `between ${least} and ${most}`);

export class Captions {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.formula = el("p", { class: "equation" });
    this.caption = el("p", { class: "site-caption" });
  }

  draw(theme) {
    const { store } = this;
    const { equation, said } = this.kind();
    this.formula.textContent = equation;
    this.caption.replaceChildren(...(store.exact ? said(theme) : []));
  }

  kind() {
    const { store } = this;
    if (store.sizes.d_ff) return { equation: this.hiddenEquation, said: (theme) => this.hiddenCaption(theme) };
    if (!store.header.layered) return { equation: this.finalEquation, said: () => this.finalCaption() };
    return { equation: this.normEquation, said: () => this.normCaption() };
  }

  // Whether the norm is of the sum.
  get isPost() {
    return this.store.stage("norm_in").of.length > 1;
  }

  get hiddenEquation() {
    const { d_model, d_ff } = this.store.sizes;
    const sum = this.isPost
      ? "resid_out = LayerNorm(x + ffn_out)"
      : "x = LayerNorm(stream) · resid_out = stream + ffn_out";
    return `ffn_out = max(0, x W_1 + b_1) W_2 + b_2 · ${sum} · W_1 ${d_model}×${d_ff}, W_2 ${d_ff}×${d_model}`;
  }

  get finalEquation() {
    return `norm_out = LayerNorm(x) = (x − μ) / σ · γ + β, σ = √(variance + ε) · ${this.store.header.read_by.formula}`;
  }

  get normEquation() {
    const { stream, header } = this.store;
    const last = header.stages[header.stages.length - 1].name;
    const [sum, way] = this.isPost
      ? [`LayerNorm(${stream} + out)`, ""]
      : [`${stream} + out`, " · the attention reads norm_out"];
    return `${last} = ${sum}${way} · LayerNorm(x) = (x − μ) / σ · γ + β, σ = √(variance + ε)`;
  }

  // Each row's lengths, where the sum shows what was added: a part of the stream, or more than it.
  normCaption() {
    const { store } = this;
    const [stream, out] = [store.own(store.stream), store.own("out")];
    const times = relativeLengths(out.values, stream.values, out.rows, out.columns);
    const [least, most] = [Math.min(...times), Math.max(...times)].map((ratio) => ratio.toFixed(2));
    return [
      "Each token (row) alone, no row looks at another here: " +
        `what the attention adds (out) is ${range(least, most)} times as long as the stream. ` +
        `Each row is moved and scaled by its own μ and σ; ${PARAMETERS} ${SCALE}`,
    ];
  }

  // Behind the last layer, where the stream is as long as all blocks together made it.
  finalCaption() {
    const { store } = this;
    const sigmas = store.own("std").values;
    const [least, most] = [Math.min(...sigmas), Math.max(...sigmas)].map((sigma) => numberText(sigma));
    const said = least === most ? `is ${least}` : `lies between ${least} and ${most}`;
    return [
      "What comes in is the embedding plus all that the blocks added, never normed on the way: " +
        `its σ ${said}. Each token (row) alone is moved and scaled by its own μ and σ; ` +
        `${PARAMETERS} ${store.header.read_by.said} ${SCALE}`,
    ];
  }

  hiddenCaption(theme) {
    const { store } = this;
    const { d_ff, tokens } = store.sizes;
    const shares = Array.from({ length: tokens }, (_, i) => store.active(i) / d_ff);
    const [least, most] = [Math.min(...shares), Math.max(...shares)].map(shareText);
    const swatch = (style) => el("span", { class: "silent-swatch", "aria-hidden": "true", style });
    return [
      "Each token (row) goes through alone, no row looks at another; " +
        `ReLU leaves ${range(least, most)} of the ${d_ff} hidden units on (`,
      swatch({}),
      " grey: cut to 0, ",
      swatch({ background: css(theme, 0.55) }),
      ` on). γ and β are the strips below norm_out. ${SCALE}`,
    ];
  }
}
