"""labels.py: what a row reads, and what it predicts."""

from __future__ import annotations

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import places
from viz.labels import head_title, literal, plain, query_labels, sides_of


def test_a_head_is_called_by_its_attention_layer_and_number(small_glass):
    blocks = small_glass.model.anatomy.kind("attention")
    assert {block.place: head_title(block, 3, 1) for block in blocks} == {
        place: places.head_title(place, 3, 1) for place in places.SITES
    }


def test_sides_are_the_anatomys_with_the_traces_tokens(small_glass):
    trace = small_glass.trace("Where is the station?", [7, 8])
    sides = sides_of(trace)
    assert list(sides) == ["src", "tgt"]
    assert [side["said"] for side in sides.values()] == ["source", "target"]
    titles = ["Source: the encoder's input", "Target: the decoder's input"]
    assert [side["title"] for side in sides.values()] == titles
    assert [side["stack"] for side in sides.values()] == ["encoder", "decoder"]
    for name, side in sides.items():
        assert tuple(side["tokens"]) == trace.sides[name].tokens


@pytest.mark.parametrize("place", ["decoder.0.self_attn", "decoder.2.cross_attn"])
def test_a_target_row_reads_one_token_and_predicts_the_next(small_glass, place):
    translation = small_glass.translate("Where is the station?")
    trace = small_glass.trace("Where is the station?", translation)
    labels = query_labels(trace, trace[f"{place}.weights"])
    spoken = [*translation.tokens, *["⟨/s⟩"] * translation.finished]
    reads = ["⟨s⟩", *spoken][: len(labels)]
    assert list(labels) == [f"{now} → {next_}" for now, next_ in zip(reads, trace.predicts, strict=True)]
    assert list(trace.predicts[: len(spoken)]) == spoken


def test_a_source_row_is_its_token_alone(small_glass):
    trace = small_glass.trace("Where is the station?")
    assert query_labels(trace, trace["encoder.1.self_attn.weights"]) == trace.sides["src"].tokens


def test_a_padded_row_reads_padding_and_predicts_nothing(small_glass):
    trace = small_glass.trace("Where?", [7, 8], pad_to=6)
    labels = query_labels(trace, trace["decoder.0.self_attn.weights"])
    assert len(labels) == 6
    assert [label for label in labels if "→" not in label] == ["⟨pad⟩"] * 3


@given(st.text())
def test_plain_text_comes_back_and_holds_no_tag(text):
    assert unescape(plain(text)) == text
    assert "<" not in plain(text) and ">" not in plain(text)


def test_plain_text_keeps_an_entity_that_somebody_typed():
    assert plain("&lt;") == "&amp;lt;"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain words, and a full stop.", "plain words, and a full stop."),
        ("**b** _i_ `c` ~s~", r"\*\*b\*\* \_i\_ \`c\` \~s\~"),
        ("![i](http://x)", "!\\[i\\](http:\N{WORD JOINER}//x)"),
        ("$x$ <b> a|b &lt;", r"\$x\$ \<b\> a\|b \&lt;"),
        (":red[x] :smile:", ":\N{WORD JOINER}red\\[x\\] :\N{WORD JOINER}smile:"),
        ("a\n\n# b\n    c", "a # b c"),
        ("empty: type", "empty: type"),
    ],
)
def test_literal_text_is_no_markdown(text, shown):
    assert literal(text) == shown
