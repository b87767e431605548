// When a row of the cache is computed and read again, in words, against a count of the steps.

import assert from "node:assert/strict";
import { test } from "node:test";

import { when } from "../../viz/instruments/decoding/parts/cache/words.js";

const numbers = (text) => (text.match(/\d+/g) ?? []).map(Number);

// Steps count from 0 here, in words from 1. Of what comes from the source, all rows are computed at the first.
for (const isBack of [true, false]) {
  test(`a row says when it is computed and read again: ${isBack ? "of what was said" : "of the source"}`, () => {
    for (let steps = 1; steps <= 5; steps++) {
      for (let row = 0; row < steps; row++) {
        for (let step = 0; step < steps; step++) {
          const born = isBack ? row : 0;
          const said = when(isBack, row, step, steps);
          if (born > step) {
            assert.equal(said, `Step ${born + 1} computes it; it is not there yet.`);
            continue;
          }
          const [computed, again] = said.split("; ");
          assert.equal(computed, `Computed at step ${born + 1}${born === step ? ", the open one" : ""}`);
          const later = Array.from({ length: steps - born - 1 }, (_, i) => born + 2 + i);
          assert.deepEqual(numbers(again), later.length > 2 ? [later[0], later.at(-1)] : later);
        }
      }
    }
  });
}
