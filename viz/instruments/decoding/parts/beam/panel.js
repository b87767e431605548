// Below the tree: what the row of the chosen node looked at, the node in numbers, its row's candidates, and the scoreboard.

import { el, listen } from "../../../shared/dom.js";
import { numberText, percentText, weightText } from "../../../shared/numbers.js";
import { shade } from "../../../shared/theme.js";

const MARKS = { winner: "◆", stopped: "■" };

export class Panel {
  constructor(store, { onPick }) {
    this.store = store;
    this.onPick = onPick;
    this.layer = el("select", { class: "beam-layer", });
    listen(this.layer, { change: () => store.choose({ layer: Number(this.layer.value) }) });
    this.name = el("b", {});
    this.heads = el("span", {});
    this.words = el("div", { class: "beam-words", role: "figure" });
    this.attention = el("div", { class: "beam-attention" }, el("div", { class: "beam-heading" }, this.name, ", layer ", this.layer, this.heads), this.words);
    this.detail = el("div", { class: "beam-detail" });
    this.candidates = el("div", { class: "beam-candidates" });
    this.board = el("div", { class: "beam-board" });
    this.node = el("div", { class: "beam-below" }, this.detail, el("div", { class: "beam-boxes" }, this.attention, this.candidates, this.board));
  }

  clear() {
    for (const part of [this.words, this.detail, this.candidates, this.board]) part.replaceChildren();
  }

  dress(theme) {
    this.theme = theme;
    const { n_layers, n_heads } = this.store.header;
    this.name.textContent = this.store.outward.title;
    this.layer.setAttribute("aria-label", `Layer of the ${this.store.outward.label}`);
    this.heads.textContent = n_heads === 1 ? ", its head" : ", mean over heads";
    this.layer.replaceChildren(...Array.from({ length: n_layers }, (_, i) => el("option", { value: i }, String(i + 1))));
  }

  // Long hypotheses have a line to themselves, at every node, so that nothing below moves while one is walked.
  makeRoom(isLong) {
    this.detail.classList.toggle("long", isLong);
  }

  drawNode(tree, node) {
    this.drawAttention(tree, node);
    this.drawDetail(tree, node);
    this.drawCandidates(tree, node);
  }

  drawAttention(tree, node) {
    const { layer, header } = this.store;
    this.layer.value = String(layer);
    const weights = tree.attention(node, layer);
    this.words.setAttribute("aria-label", `${this.name.textContent} of the row that predicted ${node.text}, layer ${layer + 1}: one weight a source token`);
    if (this.words.children.length !== weights.length || this.drawnFor !== header) {
      this.drawnFor = header;
      this.words.replaceChildren(...header.source.map((token) => el("span", { class: "beam-word", title: token }, el("span", { class: "beam-word-token" }, token), el("span", { class: "beam-word-weight" }))));
    }
    weights.forEach((weight, key) => {
      const word = this.words.children[key];
      const { background, ink } = this.tones(weight);
      word.style.background = background;
      word.style.color = ink;
      word.lastChild.textContent = weightText(weight);
    });
  }

  // The scale's colour of a weight, and the ink that can be read on it.
  tones(weight) {
    const { ramp, mode, text, background } = this.theme;
    const [red, green, blue] = ramp.subarray(shade(weight), shade(weight) + 3);
    const isDark = 0.299 * red + 0.587 * green + 0.114 * blue < 128;
    return { background: `rgb(${red}, ${green}, ${blue})`, ink: isDark === (mode === "dark") ? text : background };
  }

  drawDetail(tree, node) {
    const numbers = `log p ${numberText(node.logProb)} nats (p = ${percentText(Math.exp(node.logProb))}) · log P ${numberText(node.total)} nats`;
    const text = tree.sentence(node);
    this.detail.replaceChildren(
      el("div", { class: "beam-hypothesis", title: text }, el("b", {}, `Step ${node.length}${tree.mark(node) ? ` ${tree.mark(node)}` : ""}: `), text),
      el("div", { class: "beam-numbers" }, numbers),
    );
  }

  drawCandidates(tree, node) {
    const title = el("div", { class: "beam-heading" }, el("b", {}, "Candidates"), " (log p, nats) ", el("span", { class: "beam-key" }, "▸ kept ✗ pruned"));
    const rows = tree.candidates(node).map((candidate) => {
      const fate = !candidate.node ? ["not tried", ""] : candidate.node.kept ? ["kept", "▸"] : ["pruned", "✗"];
      return el(
        "li",
        { class: candidate.node?.id === node.id ? "here" : "", title: `${candidate.text}: p = ${percentText(Math.exp(candidate.logProb))}, ${fate[0]}` },
        el("span", { class: "beam-fate" }, fate[1]),
        el("span", { class: "beam-candidate" }, candidate.text),
        el("span", { class: "beam-number" }, numberText(candidate.logProb)),
      );
    });
    this.candidates.replaceChildren(title, el("ol", {}, ...rows));
  }

  // At the α of the slider, which the tree follows a moment later.
  drawBoard(tree, alpha) {
    const rows = tree.board(alpha).map(({ node, text, total, length, finished, isGreedy, score }, place) => {
      const isWinner = node?.id === tree.winner.id;
      const names = [isWinner ? "winner" : "", isGreedy ? "greedy" : "", finished ? "" : "stopped"].filter(Boolean);
      const said = el("span", { class: "beam-said" }, text);
      return el(
        "tr",
        { class: names.join(" "), "data-node": node?.id },
        el("td", {}, String(place + 1)),
        el(
          "td",
          { title: `${text}${names.length ? ` (${names.join(", ")})` : ""}` },
          el(
            "div",
            { class: "beam-line" },
            node ? el("button", { class: "beam-pick", onclick: () => this.onPick(node.id) }, said) : said,
            ...names.map((name) => el("span", { class: `beam-name ${name}` }, MARKS[name] ?? name)),
          ),
        ),
        el("td", {}, numberText(total)),
        el("td", {}, String(length)),
        el("td", {}, el("b", {}, numberText(score))),
      );
    });
    const isBehind = alpha !== tree.header.alpha;
    this.board.replaceChildren(
      el("div", { class: "beam-heading" }, el("b", {}, `Scoreboard, re-ranked at α = ${alpha}`), isBehind ? ` (tree: α = ${tree.header.alpha}, a new one is on its way)` : ""),
      el(
        "div",
        { class: "beam-table" },
        el("table", {}, el("thead", {}, el("tr", {}, ...["", "hypothesis", "log P", "n", "score"].map((name) => el("th", {}, name)))), el("tbody", {}, ...rows)),
        el("p", { class: "beam-alpha" }, tree.header.about_alpha),
      ),
    );
  }
}
