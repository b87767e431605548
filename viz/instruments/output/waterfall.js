// Who added what: the direct contributions to one word's logit as a waterfall, from the embeddings to the logit. Bars run
// to the right where each has room for its label, and down where not.

import { el, listen } from "../shared/dom.js";
import { KINDS } from "./direct.js";

// Room that a bar's label needs; the first bars and the sum always have words for labels.
const LEAST = { blocks: 44, heads: 12.5 };
const WORDED = 42;
const AXIS = 34;
const LOW_SCREEN = 800;
const HIGH_SCREEN = 1000;
const LOW = { blocks: 132, heads: 98 };
const LEGEND = {
  embedding: "token, position",
  self_attn: "masked self-attention",
  cross_attn: "cross-attention",
  ffn: "feed-forward (F)",
  bias: "b, β: b_O, b_2, norms' β",
};

// How tall the bars may be on this screen.
function tall(grouping) {
  const { innerHeight } = window;
  if (innerHeight < LOW_SCREEN) return LOW[grouping];
  return innerHeight < HIGH_SCREEN ? 240 : 380;
}

// +3.14, −0.02
export const signedText = (value) => (Number.isNaN(value) ? "…" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`);
export const totalText = (value) => (Number.isNaN(value) ? "…" : value.toFixed(3).replace("-", "−"));
export const errorText = (error) => (Number.isFinite(error) ? (error === 0 ? "0" : error.toExponential(0)) : "not a number");

// Custom properties, which `style` objects do not take one by one.
const properties = (values) => ({ cssText: Object.entries(values).map(([name, value]) => `${name}:${value}`).join(";") });

// Round numbers from `low` to `high`, about four, 0 among them.
export function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((times) => times * power >= rough) ?? 10);
  const found = [];
  for (let n = Math.ceil(low / step); n * step <= high + 1e-9 * step; n++) found.push(n * step);
  return { step, found };
}

export class Waterfall {
  constructor(store) {
    this.store = store;
    this.words = el("select", { "aria-label": "Word whose logit is taken apart" });
    listen(this.words, { change: () => store.chooseWord(Number(this.words.value)) });
    this.choices = ["blocks", "heads"].map((grouping) =>
      el("button", { class: "head-choice", "data-grouping": grouping, onclick: () => store.group(grouping) }, grouping),
    );
    this.tools = el(
      "div",
      { class: "fall-tools" },
      el("label", {}, "logit of ", this.words),
      el("span", { role: "group", "aria-label": "One bar for each" }, ...this.choices),
    );
    this.plot = el("div", { class: "waterfall", tabindex: "0" });
    this.legend = el(
      "div",
      { class: "fall-legend" },
      ...KINDS.map((kind) => el("span", {}, el("i", { class: `swatch ${kind}`, "aria-hidden": "true" }), LEGEND[kind])),
    );
    this.caption = el("span", { class: "fall-caption" });
    this.about = el("span", {});
    this.node = el("section", { class: "added", role: "figure" }, this.plot, this.legend, el("p", { class: "note" }, this.caption, " ", this.about));
    listen(this.plot, { pointermove: (event) => this.at(event, (cursor) => store.point(cursor)) });
    listen(this.plot, { click: (event) => this.at(event, (cursor) => store.pin(cursor)) });
  }

  at(event, tell) {
    const bar = event.target.closest("[data-bar]")?.dataset.bar;
    if (bar !== undefined) tell({ on: "added", bar: Number(bar) });
  }

  // By one bar, while the plot has the focus.
  step(down, right) {
    const { cursor } = this.store;
    this.store.move({ on: "added", bar: cursor.bar + down + right });
  }

  draw() {
    const { store } = this;
    const { bars, word } = store.added;
    this.drawTools(word);
    const width = this.plot.clientWidth;
    const worded = bars.filter((bar) => bar.worded).length;
    const runsDown = (width - AXIS - worded * WORDED) / (bars.length - worded) < LEAST[store.grouping];
    this.plot.className = `waterfall ${runsDown ? "down" : "across"} by-${store.grouping}`;
    this.plot.style.setProperty("--tall", `${tall(store.grouping)}px`);
    const levels = bars.flatMap(({ before, after }) => [before, after]).filter(Number.isFinite);
    this.low = Math.min(0, ...levels);
    this.high = Math.max(0, ...levels, this.low + 1e-6);
    const name = `Direct contributions to the logit of ${word.token} at step ${store.step + 1}: ${bars.length - 1} bars and their sum`;
    this.node.setAttribute("aria-label", name);
    this.plot.replaceChildren(this.drawAxis(), ...this.drawGroups(bars));
    this.drawCaption(bars, word);
    this.drawCursor();
  }

  drawTools(word) {
    const { store } = this;
    this.words.replaceChildren(...store.candidates.map(({ id, token, taken }) => el("option", { value: String(id) }, taken ? `▸ ${token}` : token)));
    this.words.value = String(word.id);
    for (const choice of this.choices) choice.setAttribute("aria-pressed", String(choice.dataset.grouping === store.grouping));
  }

  // Share of the scale, 0 at its low end.
  share(level) {
    return (level - this.low) / (this.high - this.low);
  }

  drawAxis() {
    const { step, found } = ticks(this.low, this.high);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const text = (level) => level.toFixed(digits).replace("-", "−").replace(/^−(0\.?0*)$/, "$1");
    const lines = found.map((level) => el("span", { class: `tick${Math.abs(level) < step / 2 ? " zero" : ""}`, style: properties({ "--at": this.share(level) }) }, el("span", {}, text(level))));
    return el("div", { class: "fall-axis", "aria-hidden": "true" }, ...lines);
  }

  drawGroups(bars) {
    const groups = [];
    bars.forEach((bar, i) => {
      const last = groups[groups.length - 1];
      if (last && last.name === bar.group) last.bars.push({ ...bar, i });
      else groups.push({ name: bar.group, bars: [{ ...bar, i }] });
    });
    return groups.map(({ name, bars: own }) =>
      el(
        "div",
        { class: `fall-group${own[0].worded ? " worded" : ""}`, style: properties({ "--bars": own.length }) },
        el("div", { class: "fall-bars" }, ...own.map((bar) => this.drawBar(bar))),
        this.store.grouping === "heads" ? this.drawSites(own) : null,
        el("div", { class: "fall-group-name" }, name ?? ""),
      ),
    );
  }

  // Which attention or feed-forward the bars above belong to.
  drawSites(bars) {
    const runs = [];
    for (const { under } of bars) {
      const last = runs[runs.length - 1];
      if (last && last.under === under) last.bars += 1;
      else runs.push({ under, bars: 1 });
    }
    return el("div", { class: "fall-sites", "aria-hidden": "true" }, ...runs.map(({ under, bars: n }) => el("span", { class: under ? "site" : "", style: properties({ "--bars": n }) }, under)));
  }

  drawBar({ i, name, short, kind, value, before, after }) {
    const [low, high] = [Math.min(before, after), Math.max(before, after)].map((level) => (Number.isNaN(level) ? 0 : this.share(level)));
    const shares = { "--low": low, "--high": high, "--before": Number.isNaN(before) ? 0 : this.share(before), "--after": Number.isNaN(after) ? 0 : this.share(after) };
    const text = kind === "logit" ? (Number.isNaN(value) ? "…" : value.toFixed(2).replace("-", "−")) : signedText(value);
    return el(
      "div",
      { class: "fall-bar", "data-bar": i, role: "img", "aria-label": `${name}: ${text}`, style: properties(shares) },
      el("span", { class: "fall-name", "aria-hidden": "true" }, el("span", { class: "short" }, short), el("span", { class: "long" }, name)),
      el(
        "span",
        { class: "fall-track", "aria-hidden": "true" },
        kind === "logit" ? null : el("span", { class: "run before" }),
        kind === "logit" ? null : el("span", { class: "run after" }),
        el("span", { class: `fall ${kind}` }),
        el("span", { class: "fall-value" }, text),
      ),
    );
  }

  drawCaption(bars, word) {
    const { store } = this;
    const own = bars.slice(0, -1);
    const ordered = [...own].sort((a, b) => b.value - a.value);
    const [most] = ordered;
    const least = ordered[ordered.length - 1];
    const said = ({ name, value }) => `${name} (${signedText(value)})`;
    const total = bars[own.length].value;
    if (Number.isNaN(total)) this.caption.textContent = "Fetching what each block wrote at this step…";
    else {
      const pushes = most.value > 0 ? `The largest push for ${word.token} comes from ${said(most)}` : `Nothing pushes for ${word.token}`;
      const against = least.value < 0 ? `the largest against it from ${said(least)}` : "nothing pushes against it";
      const error = errorText(store.sumError());
      this.caption.textContent = `${pushes}; ${against}. The ${own.length} bars sum to ${totalText(total)}; the logit is ${totalText(word.logit)} (error ${error}).`;
    }
    const norms = store.header.norms.length;
    this.about.textContent = `This is the direct path only: what a block adds to the last state by itself; what it changes in later blocks is counted there. Each norm's μ and σ are held at their actual values${norms > 1 ? "" : " (pre-norm: only the final norm is passed)"}.`;
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    for (const marked of this.plot.querySelectorAll(".here")) marked.classList.remove("here", "pinned");
    if (cursor.on !== "added") return;
    const bar = this.plot.querySelector(`[data-bar="${cursor.bar}"]`);
    bar?.classList.add("here", ...(pinned ? ["pinned"] : []));
  }
}
