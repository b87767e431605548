"""The beam's tab: the tree on screen is the search's, its numbers are NumPy's; keys, pins, α, example."""

from __future__ import annotations

import contextlib
import io
import re
from urllib.request import urlopen

import numpy as np
import pytest
from playwright.sync_api import expect

from model import card
from tests.helpers.head import ONE_FRAME_MS, PHONE, SENTENCE, number_text, quiet
from tests.helpers.messages import unpack
from tests.helpers.screen import all_told, link

WIDTH, ALPHA, LIMIT, LAYER = 3, 1.0, 7, 2
ADDRESSES = (
    "performance.getEntriesByType('resource').map((e) => e.name).filter((n) => n.includes('decoding/beam'))"
)

# Every node on screen, as a reader would find it.
NODES = """
(all) => all.map((node) => ({
  id: Number(node.dataset.node),
  step: Number(node.dataset.step),
  names: node.getAttribute("class").split(" "),
  token: node.querySelector(".beam-token").textContent,
  score: node.querySelector(".beam-score")?.textContent,
  hover: node.querySelector("title").textContent,
  y: node.querySelector(".beam-box").getBoundingClientRect().y,
}))
"""

# Points at every node; gives what the strip and the line of numbers say, and how long it took.
POINT = """
(all) => all.map((node) => {
  const root = node.getRootNode();
  const start = performance.now();
  node.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, movementX: 1 }));
  root.querySelector(".strip").getBoundingClientRect();
  return {
    ms: performance.now() - start,
    numbers: root.querySelector(".beam-numbers").textContent,
    formula: root.querySelector(".formula").textContent,
    result: root.querySelector(".formula .result").textContent,
    note: root.querySelector(".strip .note").textContent,
  };
})
"""


def there(page):
    page.locator(".beam-svg").wait_for()


def nodes(page):
    return page.locator(".beam-node").evaluate_all(NODES)


def fold(page, name):
    page.get_by_role("group", name="Show pruned").get_by_role("button", name=name, exact=True).click()


def here(page):
    """The node under the cursor, or the pinned one."""
    return int(page.locator(".beam-node.here").get_attribute("data-node"))


@pytest.fixture(scope="module")
def open_page(visit_once, zoo):
    asked = {"tab": "beam", "layer": LAYER, "width": WIDTH, "alpha": ALPHA, "limit": LIMIT}
    return visit_once(zoo, until=there, text=SENTENCE, place="decoding", **asked)


@pytest.fixture(scope="module")
def sent(open_page):
    """Header and arrays that the page was sent."""
    (address,) = open_page.evaluate(ADDRESSES)
    with urlopen(address) as response:
        return unpack(response.read())


@pytest.fixture
def page(open_page):
    """The page that tests share: all candidates on screen, nothing pinned, the cursor at the winner."""
    fold(open_page, "all")
    open_page.locator(".beam-tree").focus()
    for key in ("Escape", "End"):
        open_page.keyboard.press(key)
    return open_page


def test_every_candidate_is_on_screen_in_its_column_ordered_by_score(page, sent):
    header, arrays = sent
    seen = {node["id"]: node for node in nodes(page)}
    assert sorted(seen) == list(range(len(arrays["parent"])))
    for i, node in seen.items():
        assert node["step"] == arrays["step"][i] + 1
        assert ("pruned" in node["names"]) == (not arrays["kept"][i])
        assert ("✗" in node["token"]) == (not arrays["kept"][i])
        if arrays["kept"][i]:
            assert node["score"] == number_text(arrays["score"][i])
            assert ("✓" in node["token"]) == bool(arrays["finished"][i])
        assert ("greedy" in node["names"]) == (i in header["greedy"]["path"])
    for step in range(len(arrays["needed"])):
        column = sorted((node for node in seen.values() if node["step"] == step + 1), key=lambda n: n["y"])
        order = [(not arrays["kept"][node["id"]], -arrays["score"][node["id"]]) for node in column]
        assert order == sorted(order)
    winner, line = header["winner"], []
    while winner >= 0:
        line.append(winner)
        winner = arrays["parent"][winner]
    assert {i for i, node in seen.items() if "winning" in node["names"]} == set(line)


def test_what_is_pruned_says_its_score_what_it_needed_and_how_much_it_was_short(page, sent):
    _, arrays = sent
    pruned = [node for node in nodes(page) if not arrays["kept"][node["id"]]]
    assert pruned
    for node in pruned:
        score, needed = arrays["score"][node["id"]], arrays["needed"][node["step"] - 1]
        short = float(needed) - float(score)
        said = f"pruned: score {number_text(score)}, needed {number_text(needed)}, "
        assert said + (f"short by {number_text(short)}" if short > 0 else "a tie") in node["hover"]


def test_pointing_shows_the_nodes_numbers_and_tells_the_server_nothing(page, sent):
    _, arrays = sent
    all_told(page)  # of the fold, which is in the link
    before = page.evaluate("window.sentAt.length")
    ids = [node["id"] for node in nodes(page)]
    read = page.locator(".beam-node").evaluate_all(POINT)
    for i, said in zip(ids, read, strict=True):
        line = [i]
        while arrays["parent"][line[0]] >= 0:
            line.insert(0, arrays["parent"][line[0]])
        total = arrays["log_prob"][line].sum()
        lp = ((5 + len(line)) / 6) ** ALPHA
        assert said["result"] == number_text(arrays["score"][i])
        assert arrays["score"][i] == pytest.approx(total / lp, abs=1e-5)
        for name, value in (("log p", arrays["log_prob"][i]), ("log P", arrays["total"][i])):
            assert f"{name} {number_text(value)} nats" in said["numbers"]
        made = f"/ ((5 + {len(line)}) / 6)^{ALPHA:g} = {number_text(arrays['total'][i])} / {number_text(lp)}"
        assert made in said["formula"]
        assert ("pruned" in said["note"]) == (not arrays["kept"][i])
    all_told(page)
    assert page.evaluate("window.sentAt.length") == before


@pytest.mark.timed
def test_pointing_takes_less_than_a_frame(page):
    read = page.locator(".beam-node").evaluate_all(POINT)
    assert quiet([said["ms"] for said in read]) < ONE_FRAME_MS


def test_keys_walk_the_tree_and_a_pin_is_in_the_link_until_it_is_freed(page, sent):
    header, arrays = sent
    winner = header["winner"]
    assert here(page) == winner
    page.keyboard.press("ArrowLeft")
    parent = int(arrays["parent"][winner])
    assert here(page) == parent
    page.keyboard.press("ArrowRight")
    children = [i for i in range(len(arrays["parent"])) if arrays["parent"][i] == parent]
    assert here(page) == max(children, key=lambda i: (arrays["kept"][i], arrays["score"][i]))
    page.keyboard.press("Home")
    first = here(page)
    assert arrays["step"][first] == 0
    column = sorted((node for node in nodes(page) if node["step"] == 1), key=lambda node: node["y"])
    order = [node["id"] for node in column]
    assert order.index(first) == 0 and len(order) > 2
    for key, place in (("ArrowUp", 0), ("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1)):
        page.keyboard.press(key)
        assert here(page) == order[place], key
    page.keyboard.press("Enter")
    pinned = here(page)
    assert link(page)["node"] == str(pinned + 1)
    page.locator(f'.beam-node[data-node="{winner}"]').dispatch_event(
        "pointermove", {"bubbles": True, "movementX": 1}
    )
    assert here(page) == pinned
    page.keyboard.press("Escape")
    assert "node" not in link(page)


def test_a_link_restores_the_pinned_node_though_its_column_is_folded(visit, zoo, sent):
    _, arrays = sent
    last = [i for i in np.flatnonzero(~arrays["kept"].astype(bool)) if arrays["step"][i] == LIMIT - 1][-1]
    asked = {"tab": "beam", "width": WIDTH, "alpha": ALPHA, "limit": LIMIT, "node": last + 1}
    page = visit(zoo, until=there, text=SENTENCE, place="decoding", **asked)
    assert here(page) == last
    expect(page.locator(".beam-node.pinned")).to_have_count(1)
    expect(page.locator(".strip .note")).to_contain_text("pruned: score")


def test_the_rows_cross_attention_and_candidates_are_those_of_the_forced_trace(page, sent, zoo_glass):
    header, arrays = sent
    glass = zoo_glass("en-de")
    page.keyboard.press("ArrowLeft")
    i, line = int(arrays["parent"][here(page)]), []
    while i >= 0:
        line.insert(0, arrays["token"][i])
        i = arrays["parent"][i]
    trace = glass.trace(SENTENCE, [int(token) for token in line])
    for layer in (LAYER, 1):
        page.get_by_label("Layer of the cross-attention").select_option(label=str(layer))
        weights = trace[f"decoder.{layer - 1}.cross_attn.weights"].value[:, len(line)].mean(0)
        row = list(arrays["row"]).index(arrays["parent"][here(page)])
        assert arrays["attention"][layer - 1, row].tolist() == pytest.approx(weights.tolist(), abs=1e-5)
        shown = page.locator(".beam-word-weight").all_text_contents()
        assert [float(text) for text in shown] == pytest.approx(weights.tolist(), abs=6e-5)
        assert page.locator(".beam-word-token").all_text_contents() == list(trace.sides["src"].tokens)
    assert page.locator(".beam-number").all_text_contents() == [
        number_text(value) for value in arrays["cand_log_probs"][row]
    ]
    assert page.locator(".beam-candidate").all_text_contents() == [
        header["tokens"][str(i)] for i in arrays["cand_ids"][row]
    ]


def test_the_snippet_prints_the_score(page, sent):
    header, arrays = sent
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.get_by_role("button", name="Copy as NumPy").click()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(page.get_by_role("textbox", name="NumPy snippet").input_value(), {})
    assert float(printed.getvalue()) == pytest.approx(float(arrays["score"][header["winner"]]), abs=1e-5)


def test_folding_hides_pruned_candidates_but_never_greedys(page, sent):
    header, arrays = sent
    needed = {int(i) for i in np.flatnonzero(arrays["kept"])} | set(header["greedy"]["path"])
    fold(page, "none")
    assert {node["id"] for node in nodes(page)} == needed
    fold(page, "best 2")
    for step in range(len(arrays["needed"])):
        column = [node for node in nodes(page) if node["step"] == step + 1 and "pruned" in node["names"]]
        assert len([node for node in column if "greedy" not in node["names"]]) <= 2


def test_on_a_low_screen_attention_candidates_and_scoreboard_are_seen_above_the_strip(visit, app, glass):
    page = visit(app, until=there, text=card.beam_example(glass.card), place="decoding", tab="beam")
    strip = page.locator(".decoding > .strip").bounding_box()
    assert strip["y"] + strip["height"] <= 720
    for shown in (".beam-words", ".beam-candidates ol", ".beam-table tbody tr:nth-child(2)"):
        box = page.locator(shown).bounding_box()
        assert box["y"] + box["height"] <= strip["y"] + 1, shown
    terms = page.locator(".decoding > .strip .terms")
    expect(terms).to_be_hidden()
    page.get_by_role("button", name=re.compile(r"^All \d+ terms$")).click()
    expect(terms).to_be_visible()


# The numbers of the scoreboard that are not seen whole, each tried as long as its format gives them.
CUT = """
(board) => {
  const edge = board.querySelector(".beam-table").getBoundingClientRect();
  return [...board.querySelectorAll("tbody td:not(:nth-child(2))")].filter((cell) => {
    const number = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT).nextNode();
    if (!number) return true;
    const own = number.data;
    if (cell.matches(":nth-child(3), :nth-child(5)")) number.data = "−0.0001234";
    const range = document.createRange();
    range.selectNodeContents(cell);
    const [text, box] = [range.getBoundingClientRect(), cell.getBoundingClientRect()];
    number.data = own;
    return text.right > Math.min(box.right, edge.right) + 0.5 || text.left < box.left - 0.5;
  }).map((cell) => cell.textContent);
}
"""


@pytest.mark.parametrize("options", [None, PHONE], ids=["1280×720", "phone"])
def test_the_scoreboard_shows_every_digit(visit, zoo, options):
    page = visit(zoo, options, until=there, text=SENTENCE, place="decoding", tab="beam", width=8)
    assert page.locator(".beam-board tbody tr").count() >= 2
    assert page.locator(".beam-board").evaluate(CUT) == []


def assert_board_at(page, alpha):
    """The scoreboard names this α, and ranks each hypothesis by log P / ((5 + n) / 6)^α."""
    board = page.locator(".beam-board").inner_text()
    assert f"re-ranked at α = {alpha:g}\n" in board or f"re-ranked at α = {alpha:g} (tree" in board
    rows = [row.locator("td").all_text_contents()[2:] for row in page.locator(".beam-board tbody tr").all()]
    assert len(rows) >= 2
    number = lambda text: float(text.replace("−", "-"))  # noqa: E731
    for log_prob, length, score in rows:
        value = number(log_prob) / ((5 + int(length)) / 6) ** alpha
        assert number(score) == pytest.approx(value, rel=2e-3)
    scores = [number(score) for _, _, score in rows]
    assert scores == sorted(scores, reverse=True)


def test_alpha_re_ranks_the_scoreboard_at_once_and_the_tree_follows(page):
    assert_board_at(page, ALPHA)

    def slide(alpha):
        page.get_by_label("Length penalty α").evaluate(
            "(input, value) => { input.value = value; input.dispatchEvent(new Event('input')); }", str(alpha)
        )

    for alpha in (0, ALPHA):
        slide(alpha)
        assert_board_at(page, alpha)
        expect(page.locator(".beam-tree")).to_have_attribute("aria-label", re.compile(f"α {alpha:g}, "))
        assert_board_at(page, alpha)
        assert link(page)["alpha"] == f"{alpha:g}"


def test_a_phone_shows_the_widest_beam_and_says_what_was_out_of_range(visit, zoo):
    asked = {"tab": "beam", "width": 99, "alpha": -3, "limit": 5}
    page = visit(zoo, PHONE, until=there, text=SENTENCE, place="decoding", **asked)
    notice = page.locator(".beam-notice")
    expect(notice).to_have_text(
        "width 99 is out of range: it runs from 1 to 8. α -3 is out of range: it runs from 0 to 2."
    )
    assert page.get_by_label("Beam width").input_value() == "8"
    assert page.locator('.beam-node[data-step="5"].stopped, .beam-node[data-step="5"].winner').count() >= 1
    assert "limit of 5 tokens" in page.locator(".beam-caption").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    sizes = page.locator(".beam-part *").evaluate_all(
        "(all) => all.filter((n) => n.childNodes.length && [...n.childNodes].some((c) => c.nodeType === 3))"
        ".map((n) => parseFloat(getComputedStyle(n).fontSize))"
    )
    assert min(sizes) >= 14
    page.get_by_label("Maximum length in tokens").fill("400")
    page.get_by_label("Maximum length in tokens").blur()
    expect(notice).to_have_text("limit 400 is out of range: it runs from 1 to 12.")


def test_the_example_is_one_click_away_and_there_the_beam_beats_greedy(visit, app, glass):
    example = card.beam_example(glass.card)
    page = visit(app, until=there, text=SENTENCE, place="decoding", tab="beam")
    page.get_by_role("link", name="An example where beam beats greedy").click()
    expect(page.get_by_label("English sentence")).to_have_value(example)
    greedy, beam = glass.translate(example), glass.translate(example, 4)
    expect(page.locator(".beam-greedy-log-prob")).to_have_text(number_text(greedy.log_prob))
    expect(page.locator(".beam-winner-log-prob")).to_have_text(number_text(beam.log_prob))
    assert beam.log_prob > greedy.log_prob
    winner = page.locator(".beam-board tr.winner .beam-said")
    expect(winner).to_have_text(f"{beam.text}⟨/s⟩")
    assert greedy.text != beam.text
    expect(page.locator(".beam-example")).to_be_hidden()
