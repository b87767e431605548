// One button a layer, with a thumbnail of its hidden units, or of its norm_out.

import { el, refill } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { paintThumbnail } from "../shared/paint.js";

export class LayerButtons {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.node = el("div", { class: "layer-buttons", role: "group", "aria-label": "Layer" });
  }

  draw(theme) {
    const { store, node } = this;
    node.hidden = !store.header.layered;
    if (node.hidden) return;
    const buttons = Array.from({ length: store.layers }, (_, layer) => this.button(layer, theme));
    refill(node, "layer", el("span", {}, "layer"), ...buttons);
  }

  button(layer, theme) {
    const { store } = this;
    const { stride, thumbnail: name, limits } = store.header;
    const canvas = el("canvas", { class: "activity", "aria-hidden": "true" });
    paintThumbnail(canvas, this.picture(layer), theme);
    const every = stride > 1 ? `, every ${stride} columns one` : "";
    const scale = `${name === "ffn_hidden" ? "0…" : "±"}${numberText(limits[layer])}`;
    return el(
      "button",
      {
        class: "head-choice",
        "data-layer": layer + 1,
        "aria-label": `layer ${layer + 1}`,
        "aria-pressed": String(layer === store.layer),
        title: `${name} of layer ${layer + 1}: ${scale}, its own largest${every}`,
        onclick: () => store.choose(layer),
      },
      el("span", {}, String(layer + 1)),
      canvas,
    );
  }

  // From bytes: 0…255 is 0…limit of hidden units, −limit…limit of norm_out.
  picture(layer) {
    const { values, shape } = this.store.arrays.thumbnails;
    const [, rows, columns] = shape;
    const { limits, thumbnail: stage } = this.store.header;
    const limit = limits[layer] || 1;
    const scale = stage === "ffn_hidden" ? "positive" : "signed";
    const value = (byte) => limit * (scale === "signed" ? byte / 127.5 - 1 : byte / 255);
    const bytes = values.subarray(layer * rows * columns, (layer + 1) * rows * columns);
    return { stage, values: Float32Array.from(bytes, value), rows, columns, scale, limit };
  }
}
