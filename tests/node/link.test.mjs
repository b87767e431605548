// link.js: what a table of parameters reads from a link, and what it writes.
import assert from "node:assert/strict";
import { test } from "node:test";

// The module watches the page's history as soon as it is there.
const location = { href: "http://127.0.0.1/" };
globalThis.window = { location, history: { length: 1 }, addEventListener() {} };
const { decode, encode, wholeNumber } = await import("../../viz/instruments/shared/link.js");

const TABLE = [
  { name: "layer", kind: "count" },
  { name: "view", kind: "choice", choices: ["heads", "inside"] },
  { name: "padded", kind: "flag" },
  { name: "alpha", kind: "number" },
  { name: "reference", kind: "text" },
];
const NO_NUMBERS = ["", " ", "zzz", "١", "1e3", "1.5", "--5", "-", "²", "½", "0x1", "9".repeat(5000), "1\n"];

test("a whole number is up to nine digits, as on the server", () => {
  for (const [text, number] of [["3", 3], ["-4", -4], ["007", 7], ["999999999", 999999999]]) {
    assert.equal(wholeNumber(text), number);
  }
  for (const text of [...NO_NUMBERS, null, undefined]) assert.equal(wholeNumber(text), null);
});

test("links count from 1, code from 0, and each kind reads its own", () => {
  const link = { layer: "3", view: "inside", padded: "true", alpha: "0.6", reference: "a b", other: "5" };
  assert.deepEqual(decode(TABLE, link), { layer: 2, view: "inside", padded: true, alpha: 0.6, reference: "a b" });
});

test("what a link does not say, or says without sense, is null", () => {
  const nothing = { layer: null, view: null, padded: null, alpha: null, reference: null };
  assert.deepEqual(decode(TABLE, {}), nothing);
  const wrong = { layer: "zzz", view: "nowhere", padded: "0", alpha: "x" };
  assert.deepEqual(decode(TABLE, wrong), nothing);
  for (const text of NO_NUMBERS) assert.equal(decode(TABLE, { layer: text }).layer, null);
});

test("what was read is written as it was, and null takes a parameter out", () => {
  const values = { layer: 2, view: "inside", padded: true, alpha: 0.6, reference: "a b" };
  const texts = encode(TABLE, values);
  assert.deepEqual(texts, { layer: 3, view: "inside", padded: 1, alpha: 0.6, reference: "a b" });
  const link = Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, String(text)]));
  assert.deepEqual(decode(TABLE, link), values);
  const empty = encode(TABLE, { layer: null, view: undefined, padded: false });
  assert.deepEqual(empty, { layer: null, view: null, padded: null, alpha: null, reference: null });
});
