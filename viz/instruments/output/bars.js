// The most probable words of the open step as bars: token, id, logit, probability, cumulative mass; and what if.

import { el, listen } from "../shared/dom.js";
import { numberText, weightText } from "../shared/numbers.js";
import { css } from "../shared/theme.js";
import { cutText } from "./explain.js";

const PARTS = ["logit", "prob", "what-if"];
const LEAST_SHADE = 0.45;

const atLeast = (value) => (Number.isNaN(value) ? "…" : weightText(value));

export class Bars {
  constructor(store) {
    this.store = store;
    this.rows = el("div", { class: "rows", role: "rowgroup" });
    this.head = el("div", { class: "bar-row head", role: "row" });
    // Where the list runs in two columns, the second has the same head.
    this.again = el("div", { class: "bar-row head again", "aria-hidden": "true" });
    this.table = el("div", { class: "bars", role: "table", tabindex: "0" }, el("div", { class: "heads", role: "rowgroup" }, this.head, this.again), this.rows);
    this.caption = el("p", { class: "note" });
    this.node = el("section", { class: "bars-part", role: "figure" }, this.table, this.caption);
    listen(this.rows, { pointermove: (event) => this.at(event, (cursor) => store.point(cursor)) });
    listen(this.rows, { click: (event) => this.at(event, (cursor) => store.pin(cursor)) });
  }

  at(event, tell) {
    const row = event.target.closest("[data-rank]");
    if (!row) return;
    const on = event.target.closest("[data-part]")?.dataset.part ?? "prob";
    tell({ on, rank: Number(row.dataset.rank) });
  }

  // Down and right by one, while the bars have the focus.
  step(down, right) {
    const { cursor, whatIf } = this.store;
    const parts = whatIf ? PARTS : PARTS.slice(0, 2);
    const part = parts.indexOf(cursor.on);
    if (part < 0) this.store.move({ on: "prob" });
    else this.store.move({ on: parts[Math.min(Math.max(part + right, 0), parts.length - 1)], rank: cursor.rank + down });
  }

  draw(theme) {
    const { store } = this;
    const { whatIf, sampled } = store;
    const candidates = store.candidates;
    const listed = `step ${store.step + 1}, which reads ${store.header.reads[store.step]}`;
    this.node.setAttribute("aria-label", `The ${candidates.length} tokens to choose from at ${listed}`);
    this.table.setAttribute("aria-label", `Words of ${listed}`);
    this.table.classList.toggle("with-what-if", whatIf);
    const names = ["word", "id", "logit", "", "probability", "cumulative", ...(whatIf ? ["what if"] : [])];
    this.head.replaceChildren(...names.map((name) => el("span", { role: "columnheader" }, name)));
    this.again.replaceChildren(...names.map((name) => el("span", {}, name)));
    this.table.style.setProperty("--half", String(Math.ceil(candidates.length / 2)));
    this.rows.replaceChildren(...candidates.map((word, i) => this.drawRow(word, i, theme, sampled)));
    this.caption.textContent = this.captionText(candidates, sampled);
    this.drawCursor();
  }

  drawRow(word, index, theme, sampled) {
    const reason = sampled?.cut[word.id] ?? 0;
    const probs = sampled?.probs[word.id] ?? 0;
    const cell = (name, part, text, more = {}) => el("span", { class: name, role: "cell", "data-part": part, ...more }, text);
    const bars = [el("span", { class: "fill", style: { width: `${100 * word.prob}%`, background: css(theme, Math.max(LEAST_SHADE, word.prob)) } })];
    if (sampled) bars.push(el("span", { class: `fill what-if${reason ? " cut" : ""}`, style: { width: `${100 * (reason ? word.prob : probs)}%` } }));
    const cells = [
      cell("word", "prob", word.taken ? `▸ ${word.token}` : word.token, { title: word.token }),
      cell("id", "prob", String(word.id)),
      cell("logit", "logit", numberText(word.logit)),
      el("span", { class: "track", role: "cell", "data-part": "prob", "aria-hidden": "true" }, ...bars),
      cell("prob", "prob", weightText(word.prob)),
      cell("mass", "prob", atLeast(word.mass)),
    ];
    if (this.store.whatIf) {
      const text = !sampled ? "…" : reason ? cutText(reason, this.store.knobs).split(":")[0] : weightText(probs);
      cells.push(cell("what-if", "what-if", text, { title: reason ? cutText(reason, this.store.knobs) : "renormalised over the tokens that are kept" }));
    }
    const classes = `bar-row${word.taken ? " taken" : ""}${reason ? " is-cut" : ""}`;
    const label = word.taken ? { title: "the translation takes this word" } : {};
    return el("div", { class: classes, role: "row", "data-rank": index, ...label }, ...cells);
  }

  captionText(candidates, sampled) {
    const { store } = this;
    const taken = candidates.find((word) => word.taken);
    const place = taken.rank === null ? "" : ` (the ${taken.rank === 0 ? "most probable word" : `word of rank ${taken.rank + 1}`})`;
    const shown = candidates.filter(({ rank }) => rank !== null && rank < store.rowOf("ids", store.step).length);
    const mass = shown[shown.length - 1].mass;
    const own = `▸ ${taken.token} is what the translation says here${place}. The ${shown.length} most probable of ${store.header.vocab.toLocaleString("en")} tokens hold ${weightText(mass)} of the mass.`;
    if (!sampled) return own;
    const hidden = Math.max(0, sampled.kept - shown.length);
    const kept = `What if: ${sampled.kept.toLocaleString("en")} token${sampled.kept === 1 ? "" : "s"} kept${hidden ? ` (${hidden.toLocaleString("en")} of them below this list)` : ""}, which held ${weightText(sampled.mass)} of the mass at this temperature.`;
    return `${own} ${kept}`;
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    for (const marked of this.rows.querySelectorAll(".here")) marked.classList.remove("here", "pinned");
    if (!PARTS.includes(cursor.on)) return;
    const row = this.rows.children[cursor.rank];
    const cell = row?.querySelector(`.${cursor.on}[data-part]`);
    row?.classList.add("here");
    cell?.classList.add("here");
    if (pinned) cell?.classList.add("pinned");
  }
}
