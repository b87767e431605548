// A store whose numbers belong to one layer of a block.

import { Store, within } from "./store.js";

export class LayeredStore extends Store {
  /** @param {string} instrument */
  constructor(instrument) {
    super(instrument);
    // No number: not chosen, and then the middle one.
    this.layer = NaN;
  }

  get layers() {
    return this.header.n_layers;
  }

  clamp() {
    const layer = Number.isInteger(this.layer) ? this.layer : Math.floor(this.layers / 2);
    this.layer = within(layer, this.layers);
    super.clamp();
  }

  // Open a layer: by key, button or map.
  /** @param {number} layer */
  choose(layer) {
    this.trouble = null;
    this.numbers.retry();
    this.layer = within(layer, this.layers);
    this.clamp();
    this.changed("layer");
    this.fetch();
    this.say();
  }

  get state() {
    return { ...super.state, layer: this.layer };
  }
}
