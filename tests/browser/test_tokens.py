"""The tokens instrument: what the screen says is the trace's, the tokenizer's and NumPy's."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest
from playwright.sync_api import expect

from model import checkpoint
from model.merges import merges_of, parts_after, ranks_of, words_of
from model.tokenizer import byte_of_letter, readable_bytes
from tests.browser.conftest import IDLE
from tests.helpers.asked import first
from tests.helpers.head import ONE_FRAME_MS, PHONE, SENTENCE, TOLERANCE, number_text, quiet
from tests.helpers.screen import link
from tests.unit.viz.test_tokens import unpack

READY = ".tokens .strip .result"
POINT = """
(node, [x, y]) => {
  const box = node.getBoundingClientRect();
  node.dispatchEvent(new PointerEvent("pointermove", { clientX: box.left + x, clientY: box.top + y }));
}
"""
# Points at many cells of embed in turn: what the strip says of each, how long it took, what the server heard.
HOVER = """
async (node) => {
  const root = node.getRootNode();
  const canvas = node.querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  const [sent, seen, took] = [window.sentAt.length, [], []];
  for (let i = 0; i < 40; i++) {
    const at = { clientX: box.right - 2 - (i * box.width) / 80, clientY: box.top + 2 + (i % 4) * 22 };
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
    page.locator(READY).wait_for()


@pytest.fixture(scope="module")
def sent(zoo_glass, zoo_trace):
    """What the page was sent: header and arrays."""
    glass = zoo_glass("en-de")
    return unpack(first("tokens", (glass, zoo_trace, glass.translate(SENTENCE))))


@pytest.fixture(scope="module")
def shared(visit_once, zoo):
    options = {"permissions": ["clipboard-read", "clipboard-write"]}
    return visit_once(zoo, options, until=arrived, text=SENTENCE, place="tokens")


@pytest.fixture
def page(shared):
    """The shared page: the source's first token chosen, nothing pinned."""
    shared.locator("[data-side=src]").click()
    piece(shared, 1).click()
    shared.locator("[data-depth='0']").click()
    return shared


def piece(page, token):
    return page.locator(f".piece[data-token='{token}']")


def strip(page):
    return page.locator(".formula b").first.inner_text(), page.locator(".formula .result").inner_text()


def read(letters):
    return readable_bytes(bytes(byte_of_letter()[letter] for letter in letters))


def test_the_words_show_the_ids_of_every_token(page, zoo_trace):
    ids = page.locator(".piece .piece-id").all_inner_texts()
    assert list(map(int, ids)) == list(zoo_trace.sides["src"].ids)
    expect(page.locator(".word.special")).to_have_text("⟨/s⟩2")
    expect(page.locator(".word.here .word-text")).to_have_text("Where")


def test_the_first_step_says_that_the_text_was_read_as_it_is(page):
    expect(page.locator(".reading dt")).to_have_text(["typed"])
    expect(page.locator(".reading dd")).to_have_text(["read as it is"])
    height = page.locator(".reading").bounding_box()["height"]
    page.locator("[data-side=tgt]").click()
    expect(page.locator(".reading dd")).to_contain_text("the model's own")
    assert page.locator(".reading").bounding_box()["height"] == height


def test_the_first_step_shows_what_was_typed_and_how_it_is_read(visit, zoo, zoo_trace):
    page = visit(zoo, PHONE, until=arrived, text="\ufeffWhere\u00a0is the st\u0430tion?", place="tokens")
    expect(page.locator(".reading dt")).to_have_text(["typed", "read as"])
    expect(page.locator(".reading dd")).to_have_text(
        ["⟨U+FEFF⟩Where⟨U+00A0⟩is the st\u0430tion?", "Where·is the station?"]
    )
    marked = page.locator(".reading dd").nth(0).locator("mark").all_inner_texts()
    assert marked == ["⟨U+FEFF⟩", "⟨U+00A0⟩", "\u0430"]
    assert list(map(int, page.locator(".piece .piece-id").all_inner_texts())) == list(
        zoo_trace.sides["src"].ids
    )
    expect(page.get_by_text(f"Read as: {SENTENCE}")).to_have_count(1)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390


def test_the_badge_says_that_embed_and_cosines_were_recomputed(page):
    expect(page.locator(".check")).to_have_class("check right")
    assert float(page.locator(".check").inner_text().removeprefix("recomputed: max error ")) <= TOLERANCE


def test_the_merges_of_each_word_are_the_tokenizers(page, zoo_glass):
    tokenizer = zoo_glass("en-de").tokenizer
    ranks = ranks_of(tokenizer)
    for number, word in enumerate(words_of(tokenizer, SENTENCE)):
        page.locator(".word .word-text").nth(number).click()
        merges = merges_of(word, ranks)
        rows = page.locator(".step")
        expect(rows).to_have_count(max(2, len(merges) + 1))
        for done in range(len(merges) + 1):
            parts = [read(part) for part in parts_after(word, merges[:done])]
            assert rows.nth(done).locator(".part bdi").all_inner_texts() == parts
            if done < len(merges):
                merge = merges[done]
                joined = rows.nth(done).locator(".part.joined bdi").all_inner_texts()
                assert joined == parts[merge.at : merge.at + 2]
                expect(rows.nth(done).locator(".rule b")).to_have_text(f"rule {merge.rank + 1:,}")
        hexes = rows.first.locator(".below").all_inner_texts()
        assert hexes[: len(word)] == [f"{byte_of_letter()[letter]:02X}" for letter in word]
        ids = rows.last.locator(".below").all_inner_texts()
        assert list(map(int, ids)) == [
            tokenizer.engine.token_to_id(part) for part in parts_after(word, merges)
        ]


def test_pointing_at_a_cell_shows_its_number_at_once_and_tells_the_server_nothing(page, zoo_trace):
    page.locator(".panel").scroll_into_view_if_needed()
    page.locator(IDLE).wait_for()
    page.wait_for_function("() => performance.now() - (window.sentAt.at(-1) ?? -1e9) > 3000")
    # A message of something else may fall into one round; what pointing sends falls into each.
    rounds = [page.locator(".panel").evaluate(HOVER) for _ in range(3)]
    found = rounds[0]
    embed = zoo_trace["encoder.embed"].value
    cells = set()
    for title, result in found["seen"]:
        row, column = (int(number) - 1 for number in title.removeprefix("embed[").rstrip("]").split(", "))
        cells.add((row, column))
        assert result == number_text(embed[row, column])
    assert len(cells) > 15
    assert {row for row, _ in cells} == {0, 1, 2, 3}
    assert min(each["sent"] for each in rounds) == 0


@pytest.mark.timed
def test_pointing_at_a_cell_takes_less_than_a_frame(page):
    page.locator(".panel").scroll_into_view_if_needed()
    assert quiet(page.locator(".panel").evaluate(HOVER)["took"]) < ONE_FRAME_MS


def test_a_click_pins_the_cell_and_escape_frees_it(page):
    panel = page.locator(".panel")
    box = panel.locator("canvas").first.bounding_box()
    panel.click(position={"x": box["width"] - 3, "y": 30})
    pinned = strip(page)
    assert pinned[0] == "embed[2, 32]"
    panel.evaluate(POINT, [box["width"] - 3, 75])
    assert strip(page) == pinned
    assert (link(page)["query"], link(page)["feature"], link(page)["place"]) == ("2", "32", "tokens")
    page.keyboard.press("Escape")
    assert "feature" not in link(page)
    panel.evaluate(POINT, [box["width"] - 3, 75])
    assert strip(page)[0] == "embed[4, 32]"


def test_keys_choose_tokens_and_dimensions(page, zoo_trace):
    piece(page, 1).focus()
    page.keyboard.press("ArrowRight")
    expect(piece(page, 2)).to_be_focused()
    expect(piece(page, 2)).to_have_attribute("aria-pressed", "true")
    assert link(page)["query"] == "2"
    page.locator(".panel").focus()
    dimension = int(strip(page)[0].rstrip("]").split(", ")[1])
    key, to = ("ArrowLeft", dimension - 1) if dimension > 1 else ("ArrowRight", 2)
    page.keyboard.press(key)
    page.keyboard.press("ArrowDown")
    assert strip(page) == (f"embed[3, {to}]", number_text(zoo_trace["encoder.embed"].value[2, to - 1]))
    page.keyboard.press("Enter")
    assert link(page)["feature"] == str(to)
    page.keyboard.press("Escape")
    piece(page, 1).focus()
    page.keyboard.press("ArrowLeft")
    expect(piece(page, 2)).to_be_focused()


def test_neighbours_are_numpys(page, zoo_glass, zoo_trace):
    glass = zoo_glass("en-de")
    E = glass.model.embedding.weight.detach().double().numpy()
    unit = E / np.linalg.norm(E, axis=1, keepdims=True)
    for token, token_id in enumerate(zoo_trace.sides["src"].ids):
        piece(page, token + 1).click()
        cosine = unit @ unit[token_id]
        cosine[token_id] = -np.inf
        nearest = np.argsort(-cosine)[:10]
        assert page.locator(".near-rank").all_inner_texts() == [str(rank) for rank in range(1, 11)]
        assert page.locator(".near-id").all_inner_texts() == [str(i) for i in nearest]
        assert page.locator(".near-text").all_inner_texts() == [glass.tokenizer.readable(i) for i in nearest]
        expected = [f"{cosine[i]:.4f}".replace("-", "−") for i in nearest]
        assert page.locator(".near-cosine").all_inner_texts() == expected


def run(snippet):
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(snippet, {})
    return float(said.getvalue())


@pytest.mark.parametrize("part", ["embed", "near", "pca embeddings", "pca layer"])
def test_the_numpy_snippet_prints_the_number_on_screen(page, zoo_folder, monkeypatch, part):
    monkeypatch.setattr(checkpoint, "ROOT", zoo_folder / "checkpoints")
    if part == "near":
        page.locator(".near-row").nth(2).click()
    if part.startswith("pca"):
        page.locator(f"[data-depth='{2 if part == 'pca layer' else 0}']").click()
        page.locator(".scatter").focus()
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Copy as NumPy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    snippet = page.evaluate("navigator.clipboard.readText()")
    shown = float(strip(page)[1].replace("−", "-"))
    assert run(snippet) == pytest.approx(shown, rel=1e-3, abs=1e-4)


def test_the_pca_after_each_layer_names_its_variance_and_labels_the_chosen_token(page, sent, zoo_trace):
    header, arrays = sent
    piece(page, 3).click()
    for depth, layer in enumerate(header["sides"]["src"]["layers"]):
        page.locator(f"[data-depth='{depth}']").click()
        caption = page.locator(".pca .note")
        expect(caption).to_contain_text(layer["name"])
        for share in layer["shares"]:
            expect(caption).to_contain_text(f"{100 * share:.1f}%")
        first, second = (f"{100 * share:.1f}%" for share in layer["shares"])
        expect(page.locator(".axis-name")).to_have_text([f"axis 1: {first} →", f"↑ axis 2: {second}"])
        expect(page.locator(".dot-label.rank-0")).to_have_text(zoo_trace.sides["src"].tokens[2])
        more = len(arrays["pca_near.src"]) if depth == 0 else 0
        expect(page.locator(".dot")).to_have_count(len(zoo_trace.sides["src"].ids) + more)


def test_no_two_labels_of_the_picture_overlap(page):
    boxes = page.locator(".dot-label").evaluate_all(
        "(all) => all.map((one) => one.getBBox()).map(({ x, y, width, height }) => [x, y, width, height])"
    )
    assert len(boxes) > 5
    for n, (x, y, width, height) in enumerate(boxes):
        for x2, y2, width2, height2 in boxes[:n]:
            across = min(x + width, x2 + width2) - max(x, x2)
            down = min(y + height, y2 + height2) - max(y, y2)
            assert min(across, down) < 6


def test_pointing_at_a_dot_chooses_its_token(page, sent):
    _, arrays = sent
    page.locator("[data-depth='1']").click()
    page.locator(".scatter").scroll_into_view_if_needed()
    x, y = page.locator(".dot.rank-2").first.evaluate("(dot) => [dot.cx.baseVal.value, dot.cy.baseVal.value]")
    page.locator(".scatter").evaluate(POINT, [x + 2, y + 2])
    title, result = strip(page)
    assert title.startswith("pc1[")
    token = int(page.locator(".piece[aria-pressed=true]").get_attribute("data-token")) - 1
    assert result == number_text(arrays["pca.src"][1][token, 0])
    assert token != 0


def test_the_target_side_is_the_decoders_input(page, zoo_trace):
    page.locator("[data-side=tgt]").click()
    ids = page.locator(".piece .piece-id").all_inner_texts()
    assert list(map(int, ids)) == list(zoo_trace.sides["tgt"].ids)
    expect(page.locator(".embed .note")).to_contain_text("decoder.embed")
    piece(page, 1).click()
    expect(page.locator(".merges .note")).to_contain_text("no text")
    row, column = (int(n) - 1 for n in strip(page)[0].removeprefix("embed[").rstrip("]").split(", "))
    assert strip(page)[1] == number_text(zoo_trace["decoder.embed"].value[row, column])


def test_a_link_restores_the_pinned_cell(visit, zoo, zoo_trace):
    page = visit(zoo, until=arrived, text=SENTENCE, place="tokens", query=3, feature=7)
    value = zoo_trace["encoder.embed"].value[2, 6]
    assert strip(page) == ("embed[3, 7]", number_text(value))
    expect(page.locator(".strip")).to_have_class("strip pinned")
    expect(piece(page, 3)).to_have_attribute("aria-pressed", "true")


STATE = "(node) => ({ ...node.view.store.state, ...node.view.store.linked() })"


def state(page):
    """What is chosen, and what the link says of it."""
    return page.locator(".instrument.tokens").evaluate(STATE)


def pin_neighbour(page):
    page.locator(".near-row").nth(2).click()
    return {"query": "2", "near": "3"}


def pin_point(page):
    page.locator(".scatter").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    return {"query": "3", "point": "3"}


@pytest.mark.parametrize("pin", [pin_neighbour, pin_point])
def test_the_link_holds_side_layer_and_what_is_pinned_and_back_returns(visit, zoo, pin):
    page = visit(zoo, until=arrived, text=SENTENCE, place="tokens")
    page.locator("[data-side=tgt]").click()
    piece(page, 2).click()
    page.locator("[data-depth='2']").click()
    wanted = {"side": "target", "depth": "2", **pin(page)}
    assert wanted.items() <= link(page).items()
    assert "feature" not in link(page)
    again = visit(zoo, until=arrived, **link(page))
    expect(again.locator("[data-depth='2']")).to_have_attribute("aria-pressed", "true")
    expect(again.locator(".strip")).to_have_class("strip pinned")
    assert strip(again) == strip(page)
    assert state(again) == state(page)
    page.go_back()
    expect(page.locator("[data-side=src]")).to_have_attribute("aria-selected", "true")


def test_a_link_that_says_half_of_a_pin_is_completed_with_a_notice(visit, zoo):
    page = visit(zoo, until=arrived, text=SENTENCE, place="tokens", feature=7)
    assert strip(page)[0] == "embed[1, 7]"
    expect(page.locator(".strip")).to_have_class("strip pinned")
    expect(page.locator(".st-key-notices")).to_contain_text("does not say its query")


def test_the_map_and_the_link_choose_the_side(visit, zoo):
    page = visit(zoo, until=arrived, text=SENTENCE, place="tokens", side="target")
    expect(page.locator("[data-side=tgt]")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".map [data-block='decoder.embed']")).to_have_attribute("aria-current", "true")
    page.locator(".map [data-block='encoder.embed']").click()
    expect(page.locator("[data-side=src]")).to_have_attribute("aria-selected", "true")
    assert "side" not in link(page)
    page.locator(".map [data-block='decoder.embed']").click()
    expect(page.locator("[data-side=tgt]")).to_have_attribute("aria-selected", "true")
    expect(page.locator(".map [aria-current=true]")).to_have_count(1)
    assert link(page)["side"] == "target"


TAMPERED = 'if (arrays["embed.src"]) arrays["embed.src"].values[5] = NaN; return { header, arrays };'


def test_a_wrong_number_turns_the_badge_red(visit, zoo):
    def tamper(page):
        def answer(route):
            body = route.fetch().text().replace("return { header, arrays };", TAMPERED)
            route.fulfill(status=200, content_type="text/javascript", body=body)

        page.route("**/shared/transport.js", answer)

    page = visit(zoo, None, tamper, until=arrived, text=SENTENCE, place="tokens")
    expect(page.locator(".check")).to_have_class("check wrong")
    expect(page.locator(".check")).to_have_text("recomputed: max error not a number")


def test_on_a_phone_odd_text_needs_no_sideways_scroll_and_a_model_of_one_layer_draws(visit, zoo):
    text = "A 🚲 رجل </s> " + "ab" * 12
    page = visit(zoo, PHONE, until=arrived, text=text, place="tokens", model="one", query=99)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    root = page.locator(".instrument.tokens")
    assert root.evaluate("(node) => node.scrollWidth <= node.clientWidth")
    small = root.evaluate(
        "(node) => [...node.querySelectorAll('*')].filter((one) => one.textContent.trim() && "
        "parseFloat(getComputedStyle(one).fontSize) < 14).map((one) => one.className)"
    )
    assert small == []
    expect(page.locator(".piece[aria-pressed=true]")).to_have_text("2")
    expect(page.locator("[data-depth]")).to_have_count(2)
    for word in range(page.locator(".word").count()):
        page.locator(".word .word-text").nth(word).click()
        assert root.evaluate("(node) => node.scrollWidth <= node.clientWidth")
