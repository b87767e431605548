// The most probable words of the open step as bars: token, id, logit, probability, cumulative mass; and what if.

import { el, listen } from "../shared/dom.js";
import { numberText, weightText } from "../shared/numbers.js";
import { shareBar } from "../shared/share_bar.js";
import { within } from "../shared/store.js";
import { countText, cutText } from "./explain.js";

const PARTS = ["logit", "prob", "what-if"];

const atLeast = (value) => (Number.isNaN(value) ? "…" : weightText(value));

function keptText({ kept, mass }, shown) {
  const hidden = kept > shown ? ` (${countText(kept - shown)} of them below this list)` : "";
  const tokens = `${countText(kept)} token${kept === 1 ? "" : "s"}`;
  return `What if: ${tokens} kept${hidden}, which held ${weightText(mass)} of the mass at this temperature.`;
}

export class Bars {
  constructor(store) {
    this.store = store;
    this.rows = el("div", { class: "rows", role: "rowgroup" });
    this.head = el("div", { class: "bar-row head", role: "row" });
    // Where the list runs in two columns, the second has the same head.
    this.again = el("div", { class: "bar-row head again", "aria-hidden": "true" });
    const heads = el("div", { class: "heads", role: "rowgroup" }, this.head, this.again);
    this.table = el("div", { class: "bars", role: "table", tabindex: "0" }, heads, this.rows);
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

  // Down and right, while the bars have the focus.
  walk(down, right) {
    const { cursor, whatIf } = this.store;
    const parts = whatIf ? PARTS : PARTS.slice(0, 2);
    const part = parts.indexOf(cursor.on);
    if (part < 0) this.store.move({ on: "prob" });
    else this.store.move({ on: parts[within(part + right, parts.length)], rank: cursor.rank + down });
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
    const cell = (name, part, text, more = {}) =>
      el("span", { class: name, role: "cell", "data-part": part, ...more }, text);
    const sampledBar = () => {
      const style = { width: `${100 * (reason ? word.prob : probs)}%` };
      return el("span", { class: `fill what-if${reason ? " cut" : ""}`, style });
    };
    const track = { role: "cell", "data-part": "prob", "aria-hidden": "true" };
    const cells = [
      cell("word", "prob", word.taken ? `▸ ${word.token}` : word.token, { title: word.token }),
      cell("id", "prob", String(word.id)),
      cell("logit", "logit", numberText(word.logit)),
      shareBar(word.prob, theme, track, ...(sampled ? [sampledBar()] : [])),
      cell("prob", "prob", weightText(word.prob)),
      cell("mass", "prob", atLeast(word.mass)),
    ];
    if (this.store.whatIf) {
      const [text, title] = this.whatIfTexts(sampled, reason, probs);
      cells.push(cell("what-if", "what-if", text, { title }));
    }
    const classes = `bar-row${word.taken ? " taken" : ""}${reason ? " is-cut" : ""}`;
    const label = word.taken ? { title: "the translation takes this word" } : {};
    return el("div", { class: classes, role: "row", "data-rank": index, ...label }, ...cells);
  }

  whatIfTexts(sampled, reason, prob) {
    if (!reason) return [sampled ? weightText(prob) : "…", "renormalised over the tokens that are kept"];
    const why = cutText(reason, this.store.knobs);
    return [why.split(":")[0], why];
  }

  captionText(candidates, sampled) {
    const { store } = this;
    const taken = candidates.find((word) => word.taken);
    const rank = taken.rank === 0 ? "most probable word" : `word of rank ${taken.rank + 1}`;
    const place = taken.rank === null ? "" : ` (the ${rank})`;
    const shown = candidates.filter(({ rank }) => rank !== null && rank < store.rowOf("ids", store.step).length);
    const mass = shown[shown.length - 1].mass;
    const own =
      `▸ ${taken.token} is what the translation says here${place}. The ${shown.length} most probable of ` +
      `${countText(store.header.vocab)} tokens hold ${weightText(mass)} of the mass.`;
    return sampled ? `${own} ${keptText(sampled, shown.length)}` : own;
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
