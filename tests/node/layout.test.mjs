// attention/layout.js: where the stages of a head lie, whatever their sizes and the room.
import assert from "node:assert/strict";
import { test } from "node:test";

import { narrowLayout, wideLayout } from "../../viz/instruments/attention/layout.js";
import { cellAt } from "../../viz/instruments/shared/sheet.js";

const SHAPES = [[1, 1], [5, 9], [9, 5], [20, 20], [64, 80], [80, 64], [1, 64], [64, 1]];
const LABEL = 120;
const D_HEAD = 32;

// The stages of a site with so many queries and keys.
function stagesOf([queries, keys], heads, biased = false) {
  const roles = { v: "value", z: "value" };
  const stage = (name, rows, count, columns, kind) => {
    return { name, rows, role: roles[name], shape: [count, columns], columns: kind };
  };
  const ofKeys = (name, columns, kind) => stage(name, "key", keys, columns, kind);
  const ofQueries = (name, columns, kind) => stage(name, "query", queries, columns, kind);
  const dModel = heads * D_HEAD;
  const middle = ["scores", "scaled", ...(biased ? ["biased"] : []), "masked", "weights"];
  return [
    ofKeys("x_kv", dModel, "d_model"),
    ofKeys("k", D_HEAD, "d_head"),
    ofKeys("v", D_HEAD, "d_head"),
    ofQueries("x_q", dModel, "d_model"),
    ofQueries("q", D_HEAD, "d_head"),
    ...middle.map((name) => ofQueries(name, keys, "key")),
    ofQueries("z", D_HEAD, "d_head"),
    ofQueries("concat", dModel, "d_model"),
    ofQueries("out", dModel, "d_model"),
  ];
}

const wide = (stages, width) => wideLayout(stages, { width, height: 640, label: LABEL });

function assertApart(panels) {
  panels.forEach((one, n) => {
    for (const two of panels.slice(n + 1)) {
      const beside = one.x + one.width <= two.x || two.x + two.width <= one.x;
      const above = one.y + one.height <= two.headerY || two.y + two.height <= one.headerY;
      assert.ok(beside || above, `${one.name} and ${two.name} overlap`);
    }
  });
}

// Each cell's middle and nearly its corners belong to it, and what lies above and below a panel does not.
function assertInverts(layout) {
  for (const panel of layout.panels) {
    const at = (row, column) => {
      return cellAt(layout.panels, panel.x + column * panel.cellWidth, panel.y + row * panel.cellHeight);
    };
    for (let row = 0; row < panel.rows; row++) {
      for (let column = 0; column < panel.columns; column++) {
        for (const within of [0.01, 0.5, 0.99]) {
          const found = at(row + within, column + within);
          const isThere = found.panel === panel && found.row === row && found.column === column;
          assert.ok(isThere, `${panel.name}[${row}, ${column}]`);
        }
      }
    }
    for (const y of [panel.y - 1, panel.y + panel.height + 1]) {
      assert.notEqual(cellAt(layout.panels, panel.x + panel.width / 2, y)?.panel, panel);
    }
  }
}

for (const shape of SHAPES) {
  const name = shape.join(" × ");

  test(`panels never overlap and stay inside the width: ${name}`, () => {
    for (const heads of [1, 4, 8]) {
      for (const biased of [false, true]) {
        const stages = stagesOf(shape, heads, biased);
        for (const width of [1000, 1280, 1500, 1900]) {
          const layout = wide(stages, width);
          assert.deepEqual(layout.panels.map((panel) => panel.name).sort(), stages.map((stage) => stage.name).sort());
          assertApart(layout.panels);
          assert.ok(layout.width <= width);
          for (const panel of layout.panels) {
            assert.ok(panel.x >= LABEL && panel.headerY >= 0);
            assert.ok(panel.x + panel.width <= width + 1e-9);
            assert.ok(panel.y + panel.height <= layout.height);
          }
        }
      }
    }
  });

  test(`a panel has one cell for each number, and rows are as high in every stage: ${name}`, () => {
    const stages = stagesOf(shape, 4);
    const panels = Object.fromEntries(wide(stages, 1280).panels.map((panel) => [panel.name, panel]));
    for (const { name: stage, shape: [rows, columns] } of stages) {
      const { width, height, cellWidth, cellHeight } = panels[stage];
      assert.ok(Math.abs(width - columns * cellWidth) < 1e-6 && Math.abs(height - rows * cellHeight) < 1e-6);
      assert.ok(Math.abs(cellHeight - panels.q.cellHeight) < 1e-6);
    }
  });

  test(`the cell under a point is the one that was placed there: ${name}`, () => {
    assertInverts(wide(stagesOf(shape, 4), 1280));
  });

  test(`on a narrow screen any one stage fits into the width: ${name}`, () => {
    for (const width of [280, 390]) {
      for (const stage of stagesOf(shape, 4)) {
        const layout = narrowLayout(stage, { width, height: 500, label: 80 });
        const [panel] = layout.panels;
        assert.ok(panel.x + panel.width <= width, stage.name);
        assertInverts(layout);
      }
    }
  });
}

test("no cell lies beside the panels", () => {
  const layout = wide(stagesOf([5, 9], 4), 1280);
  for (const [x, y] of [[-1, -1], [5, 5], [1e5, 1e5], [LABEL - 1, 100]]) {
    assert.equal(cellAt(layout.panels, x, y), null);
  }
});
