// The live model with other positions: what it says then, and which attention maps change.

import { el, listen } from "../shared/dom.js";
import { Matrix } from "../shared/matrix.js";
import { numberText, weightText } from "../shared/numbers.js";
import { css } from "../shared/theme.js";
import { ORIGINAL } from "./store.js";

const SAME = 1e-4;
const MAP_NAMES = ["original", "experiment"];

// "sentence" for a number that repeats: the same ids, and log-probabilities closer than this.
const isSame = (a, b) => a.ids.join() === b.ids.join() && Math.abs(a.log_prob - b.log_prob) < SAME;

// What a pair of sentences teaches, from four headers of runs: both as they are, then both without positions.
export function lessonOf([onA, onB, offA, offB]) {
  const pairSays = isSame(onA.translation, onB.translation) ? "the two are already the same to this model" : "the model tells the two apart";
  const logs = [offA, offB].map(({ translation }) => numberText(translation.log_prob));
  const tokens = [offA, offB].map(({ read }) => JSON.stringify([...read].sort()));
  let rest = "Without them it still does: the two sentences are not made of the same tokens.";
  if (isSame(offA.translation, offB.translation)) rest = `Without them they are one and the same bag of words: “${offA.translation.text}” for both, log P ${logs[0]} for both.`;
  else if (tokens[0] === tokens[1]) rest = `The same tokens in another order should then be one, and are not: log P ${logs.join(" and ")} without positions.`;
  return `With positions ${pairSays}. ${rest}`;
}

export class Experiments {
  constructor(store) {
    this.store = store;
    this.shift = el("input", { type: "number", step: "1", value: "10", class: "number", "aria-label": "Shift by how many positions" });
    this.controls = el("div", { class: "controls", role: "group", "aria-label": "Experiments" });
    this.pair = el("div", { class: "controls", role: "group", "aria-label": "Sentences beside" });
    this.body = el("tbody");
    this.table = el(
      "table",
      { class: "runs", "aria-label": "The original and each experiment" },
      el("thead", {}, el("tr", {}, ...["Run", "The model read", "It says (log-probability of each token)", "log P"].map((name) => el("th", { scope: "col" }, name)))),
      this.body,
    );
    this.lesson = el("p", { class: "lesson", role: "status" });
    this.sites = el("div", { class: "tabs", role: "tablist", "aria-label": "Attention" });
    this.caption = el("p", { class: "note" });
    this.grid = el("div", { class: "grid-box" });
    this.figures = MAP_NAMES.map((name) => {
      const matrix = new Matrix({ onCursor: (cell) => store.pointMap(cell), onPin: (cell) => store.pointMap(cell) });
      matrix.node.dataset.map = name;
      const title = el("b");
      return { name, matrix, title, box: el("div", { class: "map-box" }, el("div", { class: "panel-name" }, title), matrix.node) };
    });
    this.maps = el("div", { class: "maps" }, ...this.figures.map(({ box }) => box));
    this.compare = el("div", { class: "compare" }, el("div", { class: "panel-name" }, (this.compareName = el("b"))), this.sites, this.caption, el("div", { class: "difference" }, this.grid, this.maps));
    this.node = el("div", { class: "view experiments" }, this.controls, this.pair, this.lesson, el("div", { class: "table-box" }, this.table), this.compare);
    listen(this.grid, { keydown: (event) => this.press(event) });
    listen(this.shift, { keydown: (event) => event.key === "Enter" && this.shiftBy() });
  }

  draw(theme, width) {
    this.theme = theme;
    this.width = width;
    this.drawControls();
    this.drawRuns();
  }

  button(label, experiment, refused) {
    const known = typeof experiment === "object" && this.store.asked.some(({ key }) => key === experiment.key);
    return el("button", { class: "small", disabled: refused ? "" : null, title: refused ?? null, "aria-pressed": known ? "true" : null, onclick: () => this.store.perform(typeof experiment === "function" ? experiment() : experiment) }, label);
  }

  shuffle(more, label) {
    const seed = (this.store.shuffles += 1);
    return { key: `${label} ${seed}`, label: `${label} (${seed})`, values: { ...more, shuffle: seed } };
  }

  shiftBy() {
    const { store } = this;
    const most = store.header.longest_shift;
    const k = Math.min(Math.max(Math.round(Number(this.shift.value) || 0), -most), most);
    this.shift.value = String(k);
    if (k && !store.header.refused.shift) store.perform({ key: `shift ${k}`, label: `Shifted by ${k}`, values: { offset: k } });
  }

  drawControls() {
    const { store } = this;
    const { refused, bases, pair, n_words, longest_shift } = store.header;
    const tooFew = n_words < 2 ? "There are no two words to shuffle." : null;
    const active = this.node.getRootNode().activeElement;
    const focused = active?.textContent;
    Object.assign(this.shift, { min: String(-longest_shift), max: String(longest_shift), disabled: Boolean(refused.shift) });
    const shift = el("button", { class: "small", disabled: refused.shift ? "" : null, title: refused.shift, onclick: () => this.shiftBy() }, "Shift by");
    const baseButtons = bases.map((base) => this.button(base.toLocaleString("en"), { key: `base ${base}`, label: `Base ${base.toLocaleString("en")}`, values: { base } }, refused.base));
    this.controls.replaceChildren(
      this.button("Positions off", { key: "off", label: "Positions off", values: { positions: "off" } }, refused.off),
      this.button("Shuffle the words", () => this.shuffle({}, "Words shuffled"), tooFew),
      this.button("Off and shuffled", () => this.shuffle({ positions: "off" }, "Off, words shuffled"), refused.off ?? tooFew),
      el("span", { class: "together" }, shift, this.shift),
      el("span", { class: "together" }, el("span", {}, `Wavelength base, not ${store.header.base.toLocaleString("en")}:`), ...baseButtons),
    );
    const texts = pair.map((text) => el("button", { class: "small", "aria-pressed": String(store.texts.includes(text)), onclick: () => store.beside(text) }, text));
    const clear = store.asked.length > 1 ? [el("button", { class: "small", onclick: () => store.clear() }, "Clear the table")] : [];
    this.pair.replaceChildren(...(texts.length ? [el("span", {}, "The same with:"), ...texts] : []), ...clear);
    const reasons = [...new Set([refused.off, refused.shift, refused.base].filter(Boolean))];
    if (reasons.length) this.pair.append(el("span", { class: "note" }, reasons.join(" ")));
    if (active === this.shift) this.shift.focus({ preventScroll: true });
    else if (focused) [...this.node.querySelectorAll("button")].find((button) => button.textContent === focused)?.focus({ preventScroll: true });
  }

  drawRuns() {
    const { store } = this;
    this.drawControls();
    const rows = store.rows;
    const several = store.texts.length > 1;
    this.body.replaceChildren(...rows.map((row, n) => this.row(row, rows.slice(0, n), several)));
    this.drawLesson();
    this.drawCompare();
  }

  row({ experiment, text, run }, before, several) {
    const { store } = this;
    const isChosen = store.chosen?.experiment.key === experiment.key && store.chosen.text === text;
    const name = experiment === ORIGINAL ? el("span", {}, experiment.label) : el("button", { class: "head-choice", "aria-pressed": String(isChosen), onclick: () => store.choose(experiment, text) }, experiment.label);
    const properties = { class: isChosen ? "chosen" : "", "data-run": experiment.key, "data-text": text };
    if (!run?.header) {
      const said = run?.trouble ?? "…";
      return el("tr", properties, el("th", { scope: "row" }, name), el("td", { colspan: "3", class: run?.trouble ? "trouble" : "", role: run?.trouble ? "alert" : null }, several ? `${text} ${said}` : said));
    }
    const { read, translation } = run.header;
    const twin = before.find((other) => other.run?.header && isSame(other.run.header.translation, translation));
    const steps = translation.steps.map(([token, log_prob]) => el("span", { class: "step" }, el("span", { class: "step-token" }, token), el("span", { class: "step-prob" }, numberText(log_prob))));
    const says = el("td", { class: "says", dir: "auto" }, el("b", {}, translation.text || "(nothing)"), translation.finished ? "" : " … (stopped at its limit)", el("div", { class: "run-steps" }, ...steps));
    const same = twin ? el("div", { class: "same" }, `same as “${twin.experiment.label}”${twin.text === text ? "" : ` of “${twin.text}”`}`) : "";
    return el(
      "tr",
      properties,
      el("th", { scope: "row" }, name),
      el("td", { class: "read" }, ...read.map((token) => el("span", { class: "read-token" }, token))),
      says,
      el("td", { class: "log-prob" }, numberText(translation.log_prob), same),
    );
  }

  // What the pair teaches, once all four runs are there.
  drawLesson() {
    const { store } = this;
    const [a, b] = store.header.pair;
    const off = store.asked.find(({ key }) => key === "off");
    const said = (experiment, text) => (experiment ? store.run(experiment, text)?.header : undefined);
    const four = [said(ORIGINAL, a), said(ORIGINAL, b), said(off, a), said(off, b)];
    const isThere = a !== undefined && b !== undefined && four.every(Boolean);
    this.lesson.hidden = !isThere;
    if (!isThere) return;
    this.lesson.textContent = lessonOf(four);
  }

  drawCompare() {
    const { store, theme } = this;
    const found = store.compared;
    this.compare.hidden = !found;
    if (!found) return;
    const { header } = store;
    const active = this.node.getRootNode().activeElement;
    const focused = { site: active?.dataset?.site, cell: active?.dataset?.cell };
    this.compareName.textContent = `What changed in attention: ${found.experiment.label}${store.texts.length > 1 ? `, “${found.text}”` : ""}`;
    this.sites.replaceChildren(
      ...Object.entries(header.sites).map(([site, title]) => el("button", { class: "tab", role: "tab", "data-site": site, "aria-selected": String(site === store.site), onclick: () => store.openSite(site) }, title)),
    );
    const isMoved = found.run.header.experiment.order !== null && store.site !== "decoder.self_attn";
    const forced = store.site === "encoder.self_attn" ? "" : " Both maps are of the original's translation, given to the decoder word for word, so that they compare.";
    this.caption.textContent = `Each cell is a head: the mean over rows of ½ Σ |original − experiment|, the total variation distance: 0 the same map, 1 nothing in common.${isMoved ? " Tokens of the experiment are put back in the order typed, so that each row is compared with that of the same token." : ""}${forced}`;
    const grid = el("div", { class: "tv-grid", role: "grid", "aria-label": "Difference of each head", style: { gridTemplateColumns: `auto repeat(${header.n_heads}, minmax(0, 1fr))` } });
    grid.append(el("span", { class: "corner" }, el("span", {}, "head →"), el("span", {}, "layer ↓")), ...Array.from({ length: header.n_heads }, (_, head) => el("span", { class: "axis-head" }, String(head + 1))));
    for (let layer = 0; layer < header.n_layers; layer++) {
      grid.append(el("span", { class: "axis-layer" }, String(layer + 1)));
      for (let head = 0; head < header.n_heads; head++) grid.append(this.cell(layer, head));
    }
    this.grid.replaceChildren(grid);
    if (focused.site) this.sites.querySelector(`[data-site="${focused.site}"]`)?.focus({ preventScroll: true });
    if (focused.cell) this.grid.querySelector('[aria-pressed="true"]')?.focus({ preventScroll: true });
    this.drawMaps(theme);
  }

  cell(layer, head) {
    const { store, theme } = this;
    const { distance } = store.maps(store.site, layer, head);
    const isHere = store.cell.layer === layer && store.cell.head === head;
    const isDeep = distance > (theme.mode === "dark" ? 0.45 : 0.58);
    return el(
      "button",
      {
        class: "tv", "data-cell": `${layer + 1}.${head + 1}`, "aria-pressed": String(isHere), tabindex: isHere ? "0" : "-1",
        "aria-label": `layer ${layer + 1}, head ${head + 1}: ${weightText(distance)}`,
        style: { background: css(theme, distance), color: isDeep ? theme.background : theme.text }, onclick: () => store.openCell({ layer, head }),
      },
      distance.toFixed(2),
    );
  }

  drawMaps(theme) {
    const { store, width } = this;
    const { run, original, experiment } = store.compared;
    const { layer, head } = store.cell;
    const maps = store.maps(store.site, layer, head);
    const src = original.header.read;
    const rows = store.site === "encoder.self_attn" ? src : original.header.queries;
    const columns = store.site === "decoder.self_attn" ? run.header.tgt : src;
    const room = width >= 900 ? (width - 300) / 2 - 16 : width >= 620 ? width / 2 - 12 : width;
    const titles = [`Original, layer ${layer + 1}, head ${head + 1}`, `${experiment.label}, layer ${layer + 1}, head ${head + 1}`];
    this.figures.forEach(({ matrix, title }, n) => {
      title.textContent = titles[n];
      const values = n ? maps.b : maps.a;
      matrix.draw({ stage: `${store.site}.weights`, values, rows: [...rows], columns: [...columns], causal: store.site === "decoder.self_attn", theme, width: room, height: Math.max(230, 110 + (rows.length > 16 ? 17 : 24) * rows.length) });
      matrix.node.setAttribute("aria-label", `${titles[n]}: weights of ${rows.length} × ${columns.length} tokens, 0 to 1`);
    });
    this.labels = { rows, columns };
    this.drawCursor();
  }

  drawCursor() {
    const { store } = this;
    if (!store.compared || !this.labels) return;
    const { mapCursor } = store;
    const cursor = { query: Math.min(mapCursor.query, this.labels.rows.length - 1), key: Math.min(mapCursor.key, this.labels.columns.length - 1) };
    for (const { matrix } of this.figures) matrix.mark(cursor, false);
  }

  move(down, right) {
    const { store } = this;
    const { query, key } = store.mapCursor;
    const bounded = (value, labels) => Math.min(Math.max(value, 0), labels.length - 1);
    store.pointMap({ query: bounded(query + down, this.labels.rows), key: bounded(key + right, this.labels.columns) });
  }

  press(event) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    if (!(event.key in moves)) return;
    const [down, right] = moves[event.key];
    const { layer, head } = this.store.cell;
    event.preventDefault();
    event.stopPropagation();
    this.store.openCell({ layer: layer + down, head: head + right });
    this.grid.querySelector('[aria-pressed="true"]')?.focus({ preventScroll: true });
  }
}
