// Who added what: the direct contributions to one word's logit as a waterfall, from the embeddings to the logit. Bars
// run to the right where each has room for its label, and down where not.

import { el, listen } from "../shared/dom.js";
import { marked } from "../shared/paint.js";

// Room that a bar's label needs; the first bars and the sum always have words for labels.
const LEAST = { blocks: 44, heads: 12.5 };
const WORDED = 42;
const AXIS = 34;
const LOW_SCREEN = 800;
const HIGH_SCREEN = 1000;
const LOW = { blocks: 132, heads: 98 };

// How tall the bars may be on this screen.
function tall(grouping) {
  const { innerHeight } = window;
  if (innerHeight < LOW_SCREEN) return LOW[grouping];
  return innerHeight < HIGH_SCREEN ? 240 : 380;
}

// +3.14, −0.02
const signedText = (value) => (Number.isNaN(value) ? "…" : `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(2)}`);
const sumText = (value) => (Number.isNaN(value) ? "…" : value.toFixed(2).replace("-", "−"));
const totalText = (value) => value.toFixed(3).replace("-", "−");

function errorText(error) {
  if (!Number.isFinite(error)) return "not a number";
  return error === 0 ? "0" : error.toExponential(0);
}

// Custom properties, which `style` objects do not take one by one.
function properties(values) {
  const rules = Object.entries(values).map(([name, value]) => `${name}:${value}`);
  return { cssText: rules.join(";") };
}

// Round numbers from `low` to `high`, about four, 0 among them.
function ticks(low, high) {
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
    // The ends of the scale.
    this.low = 0;
    this.high = 1;
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
    this.legend = el("div", { class: "fall-legend" });
    this.caption = el("span", { class: "fall-caption" });
    this.about = el("span", {});
    const note = el("p", { class: "note" }, this.caption, " ", this.about);
    this.node = el("section", { class: "added", role: "figure" }, this.plot, this.legend, note);
    listen(this.plot, { pointermove: (event) => this.at(event, (cursor) => store.point(cursor)) });
    listen(this.plot, { click: (event) => this.at(event, (cursor) => store.pin(cursor)) });
  }

  at(event, tell) {
    const bar = event.target.closest("[data-bar]")?.dataset.bar;
    if (bar !== undefined) tell({ on: "added", bar: Number(bar) });
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
    const whose = `the logit of ${word.token} at step ${store.step + 1}`;
    const name = `Direct contributions to ${whose}: ${bars.length - 1} bars and their sum`;
    this.node.setAttribute("aria-label", name);
    this.plot.replaceChildren(this.drawAxis(), ...this.drawGroups(bars));
    const swatch = (look) => el("i", { class: `swatch ${look}`, "aria-hidden": "true" });
    this.legend.replaceChildren(...store.header.legend.map(({ look, says }) => el("span", {}, swatch(look), says)));
    this.drawCaption(bars, word);
    this.drawCursor();
  }

  drawTools(word) {
    const { store } = this;
    const option = ({ id, token, taken }) => el("option", { value: String(id) }, taken ? `▸ ${token}` : token);
    this.words.replaceChildren(...store.candidates.map(option));
    this.words.value = String(word.id);
    const isOpen = (choice) => choice.dataset.grouping === store.grouping;
    for (const choice of this.choices) choice.setAttribute("aria-pressed", String(isOpen(choice)));
  }

  // Share of the scale, 0 at its low end.
  share(level) {
    return (level - this.low) / (this.high - this.low);
  }

  drawAxis() {
    const { step, found } = ticks(this.low, this.high);
    const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
    const text = (level) => level.toFixed(digits).replace("-", "−").replace(/^−(0\.?0*)$/, "$1");
    const tick = (level) => {
      const style = properties({ "--at": this.share(level) });
      const zero = Math.abs(level) < step / 2 ? " zero" : "";
      return marked(el("span", { class: `tick${zero}`, style }, el("span", {}, text(level))), "tick", [level]);
    };
    return el("div", { class: "fall-axis", "aria-hidden": "true" }, ...found.map(tick));
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
    const style = (n) => properties({ "--bars": n });
    const span = ({ under, bars: n }) => el("span", { class: under ? "site" : "", style: style(n) }, under);
    return el("div", { class: "fall-sites", "aria-hidden": "true" }, ...runs.map(span));
  }

  drawBar({ i, name, short, look, value, before, after }) {
    const isSum = look === "logit";
    const share = (level) => (Number.isNaN(level) ? 0 : this.share(level));
    const [from, to] = [share(before), share(after)];
    const ends = { "--low": Math.min(from, to), "--high": Math.max(from, to), "--before": from, "--after": to };
    const text = isSum ? sumText(value) : signedText(value);
    const names = [el("span", { class: "short" }, short), el("span", { class: "long" }, name)];
    const said = el("span", { class: "fall-value" }, text);
    const runs = isSum ? [] : [el("span", { class: "run before" }), el("span", { class: "run after" })];
    const fall = marked(el("span", { class: `fall ${look}` }), "contributions", [i, value, before, after]);
    return el(
      "div",
      { class: "fall-bar", "data-bar": i, role: "img", "aria-label": `${name}: ${text}`, style: properties(ends) },
      el("span", { class: "fall-name", "aria-hidden": "true" }, ...names),
      el("span", { class: "fall-track", "aria-hidden": "true" }, ...runs, fall, said),
    );
  }

  drawCaption(bars, word) {
    const { store } = this;
    this.caption.textContent = this.captionText(bars, word);
    const passed = store.header.norms.length > 1 ? "" : " (pre-norm: only the final norm is passed)";
    this.about.textContent =
      "This is the direct path only: what a block adds to the last state by itself; what it changes in later blocks " +
      `is counted there. Each norm's μ and σ are held at their actual values${passed}.`;
  }

  captionText(bars, word) {
    const own = bars.slice(0, -1);
    const total = bars[own.length].value;
    if (Number.isNaN(total)) return "Fetching what each block wrote at this step…";
    const ordered = [...own].sort((a, b) => b.value - a.value);
    const [most, least] = [ordered[0], ordered[ordered.length - 1]];
    const said = ({ name, value }) => `${name} (${signedText(value)})`;
    const { token } = word;
    const push = `The largest push for ${token} comes from ${said(most)}`;
    const pushes = most.value > 0 ? push : `Nothing pushes for ${token}`;
    const against = least.value < 0 ? `the largest against it from ${said(least)}` : "nothing pushes against it";
    const sums = `The ${own.length} bars sum to ${totalText(total)}; the logit is ${totalText(word.logit)}`;
    return `${pushes}; ${against}. ${sums} (error ${errorText(this.store.sumError())}).`;
  }

  drawCursor() {
    const { cursor, pinned } = this.store;
    for (const marked of this.plot.querySelectorAll(".here")) marked.classList.remove("here", "pinned");
    if (cursor.on !== "added") return;
    const bar = this.plot.querySelector(`[data-bar="${cursor.bar}"]`);
    bar?.classList.add("here", ...(pinned ? ["pinned"] : []));
  }
}
