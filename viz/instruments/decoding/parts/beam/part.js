// The tree of a beam search: what was tried, what was kept, what was dropped and by how much, and what greedy would have done.

import { el } from "../../../shared/dom.js";
import { readLink, wholeNumber } from "../../../shared/link.js";
import { numberText } from "../../../shared/numbers.js";
import { Part } from "../../part.js";
import { explainNode } from "./explain.js";
import { Panel } from "./panel.js";
import { Picture } from "./picture.js";
import { Tree } from "./tree.js";

const WIDEST = 8;
const HIGHEST_ALPHA = 2;
const PAUSE = 250;
const SHOWN = { all: Infinity, "best 2": 2, none: 0 };
const NARROW_BEAM = 4;
const NUMBERS = 490; // pixels for "Step 12:" and the log-probabilities beside a hypothesis

const KEYS = [
  ["kept", "kept"],
  ["pruned", "✗ pruned"],
  ["end", "✓ finished"],
  ["stopped", "■ stopped at the limit"],
  ["winning", "◆ the winner and its path"],
  ["greedy", "greedy's path"],
];

export class Beam extends Part {
  /** @param {import("../../store.js").Store} store */
  constructor(store) {
    super(store, el("div", { class: "beam-part" }));
    /** @type {Record<string, number | null>} what the reader chose, and what is asked for then */
    this.chosen = { width: null, alpha: null, limit: null };
    /** @type {any} */
    this.wanted = null;
    /** @type {string | null} */
    this.shown = null;
    /** @type {number | null} the node that is pinned, and that which the link pins before the tree is here */
    this.pinned = this.awaited = null;
    /** @type {Tree | null} */
    this.tree = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    this.makeControls();
    this.picture = new Picture({ onPoint: (id) => this.point(id), onPick: (id) => this.pin(id) });
    this.panel = new Panel(store, { onPick: (id) => this.pick(id) });
    this.notice = el("p", { class: "beam-notice", role: "status" });
    this.said = el("p", { class: "beam-caption" });
    const legend = el("div", { class: "beam-legend" }, ...KEYS.map(([kind, text]) => el("span", { class: `beam-sample ${kind}` }, el("i", {}), text)));
    this.node.append(this.controls, this.notice, this.said, this.picture.node, legend, this.panel.node);
  }

  makeControls() {
    const number = (name, least) => el("input", { type: "number", min: least, step: 1, "aria-label": name, onchange: () => this.typed() });
    this.widthBox = number("Beam width", 1);
    this.widthBox.setAttribute("max", WIDEST);
    this.limitBox = number("Maximum length in tokens", 1);
    this.alpha = el("input", { type: "range", min: 0, max: HIGHEST_ALPHA, step: 0.1, "aria-label": "Length penalty α", oninput: () => this.slid() });
    this.alphaText = el("output", {});
    this.folds = Object.keys(SHOWN).map((name) => el("button", { class: "small", "data-shown": name, onclick: () => this.fold(name) }, name));
    this.example = el("a", { class: "beam-example" }, "An example where beam beats greedy");
    this.controls = el(
      "div",
      { class: "beam-controls" },
      el("label", {}, "width ", this.widthBox),
      el("label", {}, "α ", this.alpha, this.alphaText),
      el("label", { title: "The search stops after so many tokens, the end token included." }, "limit ", this.limitBox),
      el("span", { class: "beam-folds", role: "group", "aria-label": "Show pruned candidates" }, "pruned: ", ...this.folds),
      this.example,
    );
  }

  // What is asked for -------------------------------------------------------------------------------------------

  // A new sentence or model: its own limits; a width that nobody chose follows the page's.
  taken() {
    this.tree = null;
    this.pinned = this.awaited = this.cursor = null;
    this.limitBox.max = this.store.header.max_steps;
    this.panel.clear();
    this.picture.clear();
    this.want();
  }

  want() {
    const { header } = this.store;
    const { width, alpha, limit } = this.chosen;
    this.wanted = {
      width: width ?? (header.beam > 1 ? header.beam : NARROW_BEAM),
      alpha: alpha ?? header.alpha,
      limit: Math.min(limit ?? header.max_steps, header.max_steps),
    };
  }

  linked() {
    return { ...this.chosen, node: this.awaited ?? this.pinned, pruned: this.shown };
  }

  restore({ node, pruned }) {
    const link = readLink();
    const told = [];
    const take = (name, raw, value, least, most) => {
      this.chosen[name] = null;
      if (raw === undefined) return;
      if (Number.isNaN(value)) told.push(`The link's ${name} is “${raw}”, which is no number.`);
      else this.chosen[name] = this.within(name, value, least, most, told);
    };
    const whole = (raw) => wholeNumber(raw ?? "") ?? NaN;
    const alpha = /^-?[0-9]+(\.[0-9]+)?$/.test(link.alpha ?? "") ? Number(link.alpha) : NaN;
    take("width", link.width, whole(link.width), 1, WIDEST);
    take("alpha", link.alpha, alpha, 0, HIGHEST_ALPHA);
    take("limit", link.limit, whole(link.limit), 1, this.store.header.max_steps);
    Object.assign(this, { awaited: node, pinned: null, shown: pruned in SHOWN ? pruned : null });
    this.notice.textContent = told.join(" ");
    this.want();
    if (this.isOpen) this.ask();
  }

  within(name, value, least, most, told) {
    const near = Math.min(Math.max(value, least), most);
    if (near !== value) told.push(`${name === "alpha" ? "α" : name} ${value} is out of range: it runs from ${least} to ${most}.`);
    return name === "alpha" ? Math.round(near * 10) / 10 : near;
  }

  typed() {
    const told = [];
    const take = (name, input, most) => {
      const value = wholeNumber(input.value);
      return value === null ? this.wanted[name] : this.within(name, value, 1, most, told);
    };
    const [width, limit] = [take("width", this.widthBox, WIDEST), take("limit", this.limitBox, this.store.header.max_steps)];
    this.choose({ width, limit });
    this.notice.textContent = told.join(" ");
  }

  slid() {
    this.choose({ alpha: Number(this.alpha.value) });
    if (this.tree) this.panel.drawBoard(this.tree, this.wanted.alpha);
  }

  choose(values) {
    Object.assign(this.chosen, values);
    Object.assign(this.wanted, values);
    this.notice.textContent = "";
    this.drawControls();
    this.store.say();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), PAUSE);
  }

  // The old tree stays until the new one is there.
  async ask() {
    const { wanted, store } = this;
    const { header } = store;
    const asked = { ...wanted };
    const answer = await store.ask("beam", { ...asked, alpha: asked.alpha.toFixed(1) });
    const isOld = header !== store.header || Object.entries(asked).some(([name, value]) => this.wanted[name] !== value);
    if (!answer || isOld || answer === this.tree?.answer) return;
    const isFirst = !this.tree;
    this.tree = new Tree(answer);
    if (this.awaited !== null && this.tree.nodes[this.awaited]) this.pinned = this.awaited;
    else if (this.pinned !== null && !isFirst) this.unpin();
    this.awaited = null;
    this.cursor = this.pinned ?? this.tree.winner.id;
    if (this.isOpen) this.drawTree();
  }

  // What is drawn -----------------------------------------------------------------------------------------------

  draw() {
    this.panel.dress(this.theme);
    this.drawControls();
    if (this.tree) this.drawTree();
    this.ask();
  }

  changed(what) {
    if (what === "layer" && this.tree) this.panel.drawAttention(this.tree, this.current);
  }

  get current() {
    return this.tree.nodes[this.cursor];
  }

  get folding() {
    return this.shown ?? (this.wanted.width > NARROW_BEAM ? "none" : "best 2");
  }

  drawControls() {
    const { width, alpha, limit } = this.wanted;
    this.widthBox.value = width;
    this.limitBox.value = limit;
    this.alpha.value = alpha;
    this.alphaText.textContent = alpha.toFixed(1);
    for (const button of this.folds) button.setAttribute("aria-pressed", String(button.dataset.shown === this.folding));
    this.notice.hidden = !this.notice.textContent;
  }

  fold(name) {
    this.shown = name;
    this.store.say();
    this.drawControls();
    if (this.tree) this.drawTree();
  }

  drawTree() {
    this.picture.draw(this.tree, { most: SHOWN[this.folding], pinned: this.pinned, width: this.width, theme: this.theme });
    this.panel.makeRoom(this.picture.isLonger(this.tree, this.width - NUMBERS));
    this.drawExample();
    this.alpha.parentElement.title = this.tree.header.about_alpha;
    this.said.replaceChildren(...this.comparison());
    this.panel.drawBoard(this.tree, this.wanted.alpha);
    this.drawNode();
    if (this.pinned !== null) this.picture.reveal(this.current);
  }

  drawNode() {
    this.picture.mark(this.current, this.pinned === this.cursor);
    this.panel.drawNode(this.tree, this.current);
    this.store.changed("cursor");
  }

  drawExample() {
    const { example } = this.tree.header;
    const { text, model } = this.store.header.request;
    this.example.hidden = !example || text.trim() === example;
    if (example) this.example.href = `?${new URLSearchParams({ text: example, model, beam: 1, place: "decoding", tab: "beam", width: NARROW_BEAM })}`;
  }

  // Greedy beside the winner, in one sentence that the scoreboard lets check.
  comparison() {
    const { winner, header } = this.tree;
    const { greedy, limit } = header;
    const isSame = this.tree.path(winner).map(({ token }) => token).join() === greedy.ids.join();
    const gain = winner.total - greedy.log_prob;
    const leaves = greedy.left === null ? "" : ` Greedy leaves the beam at step ${greedy.left + 1}.`;
    const cut = this.tree.last.some((id) => !this.tree.nodes[id].finished) ? ` Stopped at the limit of ${limit} token${limit === 1 ? "" : "s"} (■).` : "";
    const compared = isSame ? "the same translation" : `${numberText(Math.abs(gain))} ${gain < 0 ? "lower" : "higher"}`;
    return [
      "Greedy: log P ",
      el("b", { class: "beam-greedy-log-prob" }, numberText(greedy.log_prob)),
      " nats. Winner: log P ",
      el("b", { class: "beam-winner-log-prob" }, numberText(winner.total)),
      ` nats (${compared}), score `,
      el("b", {}, numberText(winner.score)),
      `.${leaves}${cut}`,
    ];
  }

  // The cursor --------------------------------------------------------------------------------------------------

  point(id) {
    if (this.pinned === null) this.go(id);
  }

  go(id) {
    if (!this.tree || id === this.cursor) return;
    this.cursor = id;
    this.drawNode();
  }

  pin(id) {
    if (this.pinned === id) this.unpin();
    else {
      this.pinned = id;
      this.store.say();
    }
    this.cursor = id;
    this.drawNode();
  }

  pick(id) {
    this.pinned = null;
    this.pin(id);
    this.picture.reveal(this.current);
  }

  unpin() {
    this.pinned = null;
    this.store.say();
  }

  // Up and down in the column, left to the parent, right to the best child that is on screen.
  get keys() {
    const { tree, picture } = this;
    if (!tree) return [];
    const { current } = this;
    const column = picture.columns[current.step];
    const beside = (by) => column[column.indexOf(current) + by];
    const child = () => picture.columns[current.step + 1]?.find(({ parent }) => parent === current.id);
    const row = (key, next) => ({ key, moves: "node", says: "", act: () => this.walkTo(next()) });
    return [
      row("ArrowLeft", () => tree.nodes[current.parent]),
      row("ArrowRight", child),
      row("ArrowUp", () => beside(-1)),
      row("ArrowDown", () => beside(1)),
      row("Home", () => tree.path(tree.winner)[0]),
      row("End", () => tree.winner),
      { key: "Enter", moves: "pinned", on: ":not(button, a)", says: "", act: () => this.pin(this.cursor) },
      { key: "Escape", moves: "pinned", off: this.pinned === null, says: "", act: () => this.escape() },
    ];
  }

  walkTo(node) {
    if (!node) return;
    if (this.pinned !== null) this.unpin();
    this.go(node.id);
    this.picture.reveal(node);
  }

  escape() {
    this.unpin();
    this.drawNode();
  }

  get state() {
    return { node: this.cursor, pinned: this.pinned };
  }

  explain() {
    if (this.tree) return explainNode(this.tree, this.current);
    return this.store.trouble ?? "Searching…";
  }
}
