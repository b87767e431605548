// embedding + position = input: three strips of tokens × d_model on one colour scale.

import { el } from "../shared/dom.js";
import { LEFT_RIGHT, pinning, UP_DOWN, walk } from "../shared/keys.js";
import { Legend } from "../shared/legend.js";
import { Panel } from "../shared/panel.js";
import { SideTabs } from "../shared/sided.js";

const PARTS = [
  ["embed", "embedding", "E[ids] × √d_model"],
  ["pos", "position", "PE(p)"],
  ["embedded", "input", "what layer 1 reads"],
];
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
    this.sides = new SideTabs(store);
    this.caption = el("p", { class: "note" });
    this.legend = new Legend();
    this.panels = PARTS.map(([name, title, note]) => {
      const panel = new Panel({
        onCursor: ({ row, column }) => store.point({ p: row, dim: column }),
        onPin: ({ row, column }) => store.pin({ p: row, dim: column }),
      });
      panel.node.dataset.part = name;
      const heading = el("div", { class: "panel-name" }, el("b", {}, title), el("span", {}, note));
      return { name, title, panel, box: el("section", { class: "strip-part" }, heading, panel.node) };
    });
    const sign = (text) => el("span", { class: "sign", "aria-hidden": "true" }, text);
    const [embed, pos, input] = this.panels.map(({ box }) => box);
    this.board = el("div", { class: "strips" }, embed, sign("+"), pos, sign("="), input);
    const bar = el("div", { class: "bar" }, this.sides.node, this.legend.node);
    this.node = el("div", { class: "view sum-view" }, bar, this.caption, this.board);
  }

  get keys() {
    const { store } = this;
    const how = { on: ".panel", says: "on a picture arrows move" };
    return [
      ...walk(UP_DOWN, "p", (by) => store.walk("p", by), how),
      ...walk(LEFT_RIGHT, "dim", (by) => store.walk("dim", by), how),
      ...pinning(store, ".panel"),
    ];
  }

  draw(theme, width) {
    const { store } = this;
    const { tokens, d_model } = store.sizes;
    const { stack, tokens: labels } = store.side;
    const values = { embed: store.embed(), pos: store.pe.subarray(0, tokens * d_model), embedded: store.input() };
    const limit = limitOf(...Object.values(values));
    this.sides.show();
    this.legend.draw(theme, limit);
    this.caption.textContent =
      `Cell by cell, ${tokens} tokens × ${d_model} dimensions: ${stack}.embed + ${stack}.pos = ${stack}.embedded. ` +
      "All three share one scale, which ends where 98% of their numbers lie within. The same word has the same row " +
      "on the left wherever it stands; its place alone makes the rows on the right differ.";
    const isStacked = width < STACKED_BELOW;
    this.board.classList.toggle("stacked", isStacked);
    const label = Math.min(130, Math.max(...labels.map((token) => 10 * [...token].length)) + 16);
    const rowHeight = [24, 18, 17][Number(tokens > 12) + Number(tokens > 24)];
    for (const [n, { name, title, panel, box }] of this.panels.entries()) {
      const hasLabels = isStacked || n === 0;
      const room = isStacked ? width : (width - label - 2 * 30) / 3 + (hasLabels ? label : 0);
      box.style.width = `${room}px`;
      panel.draw({
        name: `${title}, ${stack}.${name}: one row a token, one column a dimension (${tokens} × ${d_model}), signed`,
        stage: `${stack}.${name}`, values: values[name], rows: tokens, columns: d_model,
        labels: hasLabels ? labels : null, scale: "signed", limit, width: room, rowHeight, theme,
        colour: theme.roles.query,
      });
    }
    this.drawCursor();
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    for (const { panel } of this.panels) panel.mark({ row: cursor.p, column: cursor.dim }, pinned);
  }
}
