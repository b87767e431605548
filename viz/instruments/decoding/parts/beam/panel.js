// Below the tree: what the row of the chosen node looked at, the node in numbers, its row's candidates, the scoreboard.

import { el, listen } from "../../../shared/dom.js";
import { numberText, percentText, weightText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";
import { css, textOn } from "../../../shared/theme.js";

/** @type {Record<string, string>} */
const MARKS = { winner: "◆", stopped: "■" };

/** @typedef {import("./tree.js").Tree} Tree @typedef {import("./tree.js").Node} Node */

export class Panel {
  /** @param {import("../../store.js").Store} store @param {{ onPick: (id: number) => void }} told */
  constructor(store, { onPick }) {
    this.store = store;
    this.onPick = onPick;
    /** @type {any} the theme, and the header that the words are drawn for */
    this.theme = this.drawnFor = null;
    this.layer = el("select", { class: "beam-layer", });
    listen(this.layer, { change: () => store.choose({ layer: Number(this.layer.value) }) });
    this.name = el("b", {});
    this.heads = el("span", {});
    this.words = el("div", { class: "beam-words", role: "figure" });
    const heading = el("div", { class: "beam-heading" }, this.name, ", layer ", this.layer, this.heads);
    this.attention = el("div", { class: "beam-attention" }, heading, this.words);
    this.detail = el("div", { class: "beam-detail" });
    this.candidates = el("div", { class: "beam-candidates" });
    this.board = el("div", { class: "beam-board" });
    const boxes = el("div", { class: "beam-boxes" }, this.attention, this.candidates, this.board);
    this.node = el("div", { class: "beam-below" }, this.detail, boxes);
  }

  clear() {
    for (const part of [this.words, this.detail, this.candidates, this.board]) part.replaceChildren();
  }

  /** @param {any} theme */
  dress(theme) {
    this.theme = theme;
    const { n_layers, n_heads } = this.store.header;
    this.name.textContent = this.store.outward.title;
    this.layer.setAttribute("aria-label", `Layer of the ${this.store.outward.label}`);
    this.heads.textContent = n_heads === 1 ? ", its head" : ", mean over heads";
    const options = Array.from({ length: n_layers }, (_, i) => el("option", { value: i }, String(i + 1)));
    this.layer.replaceChildren(...options);
  }

  // Long hypotheses have a line to themselves, at every node, so that nothing below moves while one is walked.
  /** @param {boolean} isLong */
  makeRoom(isLong) {
    this.detail.classList.toggle("long", isLong);
  }

  /** @param {Tree} tree @param {Node} node */
  drawNode(tree, node) {
    this.drawAttention(tree, node);
    this.drawDetail(tree, node);
    this.drawCandidates(tree, node);
  }

  /** @param {Tree} tree @param {Node} node */
  drawAttention(tree, node) {
    const { layer, header } = this.store;
    this.layer.value = String(layer);
    const weights = tree.attention(node, layer);
    const row = `the row that predicted ${node.text}, layer ${layer + 1}`;
    this.words.setAttribute("aria-label", `${this.name.textContent} of ${row}: one weight a source token`);
    if (this.words.children.length !== weights.length || this.drawnFor !== header) {
      this.drawnFor = header;
      const words = header.source.map((/** @type {string} */ token) =>
        el(
          "span", { class: "beam-word", title: token },
          el("span", { class: "beam-word-token" }, token), el("span", { class: "beam-word-weight" }),
        ),
      );
      this.words.replaceChildren(...words);
    }
    weights.forEach((/** @type {number} */ weight, /** @type {number} */ key) => {
      const word = marked(/** @type {any} */ (this.words.children[key]), "weights", [node.id, key, weight]);
      Object.assign(word.style, { background: css(this.theme, weight), color: textOn(this.theme, weight) });
      word.lastChild.textContent = weightText(weight);
    });
  }

  /** @param {Tree} tree @param {Node} node */
  drawDetail(tree, node) {
    const own = `log p ${numberText(node.logProb)} nats (p = ${percentText(Math.exp(node.logProb))})`;
    const text = tree.sentence(node);
    const step = [`Step ${node.length}`, tree.mark(node)].filter(Boolean).join(" ");
    this.detail.replaceChildren(
      el("div", { class: "beam-hypothesis", title: text }, el("b", {}, `${step}: `), text),
      el("div", { class: "beam-numbers" }, `${own} · log P ${numberText(node.total)} nats`),
    );
  }

  /** @param {Tree} tree @param {Node} node */
  drawCandidates(tree, node) {
    const key = el("span", { class: "beam-key" }, "▸ kept ✗ pruned");
    const title = el("div", { class: "beam-heading" }, el("b", {}, "Candidates"), " (log p, nats) ", key);
    const rows = tree.candidates(node).map(({ node: made, text, logProb }) => {
      const tried = made?.kept ? ["kept", "▸"] : ["pruned", "✗"];
      const [fate, sign] = made ? tried : ["not tried", ""];
      return el(
        "li",
        { class: made?.id === node.id ? "here" : "", title: `${text}: p = ${percentText(Math.exp(logProb))}, ${fate}` },
        el("span", { class: "beam-fate" }, sign),
        el("span", { class: "beam-candidate" }, text),
        el("span", { class: "beam-number" }, numberText(logProb)),
      );
    });
    this.candidates.replaceChildren(title, el("ol", {}, ...rows));
  }

  // At the α of the slider, which the tree follows a moment later.
  /** @param {Tree} tree @param {number} alpha */
  drawBoard(tree, alpha) {
    const rows = tree.board(alpha).map(({ node, text, total, length, finished, isGreedy, score }, place) => {
      const kinds = { winner: node?.id === tree.winner.id, greedy: isGreedy, stopped: !finished };
      const names = Object.entries(kinds).flatMap(([name, isSo]) => (isSo ? [name] : []));
      const said = el("span", { class: "beam-said" }, text);
      const line = node ? el("button", { class: "beam-pick", onclick: () => this.onPick(node.id) }, said) : said;
      const marks = names.map((name) => el("span", { class: `beam-name ${name}` }, MARKS[name] ?? name));
      const title = `${text}${names.length ? ` (${names.join(", ")})` : ""}`;
      return el(
        "tr",
        { class: names.join(" "), "data-node": node?.id },
        el("td", {}, String(place + 1)),
        el("td", { title }, el("div", { class: "beam-line" }, line, ...marks)),
        el("td", {}, numberText(total)),
        el("td", {}, String(length)),
        el("td", {}, el("b", {}, numberText(score))),
      );
    });
    const { alpha: old, about_alpha } = tree.header;
    const behind = alpha === old ? "" : ` (tree: α = ${old}, a new one is on its way)`;
    const heads = ["", "hypothesis", "log P", "n", "score"].map((name) => el("th", {}, name));
    const table = el("table", {}, el("thead", {}, el("tr", {}, ...heads)), el("tbody", {}, ...rows));
    this.board.replaceChildren(
      el("div", { class: "beam-heading" }, el("b", {}, `Scoreboard, re-ranked at α = ${alpha}`), behind),
      el("div", { class: "beam-table" }, table, el("p", { class: "beam-alpha" }, about_alpha)),
    );
  }
}
