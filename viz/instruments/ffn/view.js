// The feed-forward and Add & Norm instrument: one layer's block from the stream that enters to the stream that leaves.

import { el } from "../shared/dom.js";
import { LAYERS, LEFT_RIGHT, pinning, STAGES, UP_DOWN, walk } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { View } from "../shared/view.js";
import { Block } from "./board.js";
import { Captions } from "./captions.js";
import { explain } from "./explain.js";
import { LayerButtons } from "./layers.js";
import { PARAMETERS } from "./layout.js";
import { Store } from "./store.js";
import { Units } from "./units.js";

/** @extends {View<Store>} */
class Ffn extends View {
  /** @param {ShadowRoot} parentElement */
  constructor(parentElement) {
    super(parentElement, new Store(), "ffn");
    this.block = new Block(this.store);
    this.units = new Units(this.store);
    this.layers = new LayerButtons(this.store);
    this.captions = new Captions(this.store);
  }

  body() {
    const heading = el("div", { class: "heading" }, this.title, this.badge.node, this.layers.node);
    const { formula, caption } = this.captions;
    return [heading, formula, this.trouble, this.block.node, caption, this.units.node, this.strip.node, this.hint];
  }

  get titleText() {
    return this.store.title;
  }

  get keys() {
    const { store, block } = this;
    const { stage } = store.cursor;
    const column = store.columnName(stage);
    const layers = { says: "Page Up/Down layer", off: !store.header.layered };
    return [
      ...walk(UP_DOWN, "row", (by) => store.walk("row", by), { off: stage in PARAMETERS }),
      ...walk(LEFT_RIGHT, column ?? "", (by) => store.walk(column ?? "", by), { off: !column }),
      ...walk(STAGES, "stage", (by) => store.otherStage(block.stageNames, by), { says: ", and . stage" }),
      ...walk(LAYERS, "layer", (by) => store.choose(store.layer + by), layers),
      ...pinning(store, ".board"),
    ];
  }

  explain() {
    return explain(this.store);
  }

  check() {
    return this.store.check();
  }

  draw() {
    this.layers.draw(this.theme);
    this.captions.draw(this.theme);
    this.block.draw(this.theme);
    this.units.draw(this.theme);
  }

  drawCursor() {
    this.block.drawCursor();
    this.units.follow();
  }
}

export default await mounted(Ffn, import.meta.url);
