// The two lanes as a table of steps: as many columns as fit, then the next band below. Every number is a cell that can be pointed at.

import { el } from "../../../shared/dom.js";
import { numberText } from "../../../shared/numbers.js";
import { probText } from "../samples/explain.js";

// By the room there is: the labels' width, the least width of a step.
const SIZES = [
  { from: 1200, label: 156, column: 102, name: "large" },
  { from: 500, label: 124, column: 80, name: "" },
  { from: 0, label: 112, column: 80, name: "", narrow: { loss: "loss, nats" } },
];

// Rows of each view, top to bottom: [what, name, kind].
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

// What a cell says, and how long its bar is (0…1, null: none).
function content({ reference, own }, what, t, mostLoss) {
  const lane = what.startsWith("own") ? own : reference;
  if (t >= lane.ids.length) return ["", null];
  const p = (log) => [probText(Math.exp(log)), Math.exp(log)];
  if (what === "token" || what === "ownToken") return [lane.tokens[t], null];
  if (what === "p" || what === "ownP") return p(lane.logs[t]);
  if (what === "rank") return [reference.ranks[t].toLocaleString("en"), null];
  if (what === "loss") return [numberText(reference.losses[t]), reference.losses[t] / mostLoss];
  if (what === "best") return [reference.ranks[t] === 1 ? "the same" : reference.best[t], null];
  if (what === "bestP") return p(reference.bestLogs[t]);
  return [numberText({ one: reference.logs, stepped: reference.stepped, difference: reference.differences }[what][t]), null];
}

function cell(lanes, [what, , kind], t, mostLoss) {
  const [text, share] = content(lanes, what, t, mostLoss);
  const same = what === "best" && lanes.reference.ranks[t] === 1 ? " same" : "";
  const parts = t === lanes.parts && kind.startsWith("word") ? " parts" : "";
  const bar = share === null ? null : el("span", { class: "forcing-bar", style: { width: `${100 * Math.min(1, share)}%` }, "aria-hidden": "true" });
  return el("div", { class: `forcing-cell ${kind}${same}${parts}${text ? "" : " empty"}`, "data-step": t, "data-what": what, title: kind.includes("word") || what === "best" ? text : null }, bar, el("span", { class: "forcing-text", dir: kind.includes("word") ? "auto" : null }, text));
}

// Bands of columns for `width` pixels; what: "loss" | "passes".
export function bands(all, view, width) {
  const lanes = view === "loss" ? all : { ...all, steps: all.reference.ids.length, parts: null };
  const { label, column, name, narrow = {} } = SIZES.find(({ from }) => width >= from);
  const columns = Math.max(1, Math.min(lanes.steps, Math.floor((width - label) / column)));
  const count = Math.ceil(lanes.steps / columns);
  const each = Math.ceil(lanes.steps / count); // bands of equal length
  const mostLoss = Math.max(1, ...lanes.reference.losses);
  return Array.from({ length: count }, (_, band) => {
    const steps = Array.from({ length: Math.min(each, lanes.steps - band * each) }, (_, i) => band * each + i);
    const heads = steps.map((t) => el("div", { class: `forcing-head${t === lanes.parts ? " parts" : ""}`, "data-step": t }, t === lanes.parts ? `${t + 1} they part` : String(t + 1)));
    const head = [el("div", { class: "forcing-label head" }, "step"), ...heads];
    const rows = VIEWS[view].map((row) => [el("div", { class: `forcing-label ${row[2]}` }, narrow[row[0]] ?? row[1]), ...steps.map((t) => cell(lanes, row, t, mostLoss))]);
    const template = `${label}px repeat(${each}, minmax(0, ${Math.round(1.6 * column)}px))`;
    return el("div", { class: `forcing-band ${name}`, style: { gridTemplateColumns: template } }, ...[head, ...rows].flatMap((cells) => [...cells, ...Array.from({ length: each - steps.length }, () => el("div"))]));
  });
}
