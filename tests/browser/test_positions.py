"""The positions lab: what the screen says is NumPy's, and the experiments are the live model's."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from playwright.sync_api import expect

from model import checkpoint
from model.experiments import Experiment, n_words, run, shuffled
from tests.browser.conftest import IDLE
from tests.helpers.head import (
    ONE_FRAME_MS,
    PHONE,
    SENTENCE,
    TOLERANCE,
    assert_no_sideways_scroll,
    number_text,
    quiet,
)
from tests.helpers.places import SITES
from tests.helpers.screen import link
from viz.instruments.positions import PAIR

READY = ".positions .strip .result"
# Points at many cells of a panel in turn: what the strip says, how long it took, what the server heard.
HOVER = """
async (node) => {
  const root = node.getRootNode();
  const box = node.querySelector("canvas").getBoundingClientRect();
  const [sent, seen, took] = [window.sentAt.length, [], []];
  for (let i = 0; i < 40; i++) {
    const at = { clientX: box.left + 6 + (i * (box.width - 12)) / 40, clientY: box.top + 3 + (i % 7) * 9 };
    const start = performance.now();
    node.dispatchEvent(new PointerEvent("pointermove", at));
    took.push(performance.now() - start);
    seen.push(["b", ".result"].map((what) => root.querySelector(`.formula ${what}`).textContent));
  }
  await new Promise((later) => setTimeout(later, 600));
  return { seen, took, sent: window.sentAt.length - sent };
}
"""


def arrived(page):
    page.locator(".positions .strip .formula").wait_for()


@pytest.fixture(scope="module")
def shared(visit_once, zoo):
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    return visit_once(zoo, options, until=arrived, text=SENTENCE, place="positions")


@pytest.fixture
def page(shared):
    """The shared page with nothing pinned."""
    tab(shared, "Heat-map").click()
    return shared


def tab(page, name):
    return page.locator(".positions").get_by_role("tab", name=name, exact=True)


def button(page, name):
    return page.locator(".positions").get_by_role("button", name=name, exact=True)


def strip(page):
    return page.locator(".formula b").first.inner_text(), page.locator(".formula .result").inner_text()


def PE(rows, d_model=32, base=10_000):
    angles = np.arange(rows)[:, None] / base ** (np.arange(0, d_model, 2) / d_model)
    return np.stack([np.sin(angles), np.cos(angles)], -1).reshape(rows, d_model)


def shown(text):
    return float(text.replace("−", "-"))


def numbers_in(title):
    return [int("".join(filter(str.isdigit, part))) for part in title.split("[" if "[" in title else "·")]


def test_the_badge_says_that_table_and_sum_were_recomputed(page):
    badge = page.locator(".positions .heading .check")
    expect(badge).to_have_class("check right")
    assert float(badge.inner_text().removeprefix("recomputed: max error ")) <= TOLERANCE


def test_pointing_at_the_heat_map_shows_the_formulas_number_and_tells_the_server_nothing(page):
    page.locator(IDLE).wait_for()
    page.wait_for_function("() => performance.now() - (window.sentAt.at(-1) ?? -1e9) > 3000")
    found = page.locator(".heat .panel").evaluate(HOVER)
    cells, table = set(), PE(32)
    for title, result in found["seen"]:
        p, dim = numbers_in(title)
        cells.add((p, dim))
        assert shown(result) == pytest.approx(table[p, dim - 1], rel=1e-3, abs=1e-6)
    assert len(cells) > 25
    assert found["sent"] == 0


@pytest.mark.timed
def test_pointing_at_the_heat_map_takes_less_than_a_frame(page):
    assert quiet(page.locator(".heat .panel").evaluate(HOVER)["took"]) < ONE_FRAME_MS


def test_keys_move_enter_pins_and_the_link_follows(page):
    page.locator(".heat .panel").focus()
    for _ in range(40):
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("ArrowUp")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.keyboard.press(key)
    assert strip(page) == ("PE(2)[2]", number_text(np.cos(2)))
    expect(page.locator(".positions > .strip")).to_have_class("strip pinned")
    wanted = {"place": "positions", "panel": "heat", "query": "3", "feature": "2"}
    assert wanted.items() <= link(page).items()
    page.locator(".heat .panel").evaluate(HOVER)
    assert strip(page)[0] == "PE(2)[2]"
    page.keyboard.press("Escape")
    assert "feature" not in link(page)


def test_waves_name_their_wavelengths_and_can_be_kept_and_put_away(page):
    page.locator(".heat .panel").focus()
    chips = page.locator(".positions .chip")
    expect(chips.first).to_contain_text(f"2π·10000^(0/32) = {number_text(2 * np.pi)} positions")
    expect(page.locator("[data-wave='9']")).to_contain_text(number_text(2 * np.pi * 10_000 ** (8 / 32)))
    for chip in chips.all():
        dimension = int(chip.get_attribute("data-wave"))
        kind = "sin" if dimension % 2 else "cos"
        expect(chip).to_contain_text(f"dimension {dimension} ({kind}): ")
    kept = page.locator(".positions .chip[aria-pressed=true]")
    before = kept.count()
    page.locator("[data-wave='9']").click()
    expect(kept).to_have_count(before - 1)
    expect(page.locator(".heat .wave").first).to_be_visible()


def test_similarity_is_the_product_of_two_rows(page):
    tab(page, "Similarity").click()
    products = PE(32) @ PE(32).T
    found = page.locator(".similarity .panel").evaluate(HOVER)
    for title, result in found["seen"]:
        p, q = numbers_in(title)
        assert shown(result) == pytest.approx(products[p, q], rel=1e-3, abs=2e-3)
    assert len({title for title, _ in found["seen"]}) > 10


def test_rotation_turns_every_pair_by_k_whatever_p(page):
    tab(page, "Rotation").click()
    for name, value in (("k: how far on", 5), ("pair i", 3), ("position p", 6)):
        slider = page.get_by_role("slider", name=name, exact=True)
        slider.evaluate("(input, value) => { input.value = value; input.oninput(); }", value)
    angle = 5 / 10_000 ** (6 / 32)
    R = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    cells = list(map(shown, page.locator(".matrix2 span").all_inner_texts()))
    assert cells == pytest.approx(R.ravel().tolist(), rel=1e-3, abs=1e-4)
    vectors = page.locator(".bracket:not(.matrix2)").all_inner_texts()
    after, before = ([shown(number) for number in text.split()] for text in vectors)
    assert after == pytest.approx(PE(32)[11, 6:8].tolist(), rel=1e-3, abs=1e-4)
    assert before == pytest.approx(PE(32)[6, 6:8].tolist(), rel=1e-3, abs=1e-4)
    expect(page.locator(".rotation-error .check")).to_have_class("check right")
    expect(page.locator(".rotation-error")).to_contain_text("all 16 pairs, all p from 0 to 26")
    said = "All 16 pairs: the hand of PE(6) and, 5 on, of PE(11)"
    expect(page.locator(".rotation .panel-name")).to_have_text(said)
    expect(page.locator(".small-clock")).to_have_count(16)
    page.locator(".small-clock").nth(9).click()
    title, result = strip(page)
    assert title == "PE(6 + 5)[19]"
    assert shown(result) == pytest.approx(PE(32)[11, 18], rel=1e-3)


@pytest.mark.parametrize(("side", "stack"), [("src", "encoder"), ("tgt", "decoder")])
def test_the_sum_is_the_traces(page, zoo_trace, side, stack):
    tab(page, "Sum").click()
    page.locator(f"[data-side={side}]").click()
    embed, pos, total = (zoo_trace[f"{stack}.{name}"].value for name in ("embed", "pos", "embedded"))
    for part in ("embed", "pos", "embedded"):
        found = page.locator(f".panel[data-part={part}]").evaluate(HOVER)
        for title, result in found["seen"]:
            row, dim = (int(n) - 1 for n in title.removeprefix("input[").rstrip("]").split(", "))
            assert result == number_text(total[row, dim])
    numbers = f"= {number_text(embed[row, dim])} + {number_text(pos[row, dim])} ="
    expect(page.locator(".formula")).to_contain_text(numbers)


def text_of_row(page, key, text=SENTENCE):
    return page.locator(f'tr[data-run="{key}"][data-text="{text}"]')


def expect_run(page, key, translation, text=SENTENCE):
    row = text_of_row(page, key, text)
    expect(row.locator(".log-prob")).to_contain_text(number_text(translation.log_prob))
    expect(row.locator(".says b")).to_have_text(translation.text)
    steps = [number_text(step.log_prob) for step in translation.steps]
    assert row.locator(".step-prob").all_inner_texts() == steps


@pytest.fixture
def lab(page):
    tab(page, "Experiments").click()
    if button(page, "Clear the table").count():
        button(page, "Clear the table").click()
    return page


RUNS = {
    "Positions off": ("off", Experiment(positions="off")),
    "Shift by": ("shift.10", Experiment(offset=10)),
    "100": ("base.100", Experiment(base=100.0)),
    "100,000": ("base.100000", Experiment(base=100_000.0)),
}


def test_each_experiment_is_one_click_and_says_what_the_model_says(lab, zoo_glass):
    glass = zoo_glass("en-de")
    expect_run(lab, "original", glass.translate(SENTENCE))
    for name, (key, experiment) in RUNS.items():
        button(lab, name).click()
        expect_run(lab, key, run(glass, SENTENCE, experiment)[0])
    expect(text_of_row(lab, "base.100000")).to_have_class("chosen")


def test_the_shift_field_takes_what_is_typed_and_lets_the_focus_go_on(lab, zoo_glass):
    field = lab.get_by_role("spinbutton", name="Shift by how many positions")
    field.fill("")
    field.press_sequentially("3")
    expect(field).to_have_value("3")
    field.press("Enter")
    expect_run(lab, "shift.3", run(zoo_glass("en-de"), SENTENCE, Experiment(offset=3))[0])
    expect(field).to_be_focused()
    field.press("ArrowUp")
    expect(field).to_have_value("4")
    field.press("Tab")
    expect(field).not_to_be_focused()


def test_the_words_are_shuffled_and_shown_as_the_model_read_them(lab, zoo_glass):
    glass = zoo_glass("en-de")
    button(lab, "Shuffle the words").click()
    row = lab.locator("tr.chosen")
    seed = int(row.get_attribute("data-run").split(".")[-1])
    experiment = Experiment(order=shuffled(n_words(glass, SENTENCE), seed))
    translation, trace = run(glass, SENTENCE, experiment)
    expect(row.locator(".log-prob")).to_contain_text(number_text(translation.log_prob))
    assert row.locator(".read-token").all_inner_texts() == list(trace.sides["src"].tokens)


def distances(glass, experiment, site):
    original = glass.translate(SENTENCE)
    plain = glass.trace(SENTENCE, original)
    _, trace = run(glass, SENTENCE, experiment, original)
    stack, name = site.split(".")
    found = []
    for layer in range(glass.config.n_layers):
        a, b = (each[f"{stack}.{layer}.{name}.weights"].value.astype(float) for each in (plain, trace))
        found.append((np.abs(a - b).sum(-1) / 2).mean(-1))
    return np.stack(found)


def test_the_grid_gives_each_heads_distance_and_opens_its_two_maps(lab, zoo_glass):
    glass = zoo_glass("en-de")
    button(lab, "Positions off").click()
    for site in SITES:
        lab.locator(f".positions [data-site='{site}']").click()
        expected = distances(glass, Experiment(positions="off"), site)
        expect(lab.locator(".tv")).to_have_count(expected.size)
        names = lab.locator(".tv").evaluate_all("(all) => all.map((one) => one.ariaLabel)")
        assert [float(name.split(": ")[1]) for name in names] == pytest.approx(
            expected.ravel().tolist(), abs=6e-5
        )
        lab.locator("[data-cell='2.3']").click()
        assert strip(lab) == ("distance, layer 2, head 3", f"{expected[1, 2]:.4f}")
        expect(lab.locator("[data-map='original']")).to_be_visible()
        expect(lab.locator("[data-map='experiment']")).to_be_visible()


def test_without_positions_dog_bites_man_is_man_bites_dog(lab, zoo_glass):
    glass = zoo_glass("en-de")
    button(lab, "Positions off").click()
    for text in PAIR:
        button(lab, text).click()
        expect_run(lab, "off", run(glass, text, Experiment(positions="off"))[0], text)
        expect_run(lab, "original", glass.translate(text), text)
    expect(lab.locator(".positions .lesson")).to_be_visible()
    expect(lab.get_by_role("textbox", name="English sentence")).to_have_value(SENTENCE)
    for text in PAIR:
        button(lab, text).click()
        expect(text_of_row(lab, "off", text)).to_have_count(0)


LESSON = """
async (four) => (await import("/instruments/positions/experiments.js")).lessonOf(four)
"""


def test_the_lesson_gives_a_reason_only_where_the_tokens_show_it(lab):
    def header(read, log_prob):
        return {"read": read, "translation": {"ids": [5, 2], "text": "Ja.", "log_prob": log_prob}}

    on, swapped = header(["a", "b"], -1), header(["b", "a"], -2)
    said = lab.evaluate(LESSON, [on, swapped, on, header(["b", "a"], -1.00001)])
    assert "the model tells the two apart" in said and "one and the same bag of words" in said
    said = lab.evaluate(LESSON, [on, swapped, on, header(["b", "a"], -1.01)])
    assert "The same tokens in another order should then be one" in said and "1.010" in said
    said = lab.evaluate(LESSON, [on, swapped, on, header(["b", "c"], -1.01)])
    assert "the two sentences are not made of the same tokens" in said


def python_of(page):
    page.locator(".positions .copy").click()
    expect(page.locator(".positions .copy")).to_have_text("Copied")
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(page.evaluate("navigator.clipboard.readText()"), {})
    return float(said.getvalue())


def test_the_numpy_snippets_print_the_numbers_on_screen(lab, zoo_folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "ROOT", zoo_folder / "checkpoints")
    button(lab, "Off and shuffled").click()
    expect(lab.locator("tr.chosen .log-prob")).to_be_visible()
    for site in SITES:
        lab.locator(f".positions [data-site='{site}']").click()
        assert python_of(lab) == pytest.approx(shown(strip(lab)[1]), abs=6e-5)
    for name in ("Heat-map", "Similarity", "Rotation", "Sum"):
        tab(lab, name).click()
        assert python_of(lab) == pytest.approx(shown(strip(lab)[1]), rel=1e-3, abs=1e-6)


def test_a_link_restores_the_pinned_cell_of_a_view(visit, zoo):
    page = visit(zoo, until=arrived, text=SENTENCE, place="positions", panel="similarity", query=6, key=3)
    expect(tab(page, "Similarity")).to_have_attribute("aria-selected", "true")
    title, result = strip(page)
    assert numbers_in(title) == [5, 2]
    assert result == number_text(PE(6)[5] @ PE(6)[2])
    expect(page.locator(".positions > .strip")).to_have_class("strip pinned")
    expect(page.locator(".map [data-block='encoder.pos']")).to_have_attribute("aria-current", "true")


STATE = "(node) => ({ ...node.view.store.state, ...node.view.store.linked() })"


def state(page):
    """What is chosen in the lab, and what its link says of it."""
    return page.locator(".instrument.positions").evaluate(STATE)


def slide(page, **values):
    names = {"k": "k: how far on", "pair": "pair i", "p": "position p"}
    for name, value in values.items():
        slider = page.get_by_role("slider", name=names[name], exact=True)
        slider.evaluate(
            "(input, value) => { input.value = value; input.oninput(); input.onchange(); }", value
        )


def expect_knobs(page, **values):
    for name, label in (("k", "k: how far on"), ("pair", "pair i"), ("p", "position p")):
        slider = page.get_by_role("slider", name=label, exact=True)
        expect(slider).to_have_value(str(values[name]))


def test_the_link_holds_the_rotations_knobs_and_the_waves_and_back_returns(visit, zoo):
    page = visit(zoo, until=arrived, text=SENTENCE, place="positions")
    page.locator("[data-wave='17']").click()
    tab(page, "Rotation").click()
    slide(page, k=5, pair=3, p=6)
    wanted = {"panel": "rotation", "k": "5", "position": "7", "pair": "4", "waves": "1,9"}
    assert wanted.items() <= link(page).items()
    tab(page, "Sum").click()
    assert {"position", "pair"}.isdisjoint(link(page))
    page.go_back()
    expect(tab(page, "Rotation")).to_have_attribute("aria-selected", "true")
    expect_knobs(page, k=5, pair=3, p=6)
    again = visit(zoo, until=arrived, **link(page))
    expect_knobs(again, k=5, pair=3, p=6)
    assert state(again) == state(page)
    page.go_back()
    expect(tab(page, "Heat-map")).to_have_attribute("aria-selected", "true")


def test_the_link_holds_the_experiments_and_what_is_open_there(visit, zoo, zoo_glass):
    page = visit(zoo, until=arrived, text=SENTENCE, place="positions", panel="experiments")
    for name in ("Positions off", "Shuffle the words", "100", PAIR[1]):
        button(page, name).click()
    text_of_row(page, "off").get_by_role("button").click()
    page.locator(f".positions [data-site='{SITES[2]}']").click()
    page.locator("[data-cell='2.3']").click()
    page.locator("[data-map='original']").click()
    page.keyboard.press("ArrowRight")
    wanted = {
        "runs": "off,shuffle.1,base.100", "beside": "2", "run": "3", "site": SITES[2], "cell": "2.3",
    }  # fmt: skip
    assert wanted.items() <= link(page).items()
    assert {"query", "key"} <= link(page).keys()
    again = visit(zoo, until=arrived, **link(page))
    translation, _ = run(zoo_glass("en-de"), SENTENCE, Experiment(positions="off"))
    expect_run(again, "off", translation)
    expect(text_of_row(again, "off")).to_have_class("chosen")
    expect(text_of_row(again, "shuffle.1", PAIR[1])).to_be_visible()
    expect(again.locator("[data-cell='2.3']")).to_have_attribute("aria-pressed", "true")
    expect(again.locator(".positions > .strip")).to_have_class("strip pinned")
    expect(again.locator(".formula")).to_have_text(page.locator(".formula").inner_text())
    assert state(again) == state(page)
    tab(page, "Sum").click()
    page.go_back()
    expect(text_of_row(page, "off")).to_have_class("chosen")
    assert state(page) == state(again)


def test_a_link_of_nonsense_opens_what_there_is(visit, zoo):
    said = {
        "runs": "off,no.3,shift,base.100",
        "run": 99,
        "beside": "9",
        "site": "x",
        "cell": "8.x",
        "k": "1e9",
    }
    page = visit(
        zoo, until=arrived, text=SENTENCE, place="positions", panel="experiments", waves="0,9,x", **said
    )
    expect(page.locator("tbody tr")).to_have_count(3)
    expect(page.locator("tr.chosen")).to_have_count(0)
    assert (state(page)["k"], state(page)["waves"]) == (31, "9")


def test_another_sentence_keeps_the_experiments(visit, zoo, zoo_glass):
    page = visit(zoo, until=arrived, text=SENTENCE, place="positions", panel="experiments")
    button(page, "Positions off").click()
    other = "A dog runs."
    page.get_by_role("textbox", name="English sentence").fill(other)
    page.get_by_role("textbox", name="English sentence").press("Enter")
    translation, _ = run(zoo_glass("en-de"), other, Experiment(positions="off"))
    expect_run(page, "off", translation, other)
    expect(text_of_row(page, "off", other)).to_have_class("chosen")
    assert link(page)["runs"] == "off"


@pytest.mark.parametrize(
    ("panel", "said", "missing", "at"),
    [("heat", {"query": 6}, "feature", (0, 5)), ("heat", {"feature": 3}, "query", (1, 3)),
     ("similarity", {"query": 6}, "key", (0, 5)), ("similarity", {"key": 3}, "query", (1, 2))],
)  # fmt: skip
def test_half_a_pin_is_completed_with_a_notice(visit, zoo, panel, said, missing, at):
    page = visit(zoo, until=arrived, text=SENTENCE, place="positions", panel=panel, **said)
    expect(page.locator(".positions > .strip")).to_have_class("strip pinned")
    assert numbers_in(strip(page)[0])[at[0]] == at[1]
    expect(page.locator(".st-key-notices")).to_contain_text(f"does not say its {missing}.")


TAMPERED = 'if (arrays["embedded.tgt"]) arrays["embedded.tgt"].values[5] = NaN; return { header, arrays };'


def test_the_map_leads_here_and_a_wrong_number_turns_the_badge_red(visit, zoo):
    def tamper(page):
        def answer(route):
            body = route.fetch().text().replace("return { header, arrays };", TAMPERED)
            route.fulfill(status=200, content_type="text/javascript", body=body)

        page.route("**/shared/transport.js", answer)

    page = visit(
        zoo, None, tamper, until=lambda page: page.locator(READY.replace("positions", "tokens")).wait_for(),
        text=SENTENCE, place="tokens",
    )  # fmt: skip
    page.locator(".map [data-block='decoder.pos']").click()
    arrived(page)
    assert (link(page)["place"], link(page)["side"]) == ("positions", "target")
    tab(page, "Sum").click()
    expect(page.locator("[data-side=tgt]")).to_have_attribute("aria-selected", "true")
    page.locator(".map [data-block='encoder.pos']").click()
    expect(page.locator("[data-side=src]")).to_have_attribute("aria-selected", "true")
    badge = page.locator(".positions .heading .check")
    expect(badge).to_have_class("check wrong")
    expect(badge).to_have_text("recomputed: max error not a number")


def test_on_a_phone_odd_text_needs_no_sideways_scroll_and_a_model_of_one_layer_draws(visit, zoo):
    text = "A 🚲 رجل </s> " + "ab" * 12
    page = visit(zoo, PHONE, until=arrived, text=text, place="positions", model="one", query=99, feature=99)
    root = page.locator(".instrument.positions")
    for name in ("Heat-map", "Similarity", "Rotation", "Sum", "Experiments"):
        tab(page, name).click()
        if name == "Experiments":
            button(page, "Shuffle the words").click()
            expect(page.locator("[data-map='experiment']")).to_be_visible()
        assert_no_sideways_scroll(page, 390)
        assert root.evaluate("(node) => node.scrollWidth <= node.clientWidth"), name
        small = root.evaluate(
            "(node) => [...node.querySelectorAll('*')].filter((one) => one.textContent.trim() && "
            "parseFloat(getComputedStyle(one).fontSize) < 14).map((one) => one.className)"
        )
        assert small == [], name
