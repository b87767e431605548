// theme.js: which colour of a table a value has, and which text can be read on it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { channels, contrast, luminance, shade, shadeSigned, textOn } from "../../viz/instruments/shared/theme.js";

test("a colour is read as it is written in styles", () => {
  assert.deepEqual(channels("#10a0ff"), [16, 160, 255]);
  assert.deepEqual(channels("rgb(1, 2, 3)"), [1, 2, 3]);
  assert.deepEqual(channels("rgba(1, 2, 3, 0.5)"), [1, 2, 3]);
});

test("a weight has the nearest of 256 colours, and what is beyond has the last", () => {
  assert.deepEqual([-1, 0, 0.5, 1, 2].map(shade), [0, 0, 3 * 128, 3 * 255, 3 * 255]);
  for (let i = 0; i < 256; i++) assert.equal(shade(i / 255), 3 * i);
});

test("the signed scale has 0 in its middle and its limits at its ends", () => {
  assert.equal(shadeSigned(-2, 2), 0);
  assert.equal(shadeSigned(2, 2), 3 * 255);
  assert.equal(shadeSigned(0, 2), 3 * 128);
  assert.equal(shadeSigned(-9, 2), 0);
  assert.ok(shadeSigned(0.5, 2) > shadeSigned(-0.5, 2));
});

test("contrast is WCAG's: 21 between black and white, 1 between equals, the same both ways", () => {
  const [black, white, grey] = [[0, 0, 0], [255, 255, 255], [119, 119, 119]];
  assert.equal(luminance(white), 1);
  assert.equal(contrast(black, white), 21);
  assert.equal(contrast(grey, grey), 1);
  assert.equal(contrast(white, grey), contrast(grey, white));
  assert.ok(Math.abs(contrast(grey, white) - 4.48) < 0.01);
});

test("text on a shade is whichever of the page's two colours can be read better", () => {
  const ramp = Uint8ClampedArray.from({ length: 3 * 256 }, (_, n) => Math.floor(n / 3));
  const theme = { ramp, background: "#ffffff", text: "#000000" };
  assert.deepEqual([0, 1].map((weight) => channels(textOn(theme, weight))), [[255, 255, 255], [0, 0, 0]]);
});
