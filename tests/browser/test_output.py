"""The output instrument: steps, bars, arithmetic, what if, lens, who added what: against NumPy."""

from __future__ import annotations

import contextlib
import io
import re

import numpy as np
import pytest
from playwright.sync_api import expect

from model import contributions as direct
from tests.helpers.asked import answer, first
from tests.helpers.head import PHONE, SENTENCE, TOLERANCE, number_text, softmax
from tests.helpers.messages import unpack
from tests.helpers.screen import all_told, link
from viz import theme
from viz.instruments import pack
from viz.instruments.output import TOP

STEP = 2
KINDS = ("self_attn", "cross_attn", "ffn", "bias")
"""What a layer adds, in the order of the bars."""
# The browser's own recomputation of the contributions is done.
HERE = """
() => {
  const roots = [...document.querySelectorAll("*")].map((element) => element.shadowRoot);
  const badge = roots.map((root) => root?.querySelector(".output .check")).find(Boolean);
  return badge?.title.includes("each recomputed");
}
"""


def there(page):
    """All of the instrument is there, and its check is done."""
    page.locator(".instrument.output .check.right, .instrument.output .check.wrong").wait_for()


@pytest.fixture(scope="module")
def asked(zoo_glass):
    """What the zoo's default model computes for SENTENCE."""
    return answer(zoo_glass("en-de"), SENTENCE)


@pytest.fixture(scope="module")
def sent(asked):
    return unpack(first("output", asked))


@pytest.fixture(scope="module")
def open_page(visit_once, zoo):
    return visit_once(zoo, until=there, text=SENTENCE, place="output", step=STEP)


@pytest.fixture
def page(open_page):
    """The page that tests share: at the words of STEP, nothing pinned, no knob turned."""
    show(open_page, "Words")
    back = open_page.get_by_role("button", name="Back to the model's own numbers")
    if back.is_visible():
        back.click()
    steps(open_page).focus()
    open_page.keyboard.press("Escape")
    open_page.locator(f".step[data-step='{STEP}']").click()
    expect(open_page.locator(".check")).to_have_class("check right")
    return open_page


def show(page, name):
    """Open a part of the instrument."""
    page.get_by_role("tab", name=name, exact=True).click()


@pytest.fixture
def added(page):
    """The shared page at "Who added what", one bar a head, its numbers here."""
    show(page, "Who added what")
    page.get_by_role("button", name="heads", exact=True).click()
    page.wait_for_function(HERE)
    return page


def steps(page):
    return page.get_by_role("listbox", name="Decoding steps")


def row(page, rank):
    return page.locator(f".bar-row[data-rank='{rank}']")


def part(page, rank, name):
    return row(page, rank).locator(f"[data-part].{name}")


def column(page, name):
    return page.locator(f".rows [data-part].{name}").all_inner_texts()


def turn(page, **knobs):
    for name, value in knobs.items():
        page.get_by_role("slider", name=name.replace("_", "-"), exact=True).fill(str(value))


def strip(page):
    return page.locator(".formula b").first.inner_text(), page.locator(".formula .result").inner_text()


def sampled(logits, temperature=1.0, k=None, p=None):
    """NumPy's: probabilities after temperature, top-k and top-p, and who is kept."""
    order = np.lexsort((np.arange(len(logits)), -logits))
    kept = order[:k]
    probs = softmax(logits[kept], temperature)
    if p is not None:
        kept = kept[: int(np.argmax(np.cumsum(probs) >= p - 1e-12)) + 1]
    out = np.zeros(len(logits))
    out[kept] = softmax(logits[kept], temperature)
    return out, set(kept.tolist())


def test_each_step_says_what_it_reads_and_predicts(page, asked):
    trace = asked[1]
    buttons = steps(page).get_by_role("option")
    expect(buttons).to_have_count(len(trace.predicts))
    for number, (reads, predicts) in enumerate(zip(trace.sides["tgt"].tokens, trace.predicts, strict=True)):
        expect(buttons.nth(number)).to_have_attribute(
            "aria-label", f"step {number + 1}: reads {reads}, predicts {predicts}"
        )
    expect(page.locator(".step[aria-selected=true]")).to_have_attribute("data-step", str(STEP))


def test_the_bars_are_the_traces_most_probable_words(page, asked, sent):
    _, arrays = sent
    ids, logits, probs = (arrays[name][STEP - 1] for name in ("ids", "logits", "probs"))
    assert column(page, "id")[:TOP] == [str(i) for i in ids]
    words = [text.removeprefix("▸ ") for text in column(page, "word")]
    assert words[:TOP] == [asked[0].tokenizer.readable(i) for i in ids]
    assert column(page, "logit")[:TOP] == [number_text(x) for x in logits]
    assert column(page, "prob")[:TOP] == [theme.weight_text(x) for x in probs]
    assert column(page, "mass")[:TOP] == [theme.weight_text(x) for x in np.cumsum(probs, dtype=float)]
    expect(page.locator(".bar-row.taken .id")).to_have_text([str(arrays["chosen"][STEP - 1])])


def test_the_badge_says_that_the_browser_recomputed_the_step(page):
    (error,) = re.fullmatch(r"recomputed: max error (\S+)", page.locator(".check").inner_text()).groups()
    assert float(error) <= TOLERANCE


def test_pointing_at_a_bar_shows_its_softmax_and_sends_nothing(page, asked):
    logits = asked[1]["output.logits"].value[STEP - 1].astype(float)
    all_told(page)
    before = page.evaluate("window.sentAt.length")
    for rank in (0, 3, 7):
        part(page, rank, "prob").hover()
        word = int(part(page, rank, "id").inner_text())
        title, result = strip(page)
        assert title == f"P({asked[0].tokenizer.readable(word)})"
        assert result == theme.weight_text(softmax(logits)[word])
        formula = page.locator(".formula").inner_text()
        exps = np.exp(logits - logits.max())
        assert f"{number_text(exps[word])} / {number_text(exps.sum())}" in formula
        assert page.locator(".term.sum-term b").inner_text() == number_text(exps.sum())
    assert page.evaluate("window.sentAt.length") == before


def test_pointing_at_a_logit_shows_the_products_that_make_it(page, asked):
    glass, trace, _ = asked
    part(page, 1, "logit").hover()
    word = int(part(page, 1, "id").inner_text())
    terms = trace["decoder.states"].value[STEP - 1] * glass.model.embedding.weight.detach().numpy()[word]
    assert strip(page)[1] == number_text(trace["output.logits"].value[STEP - 1, word])
    page.get_by_role("button", name=f"All {len(terms)} terms").click()
    shown = page.locator(".term:not(.sum-term) > b").all_inner_texts()
    assert len(shown) == len(terms)
    assert [float(text.replace("−", "-")) for text in shown] == pytest.approx(list(terms), rel=1e-3)
    expect(page.locator(".term.largest .term-name")).to_contain_text(f"s{np.abs(terms).argmax() + 1}·")
    page.get_by_role("button", name="Fewer terms").click()


@pytest.mark.parametrize("name", ["prob", "logit", "what-if"])
def test_a_snippet_prints_the_number_on_screen(page, name):
    if name == "what-if":
        turn(page, temperature=2, top_k=8)
    part(page, 2, name).hover()
    shown = strip(page)[1].replace("−", "-")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.get_by_role("button", name="Copy as NumPy").click()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(page.get_by_role("textbox", name="NumPy snippet").input_value(), "snippet", "exec"), {})
    assert float(printed.getvalue()) == pytest.approx(float(shown), rel=1e-3, abs=6e-5)


@pytest.mark.parametrize(
    ("temperature", "k", "p"),
    [(0.5, None, None), (4, None, 0.3), (1, 3, None), (1, None, 0.05), (2, 10, 0.5), (0.1, 1, None)],
)
def test_what_if_cuts_and_renormalises_as_numpy_does(page, asked, temperature, k, p):
    turn(page, temperature=temperature, top_k=k or 101, top_p=p or 1)
    logits = asked[1]["output.logits"].value[STEP - 1].astype(float)
    probs, kept = sampled(logits, temperature, k, p)
    expect(page.locator(".knobs .badge.what-if")).to_be_visible()
    for rank, word in enumerate(int(text) for text in column(page, "id")):
        text = part(page, rank, "what-if").inner_text()
        if word in kept:
            assert float(text) == pytest.approx(probs[word], abs=0.000051)
        else:
            expect(row(page, rank)).to_have_class(re.compile("is-cut"))
            assert text.startswith("cut by top-")
    expect(page.locator(".bars-part .note")).to_contain_text(f"What if: {len(kept)} token")


def test_one_click_returns_to_the_models_own_numbers(page):
    own = column(page, "prob")
    turn(page, temperature=3, top_k=5, top_p=0.5)
    expect(page.locator(".bar-row.is-cut").first).to_be_visible()
    assert column(page, "prob") == own
    page.get_by_role("button", name="Back to the model's own numbers").click()
    expect(page.locator(".badge.what-if:visible, .bar-row.is-cut")).to_have_count(0)
    assert column(page, "prob") == own
    expect(page.get_by_role("slider", name="temperature")).to_have_value("1")


def test_the_lens_shows_the_most_probable_word_of_every_layer_and_position(page, asked, sent):
    show(page, "After each layer")
    _, arrays = sent
    readable = asked[0].tokenizer.readable
    for layer, ids in enumerate(arrays["lens_ids"]):
        for position, words in enumerate(ids):
            cell = page.locator(f"[data-layer='{layer}'][data-position='{position}']")
            assert cell.inner_text() == readable(words[0])


def test_a_click_on_the_lens_lists_ten_words_and_their_arithmetic(page, asked, sent):
    _, arrays = sent
    show(page, "After each layer")
    page.locator("[data-layer='1'][data-position='2']").click()
    probs = arrays["lens_probs"][1, 2]
    assert page.locator(".lens-list .prob").all_inner_texts() == [theme.weight_text(x) for x in probs]
    words = [asked[0].tokenizer.readable(i) for i in arrays["lens_ids"][1, 2]]
    assert page.locator(".lens-list .word").all_inner_texts() == words
    expect(page.locator(".formula")).to_contain_text("exp(")
    assert strip(page) == (f"lens[1, 3]: P({words[0]})", theme.weight_text(probs[0]))
    page.locator("[data-layer='2'][data-position='1']").hover()
    assert strip(page)[0].startswith("lens[1, 3]"), "it is pinned"
    page.keyboard.press("Escape")


def test_text_on_every_shade_of_the_lens_can_be_read(page):
    for mode in theme.MODES:
        worst = page.evaluate(
            """
            async ([palette, mode]) => {
              const { contrast, readTheme, textOn } = await import("/instruments/shared/theme.js");
              const host = document.createElement("div");
              const [ground, text] = mode === "dark" ? ["#10141b", "#eef2f7"] : ["#ffffff", "#14181f"];
              host.style.setProperty("--st-background-color", ground);
              host.style.setProperty("--st-text-color", text);
              document.body.append(host);
              const theme = readTheme(host, palette);
              host.remove();
              const rgb = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
              let worst = Infinity;
              for (let i = 0; i < 256; i++) {
                const shade = theme.ramp.subarray(3 * i, 3 * i + 3);
                worst = Math.min(worst, contrast(rgb(textOn(theme, i / 255)), shade));
              }
              return worst;
            }
            """,
            [theme.palette(), mode],
        )
        assert worst >= 4


def test_keys_change_the_step_and_the_link_and_move_the_cursor(page, asked):
    last = len(asked[1].predicts)
    page.keyboard.press("ArrowRight")
    expect(page.locator(".step[aria-selected=true]")).to_have_attribute("data-step", str(STEP + 1))
    assert link(page)["step"] == str(STEP + 1) and link(page)["place"] == "output"
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert link(page)["step"] == str(last)
    page.get_by_role("table", name=re.compile("^Words of step")).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    word = part(page, 1, "word").inner_text().removeprefix("▸ ")
    assert strip(page)[0] == f"logits[{last}, {word}]"
    page.keyboard.press("Enter")
    part(page, 5, "prob").hover()
    assert strip(page)[0] == f"logits[{last}, {word}]"
    page.keyboard.press("Escape")
    part(page, 5, "prob").hover()
    assert strip(page)[0].startswith("P(")


def test_the_last_state_is_the_traces(page, asked):
    state = asked[1]["decoder.states"].value[STEP - 1]
    page.get_by_role("figure", name=re.compile("^Last state of step 2")).focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert strip(page) == (f"states[{STEP}, 3]", number_text(state[2]))


def test_only_the_open_step_is_asked_for_and_only_once(visit, zoo, asked):
    requests = []
    page = visit(
        zoo,
        None,
        lambda page: page.on(
            "request", lambda r: requests.append(r.url) if "numbers/output/logits" in r.url else 0
        ),
        there,
        text=SENTENCE,
        place="output",
        step=99,
    )
    last = len(asked[1].predicts)
    expect(page.locator(".step[aria-selected=true]")).to_have_attribute("data-step", str(last))
    page.locator(".step[data-step='1']").click()
    expect(page.locator(".check")).to_have_class("check right")
    page.locator(f".step[data-step='{last}']").click()
    expect(page.locator(".check")).to_have_class("check right")
    assert [re.search(r"step=(\d+)", url)[1] for url in requests] == [str(last - 1), "0"]


@pytest.mark.parametrize("name", ["logits", "vectors"])
def test_a_wrong_number_turns_the_badge_red(visit, zoo, name):
    def tamper(route):
        header, arrays = unpack(route.fetch().body())
        arrays = {key: array.copy() for key, array in arrays.items()}
        arrays[name][...] += np.where(np.arange(arrays[name].size).reshape(arrays[name].shape) % 2, 0.1, 0)
        body = pack({"step": header["step"]}, arrays)
        route.fulfill(status=200, content_type="application/octet-stream", body=body)

    before = lambda page: page.route("**/numbers/output/logits*", tamper)  # noqa: E731
    page = visit(zoo, None, before, there, text=SENTENCE, place="output", step=STEP)
    expect(page.locator(".check")).to_have_class("check wrong")


def test_nothing_scrolls_sideways_on_a_phone(visit, zoo):
    page = visit(zoo, PHONE, until=there, text="A man in a blue shirt <b>runs</b> 🏃🏽‍♀️", place="output")
    turn(page, top_k=3)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth - main.clientWidth") <= 0


@pytest.mark.parametrize("model", ["one", "wide"])
def test_every_size_of_model_draws_its_lens(visit, zoo, zoo_glass, model):
    page = visit(zoo, until=there, text="a", model=model, place="output")
    show(page, "After each layer")
    layers = zoo_glass(model).config.n_layers + 1
    expect(page.locator("[data-layer][data-position='0']")).to_have_count(layers)
    expect(page.locator(".check")).to_have_class("check right")


# Who added what


def expected_parts(asked, step=STEP, word=None):
    """Python's contributions to the logit of the word taken at a step (from 1), or of another."""
    glass, trace, translation = asked
    word = glass.rows(translation.ids)[1][step - 1] if word is None else word
    return direct.contributions(glass.model, trace, [word], slice(step - 1, step))[0].numpy()


def signed_text(value):
    """waterfall.js: two decimals and a sign."""
    return f"{'−' if value < 0 else '+'}{abs(value):.2f}"


def bar(page, index):
    return page.locator(f".fall-bar[data-bar='{index}']")


def bar_texts(page):
    """What every bar says, the sum last."""
    labels = page.locator(".fall-bar").evaluate_all("(all) => all.map((bar) => bar.ariaLabel)")
    return [label.rsplit(": ", 1)[1] for label in labels]


def choose_word(page, value):
    page.get_by_role("combobox", name="Word whose logit is taken apart").select_option(value)


@pytest.mark.parametrize("name", ["Words", "After each layer", "Who added what"])
def test_each_part_is_one_click_away_and_alone(page, name):
    show(page, name)
    expect(page.get_by_role("tab", name=name, exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator(".part-tabs .tab[aria-selected=true]")).to_have_count(1)
    expect(page.locator(".part:visible")).to_have_count(1)
    expect(page.get_by_role("tabpanel", name=name, exact=True)).to_be_visible()


def test_the_bars_are_the_models_contributions_and_end_at_the_logit(added, asked):
    expected = expected_parts(asked)
    assert bar_texts(added)[:-1] == [signed_text(x) for x in expected]
    chosen = asked[0].rows(asked[2].ids)[1][STEP - 1]
    logit = asked[1]["output.logits"].value[STEP - 1, chosen]
    assert bar_texts(added)[-1] == f"{logit:.2f}".replace("-", "−")
    assert expected.sum() == pytest.approx(logit, abs=1e-4)


def test_a_block_is_the_sum_of_its_parts(added, asked):
    added.get_by_role("button", name="blocks", exact=True).click()
    expected, blocks = expected_parts(asked), {}
    for part_, value in zip(direct.parts_of(asked[1]), expected, strict=True):
        order = (-1, part_.name) if part_.layer is None else (part_.layer, KINDS.index(part_.kind))
        blocks[order] = blocks.get(order, 0) + value
    values = [blocks[order] for order in sorted(blocks)]
    assert bar_texts(added)[:-1] == [signed_text(x) for x in values]
    expect(added.locator(".fall-caption")).to_contain_text(f"The {len(values)} bars sum to")


def test_the_caption_names_the_largest_push_and_the_error_of_the_sum(added, asked):
    expected, caption = expected_parts(asked), added.locator(".fall-caption").inner_text()
    name = bar(added, int(expected.argmax())).get_attribute("aria-label").rsplit(": ", 1)[0]
    assert f"comes from {name} ({signed_text(expected.max())})" in caption
    assert f"The {len(expected)} bars sum to {expected.sum():.3f}".replace("-", "−") in caption
    assert float(re.search(r"\(error (\S+)\)", caption)[1]) <= TOLERANCE
    expect(added.locator(".added")).to_contain_text("This is the direct path only")


def test_pointing_at_a_bar_shows_its_arithmetic_and_sends_nothing(added, asked):
    expected = expected_parts(asked)
    totals = np.concatenate([[0], expected.cumsum()])
    all_told(added)
    before = added.evaluate("window.sentAt.length")
    for index in (0, 5, len(expected) - 1):
        bar(added, index).hover()
        title, result = strip(added)
        assert title.startswith(bar(added, index).get_attribute("aria-label").rsplit(": ", 1)[0])
        assert float(result.replace("−", "-")) == pytest.approx(expected[index], rel=2e-3, abs=1e-6)
        note = added.locator(".strip .note").inner_text().replace("−", "-")
        shown = [float(x) for x in re.match(r"running total (\S+) → (\S+)", note).groups()]
        assert shown == pytest.approx(totals[index : index + 2], rel=2e-3, abs=1e-5)
    bar(added, len(expected)).hover()
    assert strip(added)[0].startswith(f"logits[{STEP}, ")
    assert added.evaluate("window.sentAt.length") == before


def test_a_snippet_carries_a_part_on_to_its_contribution(added, asked):
    added.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    expected = expected_parts(asked)
    for index in (0, 3, len(expected) - 1):
        bar(added, index).hover()
        added.get_by_role("button", name="Copy as NumPy").click()
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(added.get_by_role("textbox", name="NumPy snippet").input_value(), {})
        assert float(printed.getvalue()) == pytest.approx(expected[index], rel=1e-3, abs=1e-5)


def test_keys_move_along_the_bars_and_a_click_pins(added):
    bar(added, 2).click()
    bar(added, 6).hover()
    expect(bar(added, 2)).to_have_class("fall-bar here pinned")
    added.locator(".waterfall").focus()
    added.keyboard.press("ArrowRight")
    expect(bar(added, 3)).to_have_class(re.compile("here"))
    added.keyboard.press("Escape")
    added.keyboard.press("ArrowLeft")
    expect(bar(added, 2)).to_have_class("fall-bar here")


def test_another_words_logit_is_taken_apart_in_the_browser(added, asked, sent):
    word = next(int(i) for i in sent[1]["ids"][STEP - 1] if i != sent[1]["chosen"][STEP - 1])
    choose_word(added, str(word))
    assert bar_texts(added)[:-1] == [signed_text(x) for x in expected_parts(asked, word=word)]
    error = re.search(r"\(error (\S+)\)", added.locator(".fall-caption").inner_text())[1]
    assert float(error) <= TOLERANCE
    choose_word(added, str(sent[1]["chosen"][STEP - 1]))


def test_a_step_chosen_here_stays_here(added, asked):
    added.locator(".step[data-step='3']").click()
    expect(added.get_by_role("figure", name=re.compile("^Direct contributions .* step 3"))).to_be_visible()
    assert bar_texts(added)[:-1] == [signed_text(x) for x in expected_parts(asked, step=3)]
    added.wait_for_function(HERE)
    assert link(added)["step"] == "3"


@pytest.mark.parametrize("name", ["terms", "gammas", "stds"])
def test_a_wrong_part_turns_the_badge_red(visit, zoo, name):
    def tamper(route):
        header, arrays = unpack(route.fetch().body())
        arrays = {key: array.copy() for key, array in arrays.items()}
        arrays[name][0] *= 1.5
        body = pack({"step": header["step"]}, arrays)
        route.fulfill(status=200, content_type="application/octet-stream", body=body)

    before = lambda page: page.route("**/numbers/output/contributions*", tamper)  # noqa: E731
    page = visit(zoo, None, before, there, text=SENTENCE, place="output", step=STEP)
    expect(page.locator(".check")).to_have_class("check right")
    show(page, "Who added what")
    expect(page.locator(".check")).to_have_class("check wrong")


@pytest.mark.parametrize(("model", "options"), [("one", None), ("wide", None), ("wide", PHONE)])
def test_every_size_of_model_draws_its_contributions(visit, zoo, zoo_glass, model, options):
    glass = zoo_glass(model)
    page = visit(zoo, options, until=there, text="a <b>dog</b> 🏃🏽‍♀️", model=model, place="output")
    show(page, "Who added what")
    page.get_by_role("button", name="heads", exact=True).click()
    expect(page.locator(".fall-bar")).to_have_count(len(direct.parts(glass.model.anatomy, glass.config)) + 1)
    page.wait_for_function(HERE)
    expect(page.locator(".check")).to_have_class("check right")
    assert page.get_by_test_id("stMain").evaluate("(main) => main.scrollWidth - main.clientWidth") <= 0


# The link


def test_a_link_restores_tab_grouping_word_and_the_pinned_bar(visit, zoo, asked, sent):
    word = next(int(i) for i in sent[1]["ids"][STEP - 1] if i != sent[1]["chosen"][STEP - 1])
    pin = {"on": "added", "bar": 3, "bars": "heads", "word": word}
    page = visit(zoo, until=there, text=SENTENCE, place="output", step=STEP, output_tab="added", **pin)
    tab = page.get_by_role("tab", name="Who added what", exact=True)
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(bar(page, 2)).to_have_class("fall-bar here pinned")
    page.wait_for_function(HERE)
    assert bar_texts(page)[:-1] == [signed_text(x) for x in expected_parts(asked, word=word)]
    expect(page.locator(".fall-tools select")).to_have_value(str(word))


@pytest.mark.parametrize(
    ("pin", "title"),
    [
        ({"output_tab": "layers", "on": "lens", "lens_layer": 1, "lens_position": 3}, r"^lens\[1, 3\]"),
        ({"on": "state", "feature": 7}, r"^states\[2, 7\]"),
        ({"on": "logit", "rank": 2}, r"^logits\[2, "),
        ({"on": "what-if", "rank": 2, "output_temperature": 2, "output_top_k": 8}, r"^what if: P\("),
    ],
)
def test_a_link_restores_the_pinned_cell(visit, zoo, pin, title):
    page = visit(zoo, until=there, text=SENTENCE, place="output", step=STEP, **pin)
    expect(page.locator(".strip.pinned .formula b").first).to_have_text(re.compile(title))
    steps(page).focus()
    page.keyboard.press("Escape")
    assert {"on", "rank", "feature", "lens_layer", "lens_position"}.isdisjoint(link(page))


def test_what_is_turned_and_pinned_stands_in_the_link_and_comes_back(page):
    turn(page, temperature=2, top_k=8, top_p=0.5)
    said = {"output_temperature": "2", "output_top_k": "8", "output_top_p": "0.5", "step": str(STEP)}
    assert said.items() <= link(page).items()
    part(page, 2, "what-if").click()
    assert {"on": "what-if", "rank": "3"}.items() <= link(page).items()
    shown = column(page, "what-if")
    page.reload()
    there(page)
    assert column(page, "what-if") == shown
    expect(page.locator(".strip.pinned .formula b").first).to_have_text(re.compile("^what if"))
    page.get_by_role("button", name="Back to the model's own numbers").click()
    assert {"output_temperature", "output_top_k", "output_top_p"}.isdisjoint(link(page))
