// The experiments: which were asked for, with which sentences, which of them is open, and what came of it. In the link
// they are called by their keys: runs=off,shift.10,shuffle.1.

import { wholeNumber } from "../shared/link.js";
import { backInPlace, mean, totalVariation } from "./maths.js";

/** @typedef {{ key: string, label: string, values: Record<string, any> }} Experiment `values`: of its address */

/** @type {Experiment} */
export const ORIGINAL = { key: "original", label: "Original", values: {} };
const MOST = 10;
const OTHERWISE = "This run did not arrive. Click the experiment again.";

/** @type {Record<string, (number: number) => Omit<Experiment, "key">>} */
const KINDS = {
  shift: (offset) => ({ label: `Shifted by ${offset}`, values: { offset } }),
  base: (base) => ({ label: `Base ${base.toLocaleString("en")}`, values: { base } }),
  shuffle: (shuffle) => ({ label: `Words shuffled (${shuffle})`, values: { shuffle } }),
  offshuffle: (shuffle) => ({ label: `Off, words shuffled (${shuffle})`, values: { positions: "off", shuffle } }),
};

// The experiment of a key: "off", or a kind and its number; null where there is none.
/** @param {string} key @returns {Experiment | null} */
export function experimentOf(key) {
  if (key === "off") return { key, label: "Positions off", values: { positions: "off" } };
  const [kind, text] = key.split(".");
  const number = wholeNumber(text);
  return kind in KINDS && number !== null ? { key, ...KINDS[kind](number) } : null;
}

/** @param {string | null} text */
export const listed = (text) => [...new Set((text ?? "").split(",").filter(Boolean))];

export class Runs {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.store = store;
    this.asked = [ORIGINAL];
    // Sentences beside the typed one.
    /** @type {string[]} */
    this.beside = [];
    /** @type {{ key: string, text: string } | null} */
    this.chosen = null;
    // The attention whose maps are open.
    this.site = "";
    this.shuffles = 0;
  }

  // The link ---------------------------------------------------------------------------------------------------

  linked() {
    const { header, cursor } = this.store;
    const { asked, beside, chosen, site } = this;
    const run = this.rows.findIndex((row) => this.isChosen(row));
    const open = chosen ? { run, site, cell: `${cursor.layer + 1}.${cursor.head + 1}` } : {};
    const numbers = beside.map((text) => header.pair.indexOf(text) + 1);
    return { runs: asked.slice(1).map(({ key }) => key).join(",") || null, beside: numbers.join(",") || null, ...open };
  }

  /** @param {import("../shared/link.js").Values} values */
  restore({ runs, beside, run, site }) {
    const { header } = this.store;
    const said = listed(runs).map(experimentOf).filter((each) => each !== null);
    this.asked = [ORIGINAL, ...said].slice(0, MOST);
    this.beside = listed(beside).map((number) => header.pair[Number(number) - 1]).filter(Boolean);
    const row = run === null ? null : this.rows[run];
    this.chosen = row && row.experiment !== ORIGINAL ? { key: row.experiment.key, text: row.text } : null;
    this.site = site ?? Object.keys(header.sites)[0];
    const seeds = said.map(({ values }) => Number(values.shuffle ?? 0));
    this.shuffles = Math.max(this.shuffles, ...seeds);
  }

  // Another sentence, or another model: what is still there.
  settle() {
    const { pair, sites } = this.store.header;
    this.beside = this.beside.filter((text) => pair.includes(text));
    if (this.chosen && !this.find(this.chosen.key)) this.chosen = null;
    if (this.chosen && !this.texts.includes(this.chosen.text)) this.chosen.text = this.texts[0];
    if (!(this.site in sites)) this.site = Object.keys(sites)[0];
  }

  // What there is ----------------------------------------------------------------------------------------------

  get texts() {
    return [...new Set([this.store.header.text, ...this.beside])];
  }

  // All that was asked for, experiment by experiment.
  get rows() {
    return this.asked.flatMap((experiment) => this.texts.map((text) => ({ experiment, text })));
  }

  /** @param {{ experiment: Experiment, text: string }} row */
  isChosen({ experiment, text }) {
    return this.chosen?.key === experiment.key && this.chosen.text === text;
  }

  /** @param {string} key @returns {Experiment | undefined} */
  find(key) {
    return this.asked.find((each) => each.key === key);
  }

  // A run's message; null while it is not here.
  /** @param {Experiment | undefined} experiment @param {string} text */
  run(experiment, text) {
    return experiment ? this.store.numbers.peek("experiment", { text, ...experiment.values }) : null;
  }

  /** @param {Experiment} experiment @param {string} text */
  trouble(experiment, text) {
    return this.store.numbers.trouble("experiment", { text, ...experiment.values });
  }

  fetch() {
    for (const { experiment, text } of this.rows) {
      this.store.numbers.ask("experiment", { text, ...experiment.values }, { otherwise: OTHERWISE });
    }
  }

  // The chosen run beside the original of the same sentence; null until both are there.
  /** @returns {any} */
  get compared() {
    if (!this.chosen) return null;
    const { key, text } = this.chosen;
    const experiment = this.find(key);
    const [run, original] = [this.run(experiment, text), this.run(ORIGINAL, text)];
    return run && original ? { experiment, text, run, original } : null;
  }

  // Rows and columns of its maps.
  get shape() {
    return this.compared?.run.arrays[this.site].shape.slice(2) ?? null;
  }

  // The tokens of the open attention's rows and columns, as typed.
  get tokens() {
    const { queries, keys } = this.store.header.sites[this.site];
    const { tokens, labels } = this.compared.original.header;
    return { rows: tokens[queries], labels: labels[queries], columns: tokens[keys] };
  }

  // Whether an experiment moves the tokens of a side.
  /** @param {string} side */
  isMoved(side) {
    /** @type {number[]} */
    const places = this.compared.run.header.places[side];
    return places.some((place, n) => place !== n);
  }

  // Both maps of a head, the experiment's rows and columns back in the order typed; their distance by row and in all.
  /** @param {number} layer @param {number} head */
  maps(layer, head) {
    const { site } = this;
    const { run, original } = this.compared;
    const { queries, keys } = this.store.header.sites[site];
    const [, n_heads, rows, columns] = run.arrays[site].shape;
    const start = (layer * n_heads + head) * rows * columns;
    const end = start + rows * columns;
    const [a, raw] = [original, run].map(({ arrays }) => arrays[site].values.subarray(start, end));
    const { places } = run.header;
    const b = backInPlace(raw, places[queries], places[keys]);
    const byRow = totalVariation(a, b, rows, columns);
    return { a, b, rows, columns, byRow, distance: mean(byRow) };
  }

  // Choosing ---------------------------------------------------------------------------------------------------

  /** @param {string} what */
  changed(what) {
    this.store.clamp();
    this.store.changed(what);
    this.store.say();
  }

  // Ask for what is missing, also for what did not come.
  ask() {
    this.store.numbers.retry();
    this.fetch();
    this.changed("runs");
  }

  /** @param {string} key */
  perform(key) {
    const experiment = experimentOf(key);
    if (!experiment) return;
    if (!this.find(key)) this.asked = [...this.asked, experiment];
    if (this.asked.length > MOST) this.asked = [ORIGINAL, ...this.asked.slice(2)];
    this.chosen = { key, text: this.chosen?.text ?? this.texts[0] };
    this.ask();
  }

  /** @param {string} kind */
  shuffle(kind) {
    this.shuffles += 1;
    this.perform(`${kind}.${this.shuffles}`);
  }

  // A sentence beside the typed one: shown, or put away again.
  /** @param {string} text */
  put(text) {
    if (text === this.store.header.text) return;
    this.beside = this.beside.includes(text) ? this.beside.filter((each) => each !== text) : [...this.beside, text];
    this.ask();
  }

  clear() {
    this.asked = [ORIGINAL];
    this.chosen = null;
    this.changed("runs");
  }

  /** @param {Experiment} experiment @param {string} text */
  choose({ key }, text) {
    this.chosen = { key, text };
    this.changed("runs");
  }

  /** @param {string} site */
  open(site) {
    this.site = site;
    this.changed("head");
  }
}
