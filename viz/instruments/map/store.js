// What is open on the map: place, layer and side, as the link says; what is chosen here is written there.

import { LayeredStore } from "../shared/layered.js";
import { encode, page } from "../shared/link.js";

export class Store extends LayeredStore {
  constructor() {
    super("map");
    this.opened = "";
    /** @type {string | null} the side that a place opens with, where not the first */
    this.side = null;
  }

  get place() {
    return this.opened;
  }

  linked() {
    return { place: this.opened, layer: this.layer, side: this.side };
  }

  /** @param {import("../shared/link.js").Values} said */
  restore({ place, layer, side }) {
    const { places, nearest, otherwise } = this.header;
    this.opened = places.includes(place) ? place : (nearest[(place ?? "").split(".")[0]] ?? otherwise);
    this.layer = layer ?? NaN;
    this.side = side;
  }

  taken() {
    page.answered(this.header.request.text, this.header.of_sentence);
    this.restore(this.read());
  }

  // The link is the truth about what is open, whoever changed it.
  follow(by) {
    if (by === this || !this.header) return;
    const before = JSON.stringify(this.state);
    this.restore(this.read());
    this.clamp();
    if (JSON.stringify(this.state) !== before) this.changed("data");
  }

  // Another place or side is another picture, to which Back returns.
  open(place, side) {
    const entry = place !== this.opened || side !== this.side;
    Object.assign(this, { opened: place, side });
    this.tell(entry);
  }

  choose(layer) {
    this.layer = layer;
    this.tell(false);
  }

  // The server hears of it at once. What was pinned is pinned no more.
  tell(entry) {
    this.clamp();
    page.write({ ...page.unpinned, ...encode(this.table, this.linked()) }, { by: this, entry, quiet: true });
    page.say(0);
    this.changed("chosen");
  }

  get state() {
    return { ...super.state, place: this.opened, side: this.side };
  }
}
