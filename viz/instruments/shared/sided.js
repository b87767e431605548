// A store whose numbers are of one side of the model at a time, and the tabs that choose it. The link says no side
// for the first.

import { Store } from "./store.js";
import { Tabs } from "./tabs.js";

/** @typedef {{ said: string, title: string, stack: string, tokens: string[] }} Side as viz/labels.py describes it */

export class SidedStore extends Store {
  /** @param {string} instrument */
  constructor(instrument) {
    super(instrument);
    this.sideName = "";
  }

  /** @returns {Record<string, any>} name → Side, in the model's order */
  get sides() {
    return this.header.sides;
  }

  get side() {
    return this.sides[this.sideName];
  }

  linked() {
    return { side: this.sideName === Object.keys(this.sides)[0] ? null : this.side.said };
  }

  /** @param {import("./link.js").Values} values */
  restore({ side }) {
    const names = Object.keys(this.sides);
    this.sideName = names.find((name) => this.sides[name].said === side) ?? names[0];
  }

  // Another model may have other sides.
  clamp() {
    if (!(this.sideName in this.sides)) this.sideName = Object.keys(this.sides)[0];
    super.clamp();
  }

  /** @param {string} name */
  show(name) {
    this.sideName = name;
    this.pinned = false;
    this.clamp();
    this.changed("data");
    this.say({ entry: true });
  }

  get state() {
    return { ...super.state, side: this.sideName };
  }
}

export class SideTabs extends Tabs {
  /** @param {SidedStore} store */
  constructor(store) {
    super({ label: "Side", data: "side", choose: (name) => store.show(name), isRoving: false });
    this.store = store;
  }

  show() {
    const { sides, sideName } = this.store;
    this.draw(Object.fromEntries(Object.entries(sides).map(([name, { title }]) => [name, title])), sideName);
  }
}
