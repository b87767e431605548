// The feed-forward and Add & Norm instrument: one layer's block from the stream that enters to the stream that leaves.
// Everything answers in the browser; the server is asked for a layer's exact numbers, and told the choice after a pause.

import { el, listen } from "../shared/dom.js";
import { LINK_CHANGED } from "../shared/link.js";
import { mounted } from "../shared/mount.js";
import { numberText } from "../shared/numbers.js";
import { paintThumbnail } from "../shared/paint.js";
import { Strip } from "../shared/strip.js";
import { css } from "../shared/theme.js";
import { Board } from "./board.js";
import { explain } from "./explain.js";
import { relativeLengths, shareText } from "./maths.js";
import { Store } from "./store.js";
import { Units } from "./units.js";

const TOLERANCE = 1e-5;
const LAYERS = { PageDown: 1, PageUp: -1 };
// What reads the final norm of each stack.
const FINAL = {
  encoder: { formula: "memory = norm_out", reader: "norm_out is the encoder's output: the keys and values of every cross-attention are made from it." },
  decoder: { formula: "logits = norm_out · Eᵀ", reader: "norm_out is the decoder's output: against each token's vector it gives that token's logit." },
};
const SCALE =
  "Colours diverge about 0 and end at the ± above a panel: what lies beyond (at most 2% of it) has the end colour; in brackets the largest there is.";

class View {
  constructor(parentElement) {
    this.store = new Store();
    this.board = new Board(this.store);
    this.units = new Units(this.store);
    this.strip = new Strip(() => explain(this.store));
    this.title = el("h3", { class: "title" });
    this.layers = el("div", { class: "layer-buttons", role: "group", "aria-label": "Layer" });
    this.badge = el("span", { class: "check", role: "status" });
    this.trouble = el("p", { class: "trouble", role: "alert" });
    this.formula = el("p", { class: "equation" });
    this.caption = el("p", { class: "site-caption" });
    this.hint = el("p", { class: "hint" });
    this.root = el(
      "div",
      { class: "instrument ffn" },
      el("div", { class: "heading" }, this.title, this.badge, this.layers),
      this.formula,
      this.trouble,
      this.board.node,
      this.caption,
      this.units.node,
      this.strip.node,
      this.hint,
    );
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => this.press(event) });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.follow = () => this.store.follow();
    window.addEventListener(LINK_CHANGED, this.follow);
    this.store.listeners.add((what) => this.changed(what));
  }

  changed(what) {
    if (!this.theme) return;
    if (what === "cursor") {
      this.board.drawCursor();
      this.units.follow();
      this.strip.draw();
      return;
    }
    this.drawAll();
  }

  dress(theme) {
    this.theme = theme;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
    this.root.style.setProperty("--silent", `color-mix(in srgb, ${theme.text} 22%, ${theme.background})`);
  }

  drawAll() {
    const { store, theme } = this;
    this.title.textContent = store.title;
    this.trouble.textContent = store.trouble ?? "";
    this.trouble.hidden = !store.trouble;
    this.hint.textContent = `Keys: arrows move · , and . stage · ${store.header.layered ? "Page Up/Down layer · " : ""}Enter pins · Esc frees.`;
    this.drawLayers();
    this.drawCheck();
    this.drawCaption();
    this.board.draw(theme);
    this.units.draw(theme);
    this.strip.draw();
    this.drawnRoom = this.room();
  }

  // One button a layer, with a thumbnail of its hidden units, or of its norm_out.
  drawLayers() {
    const { store } = this;
    this.layers.hidden = !store.header.layered;
    if (this.layers.hidden) return;
    const focused = this.layers.getRootNode().activeElement?.dataset.layer;
    const buttons = Array.from({ length: store.header.n_layers }, (_, layer) => {
      const canvas = el("canvas", { class: "activity", "aria-hidden": "true" });
      this.paintThumbnail(canvas, layer);
      const every = store.header.stride > 1 ? `, every ${store.header.stride} columns one` : "";
      const name = store.header.thumbnail;
      return el(
        "button",
        {
          class: "head-choice", "data-layer": layer + 1, "aria-label": `layer ${layer + 1}`, "aria-pressed": String(layer === store.layer),
          title: `${name} of layer ${layer + 1}: ${name === "ffn_hidden" ? "0…" : "±"}${numberText(store.header.limits[layer])}, its own largest${every}`,
          onclick: () => store.choose(layer),
        },
        el("span", {}, String(layer + 1)),
        canvas,
      );
    });
    this.layers.replaceChildren(el("span", {}, "layer"), ...buttons);
    if (focused) this.layers.querySelector(`[data-layer="${focused}"]`)?.focus({ preventScroll: true });
  }

  paintThumbnail(canvas, layer) {
    const { values, shape } = this.store.thumbnails;
    const [, rows, columns] = shape;
    const { limits, thumbnail: stage } = this.store.header;
    const limit = limits[layer] || 1;
    const scale = stage === "ffn_hidden" ? "positive" : "signed";
    const value = (byte) => limit * (scale === "signed" ? byte / 127.5 - 1 : byte / 255);
    const bytes = values.subarray(layer * rows * columns, (layer + 1) * rows * columns);
    paintThumbnail(canvas, { stage, values: Float32Array.from(bytes, value), rows, columns, scale, limit }, this.theme);
  }

  drawCheck() {
    if (!this.store.exact) {
      this.badge.textContent = "";
      this.badge.className = "check";
      return;
    }
    const { error, checked } = this.store.check();
    this.badge.className = error <= TOLERANCE ? "check right" : "check wrong";
    this.badge.textContent = `recomputed: max error ${error === 0 ? "0" : Number.isFinite(error) ? error.toExponential(0) : "not a number"}`;
    this.badge.title = `Your browser recomputed ${checked.join(", ")} of ${this.store.whole} from the numbers it was sent; the largest |a − b| / max(1, |b|) against the model's own is ${error}.`;
  }

  drawCaption() {
    const { store } = this;
    const { d_model, d_ff } = store.sizes;
    const isPost = store.stage("norm_in").of.length > 1;
    const last = store.header.stages[store.header.stages.length - 1].name;
    if (d_ff) {
      const sum = isPost ? "resid_out = LayerNorm(x + ffn_out)" : "x = LayerNorm(stream) · resid_out = stream + ffn_out";
      this.formula.textContent = `ffn_out = max(0, x W_1 + b_1) W_2 + b_2 · ${sum} · W_1 ${d_model}×${d_ff}, W_2 ${d_ff}×${d_model}`;
    } else if (!store.header.layered) {
      this.formula.textContent = `norm_out = LayerNorm(x) = (x − μ) / σ · γ + β, σ = √(variance + ε) · ${FINAL[store.stack].formula}`;
    } else {
      const [sum, way] = isPost ? [`LayerNorm(${store.stream} + out)`, ""] : [`${store.stream} + out`, " · the attention reads norm_out"];
      this.formula.textContent = `${last} = ${sum}${way} · LayerNorm(x) = (x − μ) / σ · γ + β, σ = √(variance + ε)`;
    }
    if (!store.exact) this.caption.replaceChildren();
    else if (d_ff) this.captionOfHidden();
    else if (!store.header.layered) this.captionOfFinal();
    else this.captionOfNorm();
  }

  // Each row's lengths, where the sum shows what was added: a part of the stream, or more than it.
  captionOfNorm() {
    const { store } = this;
    const [stream, out] = [store.own(store.stream), store.own("out")];
    const times = relativeLengths(out.values, stream.values, out.rows, out.columns).map((ratio) => ratio.toFixed(2));
    const [least, most] = [Math.min(...times), Math.max(...times)].map((ratio) => ratio.toFixed(2));
    const range = least === most ? `${least} times` : `between ${least} and ${most} times`;
    this.caption.replaceChildren(
      `Each token (row) alone, no row looks at another here: what the attention adds (out) is ${range} as long as the stream. ` +
        `Each row is moved and scaled by its own μ and σ; γ and β (the strips below norm_out) are the same for every row. ${SCALE}`,
    );
  }

  // Behind the last layer, where the stream is as long as all blocks together made it.
  captionOfFinal() {
    const { store } = this;
    const sigmas = store.own("std").values;
    const [least, most] = [Math.min(...sigmas), Math.max(...sigmas)].map((sigma) => numberText(sigma));
    const range = least === most ? `is ${least}` : `lies between ${least} and ${most}`;
    this.caption.replaceChildren(
      `What comes in is the embedding plus all that the blocks added, never normed on the way: its σ ${range}. Each token (row) alone is moved and scaled by its own μ and σ; ` +
        `γ and β (the strips below norm_out) are the same for every row. ${FINAL[store.stack].reader} ${SCALE}`,
    );
  }

  captionOfHidden() {
    const { store } = this;
    const { d_ff, tokens } = store.sizes;
    const shares = Array.from({ length: tokens }, (_, i) => store.active(i) / d_ff);
    const [least, most] = [Math.min(...shares), Math.max(...shares)].map(shareText);
    const range = least === most ? `${least} of the ${d_ff} hidden units` : `between ${least} and ${most} of the ${d_ff} hidden units`;
    this.caption.replaceChildren(
      `Each token (row) goes through alone, no row looks at another; ReLU leaves ${range} on (`,
      el("span", { class: "silent-swatch", "aria-hidden": "true" }),
      " grey: cut to 0, ",
      el("span", { class: "silent-swatch", style: { background: css(this.theme, 0.55) }, "aria-hidden": "true" }),
      ` on). γ and β are the strips below norm_out. ${SCALE}`,
    );
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const active = this.root.getRootNode().activeElement;
    if (active?.matches("input, textarea")) return;
    const { store, board } = this;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (event.key in moves) board.move(...moves[event.key]);
    else if (event.key in LAYERS && store.header.layered) store.choose(store.layer + LAYERS[event.key]);
    else if (event.key === "," || event.key === ".") board.otherStage(event.key === "." ? 1 : -1);
    else if (event.key === "Enter" && active?.matches(".board")) store.pin({ ...store.cursor });
    else if (event.key === "Escape") store.free();
    else return;
    event.preventDefault();
  }

  resized() {
    if (this.theme && this.room() !== this.drawnRoom) this.drawAll();
  }

  room() {
    return `${this.root.clientWidth}×${window.innerHeight}`;
  }
}

export default await mounted(View, import.meta.url);
