"""Step by step and "choose otherwise": playing, branches, their arithmetic, against NumPy."""

from __future__ import annotations

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.helpers.head import (
    ONE_FRAME_MS,
    PHONE,
    SENTENCE,
    assert_no_sideways_scroll,
    may_be_refused,
    number_text,
    quiet,
    strip,
)
from tests.helpers.messages import unpack
from tests.helpers.screen import all_told, link
from viz import theme
from viz.instruments import pack

LAYER = 2
MOST = 6

# Presses keys in the tab; gives how long each took and how many messages went out meanwhile.
PRESS = """
(node, keys) => {
  const before = window.sentAt.length;
  const times = keys.map((key) => {
    const start = performance.now();
    node.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, composed: true }));
    return performance.now() - start;
  });
  return { times, sent: window.sentAt.length - before };
}
"""
# Plays until it stops by itself; gives the steps seen and how many messages went out meanwhile.
PLAY = """
(button) => new Promise((done) => {
  const root = button.getRootNode();
  const where = () => root.querySelector(".play-where").textContent;
  const before = window.sentAt.length;
  const seen = [where()];
  button.click();
  const look = () => {
    if (seen.at(-1) !== where()) seen.push(where());
    if (button.textContent === "Play") done({ seen, before, sent: window.sentAt.length - before });
    else requestAnimationFrame(look);
  };
  look();
})
"""


def there(page):
    page.locator(".play-part .check.right, .play-part .check.wrong").wait_for()


class Lane:
    """What the zoo's default model computes for SENTENCE, after these ids."""

    def __init__(self, glass, forced=()):
        self.glass = glass
        self.out = glass.translate(SENTENCE, forced=forced)
        self.trace = glass.trace(SENTENCE, self.out)
        self.ids = [step.id for step in self.out.steps]
        logits = self.trace["output.logits"].value.astype(np.float64)
        self.all_log_probs = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
        self.log_probs = self.all_log_probs[np.arange(len(self.ids)), self.ids]

    def ranked(self, step):
        """Ids, most probable first."""
        row = self.all_log_probs[step]
        return np.lexsort((np.arange(len(row)), -row)).tolist()

    def weights(self, site, layer=LAYER):
        return self.trace[f"decoder.{layer - 1}.{site}.weights"].value

    def token(self, id_):
        return self.glass.tokenizer.readable(id_)


@pytest.fixture(scope="module")
def greedy(zoo_glass):
    return Lane(zoo_glass("en-de"))


@pytest.fixture(scope="module")
def open_page(visit_once, zoo):
    return visit_once(zoo, until=there, text=SENTENCE, place="decoding", layer=LAYER)


@pytest.fixture
def page(open_page):
    """The page that tests share: no branch, the first step, the mean of heads, nothing pinned."""
    while undo(open_page).is_enabled():
        undo(open_page).click()
    open_page.locator(".play-part").evaluate("(node) => node.focus()")
    for key in ("Escape", "Home", "0"):
        open_page.keyboard.press(key)
    expect(where(open_page)).to_contain_text("step 1 of")
    return open_page


def undo(page):
    return page.get_by_role("button", name="Undo branch")


def where(page):
    return page.locator(".play-where")


def word(page, place):
    """A candidate, by its place in the list."""
    return page.locator(f".play-words [data-rank='{place}']")


def lane_head(page, number):
    return page.locator(f".play-lane-head[data-lane='{number - 1}']")


def said(page, number):
    return page.locator(f".play-said[data-lane='{number - 1}']")


def sums(page, number):
    return lane_head(page, number).locator(".play-sum").all_inner_texts()


def expect_sums(page, number, lane, step):
    """The lane's three numbers, at a step that counts from 1."""
    total = lane.log_probs.sum()
    found = [float(text.replace("−", "-")) for text in sums(page, number)]
    expected = [lane.log_probs[:step].sum(), total, total / len(lane.ids)]
    assert found == pytest.approx(expected, rel=1e-3)


def go_to(page, step):
    page.get_by_role("slider", name="Step", exact=True).fill(str(step))


def go_to_quietly(page, step):
    """As `go_to`; the server has heard of it, and nothing is on its way."""
    before = page.evaluate("window.sentAt.length")
    go_to(page, step)
    page.wait_for_function("(before) => window.sentAt.length > before", arg=before)
    all_told(page)


# Playback


def test_keys_and_slider_move_through_the_steps(page, greedy):
    last = len(greedy.ids)
    expect(page.locator(".play-ribbons")).to_have_attribute("aria-label", re.compile("Step 1 reads ⟨s⟩"))
    for key, step in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", last), ("Home", 1)):
        page.keyboard.press(key)
        expect(where(page)).to_have_text(f"step {step} of {last}")
        assert link(page)["step"] == str(step)
        expect(page.locator(".play-said.now")).to_have_text(greedy.token(greedy.ids[step - 1]))
    go_to(page, 4)
    expect(where(page)).to_have_text(f"step 4 of {last}")
    page.get_by_role("button", name="One step on").click()
    expect(where(page)).to_have_text(f"step 5 of {last}")
    expect(page.get_by_role("slider", name="Step", exact=True)).to_have_value("5")


def test_the_keys_go_on_working_after_a_button_has_come_to_the_end(page, greedy):
    last = len(greedy.ids)
    page.get_by_role("button", name="Last step").click()
    expect(where(page)).to_have_text(f"step {last} of {last}")
    page.keyboard.press("ArrowLeft")
    expect(where(page)).to_have_text(f"step {last - 1} of {last}")


def test_the_translation_grows_and_what_is_not_said_keeps_its_place(page, greedy):
    below = page.locator(".play-ribbons [data-row].ribbon-token")
    expect(below).to_have_count(len(greedy.ids) + 1)
    places = below.evaluate_all("(all) => all.map((node) => node.getAttribute('x'))")
    for step in (1, 3, 6):
        go_to(page, step)
        marked = [
            page.locator(f".play-ribbons .{kind}").evaluate("(node) => node.firstChild.data")
            for kind in ("newest", "taken")
        ]
        assert marked == [greedy.trace.sides["tgt"].tokens[step - 1], greedy.token(greedy.ids[step - 1])]
        expect(page.locator(".play-ribbons .later")).to_have_count(len(greedy.ids) - step)
        expect(page.locator(".play-cell")).to_have_count(step)
        assert below.evaluate_all("(all) => all.map((node) => node.getAttribute('x'))") == places


def test_a_step_sends_nothing(page):
    all_told(page)
    pressed = page.locator(".play-part").evaluate(PRESS, ["ArrowRight", "ArrowRight", "ArrowLeft"] * 10)
    assert pressed["sent"] == 0


@pytest.mark.timed
def test_a_step_takes_less_than_a_frame(page):
    pressed = page.locator(".play-part").evaluate(PRESS, ["ArrowRight", "ArrowRight", "ArrowLeft"] * 10)
    assert quiet(pressed["times"]) < ONE_FRAME_MS


def test_playing_goes_to_the_end_and_tells_the_server_only_then(page, greedy):
    last = len(greedy.ids)
    page.get_by_role("button", name="2 steps a second").click()
    go_to_quietly(page, last - 4)
    played = page.locator(".play-toggle").evaluate(PLAY)
    assert played["seen"] == [f"step {step} of {last}" for step in range(last - 4, last + 1)]
    assert played["sent"] == 0
    page.wait_for_function("(before) => window.sentAt.length > before", arg=played["before"])
    assert link(page)["step"] == str(last)


def test_space_plays_from_the_beginning_and_pauses(page, greedy):
    page.keyboard.press("End")
    page.keyboard.press("Space")
    # One step a second: which of the first ones is seen depends on who looks when.
    expect(where(page)).to_have_text(re.compile(f"^step [2-9] of {len(greedy.ids)}$"))
    page.keyboard.press("Space")
    expect(page.locator(".play-toggle")).to_have_text("Play")


# The numbers of a step


def test_the_candidates_are_the_models_most_probable_tokens(page, greedy):
    for step in (1, 5):
        go_to(page, step)
        ids = greedy.ranked(step - 1)[:10]
        log_probs = greedy.all_log_probs[step - 1, ids]
        texts = {
            name: page.locator(f".play-words .play-{name}").all_inner_texts()
            for name in ("rank", "token", "prob", "log-prob")
        }
        assert texts["rank"] == [str(rank + 1) for rank in range(10)]
        assert [text.removeprefix("▸") for text in texts["token"]] == [greedy.token(i) for i in ids]
        assert [float(text) for text in texts["prob"]] == pytest.approx(np.exp(log_probs), abs=1.01e-4)
        found = [float(text.replace("−", "-")) for text in texts["log-prob"]]
        assert found == pytest.approx(log_probs, rel=1e-3)
        taken = page.locator(".play-words .taken .play-token")
        expect(taken).to_have_text(f"▸{greedy.token(greedy.ids[step - 1])}")


@pytest.mark.parametrize("head", [0, 3])
def test_ribbons_and_squares_are_the_models_weights(page, greedy, head):
    page.keyboard.press(str(head))
    step = 4
    go_to(page, step)
    cross, own = (greedy.weights(site)[:, step - 1] for site in ("cross_attn", "self_attn"))
    cross, own = (row.mean(0) if head == 0 else row[head - 1] for row in (cross, own))
    drawn = page.locator(".play-ribbons .ribbon").evaluate_all(
        "(all) => all.map((path) => [Number(path.dataset.column), path.dataset.weight])"
    )
    assert [column for column, _ in drawn] == np.flatnonzero(cross >= 0.02).tolist()
    assert [float(text) for _, text in drawn] == pytest.approx(cross[cross >= 0.02], abs=1.01e-4)
    squares = page.locator(".play-cell").evaluate_all("(all) => all.map((cell) => cell.dataset.weight)")
    assert [float(text) for text in squares] == pytest.approx(own[:step], abs=1.01e-4)
    assert link(page).get("head") == (str(head) if head else None)


def test_the_strip_shows_how_the_number_under_the_pointer_is_made(page, greedy):
    go_to_quietly(page, 4)
    sent = page.evaluate("window.sentAt.length")
    each = greedy.weights("self_attn")[:, 3, 1]
    page.locator(".play-cell[data-read='1']").hover()
    assert strip(page) == ("masked self-attention[4, 2]", theme.weight_text(each.mean()))
    terms = page.locator(".term:not(.sum-term):not(.rest) b").all_inner_texts()
    assert set(terms) <= {number_text(value) for value in each}
    expect(page.locator(".sum-term")).to_have_text(f"sum = {number_text(each.astype(float).sum())}")
    word(page, 2).hover()
    id_ = greedy.ranked(3)[2]
    probability = float(np.exp(greedy.all_log_probs[3, id_]))
    assert strip(page)[0] == f"P({greedy.token(id_)})"
    assert float(strip(page)[1]) == pytest.approx(probability, abs=1.01e-4)
    lane_head(page, 1).locator("[data-sum=soFar]").hover()
    name, result = strip(page)
    assert name == "log P of lane 1 so far"
    assert float(result.replace("−", "-")) == pytest.approx(greedy.log_probs[:4].sum(), rel=1e-3)
    lane_head(page, 1).locator("[data-sum=perToken]").hover()
    assert float(strip(page)[1].replace("−", "-")) == pytest.approx(greedy.log_probs.mean(), rel=1e-3)
    assert page.evaluate("window.sentAt.length") == sent


def test_keys_point_into_the_picture_enter_pins_and_escape_frees(page, greedy):
    go_to(page, 3)
    page.locator(".play-part").evaluate("(node) => node.focus()")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    assert strip(page)[0] == "cross-attention[3, 2]"
    page.keyboard.press("Enter")
    word(page, 1).hover()
    assert strip(page)[0] == "cross-attention[3, 2]"
    page.keyboard.press("ArrowRight")
    assert strip(page)[0] == "cross-attention[4, 2]"
    page.keyboard.press("Escape")
    assert strip(page)[0] == f"P({greedy.token(greedy.ids[3])})"


# Choose otherwise


def test_a_clicked_candidate_opens_another_translation_below(page, greedy):
    step = 3
    go_to(page, step)
    other_id = next(i for i in greedy.ranked(step - 1)[1:10] if i > 2 and i != greedy.ids[step - 1])
    word(page, greedy.ranked(step - 1).index(other_id)).click()
    expect(lane_head(page, 2)).to_have_attribute("aria-pressed", "true")
    forced = [*greedy.ids[: step - 1], other_id]
    other = Lane(greedy.glass, forced)
    assert said(page, 2).all_inner_texts() == [other.token(i) for i in other.ids]
    assert said(page, 1).all_inner_texts() == [greedy.token(i) for i in greedy.ids]
    expect_sums(page, 1, greedy, step)
    expect_sums(page, 2, other, step)
    expect(page.locator(".play-said.parting")).to_have_attribute("data-said", str(step - 1))
    columns = [lane.nth(step - 1).bounding_box()["x"] for lane in (said(page, 1), said(page, 2))]
    assert columns[0] == pytest.approx(columns[1], abs=1)
    assert link(page)["forced"] == ".".join(map(str, forced)) and link(page)["branch"] == "2"
    expect(page.locator(".play-part .check")).to_have_class("check right")
    lane_head(page, 1).click()
    expect(lane_head(page, 1)).to_have_attribute("aria-pressed", "true")
    assert link(page)["branch"] == "1"
    undo(page).click()
    expect(page.locator(".play-lane-head")).to_have_count(1)
    assert "forced" not in link(page) and "branch" not in link(page)


def test_enter_on_a_candidate_branches_and_a_branch_branches_again(page, greedy):
    for step in (2, 4):
        go_to(page, step)
        page.locator(".play-part").evaluate("(node) => node.focus()")
        lanes = page.locator(".play-lane-head").count()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(page.locator(".play-lane-head")).to_have_count(lanes + 1)
        expect(lane_head(page, lanes + 1)).to_have_attribute("aria-pressed", "true")
    first, second = ([*map(int, ids.split("."))] for ids in link(page)["forced"].split("_"))
    assert (len(first), len(second)) == (2, 4) and second[:2] == first
    expect_sums(page, 3, Lane(greedy.glass, second), 4)


def test_typed_words_are_split_and_forced(page, greedy):
    go_to(page, 3)
    field = page.get_by_role("textbox", name="Another word or token")
    field.press("Enter")
    expect(page.locator(".play-status")).to_have_text("Type a word or a mark first.")
    expect(page.locator(".play-lane-head")).to_have_count(1)
    may_be_refused(page)
    field.fill("x" * 400)
    field.press("Enter")
    expect(page.locator(".decoding > .trouble")).to_contain_text("A translation has at most")
    expect(page.locator(".play-status")).to_contain_text("Keys:")
    field.fill("Bahnhofs")
    field.press("Enter")
    expect(lane_head(page, 2)).to_have_attribute("aria-pressed", "true")
    ids = greedy.glass.tokenizer.encode(" Bahnhofs")
    assert len(ids) > 1
    split = " ".join(f"“{greedy.token(i)}”" for i in ids)
    expect(page.locator(".play-status")).to_have_text(
        f"“Bahnhofs” was split into {len(ids)} tokens: {split}."
    )
    other = Lane(greedy.glass, [*greedy.ids[:2], *ids])
    assert said(page, 2).all_inner_texts() == [other.token(i) for i in other.ids]
    expect(page.locator(".play-said.forced")).to_have_count(len(ids))
    expect_sums(page, 2, other, 3)


def expect_one_branch(page):
    """One branch, open, and nothing on its way that would make another."""
    expect(lane_head(page, 2)).to_have_attribute("aria-pressed", "true")
    all_told(page)
    expect(page.locator(".play-lane-head")).to_have_count(2)
    assert "_" not in link(page)["forced"] and link(page)["branch"] == "2"


def test_a_double_click_on_a_candidate_makes_one_branch(page):
    go_to(page, 3)
    word(page, 6).dblclick()
    expect_one_branch(page)


def test_a_word_typed_and_entered_twice_makes_one_branch(page):
    go_to(page, 3)
    field = page.get_by_role("textbox", name="Another word or token")
    field.fill("Bahnhofs")
    field.evaluate("(field) => { field.form.requestSubmit(); field.form.requestSubmit(); }")
    expect_one_branch(page)


def test_branches_of_a_link_that_say_the_same_are_one(visit, zoo, greedy):
    place = next(place for place, i in enumerate(greedy.ranked(0)[1:10], 1) if i > 2)
    first = greedy.ranked(0)[place]
    second = Lane(greedy.glass, [first]).ids[1]
    forced = f"{first}.{second}_{first}_{first}"
    page = visit(zoo, until=there, text=SENTENCE, place="decoding", forced=forced, branch=4)
    expect(page.locator(".decoding > .trouble")).to_have_text(
        "The link's branches did not all open. Those that say the same are one."
    )
    expect_one_branch(page)
    lane_head(page, 1).click()
    go_to(page, 1)
    word(page, place).click()
    expect_one_branch(page)


def test_a_sentence_typed_anew_that_reads_the_same_keeps_its_branch(page):
    go_to(page, 3)
    word(page, 6).click()
    expect_one_branch(page)
    before = link(page)
    box = page.get_by_role("textbox", name="English sentence")
    box.fill(SENTENCE.replace(" ", "\u00a0"))
    box.press("Enter")
    expect(page.get_by_text(f"Read as: {SENTENCE}")).to_have_count(1)
    expect_one_branch(page)
    assert {**link(page), "text": None} == {**before, "text": None}


def test_a_wrong_number_in_a_branch_turns_the_badge_red_until_it_is_taken_back(page):
    def answer(route):
        header, arrays = unpack(route.fetch().body())
        arrays = {name: array.copy() for name, array in arrays.items()}
        arrays["log_probs"][1] += 0.01
        route.fulfill(body=pack({k: v for k, v in header.items() if k != "arrays"}, arrays))

    page.route("**/numbers/decoding/branch*", answer)
    go_to(page, 5)
    word(page, 7).click()
    expect(page.locator(".play-part .check")).to_have_class("check wrong")
    page.unroute("**/numbers/decoding/branch*")
    undo(page).click()
    expect(page.locator(".play-part .check")).to_have_class("check right")


def test_a_link_restores_the_lanes_and_six_are_the_most(visit, zoo, greedy):
    branches = [[first] for first in range(20, 20 + MOST)]
    forced = "_".join(str(ids[0]) for ids in [*branches, [19]])
    asked = {"text": SENTENCE, "place": "decoding", "step": 2, "forced": forced, "branch": 3, "head": 2}
    page = visit(zoo, PHONE, until=there, **asked)
    expect(page.locator(".play-lane-head")).to_have_count(1 + MOST)
    expect(page.locator(".decoding > .trouble")).to_have_text(
        f"The link's branches did not all open. {MOST} branches are the most that fit here."
    )
    expect(lane_head(page, 3)).to_have_attribute("aria-pressed", "true")
    expect(where(page)).to_contain_text("step 2 of")
    for number, ids in enumerate(branches, 2):
        expect_sums(page, number, Lane(greedy.glass, ids), 2)
    expect(page.get_by_role("button", name="head 2", exact=True)).to_have_attribute("aria-pressed", "true")
    assert_no_sideways_scroll(page, 390)
    for name in (".play-transport", ".play-words", ".play-ribbons", ".play-form"):
        box = page.locator(name).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 390, name
    page.locator(".play-words [data-rank]:not(.taken)").nth(5).click()
    expect(page.get_by_text(f"{MOST} branches are the most that fit here: undo one first.")).to_be_visible()
    undo(page).click()
    expect(page.locator(".play-lane-head")).to_have_count(MOST)
    assert link(page)["forced"] == "_".join(str(ids[0]) for ids in branches[:-1])


def test_where_the_page_shows_a_beam_greedy_is_named_and_comes_below_on_one_click(visit, zoo, greedy):
    glass = greedy.glass
    text, width = next(
        (text, width)
        for text in (SENTENCE, "A dog bites a man.", "Two men are playing.", "I love you.", "Hello!", "No.")
        for width in range(2, 9)
        if glass.translate(text, width).ids != glass.translate(text).ids
    )
    beam, plain = (glass.translate(text, w) for w in (width, 1))
    parts = next(t for t, (a, b) in enumerate(zip(beam.steps, plain.steps, strict=False)) if a.id != b.id)
    page = visit(zoo, until=there, text=text, place="decoding", beam=width)
    room = page.locator(".play-lane-room")
    expect(room).to_contain_text(f"Lane 1: beam search, {width} wide.")
    expect(room).to_contain_text(f"parts at step {parts + 1}.")
    room.get_by_role("button", name="Show it below").click()
    expect(said(page, 2)).to_have_text([glass.tokenizer.readable(step.id) for step in plain.steps])
    expect(room).to_be_hidden()
