// The output instrument: choose a decoding step; see its last state, logits and probabilities, what if; the logit lens;
// and who added what to a logit. Everything answers in the browser; the server is asked for a step's full logits.

import { el } from "../shared/dom.js";
import { LEFT_RIGHT, pinning, UP_DOWN, walk } from "../shared/keys.js";
import { mounted } from "../shared/mount.js";
import { Tabs } from "../shared/tabs.js";
import { View } from "../shared/view.js";
import { Bars } from "./bars.js";
import { explain } from "./explain.js";
import { Knobs } from "./knobs.js";
import { LastState } from "./last_state.js";
import { Lens } from "./lens.js";
import { Steps } from "./steps.js";
import { Store } from "./store.js";
import { Waterfall } from "./waterfall.js";

const TABS = { words: "Words", layers: "After each layer", added: "Who added what" };
const PICTURES = ".bars, .lens-table, .waterfall, .panel";

/** @extends {View<Store>} */
class Output extends View {
  /** @param {ShadowRoot} parentElement */
  constructor(parentElement) {
    super(parentElement, new Store(), "output");
    const { store } = this;
    this.steps = new Steps(store);
    this.state = new LastState(store);
    this.knobs = new Knobs(store);
    this.bars = new Bars(store);
    this.lens = new Lens(store);
    this.waterfall = new Waterfall(store);
    this.tabs = new Tabs({ label: "Parts of the output", data: "part", choose: (tab) => store.show(tab) });
    const about = (tab) => ({ class: "part", role: "tabpanel", "aria-label": TABS[tab] });
    const panel = (tab, ...children) => el("div", about(tab), ...children);
    this.panels = {
      words: panel("words", this.state.name, this.state.panel.node, this.bars.node),
      layers: panel("layers", this.lens.node),
      added: panel("added", this.waterfall.node),
    };
  }

  body() {
    const heading = el("div", { class: "heading" }, this.title, this.badge.node);
    const tabs = el("div", { class: "part-tabs" }, this.tabs.node, this.knobs.node, this.waterfall.tools);
    return [this.steps.node, heading, this.trouble, tabs, ...Object.values(this.panels), this.strip.node, this.hint];
  }

  get titleText() {
    const { step, header } = this.store;
    return `Output, step ${step + 1}: from the last state to ${header.predicts[step]}`;
  }

  get keys() {
    return [...this.stepKeys, ...this.tabKeys, ...this.pictureKeys, ...pinning(this.store, PICTURES)];
  }

  get stepKeys() {
    const { store } = this;
    const on = { on: ".steps, .step", says: "on the steps ← → change the step" };
    const row = (key, step) => ({ key, moves: "step", ...on, act: () => store.open(step) });
    const arrows = (keys) => walk(keys, "step", (by) => store.open(store.step + by), on);
    return [...arrows(LEFT_RIGHT), ...arrows(UP_DOWN), row("Home", 0), row("End", store.steps - 1)];
  }

  get tabKeys() {
    const arrows = (keys) => walk(keys, "tab", (by) => this.walkTabs(by), { on: ".part-tabs .tab", says: "" });
    return [...arrows(LEFT_RIGHT), ...arrows(UP_DOWN)];
  }

  // By arrows over the picture that has the focus, of those that the open tab shows.
  get pictureKeys() {
    const { bars, lens, state, store } = this;
    const [down, right] = lens.axes;
    const on = (selector) => ({ on: selector, says: "on a picture arrows move" });
    const bar = (keys) => walk(keys, "bar", (by) => store.walk("bar", by), on(".waterfall"));
    const rows = {
      words: [
        ...walk(UP_DOWN, "rank", (by) => bars.walk(by, 0), on(".bars")),
        ...walk(LEFT_RIGHT, "on", (by) => bars.walk(0, by), on(".bars")),
        ...walk(LEFT_RIGHT, "feature", (by) => state.walk(by), on(".panel")),
      ],
      layers: [
        ...walk(UP_DOWN, down, (by) => lens.walk(down, by), on(".lens-table")),
        ...walk(LEFT_RIGHT, right, (by) => lens.walk(right, by), on(".lens-table")),
      ],
      added: [...bar(LEFT_RIGHT), ...bar(UP_DOWN)],
    };
    return rows[store.tab];
  }

  walkTabs(by) {
    const names = Object.keys(TABS);
    const next = names[(names.indexOf(this.store.tab) + by + names.length) % names.length];
    this.store.show(next);
    this.tabs.focus(next);
  }

  explain() {
    return explain(this.store);
  }

  check() {
    return this.store.check();
  }

  get redraws() {
    return {
      ...super.redraws, added: () => this.drawTab(), knobs: () => this.drawChoice(), numbers: () => this.drawNumbers(),
    };
  }

  draw() {
    this.steps.draw();
    this.drawTab();
  }

  drawNumbers() {
    this.badge.draw(this.check());
    if (this.store.tab === "layers") this.drawCursor();
    else this.drawTab();
  }

  // The open tab; what is hidden has no width, and is drawn when it opens.
  drawTab() {
    const { tab } = this.store;
    this.tabs.draw(TABS, tab);
    for (const [name, panel] of Object.entries(this.panels)) panel.hidden = name !== tab;
    this.knobs.node.hidden = tab !== "words";
    this.waterfall.tools.hidden = tab !== "added";
    if (tab === "layers") this.lens.draw(this.theme);
    else if (tab === "added") this.waterfall.draw();
    else {
      this.state.draw(this.theme, this.root.clientWidth);
      this.drawChoice();
    }
    this.drawCursor();
  }

  // Bars, knobs and what the cursor is about.
  drawChoice() {
    this.knobs.draw();
    this.bars.draw(this.theme);
    this.drawCursor();
  }

  drawCursor() {
    this.state.drawCursor();
    ({ words: this.bars, layers: this.lens, added: this.waterfall })[this.store.tab].drawCursor(this.theme);
  }

  leave() {
    super.leave();
    clearTimeout(this.store.timer);
  }
}

export default await mounted(Output, import.meta.url);
