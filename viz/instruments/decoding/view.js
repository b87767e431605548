// The decoding instrument: tabs over one translation. Each is a Part (part.js) in a folder of its own.

import { el } from "../shared/dom.js";
import { mounted } from "../shared/mount.js";
import { Tabs } from "../shared/tabs.js";
import { View } from "../shared/view.js";
import { Alignment } from "./parts/alignment/part.js";
import { Beam } from "./parts/beam/part.js";
import { Cache } from "./parts/cache/part.js";
import { Forcing } from "./parts/forcing/part.js";
import { Samples } from "./parts/samples/part.js";
import { Steps } from "./parts/steps/part.js";
import { Store } from "./store.js";

const PARTS = { steps: Steps, beam: Beam, samples: Samples, forcing: Forcing, alignment: Alignment, cache: Cache };
/** @type {Record<string, string>} */
const TITLES = {
  steps: "Step by step", beam: "Beam tree", samples: "Samples", forcing: "Teacher forcing", alignment: "Alignment",
  cache: "Cache",
};
const NAMES = Object.keys(PARTS);

/** @extends {View<Store>} */
class Decoding extends View {
  /** @param {ShadowRoot} parentElement */
  constructor(parentElement) {
    super(parentElement, new Store(NAMES), "decoding");
    const { store } = this;
    this.tabs = new Tabs({ label: "Parts of the decoding", data: "part", choose: (name) => store.show(name) });
    for (const [name, Part] of Object.entries(PARTS)) store.parts[name] = new Part(store);
    this.panel = el("div", { class: "part", role: "tabpanel" });
    /** @type {import("./part.js").Part | null} */
    this.opened = null;
  }

  body() {
    return [this.tabs.node, this.trouble, this.panel, this.strip.node];
  }

  get part() {
    return this.store.parts[this.store.tab];
  }

  get keys() {
    const { length } = NAMES;
    const turn = (/** @type {number} */ by) => this.turn((NAMES.indexOf(this.store.tab) + by + length) % length);
    const on = ".decoding > .tabs > .tab";
    const row = (/** @type {string} */ key, /** @type {number} */ by) =>
      ({ key, by, moves: "tab", on, says: "", act: () => turn(by) });
    return [row("ArrowLeft", -1), row("ArrowRight", 1), ...this.part.keys];
  }

  /** @param {number} at */
  turn(at) {
    this.store.show(NAMES[at]);
    this.tabs.focus(NAMES[at]);
  }

  explain() {
    return this.part.explain();
  }

  // Parts draw their own marks before they say "cursor", and wait for their own numbers; the strip follows by itself.
  get redraws() {
    const changed = (/** @type {string} */ what) => [what, () => this.part.changed(what)];
    return { ...super.redraws, numbers: () => {}, ...Object.fromEntries(["step", "layer", "lane"].map(changed)) };
  }

  drawCursor() {}

  // The open part; what is hidden has no width, and is drawn when it opens.
  draw() {
    const { part } = this;
    this.tabs.draw(TITLES, this.store.tab);
    this.panel.setAttribute("aria-label", TITLES[this.store.tab]);
    if (this.opened !== part) {
      this.close();
      this.panel.replaceChildren(part.node);
      this.opened = part;
      part.isOpen = true;
      part.opened();
    }
    Object.assign(part, { theme: this.theme, width: this.root.clientWidth });
    if (part.width > 0) part.draw();
  }

  close() {
    if (!this.opened) return;
    this.opened.isOpen = false;
    this.opened.closed();
    this.opened = null;
  }

  leave() {
    super.leave();
    this.close();
  }

  room() {
    return String(this.root.clientWidth);
  }
}

export default await mounted(
  Decoding,
  import.meta.url,
  NAMES.map((name) => `./parts/${name}/part.css`),
);
