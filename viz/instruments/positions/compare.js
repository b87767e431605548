// What an experiment changes in attention: the distance of each head's two maps, and the two maps of one head.

import { activeIn, el, focusOn } from "../shared/dom.js";
import { Matrix } from "../shared/matrix.js";
import { weightText } from "../shared/numbers.js";
import { css } from "../shared/theme.js";
import { Tabs } from "../shared/tabs.js";

const MAP_NAMES = ["original", "experiment"];
// From this distance on, a cell is so dark (on a dark page: so light) that its number has the background's colour.
const DEEP = { dark: 0.45, light: 0.58 };
const DISTANCE =
  "Each cell is a head: the mean over rows of ½ Σ |original − experiment|, the total variation distance: 0 the same " +
  "map, 1 nothing in common.";
const MOVED =
  "Tokens of the experiment are put back in the order typed, so that each row is compared with that of the same token.";

export class Compare {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    /** @type {any} */
    this.theme = null;
    this.width = 0;
    this.name = el("b");
    const choose = (site) => store.runs.open(site);
    this.sites = new Tabs({ label: "Attention", data: "site", choose, isRoving: false });
    this.caption = el("p", { class: "note" });
    this.grid = el("div", { class: "grid-box" });
    this.figures = MAP_NAMES.map((name) => this.figure(name));
    const maps = el("div", { class: "maps" }, ...this.figures.map(({ box }) => box));
    this.node = el(
      "div",
      { class: "compare" },
      el("div", { class: "panel-name" }, this.name),
      this.sites.node,
      this.caption,
      el("div", { class: "difference" }, this.grid, maps),
    );
  }

  figure(name) {
    const { store } = this;
    const matrix = new Matrix({
      onCursor: ({ query, key }) => store.point({ row: query, column: key }),
      onPin: ({ query, key }) => store.pin({ row: query, column: key }),
    });
    matrix.node.dataset.map = name;
    const title = el("b");
    const box = el("div", { class: "map-box" }, el("div", { class: "panel-name" }, title), matrix.node);
    return { matrix, title, box };
  }

  draw() {
    const { store } = this;
    const { header, runs } = store;
    const found = runs.compared;
    this.node.hidden = !found;
    if (!found) return;
    const besides = runs.texts.length > 1 ? `, “${found.text}”` : "";
    this.name.textContent = `What changed in attention: ${found.experiment.label}${besides}`;
    const titles = Object.entries(header.sites).map(([place, { title }]) => [place, title]);
    this.sites.draw(Object.fromEntries(titles), runs.site);
    this.caption.textContent = this.captionText;
    this.drawGrid();
    this.drawMaps();
  }

  get captionText() {
    const { header, runs } = this.store;
    const { queries, keys, forced } = header.sites[runs.site];
    const isMoved = [queries, keys].some((side) => runs.isMoved(side));
    const given = `Both maps are of the original's translation, given to the ${forced} word for word`;
    return [DISTANCE, isMoved && MOVED, forced && `${given}, so that they compare.`].filter(Boolean).join(" ");
  }

  drawGrid() {
    const { n_layers, n_heads } = this.store.header;
    const isFocused = this.grid.contains(activeIn(this.grid));
    const corner = el("span", { class: "corner" }, el("span", {}, "head →"), el("span", {}, "layer ↓"));
    const cells = [corner];
    for (let head = 0; head < n_heads; head++) cells.push(el("span", { class: "axis-head" }, String(head + 1)));
    for (let layer = 0; layer < n_layers; layer++) {
      cells.push(el("span", { class: "axis-layer" }, String(layer + 1)));
      for (let head = 0; head < n_heads; head++) cells.push(this.cell(layer, head));
    }
    const style = { gridTemplateColumns: `auto repeat(${n_heads}, minmax(0, 1fr))` };
    this.grid.replaceChildren(
      el("div", { class: "tv-grid", role: "grid", "aria-label": "Difference of each head", style }, ...cells),
    );
    if (isFocused) focusOn(this.grid.querySelector('[aria-pressed="true"]'));
  }

  cell(layer, head) {
    const { store, theme } = this;
    const { distance } = store.runs.maps(layer, head);
    const isHere = store.isAt({ layer, head });
    const color = distance > DEEP[theme.mode] ? theme.background : theme.text;
    return el(
      "button",
      {
        class: "tv", "data-cell": `${layer + 1}.${head + 1}`, "aria-pressed": String(isHere),
        tabindex: isHere ? "0" : "-1", "aria-label": `layer ${layer + 1}, head ${head + 1}: ${weightText(distance)}`,
        style: { background: css(theme, distance), color }, onclick: () => store.openHead({ layer, head }),
      },
      distance.toFixed(2),
    );
  }

  get room() {
    const { width } = this;
    if (width >= 900) return (width - 300) / 2 - 16;
    return width >= 620 ? width / 2 - 12 : width;
  }

  drawMaps() {
    const { store, theme } = this;
    const { runs, cursor, header } = store;
    const { layer, head } = cursor;
    const { a, b } = runs.maps(layer, head);
    const { labels: rows, columns } = runs.tokens;
    const { causal } = header.sites[runs.site];
    const height = Math.max(230, 110 + (rows.length > 16 ? 17 : 24) * rows.length);
    const names = ["Original", runs.compared.experiment.label];
    this.figures.forEach(({ matrix, title }, n) => {
      const name = `${names[n]}, layer ${layer + 1}, head ${head + 1}`;
      title.textContent = name;
      const stage = `${runs.site}.weights`;
      matrix.draw({ stage, values: n ? b : a, rows, columns, causal, theme, width: this.room, height });
      matrix.node.setAttribute("aria-label", `${name}: weights of ${rows.length} × ${columns.length} tokens, 0 to 1`);
    });
    this.drawCursor();
  }

  drawCursor() {
    const { cursor, pinned, runs } = this.store;
    if (!runs.compared) return;
    for (const { matrix } of this.figures) matrix.mark({ query: cursor.row, key: cursor.column }, pinned);
  }
}
