// The logit lens: what the model would say after each layer, at each position. Layers are rows and positions columns
// where all words fit; in less room positions run down, so that no word is cut.

import { el, listen } from "../shared/dom.js";
import { weightText } from "../shared/numbers.js";
import { css, textOn } from "../shared/theme.js";

const TYPE = 16;
const PADDING = 14;
const LEAST_SHADE = 0.45;

export class Lens {
  constructor(store) {
    this.store = store;
    this.ruler = document.createElement("canvas").getContext("2d");
    this.table = el("table", { class: "lens-table", tabindex: "0" });
    this.caption = el("p", { class: "note" });
    this.listTitle = el("h4", { class: "list-title" });
    this.list = el("ol", { class: "lens-list" });
    this.node = el(
      "section",
      { class: "lens", role: "figure" },
      el("h4", { class: "part-title" }, "Logit lens: what would it say after each layer?"),
      this.table,
      this.listTitle,
      this.list,
      this.caption,
    );
    listen(this.table, { pointermove: (event) => this.at(event, (cell) => store.point(cell)) });
    listen(this.table, { click: (event) => this.at(event, (cell) => store.pin(cell)) });
  }

  at(event, tell) {
    const { layer, position } = event.target.closest("[data-layer]")?.dataset ?? {};
    if (layer !== undefined) tell({ on: "lens", layer: Number(layer), position: Number(position) });
  }

  // Down and right by one, while the table has the focus.
  step(down, right) {
    const { cursor, lensCell } = this.store;
    const { layer, position } = cursor.on === "lens" ? cursor : lensCell;
    const moved = this.isFlipped ? { layer: layer + right, position: position + down } : { layer: layer + down, position: position + right };
    this.store.move({ on: "lens", ...moved });
  }

  // Do positions have to run down, for all words to fit?
  measure(theme, width) {
    const { store } = this;
    this.ruler.font = `bold ${TYPE}px ${theme.font}`;
    const wide = (text) => this.ruler.measureText(text).width + PADDING;
    const column = (position) =>
      Math.max(wide(store.header.reads[position]), ...store.header.lens.map((_, layer) => wide(store.lensWords({ layer, position })[0].token)));
    let total = wide("embedded");
    for (let position = 0; position < store.steps; position++) total += column(position);
    return total > width;
  }

  draw(theme) {
    const { store } = this;
    const { lens, reads, norm } = store.header;
    this.isFlipped = this.measure(theme, this.table.parentElement.clientWidth);
    const layers = lens.map((entry, layer) => ({ layer, name: layer ? `layer ${layer}` : "embedded", entry }));
    const positions = reads.map((token, position) => ({ position, name: token }));
    const [down, across] = this.isFlipped ? [positions, layers] : [layers, positions];
    const title = ({ entry, position, name }) => entry ?? `step ${position + 1} reads ${name}`;
    const head = (place, scope) =>
      el("th", { scope, class: place.position === store.step ? "open" : null, title: title(place) }, place.name);
    const corner = el("td", { class: "corner" });
    const rows = down.map((row) => el("tr", {}, head(row, "row"), ...across.map((column) => this.drawCell({ ...row, ...column }, theme))));
    this.table.replaceChildren(
      el("thead", {}, el("tr", {}, corner, ...across.map((place) => head(place, "col")))),
      el("tbody", {}, ...rows),
    );
    this.node.setAttribute("aria-label", `Logit lens: the most probable token after each of ${lens.length - 1} layers at ${reads.length} positions`);
    this.table.classList.toggle("flipped", this.isFlipped);
    this.caption.textContent = `${this.isFlipped ? "Columns are layers, rows positions" : "Rows are layers, columns positions"}, named by what they read; each cell shows the most probable token, the ${theme.mode === "dark" ? "lighter" : "darker"} the more probable. ${
      norm === "pre"
        ? "This model is pre-norm: the stream after each layer goes through the decoder's final norm first, then meets E."
        : "This model is post-norm: the stream after each layer is already normalised, and meets E as it is; there is no final norm."
    } The last layer says what the model says.`;
    this.drawCursor(theme);
  }

  drawCell({ layer, position }, theme) {
    const [{ token, prob }] = this.store.lensWords({ layer, position });
    const style = { background: css(theme, prob), color: textOn(theme, prob) };
    return el("td", { "data-layer": layer, "data-position": position, style, title: `${token} ${weightText(prob)}` }, token);
  }

  drawCursor(theme) {
    const { cursor, pinned, lensCell } = this.store;
    for (const marked of this.table.querySelectorAll(".here, .listed")) marked.classList.remove("here", "pinned", "listed");
    const cell = ({ layer, position }) => this.table.querySelector(`[data-layer="${layer}"][data-position="${position}"]`);
    cell(lensCell)?.classList.add("listed");
    if (cursor.on === "lens") cell(cursor)?.classList.add("here", ...(pinned ? ["pinned"] : []));
    const drawn = `${lensCell.layer}/${lensCell.position}`;
    if (this.listed !== drawn || this.listedOf !== this.store.header || this.listedMode !== theme.mode) this.drawList(theme);
    Object.assign(this, { listed: drawn, listedOf: this.store.header, listedMode: theme.mode });
  }

  // The most probable words of the cell that was clicked.
  drawList(theme) {
    const { store } = this;
    const { layer, position } = store.lensCell;
    const words = store.lensWords(store.lensCell);
    this.listTitle.textContent = `${layer ? `After layer ${layer}` : "Before the first layer"}, step ${position + 1} (reads ${store.header.reads[position]}): the ${words.length} most probable`;
    this.list.style.setProperty("--half", String(Math.ceil(words.length / 2)));
    this.list.replaceChildren(
      ...words.map(({ token, prob }) =>
        el(
          "li",
          {},
          el("span", { class: "word", title: token }, token),
          el("span", { class: "track", "aria-hidden": "true" }, el("span", { class: "fill", style: { width: `${100 * prob}%`, background: css(theme, Math.max(LEAST_SHADE, prob)) } })),
          el("span", { class: "prob" }, weightText(prob)),
        ),
      ),
    );
  }
}
