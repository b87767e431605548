// embedding + position = input: three strips of tokens × d_model on one colour scale.

import { el } from "../shared/dom.js";
import { numberText } from "../shared/numbers.js";
import { Panel } from "../shared/panel.js";
import { SIDES } from "./store.js";

const PARTS = [["embed", "embedding", "E[ids] × √d_model"], ["pos", "position", "PE(p)"], ["embedded", "input", "what layer 1 reads"]];
const STACKED_BELOW = 860;
const SHOWN_SHARE = 0.98;

// Where this share of all numbers lies within: a few large ones must not wash out the rest.
function limitOf(...arrays) {
  const sizes = arrays.flatMap((values) => Array.from(values, Math.abs)).sort((a, b) => a - b);
  return sizes[Math.floor(SHOWN_SHARE * (sizes.length - 1))] || 1;
}

export class Sum {
  constructor(store) {
    this.store = store;
    this.sides = el("div", { class: "tabs", role: "tablist", "aria-label": "Side" });
    this.caption = el("p", { class: "note" });
    this.limits = [el("span"), el("span")];
    this.scaleBox = el("span", { class: "scale" });
    this.panels = PARTS.map(([name, title, note], n) => {
      const panel = new Panel({
        onCursor: ({ row, column }) => store.hover({ p: row, dim: column }),
        onPin: ({ row, column }) => store.pin({ p: row, dim: column }),
      });
      panel.node.dataset.part = name;
      const box = el("section", { class: "strip-part" }, el("div", { class: "panel-name" }, el("b", {}, title), el("span", {}, note)), panel.node);
      return { name, title, panel, box, sign: n ? el("span", { class: "sign", "aria-hidden": "true" }, n === 1 ? "+" : "=") : null };
    });
    this.board = el("div", { class: "strips" }, ...this.panels.flatMap(({ sign, box }) => (sign ? [sign, box] : [box])));
    this.node = el("div", { class: "view sum-view" }, el("div", { class: "bar" }, this.sides, el("span", { class: "legend" }, this.limits[0], this.scaleBox, this.limits[1])), this.caption, this.board);
  }

  draw(theme, width) {
    const { store } = this;
    const { tokens, d_model } = store.sizes;
    const { stack } = store.header.sides[store.side];
    const values = { embed: store.embed(), pos: store.pe.subarray(0, tokens * d_model), embedded: store.input() };
    const limit = limitOf(...Object.values(values));
    const active = this.sides.getRootNode().activeElement?.dataset?.side;
    this.sides.replaceChildren(
      ...SIDES.map((side) => el("button", { class: "tab", role: "tab", "data-side": side, "aria-selected": String(side === store.side), onclick: () => store.show(side) }, store.header.sides[side].title)),
    );
    if (active) this.sides.querySelector(`[data-side=${active}]`)?.focus({ preventScroll: true });
    const stops = theme.signedStops.map((stop, i) => `${stop} ${(100 * i) / (theme.signedStops.length - 1)}%`);
    this.scaleBox.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    this.limits.forEach((node, n) => (node.textContent = numberText(n ? limit : -limit)));
    this.caption.textContent = `Cell by cell, ${tokens} tokens × ${d_model} dimensions: ${stack}.embed + ${stack}.pos = ${stack}.embedded. All three share one scale, which ends where 98% of their numbers lie within. The same word has the same row on the left wherever it stands; its place alone makes the rows on the right differ.`;
    const isStacked = width < STACKED_BELOW;
    this.board.classList.toggle("stacked", isStacked);
    const label = Math.min(130, Math.max(...store.tokens.map((token) => 10 * [...token].length)) + 16);
    const rowHeight = tokens <= 12 ? 24 : tokens <= 24 ? 18 : 17;
    for (const [n, { name, title, panel, box }] of this.panels.entries()) {
      const hasLabels = isStacked || n === 0;
      const room = isStacked ? width : (width - label - 2 * 30) / 3 + (hasLabels ? label : 0);
      box.style.width = `${room}px`;
      panel.draw({
        name: `${title}, ${stack}.${name}: one row a token, one column a dimension (${tokens} × ${d_model}), signed`,
        stage: `${stack}.${name}`, values: values[name], rows: tokens, columns: d_model, labels: hasLabels ? store.tokens : null, scale: "signed", limit, width: room, rowHeight, theme, colour: theme.roles.query,
      });
    }
    this.drawCursor();
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    for (const { panel } of this.panels) panel.mark({ row: cursor.p, column: cursor.dim }, pinned);
  }
}
