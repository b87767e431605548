"""What a head does, in words and as lines."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.helpers.head import PLACE, SENTENCE, bits, heaviest, open_view, stage_values
from tests.helpers.places import SITES
from viz import theme

WORDS = {
    "diagonal": "itself",
    "previous": "the previous token",
    "next": "the next token",
    "first": "the first token",
    "end": "the end token",
    "peak": "a row's heaviest",
}


def figures_of(weights, place):
    """Mean weights of the rows that have such a place and a choice. Only sources have an end token."""
    if place == "decoder.self_attn":
        rows = weights[1:]
        return {
            "first": rows[:, 0].mean(),
            "diagonal": np.diag(weights)[1:].mean(),
            "previous": np.diag(weights, -1).mean(),
        }
    figures = {"first": weights[:, 0].mean(), "end": weights[:, -1].mean()}
    if place == "encoder.self_attn":
        offsets = {"diagonal": 0, "previous": -1, "next": 1}
        figures |= {name: np.diag(weights, offset).mean() for name, offset in offsets.items()}
    return figures


@pytest.mark.parametrize("place", SITES)
def test_what_a_head_does_is_said_with_its_figures(visit, zoo, zoo_trace, place):
    page = visit(zoo, text=SENTENCE, place=place, layer=2, head=2)
    expect(page.locator(".head-line")).to_have_count(zoo_trace.config.n_heads)
    weights = stage_values(zoo_trace, "weights", place, 2, 2)
    said = page.locator(".figures").inner_text()
    entropy, most = re.search(r"entropy ([\d.]+) of ([\d.]+) bits", said).groups()
    with_a_choice = weights[1:] if place == "decoder.self_attn" else weights
    assert float(entropy) == pytest.approx(bits(with_a_choice).mean(), abs=0.00501)
    assert float(most) == pytest.approx(np.log2(weights.shape[1]), abs=0.00501)
    assert ("the row that sees one token only" in said) == (place == "decoder.self_attn")
    assert ("never steps back" in said) == (place == "decoder.cross_attn")
    figures = figures_of(weights, place) | {"peak": with_a_choice.max(-1).mean()}
    assert {name for name, words in WORDS.items() if f"{words} " in said} == set(figures)
    for name, share in figures.items():
        (percent,) = re.search(rf"{WORDS[name]} (<?[\d.]+)%", said).groups()
        if percent == "<0.1":
            assert 0 < share < 0.0005, name
        else:
            assert float(percent) == pytest.approx(100 * share, abs=0.0501), name


@pytest.mark.parametrize("place", SITES)
def test_every_head_of_the_layer_has_its_words_and_its_figure(visit, zoo, zoo_trace, place):
    page = visit(zoo, text=SENTENCE, place=place, layer=1, head=1)
    lines = page.locator(".head-line")
    expect(lines).to_have_count(zoo_trace.config.n_heads)
    for head, line in enumerate(lines.all(), 1):
        figures = figures_of(stage_values(zoo_trace, "weights", place, 1, head), place)
        best = max(figures, key=figures.get)
        said = line.locator(".badge, .note").inner_text()
        if figures[best] > 0.5:
            assert f"({100 * figures[best]:.1f}%)" in said
        else:
            assert re.search(r"\(\d+\.\d%\)|spread over about \d+ of \d+", said)


# Lines


LINES = """
(figure) => [...figure.querySelectorAll("path")].filter((line) => line.style.display !== "none")
  .map((line) => [line.dataset.head, line.dataset.query, line.dataset.key].map(Number))
"""


@pytest.fixture(scope="module")
def lines_page(visit_once, zoo):
    page = visit_once(zoo, text=SENTENCE, place=PLACE, layer=2, head=2)
    expect(page.locator(".check")).to_contain_text("recomputed")
    open_view(page, "Lines")
    page.locator(".lines-figure svg").wait_for()
    return page


@pytest.fixture
def lines(lines_page):
    """Lines of head 2 alone, at the share that it starts with."""
    toggles = lines_page.get_by_role("group", name="Heads drawn").get_by_role("button")
    for toggle in toggles.all()[2:]:
        if toggle.get_attribute("aria-pressed") == "true":
            toggle.click()
    lines_page.get_by_role("slider", name="Share of the mass drawn").fill("80")
    lines_page.mouse.move(1, 1)
    return lines_page


def drawn(page):
    return page.locator(".lines-figure").evaluate(LINES)


def expected_lines(trace, head, share):
    weights = stage_values(trace, "weights", PLACE, 2, head)
    return {(head - 1, *divmod(int(cell), weights.shape[1])) for cell in heaviest(weights, share)}


@pytest.mark.parametrize("percent", [5, 50, 80, 100])
def test_the_heaviest_lines_are_drawn_until_they_hold_the_share(lines, zoo_trace, percent):
    lines.get_by_role("slider", name="Share of the mass drawn").fill(str(percent))
    assert set(map(tuple, drawn(lines))) == expected_lines(zoo_trace, 2, percent / 100)


def test_lines_run_from_queries_to_keys_where_lengths_differ(lines, zoo_trace):
    n_queries, n_keys = stage_values(zoo_trace, "weights", PLACE, 2, 2).shape
    assert n_queries != n_keys
    expect(lines.locator(".line-token")).to_have_count(n_queries + n_keys)
    lines.get_by_role("slider", name="Share of the mass drawn").fill("100")
    cells = drawn(lines)
    assert {query for _, query, _ in cells} == set(range(n_queries))
    assert {key for _, _, key in cells} == set(range(n_keys))


def test_a_lines_width_and_opacity_grow_with_its_weight(lines, zoo_trace):
    weights = stage_values(zoo_trace, "weights", PLACE, 2, 2)
    attributes = "(lines) => lines.map((line) => ['data-query', 'data-key', 'stroke-width', 'stroke-opacity']"
    attributes += ".map((name) => Number(line.getAttribute(name))))"
    rows = np.array(lines.locator(".lines-figure path").evaluate_all(attributes))
    own = weights[rows[:, 0].astype(int), rows[:, 1].astype(int)]
    order = np.argsort(own)
    assert (np.diff(rows[order, 2]) >= -0.0051).all() and rows[order[-1], 2] > rows[order[0], 2]
    assert (np.diff(rows[order, 3]) >= 0).all()


@pytest.mark.parametrize(("side", "index"), [("query", 3), ("key", 1)])
def test_pointing_at_a_token_keeps_only_its_lines(lines, zoo_trace, side, index):
    n_queries = stage_values(zoo_trace, "weights", PLACE, 2, 2).shape[0]
    all_lines = set(map(tuple, drawn(lines)))
    lines.locator(".line-token").nth(index if side == "query" else n_queries + index).hover()
    at = 1 if side == "query" else 2
    assert set(map(tuple, drawn(lines))) == {line for line in all_lines if line[at] == index}
    lines.mouse.move(1, 1)
    assert set(map(tuple, drawn(lines))) == all_lines


def test_several_heads_are_drawn_at_once_each_in_its_colour(lines, zoo_trace):
    lines.get_by_role("button", name="head 4", exact=True).last.click()
    expected = expected_lines(zoo_trace, 2, 0.8) | expected_lines(zoo_trace, 4, 0.8)
    assert set(map(tuple, drawn(lines))) == expected
    colours = lines.locator(".lines-figure path").evaluate_all(
        "(lines) => lines.map((line) => [line.dataset.head, line.getAttribute('stroke')])"
    )
    palette = theme.HEADS["light"]
    assert {tuple(pair) for pair in colours} == {("1", palette[1]), ("3", palette[3])}
