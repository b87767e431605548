// The two lanes as a table of steps: as many columns as fit, then the next band below. Every number is a cell.

import { el } from "../../../shared/dom.js";
import { numberText, probText } from "../../../shared/numbers.js";
import { marked } from "../../../shared/paint.js";

/** @typedef {import("./explain.js").Both} Both */

// By the room there is: the labels' width, the least width of a step.
/** @type {{ from: number, label: number, column: number, name: string, narrow?: Record<string, string> }[]} */
const SIZES = [
  { from: 1200, label: 156, column: 102, name: "large" },
  { from: 500, label: 124, column: 80, name: "" },
  { from: 0, label: 112, column: 80, name: "", narrow: { loss: "loss, nats" } },
];

// Rows of each view, top to bottom: [what, name, kind].
/** @type {Record<string, [string, string, string][]>} */
export const VIEWS = {
  loss: [
    ["token", "reference", "word"],
    ["p", "probability p", "prob"],
    ["rank", "rank of p", "plain"],
    ["loss", "loss −ln p, nats", "loss"],
    ["best", "first choice", "choice"],
    ["bestP", "its probability", "prob"],
    ["ownToken", "free running", "word own"],
    ["ownP", "probability p", "prob own"],
  ],
  passes: [
    ["token", "reference", "word"],
    ["one", "ln p, one pass", "plain"],
    ["stepped", "ln p, stepwise", "plain"],
    ["difference", "difference", "plain"],
  ],
};

// What a cell says, and the number that its bar shows as a share of 1 (null: none).
/** @param {Both} lanes @param {string} what @param {number} t @returns {[string, number | null]} */
function content({ reference, own }, what, t) {
  const lane = what.startsWith("own") ? own : reference;
  if (t >= lane.ids.length) return ["", null];
  const p = (/** @type {number} */ log) => /** @type {[string, number]} */ ([probText(Math.exp(log)), Math.exp(log)]);
  /** @type {Record<string, ArrayLike<number>>} */
  const compared = { one: reference.logs, stepped: reference.stepped, difference: reference.differences };
  if (what in compared) return [numberText(compared[what][t]), null];
  /** @type {Record<string, () => [string, number | null]>} */
  const says = {
    token: () => [lane.tokens[t], null],
    p: () => p(lane.logs[t]),
    rank: () => [reference.ranks[t].toLocaleString("en"), null],
    loss: () => [numberText(reference.losses[t]), reference.losses[t]],
    best: () => [reference.ranks[t] === 1 ? "the same" : reference.best[t], null],
    bestP: () => p(reference.bestLogs[t]),
  };
  return says[{ ownToken: "token", ownP: "p" }[what] ?? what]();
}

/** @param {Both} lanes @param {string[]} row of VIEWS @param {number} t @param {number} mostLoss whose bar is full */
function cell(lanes, [what, , kind], t, mostLoss) {
  const [text, value] = content(lanes, what, t);
  const share = value === null ? 0 : Math.min(1, value / (what === "loss" ? mostLoss : 1));
  const isWord = kind.includes("word");
  const kinds = {
    same: what === "best" && lanes.reference.ranks[t] === 1, parts: t === lanes.parts && kind.startsWith("word"),
    empty: !text,
  };
  const classes = Object.entries(kinds).flatMap(([name, isSo]) => (isSo ? [name] : []));
  const bar = el("span", { class: "forcing-bar", style: { width: `${100 * share}%` }, "aria-hidden": "true" });
  const title = isWord || what === "best" ? text : null;
  return el(
    "div",
    { class: ["forcing-cell", kind, ...classes].join(" "), "data-step": t, "data-what": what, title },
    value === null ? null : marked(bar, what, [t, value, share]),
    el("span", { class: "forcing-text", dir: isWord ? "auto" : null }, text),
  );
}

// Bands of columns for `width` pixels, of equal length.
/** @param {Both} all @param {string} view "loss" | "passes" @param {number} width */
export function bands(all, view, width) {
  const lanes = view === "loss" ? all : { ...all, steps: all.reference.ids.length, parts: null };
  const size = SIZES.find(({ from }) => width >= from) ?? SIZES[SIZES.length - 1];
  const { label, column, name, narrow = {} } = size;
  const columns = Math.max(1, Math.min(lanes.steps, Math.floor((width - label) / column)));
  const count = Math.ceil(lanes.steps / columns);
  const each = Math.ceil(lanes.steps / count);
  const mostLoss = Math.max(1, ...lanes.reference.losses);
  const head = (/** @type {number} */ t) => {
    const [kind, text] = t === lanes.parts ? [" parts", `${t + 1} they part`] : ["", String(t + 1)];
    return el("div", { class: `forcing-head${kind}`, "data-step": t }, text);
  };
  return Array.from({ length: count }, (_, band) => {
    const steps = Array.from({ length: Math.min(each, lanes.steps - band * each) }, (_, i) => band * each + i);
    const rest = Array.from({ length: each - steps.length });
    const rows = VIEWS[view].map((row) => {
      const title = el("div", { class: `forcing-label ${row[2]}` }, narrow[row[0]] ?? row[1]);
      return [title, ...steps.map((t) => cell(lanes, row, t, mostLoss))];
    });
    rows.unshift([el("div", { class: "forcing-label head" }, "step"), ...steps.map(head)]);
    const gridTemplateColumns = `${label}px repeat(${each}, minmax(0, ${Math.round(1.6 * column)}px))`;
    const cells = rows.flatMap((row) => [...row, ...rest.map(() => el("div"))]);
    return el("div", { class: `forcing-band ${name}`, style: { gridTemplateColumns } }, ...cells);
  });
}
