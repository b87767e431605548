// The output instrument: choose a decoding step; see its last state, logits and probabilities, what if; the logit lens;
// and who added what to a logit. Everything answers in the browser; the server is asked for a step's full logits, and told the step after a pause.

import { el, listen } from "../shared/dom.js";
import { LINK_CHANGED } from "../shared/link.js";
import { mounted } from "../shared/mount.js";
import { largest } from "../shared/paint.js";
import { Panel } from "../shared/panel.js";
import { Strip } from "../shared/strip.js";
import { Bars } from "./bars.js";
import { explain } from "./explain.js";
import { Knobs } from "./knobs.js";
import { Lens } from "./lens.js";
import { Store } from "./store.js";
import { Waterfall } from "./waterfall.js";

const TOLERANCE = 1e-5;
const STATE_HEIGHT = 24;
const PARTS = { words: "Words", layers: "After each layer", added: "Who added what" };

class View {
  constructor(parentElement) {
    const store = new Store();
    this.store = store;
    this.steps = el("div", { class: "steps", role: "listbox", "aria-label": "Decoding steps", "aria-orientation": "horizontal", tabindex: "0" });
    this.title = el("h3", { class: "title" });
    this.badge = el("span", { class: "check", role: "status" });
    this.trouble = el("p", { class: "trouble", role: "alert" });
    this.stateName = el("div", { class: "panel-name" });
    this.state = new Panel({
      onCursor: ({ column }) => store.point({ on: "state", feature: column }),
      onPin: ({ column }) => store.pin({ on: "state", feature: column }),
    });
    this.knobs = new Knobs(store);
    this.bars = new Bars(store);
    this.lens = new Lens(store);
    this.waterfall = new Waterfall(store);
    this.tabs = Object.entries(PARTS).map(([part, name]) =>
      el("button", { class: "tab", role: "tab", id: `output-tab-${part}`, "aria-controls": `output-${part}`, "data-part": part, onclick: () => store.show(part) }, name),
    );
    const panel = (part, ...children) => el("div", { class: "part", role: "tabpanel", id: `output-${part}`, "aria-labelledby": `output-tab-${part}` }, ...children);
    this.panels = {
      words: panel("words", this.stateName, this.state.node, this.bars.node),
      layers: panel("layers", this.lens.node),
      added: panel("added", this.waterfall.node),
    };
    this.strip = new Strip(() => explain(store));
    this.legend = el("div", { class: "steps-legend", "aria-hidden": "true" }, el("span", {}, "reads"), el("span", {}, "→ predicts"));
    this.root = el(
      "div",
      { class: "instrument output" },
      el("div", { class: "steps-line" }, this.legend, this.steps),
      el("div", { class: "heading" }, this.title, this.badge),
      this.trouble,
      el("div", { class: "part-tabs" }, el("div", { class: "tabs", role: "tablist", "aria-label": "Parts of the output" }, ...this.tabs), this.knobs.node, this.waterfall.tools),
      ...Object.values(this.panels),
      this.strip.node,
      el("p", { class: "hint" }, "Keys: on the steps ← → change the step; on a picture arrows move · Enter pins · Esc frees."),
    );
    parentElement.append(this.root);
    listen(this.root, { keydown: (event) => this.press(event) });
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.root);
    this.follow = () => store.follow();
    window.addEventListener(LINK_CHANGED, this.follow);
    store.listeners.add((what) => this.changed(what));
  }

  changed(what) {
    if (!this.theme) return;
    if (what === "cursor") this.drawCursor();
    else if (what === "added") this.drawPart();
    else if (what === "knobs") this.drawChoice();
    else if (what === "numbers") {
      this.drawHeading();
      if (this.store.part === "layers") this.drawCursor();
      else this.drawPart();
    } else this.drawAll();
  }

  dress(theme) {
    this.theme = theme;
    for (const [role, colour] of Object.entries(theme.roles)) this.root.style.setProperty(`--role-${role}`, colour);
    theme.heads.forEach((colour, i) => this.root.style.setProperty(`--head-${i}`, colour));
  }

  drawAll() {
    this.drawSteps();
    this.drawHeading();
    this.drawPart();
    this.drawnWidth = this.root.clientWidth;
  }

  // The open part; what is hidden has no width, and is drawn when it opens.
  drawPart() {
    const { part } = this.store;
    for (const tab of this.tabs) {
      tab.setAttribute("aria-selected", String(tab.dataset.part === part));
      tab.setAttribute("tabindex", tab.dataset.part === part ? "0" : "-1");
    }
    for (const [name, panel] of Object.entries(this.panels)) panel.hidden = name !== part;
    this.knobs.node.hidden = part !== "words";
    this.waterfall.tools.hidden = part !== "added";
    if (part === "layers") this.lens.draw(this.theme);
    else if (part === "added") this.waterfall.draw();
    else {
      this.drawState();
      this.drawChoice();
    }
    this.drawCursor();
  }

  drawSteps() {
    const { store } = this;
    const { reads, predicts } = store.header;
    const buttons = reads.map((token, step) =>
      el(
        "button",
        {
          class: "step", role: "option", tabindex: "-1", "data-step": step + 1, "aria-selected": String(step === store.step),
          "aria-label": `step ${step + 1}: reads ${token}, predicts ${predicts[step]}`, onclick: () => this.open(step),
        },
        el("span", { class: "reads" }, token),
        el("span", { class: "predicts" }, predicts[step]),
      ),
    );
    this.steps.replaceChildren(...buttons);
    this.showOpenStep();
  }

  // Within its own list, which scrolls down where there are many: the page stays where it is.
  showOpenStep() {
    const open = this.steps.children[this.store.step];
    const above = open.offsetTop - this.steps.offsetTop;
    if (above < this.steps.scrollTop) this.steps.scrollTop = above;
    else if (above + open.offsetHeight > this.steps.scrollTop + this.steps.clientHeight) this.steps.scrollTop = above + open.offsetHeight - this.steps.clientHeight;
  }

  open(step) {
    this.store.open(step);
    this.steps.focus({ preventScroll: true });
  }

  drawHeading() {
    const { store } = this;
    const { predicts } = store.header;
    this.title.textContent = `Output, step ${store.step + 1}: from the last state to ${predicts[store.step]}`;
    this.trouble.textContent = store.trouble ?? "";
    this.trouble.hidden = !store.trouble;
    this.drawCheck();
  }

  drawCheck() {
    const { store } = this;
    this.badge.className = "check";
    this.badge.textContent = "";
    this.badge.title = "";
    if (!store.own) return;
    const { error, checked } = store.check();
    const size = Number.isFinite(error) ? error.toExponential(0) : "not a number";
    this.badge.className = error <= TOLERANCE ? "check right" : "check wrong";
    this.badge.textContent = `recomputed: max error ${error === 0 ? "0" : size}`;
    this.badge.title = `Your browser recomputed the ${checked} logits from the last state and the words' vectors, and their probabilities as the softmax of all ${store.header.vocab} logits, and added up the ${store.header.parts.length} direct contributions to the logit of the word that is taken${store.written ? ", each recomputed from what its block wrote" : ""}; the largest |a − b| / max(1, |b|) against the model's own is ${error}.`;
  }

  drawState() {
    const { store } = this;
    const { d_model, vocab, reads } = store.header;
    this.stateName.replaceChildren(
      el("b", {}, `last state, states[${store.step + 1}]`),
      el("span", {}, `${d_model} numbers`),
      el("span", {}, `logits = states[${store.step + 1}] · Eᵀ: (${d_model}) · (${d_model}×${vocab}) → ${vocab}`),
      el("span", {}, "probability = softmax(logits)"),
    );
    this.state.draw({
      stage: "states",
      name: `Last state of step ${store.step + 1}, which reads ${reads[store.step]}: ${d_model} signed numbers`,
      values: store.state,
      rows: 1,
      columns: d_model,
      labels: null,
      scale: "signed",
      limit: largest(store.state),
      width: this.root.clientWidth,
      rowHeight: STATE_HEIGHT,
      theme: this.theme,
      colour: this.theme.roles.output,
    });
  }

  // Bars, knobs and what the cursor is about.
  drawChoice() {
    this.knobs.draw();
    this.bars.draw(this.theme);
    this.drawCursor();
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    this.state.mark(cursor.on === "state" ? { row: 0, column: cursor.feature } : null, pinned);
    const { part } = this.store;
    if (part === "words") this.bars.drawCursor();
    else if (part === "layers") this.lens.drawCursor(this.theme);
    else this.waterfall.drawCursor();
    this.strip.draw();
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const active = this.root.getRootNode().activeElement;
    if (active?.matches("input, textarea, select")) return;
    const { store } = this;
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    const onSteps = this.steps.contains(active);
    const onPicture = active?.matches(".bars, .lens-table, .waterfall, .panel");
    if (event.key in moves && onSteps) {
      const [down, right] = moves[event.key];
      store.open(store.step + down + right);
    } else if ((event.key === "Home" || event.key === "End") && onSteps) {
      store.open(event.key === "Home" ? 0 : store.steps - 1);
    } else if (event.key in moves && active?.matches(".part-tabs .tab")) {
      this.moveTab(moves[event.key]);
    } else if (event.key in moves && onPicture) {
      this.move(active, ...moves[event.key]);
    } else if (event.key === "Enter" && onPicture) {
      store.pin({ ...store.cursor });
    } else if (event.key === "Escape") {
      store.free();
    } else return;
    event.preventDefault();
  }

  moveTab([down, right]) {
    const names = Object.keys(PARTS);
    const next = (names.indexOf(this.store.part) + down + right + names.length) % names.length;
    this.store.show(names[next]);
    this.tabs[next].focus();
  }

  move(picture, down, right) {
    const { store } = this;
    if (picture.matches(".bars")) this.bars.step(down, right);
    else if (picture.matches(".lens-table")) this.lens.step(down, right);
    else if (picture.matches(".waterfall")) this.waterfall.step(down, right);
    else store.move({ on: "state", feature: store.cursor.feature + (store.cursor.on === "state" ? right : 0) });
  }

  leave() {
    clearTimeout(this.store.timer);
  }

  resized() {
    if (this.theme && this.root.clientWidth !== this.drawnWidth) this.drawAll();
  }
}

export default await mounted(View, import.meta.url);
