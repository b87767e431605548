"""The one page: a sentence, its translation, and the attention of every head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import streamlit as st

from model import Glass, TextError
from model.anatomy import Block
from model.card import WIDEST_BEAM, number, objects, section, words
from model.text import read, reading
from viz import scene as scenes
from viz import server
from viz.doubt import about_doubts, doubt_sentence
from viz.figures.attention_heatmap import attention_heatmap, nearest_stage
from viz.instruments.base import Answer, Asked, instrument_at, instruments, mount
from viz.instruments.link import read as read_link
from viz.labels import head_title, literal

USUAL_BEAM = 4  # the width that is offered where the model's own default is greedy
LANGUAGES = {"en": "English", "de": "German", "fr": "French"}
STYLE = Path(__file__).with_name("explore.css")
LONGEST_SOURCE = 300
"""Characters of a card's own words that are shown."""


def masthead(glasses: dict[str, Glass], scene: scenes.Scene) -> None:
    """Name, the sentence box, how to decode, what the model is, and examples."""
    glass = glasses[scene.model]
    first = scenes.examples(next(iter(glasses.values())))[0]  # the same for all: a link without one says it
    with st.container(key="masthead", horizontal=True, vertical_alignment="center"):
        st.title("Glassbox", anchor=False, width="content")
        st.text_input(
            "English sentence",
            value=first,
            key="text",
            bind="query-params",
            label_visibility="collapsed",
            placeholder="Type an English sentence and press Enter",
        )
        st.number_input(
            "Beam",
            1,
            WIDEST_BEAM,
            value=glass.decoding.beam,
            key="beam",
            bind="query-params",
            help="Beam width. 1 is greedy: the most probable token at each step. Wider keeps that many.",
            width=190,
        )
        if len(glasses) > 1:
            st.selectbox(
                "Model",
                list(glasses),
                key="model",
                bind="query-params",
                label_visibility="collapsed",
                width=120,
            )
        with st.popover("About this model"):
            model_card(glass)
    with st.container(key="examples", horizontal=True, gap="xsmall"):
        for number, example in enumerate(scenes.examples(glass), 1):
            st.button(
                example, key=f"example_{number}", on_click=scenes.show_text, args=(example,), type="tertiary"
            )


def model_card(glass: Glass) -> None:
    """What the model is, what it learnt from, how good it is, what it cannot do."""
    config = glass.config
    parameters = sum(p.numel() for p in glass.model.parameters())
    st.markdown(
        f"**{literal(glass.name)}**{languages(glass)}: an encoder–decoder Transformer with "
        f"{config.n_layers} + {config.n_layers} layers, {config.n_heads} heads, "
        f"d_model {config.d_model}, d_ff {config.d_ff}: {parameters:,} parameters, "
        f"{config.vocab_size:,} tokens, {config.norm}-norm, {config.positions} positions."
    )
    for line in said_by_card(glass.card):
        st.markdown(literal(line))
    if about := about_doubts(glass):
        st.markdown(about)
    st.markdown(
        "It knows sentences like those that it was trained on, and little else: elsewhere it is often wrong. "
        "Attention shows where a head looks; it is no explanation of why the model says what it says."
    )


def languages(glass: Glass) -> str:
    """What the model's name says of its languages, behind a comma; nothing where it says none."""
    known = [LANGUAGES.get(code, "") for code in glass.name.split("-")]
    return f", {' → '.join(known)}" if len(known) == 2 and all(known) else ""


def said_by_card(card: Mapping[str, Any]) -> Iterator[str]:
    """The card's corpora and scores, a sentence each; what makes no sense there is left out."""
    for corpus in objects(list(section(card, "data").values())):
        pairs, source = number(corpus.get("pairs"), 0, 10**12), words(corpus.get("source"))[:LONGEST_SOURCE]
        if pairs is not None:
            yield f"Trained on {pairs:,} pairs. {source}" + ("." if source else "")
    for scores in objects(list(section(card, "scores").values())):
        names = {"bleu": "BLEU", "bleu_lc": "lower-cased", "chrf": "chrF"}
        values = {said: number(scores.get(name), 0, 100) for name, said in names.items()}
        beam, split = number(scores.get("beam"), 1, 64), words(scores.get("split"))[:LONGEST_SOURCE]
        if None not in (beam, *values.values()):
            yield f"{split}, beam {beam}: {', '.join(f'{said} {value}' for said, value in values.items())}."


def notice_of(text: str, glass: Glass) -> str | None:
    """Why the text cannot be shown; None where it can."""
    try:
        glass.source_ids(text)
    except TextError as error:
        return str(error)
    return None


def twin(asked: Asked, block: Block) -> None:
    """The same head as a Plotly heat-map, for zooming and saving; asked for, because its script is large."""
    said = read_link(instrument_at(block.place, asked.trace.anatomy).link, asked).values
    layer = int(said.get("layer", asked.trace.anatomy.n_layers(block) // 2))
    head = int(said.get("head", 0))
    stage = nearest_stage(asked.trace, block.place, str(said.get("stage", "weights")))
    mode = "dark" if st.context.theme.type == "dark" else "light"
    title = head_title(block, layer + 1, head + 1)
    with st.container(key="twin", horizontal=True, vertical_alignment="center", gap="medium"):
        st.toggle("Draw", key="plot", bind="query-params")
        st.markdown(f"**{title}: {stage}, as a plain plot.** To zoom in, to read off, to save.")
    if not st.session_state["plot"]:
        return
    st.markdown(
        "Drag to zoom, double-click to reset, camera to save. "
        + ((attention_heatmap.__doc__ or "") if stage == "weights" else "Colours diverge about 0.")
    )
    figure = attention_heatmap(asked.trace, block.place, layer, head, mode, stage)
    st.plotly_chart(figure, key="heatmap", config={"displaylogo": False}, alt=f"{title}: {stage}")


def how_decoded(glass: Glass, beam: int) -> None:
    """Says how the translation was found, and offers the other way: greedy, or a beam."""
    wide = glass.decoding.beam if glass.decoding.beam > 1 else USUAL_BEAM
    with st.container(key="decoded", horizontal=True, vertical_alignment="center", gap="small"):
        if beam == 1:
            st.caption("greedy: the most probable token at each step", width="content")
            label, other = f"beam search, {wide} wide", wide
        else:
            st.caption(f"beam search, {beam} wide", width="content")
            label, other = "greedy", 1
        st.button(
            f"Show {label}", key="other_decoding", type="tertiary", on_click=scenes.show_beam, args=(other,)
        )


def show(answer: Answer, glass: Glass, typed: str) -> None:
    """Translation, heads, twin."""
    with st.container(key="said", gap="xsmall"):
        st.text(answer.translation.text or "(the model says nothing)")
        mount(instruments()["translation"], Asked(glass, "", answer))
        how_decoded(glass, answer.translation.beam)
        if doubt := doubt_sentence(glass, answer.translation):
            with st.container(key="doubt"):
                st.caption(literal(doubt))
        if not answer.translation.finished:
            st.caption("The model did not come to an end: it stopped at its limit of output tokens.")
    open_place(answer, glass, typed)


def open_now(answer: Answer, glass: Glass, typed: str) -> Asked:
    """What the open instrument is asked: the scene's place, and all that the link says."""
    scene, _ = scenes.current()
    place, _ = scene.place_in(glass.model.anatomy)
    request = server.request_of(glass.name, answer.translation.source, answer.translation.beam)
    return Asked(glass, place, answer, request, scene.link, typed)


def said_of_link(scene: scenes.Scene, asked: Asked) -> list[str]:
    """Notices on what the link says of the open instrument."""
    anatomy = asked.glass.model.anatomy
    found = read_link(instrument_at(asked.place, anatomy).link, asked)
    nonsense = [] if scene.is_said else found.nonsense
    return [*scene.place_in(anatomy)[1], *nonsense, *found.moved]


@st.fragment
def open_place(answer: Answer, glass: Glass, typed: str) -> None:
    """The map, and the instrument of the place that is open; attention has its Plotly twin below."""
    asked = open_now(answer, glass, typed)
    with st.container(key="workbench"):
        beside, bench = st.columns([1, 4], gap="small")
    with beside:
        mount(instruments()["map"], asked)
    with bench:
        mount(instrument_at(asked.place, glass.model.anatomy), asked)
        if asked.block and asked.block.kind == "attention":
            twin(asked, asked.block)


def page() -> None:
    glasses, broken = server.glasses()
    st.html(STYLE)
    if not glasses:
        st.error("No checkpoint loads, so there is nothing to show. " + literal(" ".join(broken.values())))
        return
    scene, notices = scenes.current()
    scenes.mend_link()
    if scene.model not in glasses:
        notices += [f"There is no model {scene.model!r} here."] if scene.model else []
        scene = replace(scene, model=next(iter(glasses)))
    glass = glasses[scene.model]
    masthead(glasses, scene)
    # A place of their own, there or not: one more element before the picture would mount it anew.
    said = st.container(key="notices")
    for name, reason in broken.items():
        said.warning(literal(f"The checkpoint {name} is left out. {reason}"))
    scene = replace(scenes.current()[0], model=scene.model)
    problem = notice_of(scene.text, glass)
    candidates = (scene.text, scenes.last_good_text() or "", *scenes.examples(glass))
    text = next((text for text in candidates if notice_of(text, glass) is None), None)
    if problem:
        said.warning(literal(f"{problem} Shown below: “{text}”." if text else problem))
    if text is None:
        return
    answer = server.answer(glass.name, read(text), scene.beam or glass.decoding.beam)
    scenes.remember_good_text(text)
    if not problem and (told := reading(text)).changes:
        said.caption(literal(f"Read as: {told.text} {told.said}"))
    notices += said_of_link(scene, open_now(answer, glass, text))
    if notices:
        said.caption(literal(" ".join(notices)) + " Showing the nearest there is.")
    show(answer, glass, text)


page()
