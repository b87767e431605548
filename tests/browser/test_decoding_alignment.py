"""The alignment tab: joined weights, entropies, crossings, norms, influence are NumPy's and the model's."""

from __future__ import annotations

import contextlib
import io
import re
from itertools import pairwise

import numpy as np
import pytest
import torch
from playwright.sync_api import expect

from model import influence as owed
from model.words import joined, word_groups
from tests.helpers.checkpoints import text_of
from tests.helpers.head import PHONE, TOLERANCE, assert_no_sideways_scroll, number_text
from tests.helpers.screen import link
from viz.instruments.decoding.parts.alignment import word_text

TEXT = "Sleeping dogs don't cross the busy street."
FORCED = "Zwei Hunde rennen."
LAYER, HEAD, STEP = 2, 3, 2
SEEN = 0.02
ASKED = {"place": "decoding", "tab": "alignment"}
READ_RIBBONS = """
(paths) => paths.filter((path) => path.style.display !== "none")
  .map(({ dataset }) => [Number(dataset.row), Number(dataset.column), dataset.weight])
"""


def there(page):
    """The words are joined and the step's influence is here."""
    page.locator(".decoding .align-owed .check.right, .decoding .align-owed .check.wrong").wait_for()


class Expected:
    """What one model computes for TEXT in the lane that begins with FORCED."""

    def __init__(self, glass):
        self.glass, self.forced = glass, glass.tokenizer.encode(FORCED)
        self.translation = glass.translate(TEXT, forced=self.forced)
        self.trace = glass.trace(TEXT, self.translation)
        self.ids = glass.rows(self.translation.ids)[1]
        self.steps = len(self.ids)
        groups = [word_groups(glass.tokenizer, ids) for ids in (self.trace.sides["src"].ids, self.ids)]
        self.src, self.tgt = groups
        self.special = [
            [not glass.tokenizer.token_bytes(i) for i in ids]
            for ids in (self.trace.sides["src"].ids, self.ids)
        ]

    def words(self, ids, groups):
        return [word_text(self.glass.tokenizer, ids[group.start : group.stop]) for group in groups]

    def tokens(self, layer, head):
        """(step, source) float64; layer and head count from 1, head None: the mean."""
        weights = self.trace[f"decoder.{layer - 1}.cross_attn.weights"].value.astype(float)
        return weights.mean(0) if head is None else weights[head - 1]

    def joined(self, layer, head, reads=False):
        weights = torch.tensor(self.tokens(layer, head))
        if not reads:
            return joined(weights, self.tgt, self.src).numpy()
        shifted = [range(group.start + 1, min(group.stop + 1, self.steps)) for group in self.tgt]
        return joined(weights, shifted, self.src).numpy()  # an empty group: NaN

    def entropy(self, layer, head):
        w = self.joined(layer, head)
        return -(w * np.log(np.where(w > 0, w, 1))).sum(-1).mean()

    def influence(self, step):
        found = owed.log_probs_masking(self.glass.model, self.translation.src_ids, self.ids, step - 1)
        return (found[1:] - found[0]).numpy()


@pytest.fixture(scope="module")
def expected(zoo_glass):
    return Expected(zoo_glass("en-de"))


@pytest.fixture(scope="module")
def open_page(visit_once, zoo, expected):
    def until(page):
        page.locator(".ribbon-token[data-row='0']", has_text="Zwei").wait_for()
        there(page)

    asked = {
        "forced": ".".join(map(str, expected.forced)),
        "branch": 2,
        "layer": LAYER,
        "head": HEAD,
        "step": STEP,
    }
    return visit_once(zoo, until=until, text=TEXT, **asked, **ASKED)


@pytest.fixture
def page(open_page):
    """The page that tests share: words, the row that predicts, LAYER, HEAD and STEP, nothing pinned."""
    for name in ("ribbons", "words", "predicts"):
        switch(open_page, name).click()
    for name in ("strongest", "noend"):
        if switch(open_page, name).get_attribute("aria-pressed") == "true":
            switch(open_page, name).click()
    nats(open_page, LAYER, HEAD).click()
    open_page.locator(".align-picture").focus()
    for key in ("Escape", "Home", *["ArrowRight"] * (STEP - 1)):
        open_page.keyboard.press(key)
    open_page.mouse.move(2, 2)
    there(open_page)
    return open_page


def switch(page, name):
    return page.locator(f".align-controls [data-switch={name}]")


def nats(page, layer, head):
    """The table's button of a head (from 1; 0: the layer's mean)."""
    return page.locator(f".align-nats[data-nats='{layer}.{head}']")


def ribbons(page):
    """[row, column, weight as text] of each ribbon that is seen."""
    return page.locator(".align-picture .ribbon").evaluate_all(READ_RIBBONS)


def word(page, axis, number):
    return page.locator(f".align-picture .ribbon-token[data-{axis}='{number}']")


def cell(page, what, column):
    return page.locator(f".align-blocks tr[data-column='{column}'] td[data-what={what}]")


def column(page, what):
    return page.locator(f".align-blocks td[data-what={what}] .align-number").all_inner_texts()


def strip(page):
    return page.locator(".formula b").first.inner_text(), page.locator(".formula .result").inner_text()


def printed_by_snippet(page):
    """What the strip's NumPy snippet prints."""
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.get_by_role("button", name="Copy as NumPy").click()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(page.get_by_role("textbox", name="NumPy snippet").input_value(), "snippet", "exec"), {})
    return float(said.getvalue())


def seen(weights):
    rows, columns = np.nonzero(np.nan_to_num(weights) >= SEEN)
    return [[int(i), int(j), f"{weights[i, j]:.4f}"] for i, j in zip(rows, columns, strict=True)]


def same_weights(found, wanted):
    """Places equal, weights but for the last decimal's rounding."""
    assert [each[:2] for each in found] == [each[:2] for each in wanted]
    texts = zip(found, wanted, strict=True)
    assert all(float(a[2]) == pytest.approx(float(b[2]), abs=1.01e-4) for a, b in texts)


def test_ribbons_are_the_weights_between_words_joined_as_stated(page, expected):
    assert len(expected.src) < len(expected.trace.sides["src"].ids)
    assert page.locator(".ribbon-token[data-column] title").all_text_contents() == expected.words(
        expected.trace.sides["src"].ids, expected.src
    )
    assert page.locator(".ribbon-token[data-row] title").all_text_contents() == expected.words(
        expected.ids, expected.tgt
    )
    same_weights(ribbons(page), seen(expected.joined(LAYER, HEAD)))
    nats(page, 3, 0).click()
    same_weights(ribbons(page), seen(expected.joined(3, None)))
    expect(page.locator(".align-left .align-title")).to_have_text(
        "Cross-attention, layer 3, mean of its heads"
    )
    switch(page, "tokens").click()
    same_weights(ribbons(page), seen(expected.tokens(3, None)[: expected.steps]))
    assert (link(page)["words"], link(page)["layer"], "head" in link(page)) == ("tokens", "3", False)


def test_switches_take_the_other_row_the_strongest_alone_and_leave_the_end_out(page, expected):
    switch(page, "reads").click()
    same_weights(ribbons(page), seen(expected.joined(LAYER, HEAD, reads=True)))
    switch(page, "predicts").click()
    switch(page, "strongest").click()
    weights = expected.joined(LAYER, HEAD)
    assert [each[:2] for each in ribbons(page)] == [[i, int(j)] for i, j in enumerate(weights.argmax(-1))]
    switch(page, "strongest").click()
    switch(page, "noend").click()
    special = [
        [expected.special[side][group.start] for group in groups]
        for side, groups in enumerate((expected.src, expected.tgt))
    ]
    kept = [[i for i, out in enumerate(side) if not out] for side in special]
    same_weights(ribbons(page), seen(weights[np.ix_(kept[1], kept[0])]))
    expect(page.locator(".align-ribbons > .align-caption")).to_contain_text("rows sum to less than 1")
    assert link(page)["align"] == "noend"


def test_hovering_a_word_leaves_its_ribbons_and_says_its_row_without_the_server(page, expected):
    now = page.evaluate("performance.now()")
    page.wait_for_function("(now) => performance.now() - Math.max(now, ...window.sentAt) > 700", arg=now)
    before = page.evaluate("window.sentAt.length")
    weights = expected.joined(LAYER, HEAD)
    row = 1
    word(page, "row", row).hover()
    same_weights(ribbons(page), [each for each in seen(weights) if each[0] == row])
    best = int(weights[row].argmax())
    said = page.locator(".align-row").inner_text()
    names = expected.words(expected.trace.sides["src"].ids, expected.src)
    assert f"looks at: {names[best]} {weights[row, best]:.4f}" in said
    assert said.endswith("sum 1.0000")
    entropy = -(weights[row] * np.log(weights[row])).sum()
    assert strip(page)[1] == number_text(entropy)
    assert printed_by_snippet(page) == pytest.approx(entropy, abs=1e-5)
    word(page, "column", 2).hover()
    same_weights(ribbons(page), [each for each in seen(weights) if each[1] == 2])
    assert page.evaluate("window.sentAt.length") == before


def test_a_ribbon_is_explained_by_its_tokens_and_can_be_pinned(page, expected):
    weights = expected.joined(LAYER, HEAD)
    split = next(j for j, group in enumerate(expected.src) if len(group) > 1)
    page.keyboard.press("ArrowDown")
    for _ in range(split + 20):
        page.keyboard.press("ArrowUp")
    for _ in range(split):
        page.keyboard.press("ArrowDown")
    row = next(i for i, group in enumerate(expected.tgt) if STEP - 1 in group)
    assert strip(page)[1] == f"{weights[row, split]:.4f}"
    pieces = len(expected.src[split]) * len(expected.tgt[row])
    fold = page.locator(".strip-buttons .small").first
    if fold.is_visible() and "All" in fold.inner_text():
        fold.click()
    expect(page.locator(".strip .term:not(.sum-term)")).to_have_count(pieces)
    assert printed_by_snippet(page) == pytest.approx(weights[row, split], abs=1e-6)
    page.locator(".align-picture").focus()
    page.keyboard.press("Enter")
    word(page, "row", 0).hover()
    assert strip(page)[1] == f"{weights[row, split]:.4f}"
    page.keyboard.press("Escape")
    word(page, "row", 1).hover()
    assert strip(page)[0].startswith("entropy[")


def test_the_table_ranks_all_heads_by_entropy_and_the_clearest_is_one_click_away(page, expected):
    config = expected.trace.config
    heads = [(i, h) for i in range(1, config.n_layers + 1) for h in range(1, config.n_heads + 1)]
    wanted = {at: expected.entropy(*at) for at in heads}
    for (layer, head), value in wanted.items():
        assert float(nats(page, layer, head).inner_text()) == pytest.approx(value, abs=0.00501)
    for layer in range(1, config.n_layers + 1):
        assert float(nats(page, layer, 0).inner_text()) == pytest.approx(
            expected.entropy(layer, None), abs=0.00501
        )
    clearest = min(wanted, key=wanted.get)
    page.get_by_role("button", name=re.compile(r"^clearest: layer")).click()
    expect(nats(page, *clearest)).to_have_attribute("aria-pressed", "true")
    expect(nats(page, *clearest)).to_have_class(re.compile("clearest"))
    assert (link(page)["layer"], link(page)["head"]) == tuple(map(str, clearest))
    nats(page, *clearest).hover()
    assert strip(page)[1] == number_text(wanted[clearest])
    assert printed_by_snippet(page) == pytest.approx(wanted[clearest], abs=1e-5)


@pytest.mark.parametrize(("layer", "head"), [(1, 1), (2, 3), (3, 0)])
def test_crossing_links_are_counted_pair_by_pair(page, expected, layer, head):
    nats(page, layer, head).click()
    weights = expected.joined(layer, head or None)
    ends = [
        int(weights[i].argmax())
        for i, group in enumerate(expected.tgt)
        if not expected.special[1][group.start]
    ]
    links = [j for j in ends if not expected.special[0][expected.src[j].start]]
    crossing = sum(a > b for i, a in enumerate(links) for b in links[i + 1 :])
    pairs = len(links) * (len(links) - 1) // 2
    said = page.locator(".align-links").inner_text()
    assert said.startswith(f"Strongest links: {len(links)} target word")
    assert f"of the {pairs} pair" in said
    assert re.search(r"(\d+) cross(es)?\.$", said).group(1) == str(crossing)
    assert (f"({len(ends) - len(links)} more at ⟨/s⟩" in said) == (len(ends) > len(links))


@pytest.mark.parametrize("head", [HEAD, None])
def test_attention_norm_and_influence_stand_beside_each_token(page, expected, head):
    nats(page, LAYER, head or 0).click()
    alphas = expected.tokens(LAYER, head)[STEP - 1]
    by_head, together = owed.norms(expected.glass.model, expected.trace, STEP - 1)
    norms = (together[LAYER - 1] if head is None else by_head[LAYER - 1, head - 1]).numpy()
    influence = expected.influence(STEP)
    assert column(page, "alpha") == [f"{alpha:.4f}" for alpha in alphas]
    assert column(page, "norm") == [number_text(norm) for norm in norms]
    assert [float(text.replace("−", "-")) for text in column(page, "influence")] == pytest.approx(
        influence, abs=1e-5, rel=1e-3
    )
    ranked = {"norm": norms, "influence": np.abs(influence)}
    for what, values in ranked.items():
        rho = owed.rank_correlation(torch.tensor(alphas), torch.tensor(values))
        said = page.locator(f".align-rank[data-what={what}] b").inner_text().replace("−", "-")
        assert float(said) == pytest.approx(rho, abs=0.011)
    expect(page.locator(".check:visible")).to_have_class("check right")
    error = re.fullmatch(r"recomputed: max error (\S+)", page.locator(".check:visible").inner_text()).group(1)
    assert float(error) <= TOLERANCE
    for what, value in (("alpha", alphas[1]), ("norm", norms[1]), ("influence", influence[1])):
        cell(page, what, 1).hover()
        assert float(strip(page)[1].replace("−", "-")) == pytest.approx(value, abs=6e-5, rel=1e-3)
        if what != "alpha" or head is None:
            assert printed_by_snippet(page) == pytest.approx(value, abs=1e-5, rel=1e-3)


def test_what_attention_does_not_say_is_one_click_away_and_needs_no_scroll(page, expected):
    switch(page, "owed").click()
    places = [
        page.locator(f".align-body > .align-{part}").bounding_box()
        for part in ("controls", "owed", "ribbons")
    ]
    for above, below in pairwise(places):
        assert 0 <= below["y"] - above["y"] - above["height"] <= 12
    assert link(page)["align"] == "owed"
    assert strip(page)[0] == "Spearman(α, |Δ|)"
    page.keyboard.press("ArrowDown")
    assert strip(page)[0].startswith(f"Δ[“{expected.trace.sides['src'].tokens[0]}”]")
    on = page.get_by_role("button", name="One step on")
    for _ in range(expected.steps):
        on.click(force=True)
    assert link(page)["step"] == str(expected.steps)
    page.keyboard.press("ArrowLeft")
    assert link(page)["step"] == str(expected.steps - 1)
    switch(page, "ribbons").click()
    assert "align" not in link(page)


def test_a_formulas_factors_make_its_value(page):
    nats(page, LAYER, HEAD).click()
    for row in range(page.locator(".align-blocks tbody tr").count()):
        cell(page, "norm", row).hover()
        said = page.locator(".formula").inner_text()
        alpha, size = re.search(r"= ([\d.e-]+) × ([\d.e-]+) =", said).groups()
        shown = float(strip(page)[1])
        assert float(alpha) * float(size) == pytest.approx(shown, rel=1e-2)
        cell(page, "influence", row).hover()
        said = page.locator(".formula").inner_text().replace("−", "-")
        without, whole = re.search(r"= (-[\d.e-]+) - \((-[\d.e-]+)\) =", said).groups()
        assert float(without) - float(whole) == pytest.approx(
            float(strip(page)[1].replace("−", "-")), rel=1e-3, abs=1e-7
        )


def test_keys_move_the_step_and_choose_heads(page, expected):
    page.keyboard.press("ArrowRight")
    assert link(page)["step"] == str(STEP + 1)
    expect(page.locator(".align-owed .align-title")).to_contain_text(
        f"step {STEP + 1}, “{expected.trace.predicts[STEP]}”"
    )
    assert column(page, "alpha") == [f"{alpha:.4f}" for alpha in expected.tokens(LAYER, HEAD)[STEP]]
    there(page)
    influence = expected.influence(STEP + 1)
    assert [float(text.replace("−", "-")) for text in column(page, "influence")] == pytest.approx(
        influence, abs=1e-5, rel=1e-3
    )
    page.keyboard.press("1")
    assert link(page)["head"] == "1"
    page.keyboard.press("PageDown")
    expect(nats(page, LAYER + 1, 1)).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("0")
    assert "head" not in link(page)
    word(page, "row", 0).click()
    assert link(page)["step"] == str(1 + expected.tgt[0].start)


def test_a_branch_of_a_long_sentence_fits_a_phone_and_has_its_own_numbers(visit, zoo, zoo_glass):
    glass = zoo_glass("wide")
    text = text_of(glass, 40)
    forced = glass.tokenizer.encode("Zwei Hunde")
    asked = {"model": "wide", "forced": ".".join(map(str, forced)), "branch": 2, "step": 2, "words": "tokens"}
    page = visit(zoo, PHONE, until=there, text=text, align="noend", layer=6, head=8, **asked, **ASKED)
    expect(switch(page, "noend")).to_have_attribute("aria-pressed", "true")
    expect(switch(page, "tokens")).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".align-owed .align-title")).to_contain_text(
        f"step 2, “{glass.tokenizer.readable(forced[1])}”"
    )
    there(page)
    src = glass.source_ids(text)
    influence = owed.mask_one_out(glass.model, src, glass.rows(forced)[1], 1).numpy()
    assert [float(said.replace("−", "-")) for said in column(page, "influence")] == pytest.approx(
        influence, abs=1e-5, rel=1e-3
    )
    expect(page.locator(".check:visible")).to_have_class("check right")
    assert_no_sideways_scroll(page, 390)
    assert len(column(page, "norm")) == 40
