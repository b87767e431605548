// The tree of a beam search: what was tried, what was kept, what was dropped and by how much, and what greedy would
// have done.

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
const WHOLE = /^-?[0-9]{1,9}$/;
const DECIMAL = /^-?[0-9]+(\.[0-9]+)?$/;
/** @type {Record<string, number>} */
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
    /** @type {number | null} the node that is pinned */
    this.pinned = null;
    /** @type {number | null} that which the link pins before the tree is here */
    this.awaited = null;
    /** @type {any} a Tree */
    this.tree = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
    const number = (/** @type {string} */ label, /** @type {number | null} */ max) =>
      el("input", { type: "number", min: 1, max, step: 1, "aria-label": label, onchange: () => this.typed() });
    this.widthBox = number("Beam width", WIDEST);
    this.limitBox = number("Maximum length in tokens", null);
    const slider = { type: "range", min: 0, max: HIGHEST_ALPHA, step: 0.1, "aria-label": "Length penalty α" };
    this.alpha = el("input", { ...slider, oninput: () => this.slid() });
    this.alphaText = el("output", {});
    this.alphaLabel = el("label", {}, "α ", this.alpha, this.alphaText);
    this.folds = Object.keys(SHOWN).map((name) =>
      el("button", { class: "small", "data-shown": name, onclick: () => this.fold(name) }, name),
    );
    this.example = el("a", { class: "beam-example" }, "An example where beam beats greedy");
    this.picture = new Picture({ onPoint: (id) => this.point(id), onPick: (id) => this.pin(id) });
    this.panel = new Panel(store, { onPick: (id) => this.pick(id) });
    this.notice = el("p", { class: "beam-notice", role: "status" });
    this.said = el("p", { class: "beam-caption" });
    const samples = KEYS.map(([kind, text]) => el("span", { class: `beam-sample ${kind}` }, el("i", {}), text));
    const legend = el("div", { class: "beam-legend" }, ...samples);
    this.node.append(this.controls(), this.notice, this.said, this.picture.node, legend, this.panel.node);
  }

  controls() {
    const limit = { title: "The search stops after so many tokens, the end token included." };
    const folds = { class: "beam-folds", role: "group", "aria-label": "Show pruned candidates" };
    return el(
      "div", { class: "beam-controls" },
      el("label", {}, "width ", this.widthBox), this.alphaLabel, el("label", limit, "limit ", this.limitBox),
      el("span", folds, "pruned: ", ...this.folds), this.example,
    );
  }

  // What is asked for -------------------------------------------------------------------------------------------

  // A new sentence or model: its own limits; a width that nobody chose follows the page's.
  taken() {
    this.tree = null;
    this.pinned = this.awaited = this.cursor = null;
    this.limitBox.max = String(this.store.header.max_steps);
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

  /** @param {import("../../../shared/link.js").Values} values */
  restore({ node, pruned }) {
    const link = readLink();
    /** @type {string[]} */
    const told = [];
    const take = (/** @type {string} */ name, /** @type {RegExp} */ form, /** @type {number[]} */ [least, most]) => {
      const raw = link[name];
      const isNumber = form.test(raw ?? "");
      this.chosen[name] = isNumber ? this.within(name, Number(raw), least, most, told) : null;
      if (raw !== undefined && !isNumber) told.push(`The link's ${name} is “${raw}”, which is no number.`);
    };
    take("width", WHOLE, [1, WIDEST]);
    take("alpha", DECIMAL, [0, HIGHEST_ALPHA]);
    take("limit", WHOLE, [1, this.store.header.max_steps]);
    Object.assign(this, { awaited: node, pinned: null, shown: pruned in SHOWN ? pruned : null });
    this.notice.textContent = told.join(" ");
    this.want();
    if (this.isOpen) this.ask();
  }

  /** @param {string} name @param {number} value @param {number} least @param {number} most @param {string[]} told */
  within(name, value, least, most, told) {
    const near = Math.min(Math.max(value, least), most);
    const said = name === "alpha" ? "α" : name;
    if (near !== value) told.push(`${said} ${value} is out of range: it runs from ${least} to ${most}.`);
    return name === "alpha" ? Math.round(near * 10) / 10 : near;
  }

  typed() {
    /** @type {string[]} */
    const told = [];
    const take = (/** @type {string} */ name, /** @type {HTMLInputElement} */ input, /** @type {number} */ most) => {
      const value = wholeNumber(input.value);
      return value === null ? this.wanted[name] : this.within(name, value, 1, most, told);
    };
    const width = take("width", this.widthBox, WIDEST);
    const limit = take("limit", this.limitBox, this.store.header.max_steps);
    this.choose({ width, limit });
    this.notice.textContent = told.join(" ");
  }

  slid() {
    this.choose({ alpha: Number(this.alpha.value) });
    if (this.tree) this.panel.drawBoard(this.tree, this.wanted.alpha);
  }

  /** @param {Record<string, number | null>} values */
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

  /** @param {string} what */
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
    for (const [box, value] of [[this.widthBox, width], [this.limitBox, limit], [this.alpha, alpha]]) {
      box.value = String(value);
    }
    this.alphaText.textContent = alpha.toFixed(1);
    for (const button of this.folds) {
      button.setAttribute("aria-pressed", String(button.dataset.shown === this.folding));
    }
    this.notice.hidden = !this.notice.textContent;
  }

  /** @param {string} name */
  fold(name) {
    this.shown = name;
    this.store.say();
    this.drawControls();
    if (this.tree) this.drawTree();
  }

  drawTree() {
    const { pinned, width, theme } = this;
    this.picture.draw(this.tree, { most: SHOWN[this.folding], pinned, width, theme });
    this.panel.makeRoom(this.picture.isLonger(this.tree, this.width - NUMBERS));
    this.drawExample();
    this.alphaLabel.title = this.tree.header.about_alpha;
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
    if (!example) return;
    const there = { place: this.store.place, tab: "beam", width: String(NARROW_BEAM) };
    this.example.href = `?${new URLSearchParams({ text: example, model, beam: "1", ...there })}`;
  }

  // Greedy beside the winner, in one sentence that the scoreboard lets check.
  comparison() {
    const { winner, header } = this.tree;
    const { greedy, limit } = header;
    const ids = this.tree.path(winner).map((/** @type {import("./tree.js").Node} */ { token }) => token);
    const isSame = ids.join() === greedy.ids.join();
    const gain = winner.total - greedy.log_prob;
    const leaves = greedy.left === null ? "" : ` Greedy leaves the beam at step ${greedy.left + 1}.`;
    const isCut = this.tree.last.some((/** @type {number} */ id) => !this.tree.nodes[id].finished);
    const cut = isCut ? ` Stopped at the limit of ${limit} token${limit === 1 ? "" : "s"} (■).` : "";
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

  /** @param {number} id */
  point(id) {
    if (this.pinned === null) this.go(id);
  }

  /** @param {number} id */
  go(id) {
    if (!this.tree || id === this.cursor) return;
    this.cursor = id;
    this.drawNode();
  }

  /** @param {number} id */
  pin(id) {
    if (this.pinned === id) this.unpin();
    else {
      this.pinned = id;
      this.store.say();
    }
    this.cursor = id;
    this.drawNode();
  }

  /** @param {number} id */
  pick(id) {
    this.pinned = null;
    this.pin(id);
    this.picture.reveal(this.current);
  }

  unpin() {
    this.pinned = null;
    this.store.say();
  }

  get keys() {
    const { tree, picture } = this;
    if (!tree) return [];
    const { current } = this;
    const column = picture.columns[current.step];
    const beside = (/** @type {number} */ by) => column[column.indexOf(current) + by];
    const child = () => picture.columns[current.step + 1]?.find(({ parent }) => parent === current.id);
    /** @param {string} key @param {string} says @param {() => import("./tree.js").Node | undefined} next */
    const row = (key, says, next) => ({ key, moves: "node", says, act: () => this.walkTo(next()) });
    const [pins, frees] = [() => this.pin(this.cursor), () => this.escape()];
    return [
      row("ArrowLeft", "← to where it comes from", () => tree.nodes[current.parent]),
      row("ArrowRight", "→ to the best that comes of it", child),
      row("ArrowUp", "↑ ↓ within the step", () => beside(-1)),
      row("ArrowDown", "↑ ↓ within the step", () => beside(1)),
      row("Home", "Home, End: the winner's first, last", () => tree.path(tree.winner)[0]),
      row("End", "Home, End: the winner's first, last", () => tree.winner),
      { key: "Enter", moves: "pinned", on: ":not(button, a)", says: "Enter pins", act: pins },
      { key: "Escape", moves: "pinned", off: this.pinned === null, says: "Esc frees", act: frees },
    ];
  }

  /** @param {import("./tree.js").Node | undefined} node */
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
