// Evaluates what tests/helpers/node.py asks, one JSON line { source, argument } after another: `source` is a function,
// whose answer to `argument` goes back as { value } or { error }. What JSON lacks travels as { $number: "NaN" } and
// { $array: "Float32Array", values }.
import { createInterface } from "node:readline";

const TYPES = { Float32Array, Float64Array, Int32Array, Uint8Array };

function inwards(value) {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(inwards);
  if ("$number" in value) return Number(value.$number);
  if ("$array" in value) return new TYPES[value.$array](inwards(value.values));
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, inwards(inner)]));
}

function outwards(value) {
  if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return Array.from(value, outwards);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, outwards(inner)]));
}

async function answer({ source, argument }) {
  try {
    return { value: outwards(await (0, eval)(source)(inwards(argument))) };
  } catch (error) {
    return { error: error.stack };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
