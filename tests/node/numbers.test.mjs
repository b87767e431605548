// numbers.js: how quantities are written on the screen and in snippets.
import assert from "node:assert/strict";
import { test } from "node:test";

import { exactText, numberText, percentText, shortened, weightText } from "../../viz/instruments/shared/numbers.js";

// Numbers in [0, 1), the same in every run: x → 1664525 x + 1013904223 modulo 2³².
function* shares(count) {
  for (let n = 0, state = 3; n < count; n++) {
    state = (Math.imul(1664525, state) + 1013904223) >>> 0;
    yield state / 2 ** 32;
  }
}

// float32 numbers of every size and sign, from their bits.
function anyFloats(count) {
  const bits = Uint32Array.from(shares(count), (share) => share * 2 ** 32);
  return [...new Float32Array(bits.buffer)].filter(Number.isFinite);
}

const everyday = (count) => Array.from(shares(count), (share, n) => Math.fround((share - 0.5) * 10 ** ((n % 12) - 6)));

test("the text in a snippet gives back the same float32", () => {
  const special = [0, 1, -1, 0.1, 1 / 3, 16777217, 1e-45].map(Math.fround);
  for (const number of [...anyFloats(300), ...everyday(100), ...special]) {
    assert.equal(Math.fround(Number(exactText(number))), number);
  }
});

test("a snippet's text is short where the number is", () => {
  assert.deepEqual([0, 0.5, -2, 100, Math.fround(0.1)].map(exactText), ["0", "0.5", "-2", "100", "0.1"]);
});

test("a snippet says NaN and infinity as NumPy does", () => {
  assert.deepEqual([NaN, Infinity, -Infinity].map(exactText), ["np.nan", "np.inf", "-np.inf"]);
});

test("a number has four significant digits", () => {
  const texts = new Map([
    [0, "0"], [1, "1.000"], [-0.12345, "−0.1235"], [123.456, "123.5"], [99999, "1.000e+5"], [123456, "1.23e+5"],
    [0.00001234, "1.23e-5"], [-0.00001234, "−1.23e-5"], [Infinity, "∞"], [-Infinity, "−∞"], [NaN, "NaN"],
  ]);
  for (const [number, text] of texts) assert.equal(numberText(number), text);
});

test("a weight has four decimals", () => {
  assert.deepEqual([0, 1, 0.12346].map(weightText), ["0.0000", "1.0000", "0.1235"]);
});

test("a percentage has one decimal, and is never 0.0% of what there is", () => {
  assert.deepEqual([0, 0.0004, 0.0005, 0.1234, 1].map(percentText), ["0.0%", "<0.1%", "0.1%", "12.3%", "100.0%"]);
});

test("a long token is cut between characters", () => {
  const tokens = [
    ["station", 7, "station"],
    ["stations", 7, "statio…"],
    ["", 3, ""],
    ["🏃🏽🏃🏽🏃🏽", 4, "🏃🏽🏃…"],
    ["مرحبا", 3, "مر…"],
    ["<b>bold</b>", 4, "<b>…"],
  ];
  for (const [token, most, text] of tokens) assert.equal(shortened(token, most), text);
});
