"""Scene: what is on screen, as one frozen value, and its two-way form as a link.

Nothing else touches state or links. Links count from 1, like the screen; a Scene counts from 0, like the
model: `from_link` and `to_link` convert, and nothing else does. The browser half is
`instruments/shared/link.js`: choosing a head rewrites the link there, at once; the server hears of it a
moment later as the state SELECTION of SPEAKER.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from model import Glass, card
from model.card import WIDEST_BEAM
from model.config import Config
from model.text import read
from viz.instruments.base import SELECTION
from viz.instruments.link import whole_number

SITES = ("encoder.self_attn", "decoder.self_attn", "decoder.cross_attn")
"""The places where attention is; each has an instrument of the same kind."""
FEED_FORWARDS = ("encoder.ffn", "decoder.ffn")
ADD_NORMS = tuple(f"{site}_norm" for site in SITES)
"""The Add & Norm beside each attention; that of a feed-forward is shown with it."""
INSTEAD = {"encoder.final_norm": "encoder.ffn", "decoder.final_norm": "decoder.ffn"}
"""Where a link to a final norm leads in a model that has none: to the block that the stack ends with."""
FINAL_NORMS = tuple(INSTEAD)
"""The norm behind each stack of a pre-norm model; it belongs to no layer."""
PLACES = (
    "tokens",
    "positions",
    "encoder.self_attn",
    "encoder.self_attn_norm",
    "encoder.ffn",
    "encoder.final_norm",
    "decoder.self_attn",
    "decoder.self_attn_norm",
    "decoder.cross_attn",
    "decoder.cross_attn_norm",
    "decoder.ffn",
    "decoder.final_norm",
    "output",
    "decoding",
)
VIEWS = ("heads", "inside", "lines")
WIDE_STAGES = ("x_q", "x_kv", "concat", "out")
NARROW_STAGES = ("q", "k", "v", "q_rot", "k_rot", "z")
STAGES = (
    *("x_q", "x_kv", "q", "k", "v", "q_rot", "k_rot", "scores", "scaled", "biased", "masked", "weights", "z"),
    *("concat", "out"),
    *("resid_in", "resid_after_self_attn", "resid_after_cross_attn", "resid_out"),
    *("norm_in", "mean", "std", "gamma", "beta", "norm_out", "ffn_pre", "ffn_hidden", "ffn_out"),
)
"""What a link can pin a cell of: stages of an attention, then those of a feed-forward or an Add & Norm."""
COUNTED = ("layer", "head", "query", "key", "feature", "step")
PLAIN_EXAMPLES = ("A man rides a red bike.", "Where is the station?", "I love you.")
"""What a model starts with whose card has no examples."""
DEFAULT_MODEL = "en-de"
SPEAKER = "map"
"""Key of the instrument that says what the link says now, as its state SELECTION: it is always there."""
OF_ONE_SENTENCE = ("forced", "branch", "reference")
"""Link parameters of the decoding instrument that say nothing about another sentence."""


def places_of(config: Config) -> tuple[str, ...]:
    """The places that a model has, in the order of PLACES."""
    return PLACES if config.norm == "pre" else tuple(place for place in PLACES if place not in INSTEAD)


@dataclass(frozen=True)
class Scene:
    """The sentence, the model, the beam's width (1: greedy), and the head (or cell) that is open.

    `text` empty means the first example, `beam` None what the model's card says is best, `layer` None the
    middle one; `query`, `key` and `feature` are set while a cell of `stage` is pinned. `view` is how the head
    is shown: among all heads, from inside, or as lines. `step` is the decoding step that is open at the
    output; None means the first.
    """

    text: str = ""
    model: str = DEFAULT_MODEL
    beam: int | None = None
    place: str = "decoder.cross_attn"
    layer: int | None = None
    head: int = 0
    query: int | None = None
    key: int | None = None
    feature: int | None = None
    step: int | None = None
    view: str = "heads"
    stage: str = "weights"

    def to_link(self) -> dict[str, str]:
        """Parameters that restore exactly this scene."""
        link = {"model": self.model, "place": self.place, "view": self.view, "stage": self.stage}
        link |= {"text": self.text} if self.text else {}
        link |= {} if self.beam is None else {"beam": str(self.beam)}
        counts = {name: getattr(self, name) for name in COUNTED}
        return link | {name: str(value + 1) for name, value in counts.items() if value is not None}

    def within(
        self,
        config: Config,
        n_queries: int | None = None,
        n_keys: int | None = None,
        n_steps: int | None = None,
    ) -> tuple[Scene, list[str]]:
        """The nearest scene that this model and sentence can show, and a notice for each value moved."""
        place = self.place if self.place in places_of(config) else INSTEAD[self.place]
        width = None
        if place in SITES:
            width = config.d_model if self.stage in WIDE_STAGES else config.d_head
        elif place in (*FEED_FORWARDS, *ADD_NORMS, *FINAL_NORMS):
            widths = {"mean": 1, "std": 1, "ffn_pre": config.d_ff, "ffn_hidden": config.d_ff}
            width = widths.get(self.stage, config.d_model)
        limits = {"layer": config.n_layers, "head": config.n_heads, "query": n_queries, "key": n_keys}
        limits |= {"feature": width, "step": n_steps}
        moved: dict[str, Any] = {"place": place}
        notices = []
        if place != self.place:
            notices.append(
                f"The link asks for {self.place}; this model is {config.norm}-norm and has no final norm."
            )
        if self.layer is None:
            moved["layer"] = config.n_layers // 2
        for name, limit in limits.items():
            value = getattr(self, name)
            if value is not None and limit is not None and not 0 <= value < limit:
                moved[name] = min(max(value, 0), limit - 1)
                notices.append(f"The link asks for {name} {value + 1}; here they run from 1 to {limit}.")
        return replace(self, **moved), notices


def says_yes_or_no(text: str) -> bool:
    return text.lower() in ("true", "false")


def from_link(link: Mapping[str, str]) -> tuple[Scene, list[str]]:
    """The scene that a link describes, and a notice for each value that makes no sense."""
    values: dict[str, Any] = {}
    notices = []
    for name in ("text", "model"):
        if link.get(name, "").strip():
            values[name] = link[name]
    for name, known in (("place", PLACES), ("view", VIEWS), ("stage", STAGES)):
        if raw := link.get(name):
            if raw in known:
                values[name] = raw
            else:
                notices.append(f"There is no {name} {raw!r} here.")
    for name in (*COUNTED, "beam"):
        if raw := link.get(name):
            number = whole_number(raw)
            if number is None:
                notices.append(f"The link's {name} is {raw!r}, which is no whole number.")
            elif name in COUNTED:
                values[name] = number - 1
            else:
                values[name] = min(max(number, 1), WIDEST_BEAM)
                if values[name] != number:
                    notices.append(f"The link asks for beam {number}; here it runs from 1 to {WIDEST_BEAM}.")
    if not says_yes_or_no(raw := link.get("plot") or "false"):
        notices.append(f"The link's plot is {raw!r}, which is neither true nor false.")
    return Scene(**values), notices


def selection_of(state: object) -> dict[str, str | int]:
    """What the state of SPEAKER says of the link; what has another shape counts as not said.

    A browser may send anything: each value is a text or a whole number.
    """
    said = state.get(SELECTION) if isinstance(state, Mapping) else None
    if not isinstance(said, Mapping):
        return {}
    return {name: value for name, value in said.items() if type(value) in (int, str)}


def mend_link() -> None:
    """Take out of the link what a bound widget could not read, and move a beam into its range.

    To be called before those widgets: Streamlit gives them the link's raw values (a beam of inf ends in an
    OverflowError), from a copy that `st.query_params` does not reach. `from_link` has the notices.
    """
    context = get_script_run_ctx()
    if context is None:  # outside a page there are no widgets
        return
    with context.session_state.query_params() as params:
        if raw := params.get("beam"):
            number = whole_number(raw)
            if number is None:
                params.remove_param("beam")
            elif not 1 <= number <= WIDEST_BEAM:
                params.set_corrected_value("beam", min(max(number, 1), WIDEST_BEAM), "double_value")
        if not says_yes_or_no(params.get("plot") or "false"):
            params.remove_param("plot")
        params.set_initial_query_params_from_current()


def examples(glass: Glass) -> tuple[str, ...]:
    """The sentences that this model's page offers."""
    return tuple(example.text for example in card.examples(glass.card)) or PLAIN_EXAMPLES


def pin_of(scene: Scene, link: Mapping[str, str]) -> tuple[str, ...]:
    """The parameters by which a link pins a cell of this place; none where it pins nothing."""
    if scene.place in SITES:
        has_features = scene.view == "inside" and scene.stage in (*NARROW_STAGES, *WIDE_STAGES)
        return ("query", "key", "feature") if has_features else ("query", "key")
    if scene.place in (*FEED_FORWARDS, *ADD_NORMS, *FINAL_NORMS):
        return "query", "feature"
    if scene.place == "positions":
        return "query", "key" if link.get("panel") in ("similarity", "experiments") else "feature"
    # Among the tokens `query` alone is the token that is open.
    return ("query", "feature") if scene.place == "tokens" and link.get("feature") else ()


def half_pins(scene: Scene, link: Mapping[str, str]) -> list[str]:
    """A notice where a link pins a cell by some of its axes and not by all; the instrument takes the rest."""
    pin = pin_of(scene, link)
    missing = [name for name in pin if not link.get(name)]
    cell = r"[kv](\.[0-9]{1,4})?"
    if scene.place == "decoding" and link.get("tab") == "cache" and re.fullmatch(cell, link.get("cell", "")):
        missing = ["row and feature" if len(link["cell"]) == 1 else "feature"]
    elif not missing or len(missing) == len(pin):
        return []
    return [f"The link pins a cell and does not say its {' and '.join(missing)}."]


def current() -> tuple[Scene, list[str]]:
    """The scene now: the widgets, then what the browser last said, then the link as the page was opened."""
    link = {name: st.query_params[name] for name in st.query_params}
    scene, notices = from_link(link)
    notices += half_pins(scene, link)
    if chosen := selection_of(st.session_state.get(SPEAKER)):
        newest, _ = from_link({name: str(value) for name, value in chosen.items()})
        names = ("place", "view", "stage", *COUNTED)
        scene, notices = replace(scene, **{name: getattr(newest, name) for name in names}), []
    for name in ("text", "model", "beam"):
        if name in st.session_state and st.session_state[name] is not None:
            scene = replace(scene, **{name: st.session_state[name]})
    return scene, notices


def show_text(text: str) -> None:
    """Put a sentence into the box (for a button's callback); the link follows."""
    st.session_state["text"] = text


def show_beam(beam: int) -> None:
    """Decode with a beam of this width, 1: greedily (for a button's callback); the link follows."""
    st.session_state["beam"] = beam


def last_good_text() -> str | None:
    """The sentence of the last picture that worked; it stays while the box holds something unusable."""
    return st.session_state.get("last_good_text")


def remember_good_text(text: str) -> None:
    """Keep the sentence for later; what belongs to one that reads otherwise leaves the link."""
    if read(st.session_state.get("last_good_text", text)) != read(text):
        for name in OF_ONE_SENTENCE:
            st.query_params.pop(name, None)
    st.session_state["last_good_text"] = text
