"""Scene: what is on screen, as one frozen value, and its two-way form as a link.

Nothing else touches state or links. What a link says of the open instrument is read by its table (see
`instruments.link`). The browser half is
`instruments/shared/link.js`: choosing a head rewrites the link there, at once; the server hears of it a
moment later as the state SELECTION of SPEAKER.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from model import Glass, card
from model.anatomy import Anatomy
from model.card import WIDEST_BEAM
from model.limits import shown
from viz.instruments.base import SELECTION, places
from viz.instruments.link import whole_number

PLAIN_EXAMPLES = ("A man rides a red bike.", "Where is the station?", "I love you.")
"""What a model starts with whose card has no examples."""
SPEAKER = "map"
"""Key of the instrument that says what the link says now, as its state SELECTION: it is always there."""


@dataclass(frozen=True)
class Scene:
    """The sentence, the model, the beam's width (1: greedy), the place, and all that the link says.

    `text` and `model` empty mean the first, `beam` None what the model's card says is best; `place` is as the
    link says it. `is_said`: the link is what the browser said last, not as the page was opened.
    """

    text: str = ""
    model: str = ""
    beam: int | None = None
    place: str = ""
    link: Mapping[str, str] = field(default_factory=dict)
    is_said: bool = False

    def place_in(self, anatomy: Anatomy) -> tuple[str, list[str]]:
        """The nearest place that this model has, and a notice where it is another one."""
        if not self.place or self.place in places(anatomy):
            return self.place or anatomy.nearest(""), []
        reason = anatomy.lacks(self.place)
        unknown = f"There is no place {shown(self.place)!r} here."
        notice = f"The link asks for {self.place}; {reason}." if reason else unknown
        return anatomy.nearest(self.place), [notice]


def says_yes_or_no(text: str) -> bool:
    return text.lower() in ("true", "false")


def from_link(link: Mapping[str, str]) -> tuple[Scene, list[str]]:
    """The scene that a link describes, and a notice for each value of the page's own that makes no sense."""
    values: dict[str, Any] = {name: link[name] for name in ("text", "model") if link.get(name, "").strip()}
    notices = []
    if raw := link.get("beam"):
        number = whole_number(raw)
        if number is None:
            notices.append(f"The link's beam is {shown(raw)!r}, which is no whole number.")
        else:
            values["beam"] = min(max(number, 1), WIDEST_BEAM)
            if values["beam"] != number:
                notices.append(f"The link asks for beam {number}; here it runs from 1 to {WIDEST_BEAM}.")
    if not says_yes_or_no(raw := link.get("plot") or "false"):
        notices.append(f"The link's plot is {shown(raw)!r}, which is neither true nor false.")
    return Scene(**values, place=link.get("place", ""), link=dict(link)), notices


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


def current() -> tuple[Scene, list[str]]:
    """The scene now: the widgets, then what the browser last said, then the link as the page was opened."""
    scene, notices = from_link({name: st.query_params[name] for name in st.query_params})
    if chosen := selection_of(st.session_state.get(SPEAKER)):
        link = {name: str(value) for name, value in chosen.items()}
        scene, notices = replace(scene, place=link.get("place", ""), link=link, is_said=True), []
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
    """Keep the sentence for later."""
    st.session_state["last_good_text"] = text
