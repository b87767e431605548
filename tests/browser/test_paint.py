"""paint.js in Chromium, cell by cell: every scale, both themes; what is recorded is what was painted."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.screen import colours_of
from viz import theme

VALUES = np.array(
    [[0, 0.25, 0.5, 0.9, 1], [-0.1, -1, -2.5, 2.5, 1.7], [3, -3, 0.004, -0.004, 2]], dtype=np.float32
)
"""Either side of 0, both ends, and beyond them."""
LIMIT = 2.5
CELL, AROUND = (11, 7), 4
"""A cell's width and height, and the room around the picture."""
SILENT = [1, 2, 3]

# Paints a picture in one way on a canvas of a bare page; gives its pixels, and what it says it painted.
PAINT = """
async ([way, mode, palette, given, [wide, high], around]) => {
  const [paint, { readTheme }] = await Promise.all(
    ["paint", "theme"].map((name) => import(`/instruments/shared/${name}.js`)),
  );
  document.body.style.setProperty("--st-background-color", palette[mode].sequential[0]);
  const theme = readTheme(document.body, palette);
  const { rows, columns } = given;
  const place = { x: around, y: around, width: wide * columns, height: high * rows };
  const picture = { ...given, values: Float32Array.from(given.values), ...place };
  const canvas = document.createElement("canvas");
  const context = paint.fresh(canvas, place.width + 2 * around, place.height + 2 * around);
  if (way === "stretched") paint.paint(context, picture, theme);
  if (way === "tiles") paint.paintTiles(context, picture, theme, 1);
  if (way === "thumbnail") paint.paintThumbnail(canvas, picture, theme);
  if (way === "rows") {
    const ready = paint.prepared(picture, theme);
    for (let i = 0; i < rows; i++) {
      paint.stamp(context, ready, { ...place, y: place.y + i * high, height: high }, i);
    }
  }
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const painted = canvas.painted.map((each) => ({ ...each, values: [...each.values] }));
  return { pixels: [...data], width: canvas.width, painted };
}
"""


def paint(page, way, mode, scale, values=VALUES, silent=None):
    """The colour in the middle of each cell (…, 3), and what the canvas says it painted."""
    rows, columns = values.shape
    picture = {"stage": "scores", "rows": rows, "columns": columns, "scale": scale, "limit": LIMIT}
    picture |= {"silent": silent, "values": values.astype(float).ravel().tolist()}
    found = page.evaluate(PAINT, [way, mode, theme.palette(), picture, CELL, AROUND])
    pixels = np.array(found["pixels"]).reshape(-1, found["width"], 4)
    assert (pixels[0, 0, 3] == 0) == (way != "thumbnail"), "nothing is painted around the picture"
    (wide, high), around, ratio = CELL, AROUND, page.evaluate("window.devicePixelRatio")
    if way == "thumbnail":
        wide, high, around, ratio = 1, 1, 0, 1
        assert pixels.shape[:2] == values.shape
    x = np.floor((around + (np.arange(columns) + 0.5) * wide) * ratio).astype(int)
    y = np.floor((around + (np.arange(rows) + 0.5) * high) * ratio).astype(int)
    return pixels[np.ix_(y, x)][..., :3], found["painted"]


WAYS = ("stretched", "tiles", "rows", "thumbnail")


@pytest.mark.parametrize("mode", theme.MODES)
@pytest.mark.parametrize("scale", ["weight", "positive", "signed"])
@pytest.mark.parametrize("way", WAYS)
def test_each_cell_has_the_colour_of_its_value(bare, way, scale, mode):
    colours, _ = paint(bare(1), way, mode, scale)
    assert np.array_equal(colours, colours_of(VALUES, scale, LIMIT, mode))


@pytest.mark.parametrize("way", WAYS)
def test_cells_stand_where_they_should_on_a_screen_of_fine_pixels(bare, way):
    colours, _ = paint(bare(2), way, "light", "signed")
    assert np.array_equal(colours, colours_of(VALUES, "signed", LIMIT, "light"))


@pytest.mark.parametrize("way", WAYS)
def test_what_is_not_above_zero_has_the_silent_colour_where_there_is_one(bare, way):
    colours, _ = paint(bare(1), way, "light", "positive", silent=SILENT)
    expected = np.where(VALUES[..., None] > 0, colours_of(VALUES, "positive", LIMIT, "light"), SILENT)
    assert np.array_equal(colours, expected)


def test_minus_infinity_has_the_colour_of_zero_on_the_signed_scale(bare):
    values = np.array([[-np.inf, 0, -LIMIT]])
    colours, _ = paint(bare(1), "stretched", "light", "signed", values)
    assert np.array_equal(colours, colours_of([[0, 0, -LIMIT]], "signed", LIMIT, "light"))


@pytest.mark.parametrize("way", WAYS)
def test_the_canvas_says_what_it_painted_and_where(bare, way):
    _, painted = paint(bare(1), way, "light", "signed")
    rows, columns = VALUES.shape
    assert np.array_equal([value for each in painted for value in each["values"]], VALUES.ravel())
    places = [[each[name] for name in ("x", "y", "width", "height", "rows", "columns")] for each in painted]
    (wide, high), y = CELL, AROUND
    assert places == {
        "rows": [[AROUND, y + i * high, columns * wide, high, 1, columns] for i in range(rows)],
        "thumbnail": [[0, 0, columns, rows, rows, columns]],
    }.get(way, [[AROUND, y, columns * wide, rows * high, rows, columns]])
    assert {(each["stage"], each["scale"], each["limit"]) for each in painted} == {
        ("scores", "signed", LIMIT)
    }


def test_the_canvas_says_what_it_wrote_and_where_whichever_way_it_is_turned(bare):
    write = """
    async () => {
      const { fresh, wipe, write } = await import("/instruments/shared/paint.js");
      const canvas = document.createElement("canvas");
      const context = fresh(canvas, 100, 50);
      context.textAlign = "right";
      write(context, "straight", 12, 7, 40);
      context.translate(30, 20);
      context.rotate(-1);
      write(context, "turned", 0, 0);
      const written = canvas.written;
      wipe(canvas);
      return [written, canvas.written, canvas.painted];
    }
    """
    written, *wiped = bare(2).evaluate(write)
    assert [(each["text"], each["align"]) for each in written] == [("straight", "right"), ("turned", "right")]
    assert [(each["x"], each["y"]) for each in written] == [(12, 7), (30, 20)]
    assert wiped == [[], []]
