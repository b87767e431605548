// The attention instrument: choose a place, a layer, a head; see all heads, the inside of one, or its lines.
// All of it answers in the browser; the server is asked for a layer's exact numbers, and told the choice after a pause.

import { el, refill } from "../shared/dom.js";
import { digits, LAYERS, LEFT_RIGHT, pinning, STAGES, UP_DOWN, walk } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { Tabs } from "../shared/tabs.js";
import { View } from "../shared/view.js";
import { explain } from "./explain.js";
import { Heads } from "./heads.js";
import { Inside } from "./inside.js";
import { Knobs } from "./knobs.js";
import { Lines } from "./lines.js";
import { Store, VIEWS } from "./store.js";

/** @extends {View<Store>} */
class Attention extends View {
  static hasTwin = true;

  /** @param {ShadowRoot} parentElement */
  constructor(parentElement) {
    super(parentElement, new Store(), "attention");
    const { store } = this;
    /** @type {Record<string, any>} */
    this.pictures = { heads: new Heads(store), inside: new Inside(store), lines: new Lines(store) };
    this.knobs = new Knobs(store);
    /** @type {(label: string, data: string, choose: (name: string) => void) => Tabs} */
    const tabs = (label, data, choose) => new Tabs({ label, data, choose, isRoving: false });
    this.places = tabs("Attention site", "place", (place) => store.enter(place));
    this.views = tabs("View", "view", (view) => this.show(view));
    this.heads = el("div", { class: "head-buttons", role: "group", "aria-label": "Head" });
    this.content = el("div", { class: "content" });
    // The page may still be growing above this view: then there is other room for the picture.
    this.observer.observe(document.querySelector("[data-testid=stMainBlockContainer]") ?? document.body);
  }

  body() {
    const tabs = el("div", { class: "bar-of-tabs" }, this.places.node, this.views.node);
    const heading = el("div", { class: "heading" }, this.title, this.heads, this.badge.node);
    return [tabs, heading, this.trouble, this.content, this.strip.node, this.hint];
  }

  get titleText() {
    return this.store.title;
  }

  get picture() {
    return this.pictures[this.store.view];
  }

  get keys() {
    const { store } = this;
    const { stage } = store.cursor;
    const [row, column] = [store.rowName(stage), store.columnName(stage)];
    const stages = walk(STAGES, "stage", (by) => store.walkStages(by), { says: ", and . stage" });
    return [
      ...walk(UP_DOWN, row, (by) => store.walk(row, by)),
      ...walk(LEFT_RIGHT, column, (by) => store.walk(column, by)),
      ...digits(store.sizes.n_heads, "head", (head) => store.choose(store.layer, Number(head)), "1–9 head"),
      ...walk(LAYERS, "layer", (by) => store.choose(store.layer + by), { says: "Page Up/Down layer" }),
      ...(store.view === "inside" ? stages : []),
      // Lines have no cell to pin.
      ...pinning(store, ".matrix, .board").filter(({ on }) => !on || store.view !== "lines"),
    ];
  }

  get redraws() {
    return { ...super.redraws, lines: () => this.picture.draw(this.theme) };
  }

  explain() {
    return explain(this.store);
  }

  check() {
    return this.store.check();
  }

  draw() {
    const { store, knobs, picture } = this;
    const titles = Object.entries(store.header.places).map(([place, { title }]) => [place, title]);
    this.places.draw(Object.fromEntries(titles), store.place);
    this.views.draw(VIEWS, store.view);
    refill(this.heads, "head", ...Array.from({ length: store.sizes.n_heads }, (_, head) => this.headButton(head)));
    const isInside = store.view === "inside";
    const nodes = isInside ? [knobs.bar, picture.node, knobs.table] : [picture.node];
    if (this.content.firstChild !== nodes[0]) this.content.replaceChildren(...nodes);
    if (isInside) knobs.draw();
    picture.draw(this.theme);
  }

  /** @param {number} head */
  headButton(head) {
    const { store } = this;
    const about = { class: "head-choice", "data-head": head + 1, "aria-label": `head ${head + 1}` };
    const isOpen = head === store.head;
    const choose = { "aria-pressed": String(isOpen), onclick: () => store.choose(store.layer, head) };
    return el("button", { ...about, ...choose }, String(head + 1));
  }

  drawCursor() {
    this.picture.drawCursor();
  }

  /** @param {string} view */
  show(view) {
    this.store.show(view);
    this.root.scrollIntoView({ block: view === "heads" ? "nearest" : "start" });
  }

  room() {
    const above = this.store.view === "heads" ? Math.round(this.pictures.heads.height()) : window.innerHeight;
    return `${this.root.clientWidth}×${above}`;
  }
}

export default await mounted(Attention, import.meta.url);
