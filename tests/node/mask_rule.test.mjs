// attention/explain.js: which keys a row may see, in words.
import assert from "node:assert/strict";
import { test } from "node:test";

import { maskRule } from "../../viz/instruments/attention/explain.js";

const REAL = 4;
const ROWS = 5;
const KEYS = 5;

function expected(causal, query, key) {
  if (key >= REAL) return "−∞ by the padding mask";
  if (!causal) return "kept: a real token";
  if (key > query) return `−∞ by the causal mask: row ${query + 1} must not see token ${key + 1}`;
  return `kept: token ${key + 1} does not come after row ${query + 1}`;
}

for (const causal of [true, false]) {
  test(`the mask's rule says of each cell whether it is seen and why: ${causal ? "" : "not "}causal`, () => {
    const store = { site: { causal, real: { key: REAL } }, knobs: { mask: true } };
    for (let query = 0; query < ROWS; query++) {
      for (let key = 0; key < KEYS; key++) {
        const rule = maskRule(store, query, key);
        assert.ok(rule.startsWith(expected(causal, query, key)), `row ${query}, key ${key}: ${rule}`);
      }
    }
  });
}
