// A store whose numbers belong to one layer of a block.

import { Store, within } from "./store.js";

export class LayeredStore extends Store {
  /** @param {string} instrument */
  constructor(instrument) {
    super(instrument);
    // Not yet chosen: the middle one.
    this.layer = NaN;
  }

  get layers() {
    return this.header.n_layers;
  }

  clamp() {
    this.layer = within(Number.isNaN(this.layer) ? Math.floor(this.layers / 2) : this.layer, this.layers);
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
