"""Each key of each instrument moves exactly what its table says, by as much and to that side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.helpers.head import SENTENCE
from tests.helpers.stand import message_of, mount

BACK, ON = {"ArrowUp", "ArrowLeft", "PageUp", ","}, {"ArrowDown", "ArrowRight", "PageDown", "."}
"""Keys that walk, to the left and up, and to the right and down: everywhere alike."""
FIND = """
() => {
  const roots = [...document.querySelectorAll("*")].map((node) => node.shadowRoot).filter(Boolean);
  return roots.flatMap((root) => [...root.querySelectorAll(".instrument")]).find((node) => node.view);
}
"""
# Everything that was asked for has come.
IS_HERE = f"""
() => {{
  const view = ({FIND})()?.view;
  return view?.theme && [...view.store.numbers.known.values()].every(({{ answer }}) => answer);
}}
"""
TABLE = f"""
() => ({FIND})().view.keys.map(({{ key, moves, by, on, shift }}) =>
  ({{ chord: (shift ? "Shift+" : "") + key, key, moves, by: by ?? 0, on: on ?? "" }}))
"""
STATE = f"() => ({{ ...({FIND})().view.store.state }})"
# What the selector names, or the first picture or list.
FOCUS = f"""
(on) => {{
  const names = on && !on.startsWith(":not");
  const places = [...({FIND})().querySelectorAll(names ? on : "[tabindex]:not(button)")];
  const seen = places.filter((node) => node.checkVisibility() && node.matches("[tabindex], button"));
  (seen.find((node) => node.tabIndex === 0) ?? seen[0]).focus({{ preventScroll: true }});
}}
"""


@dataclass(frozen=True)
class Case:
    """An instrument at a place, opened by a link that leaves room to move on all sides.

    `moves`: by where the focus is, what each key moves; "" is anywhere. `before`: what is pressed first, by
    key, or by focus and key. `more`: parts of the state that a key, or all that moves a part, moves besides.
    """

    instrument: str
    place: str
    moves: dict[str, dict[str, str]]
    link: dict[str, Any] = field(default_factory=dict)
    before: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, set[str]] = field(default_factory=dict)


UP_DOWN, LEFT_RIGHT = ("ArrowUp", "ArrowDown"), ("ArrowLeft", "ArrowRight")
LAYERS, STAGES = ("PageUp", "PageDown"), (",", ".")
PINS, FREES = {"Enter": "pinned"}, {"Escape": "pinned"}


def all_move(*pairs: tuple[tuple[str, ...], str]) -> dict[str, str]:
    return {key: moved for keys, moved in pairs for key in keys}


BLOCK = {"": all_move((STAGES, "stage"), (LAYERS, "layer")) | FREES, ".board": PINS}
HIDDEN = {"layer": 2, "query": 4, "stage": "ffn_hidden", "feature": 6}
NORM = HIDDEN | {"stage": "norm_out"}


def on_block(column: str) -> dict[str, dict[str, str]]:
    return BLOCK | {"": BLOCK[""] | all_move((UP_DOWN, "row"), (LEFT_RIGHT, column))}


CASES = {
    "feed-forward": Case("ffn", "encoder.ffn", on_block("unit"), HIDDEN),
    "norm": Case("ffn", "encoder.self_attn_norm", on_block("feature"), NORM),
}

HEAD = all_move((LAYERS, "layer"), (tuple("1234"), "head")) | FREES
CELL = {"layer": 2, "head": 2, "query": 3, "key": 3, "feature": 3}


def attention(view: str, moves: dict[str, str], stage: str = "weights") -> Case:
    """A cell of that stage of a head."""
    link = CELL | {"view": view, "stage": stage}
    return Case("attention", "decoder.cross_attn", {"": HEAD | moves, ".matrix, .board": PINS}, link)


def inside(stage: str, row: str, column: str) -> Case:
    return attention("inside", all_move((UP_DOWN, row), (LEFT_RIGHT, column), (STAGES, "stage")), stage)


CASES |= {
    "all heads": attention("heads", all_move((UP_DOWN, "query"), (LEFT_RIGHT, "key"))),
    "inside a head, weights": inside("weights", "query", "key"),
    "inside a head, keys": inside("k", "key", "feature"),
    "inside a head, values mixed": inside("z", "query", "feature"),
    "inside a head, heads joined": inside("concat", "query", "wide"),
}

TABS = {".decoding > .tabs > .tab": dict.fromkeys(LEFT_RIGHT, "tab")}
STEPS = all_move((LEFT_RIGHT, "step"), (("Home", "End"), "step"))
HEADS = all_move((LAYERS, "layer"), (tuple("01234"), "head"))
SHIFTED = tuple(f"Shift+{key}" for key in UP_DOWN), tuple(f"Shift+{key}" for key in LEFT_RIGHT)
ROWS = all_move((UP_DOWN, "row"), (LEFT_RIGHT, "what"), (("Home", "End"), "row"))
LANES = all_move((LEFT_RIGHT, "at"), (UP_DOWN, "what"), (("Home", "End"), "at"))
PINNED = {" ": "pinned"} | PINS | FREES
WALKED = ["ArrowDown", "ArrowRight"]


def decoding(tab: str, moves: dict[str, dict[str, str]], **options: Any) -> Case:
    link = {"tab": tab, "step": 3, "layer": 2, "head": 2} | options.pop("link", {})
    return Case("decoding", "decoding", TABS | moves, link, **options)


CASES |= {
    "step by step": decoding(
        "steps",
        {
            "": STEPS | HEADS | all_move((UP_DOWN, "rank"), (SHIFTED[0], "on"), (SHIFTED[1], "column"))
            | FREES | {" ": "playing"},
            ":not(button)": PINS,
        },
        before=dict.fromkeys(UP_DOWN, ["ArrowDown"] * 2)
        | dict.fromkeys(SHIFTED[1], ["Shift+ArrowUp", "Shift+ArrowRight"])
        | {"Shift+ArrowUp": ["Shift+ArrowDown"], "Shift+ArrowDown": ["Shift+ArrowUp"]}
        | {"Enter": ["Shift+ArrowUp"], "Escape": ["Shift+ArrowUp", "Enter"]},
        more=dict.fromkeys(SHIFTED[0], {"column"}) | {" ": {"step"}, "Escape": {"on", "column"}},
    ),
    "samples": decoding(
        "samples",
        {".samples-figure": ROWS | PINNED},
        before=dict.fromkeys(ROWS, WALKED) | {"ArrowRight": ["ArrowLeft"], "Escape": ["Enter"]},
    ),
    "teacher forcing": decoding(
        "forcing",
        {".forcing-lanes": LANES | PINNED},
        before=dict.fromkeys(LANES, WALKED) | {"Escape": ["Enter"]},
    ),
    "alignment": decoding(
        "alignment",
        {
            "": STEPS | HEADS | dict.fromkeys(UP_DOWN, "column") | FREES,
            ":not(button)": PINS,
        },
        before=dict.fromkeys(UP_DOWN, ["ArrowDown"] * 2) | {"Escape": ["Enter"]},
        more={"Enter": {"kind", "row", "column"}, "Escape": {"kind", "row", "column"}},
    ),
    "cache": decoding(
        "cache",
        {"": STEPS | FREES, ".cache-rows": all_move((UP_DOWN, "row"), (SHIFTED[1], "column")) | PINS},
        link={"cell": "k.2.2"},
        more=dict.fromkeys(("Enter", "Escape"), {"zone", "row", "column"}),
    ),
}  # fmt: skip

PICTURE = all_move((UP_DOWN, "p"), (LEFT_RIGHT, "dim"))
MAP = all_move((UP_DOWN, "row"), (LEFT_RIGHT, "column"))


def positions(panel: str, moves: dict[str, dict[str, str]], **link: object) -> Case:
    return Case("positions", "positions", {"": FREES} | moves, {"panel": panel, "query": 3, **link})


CASES |= {
    "heat-map": positions(
        "heat", {".panel": PICTURE, ".plot": all_move((LEFT_RIGHT, "p")), ".panel, .plot": PINS}, feature=9
    ),
    "similarity": positions(
        "similarity",
        {".panel": all_move((UP_DOWN, "p")), ".panel, .plot": all_move((LEFT_RIGHT, "q")) | PINS},
        key=5,
    ),
    "rotation": positions("rotation", {".clocks": PICTURE | PINS}, feature=9),
    "sum": positions("sum", {".panel": PICTURE | PINS}, feature=9),
    "experiments": positions(
        "experiments",
        {".tv": all_move((UP_DOWN, "layer"), (LEFT_RIGHT, "head")), ".matrix": MAP | PINS},
        key=2, runs="off", run=2, cell="2.2",
    ),
    "tokens": Case(
        "tokens",
        "tokens",
        {
            "": FREES,
            "button": all_move((UP_DOWN, "token")),
            "button, .steps-box": all_move((LEFT_RIGHT, "token")),
            ".panel": all_move((UP_DOWN, "token"), (LEFT_RIGHT, "dim")),
            ".near-list": all_move((UP_DOWN, "near"), (LEFT_RIGHT, "token")),
            ".panel, .near-list": PINS,
            ".scatter": all_move((UP_DOWN, "token"), (LEFT_RIGHT, "token")) | PINS,
        },
        {"query": 2},
        before={"Escape": ["Enter"], "ArrowLeft": ["ArrowRight"]} | dict.fromkeys(UP_DOWN, ["ArrowDown"] * 2),
        more=dict.fromkeys((*UP_DOWN, *LEFT_RIGHT, "Enter"), {"part", "point"}),
    ),
}  # fmt: skip

ARROWS = UP_DOWN + LEFT_RIGHT


def output(
    tab: str, moves: dict[str, dict[str, str]], before: dict[str, list[str]] | None = None, **link: object
) -> Case:
    around = {
        "": FREES,
        ".steps, .step": dict.fromkeys((*ARROWS, "Home", "End"), "step"),
        ".part-tabs .tab": dict.fromkeys(ARROWS, "tab"),
        ".bars, .lens-table, .waterfall, .panel": PINS,
    }
    # Another step is another picture: the cursor stands at its start, and is free.
    more = {"step": {"on", "rank", "layer", "position", "bar", "pinned"}}
    return Case(
        "output", "output", around | moves, {"output_tab": tab, "step": 3, **link}, before or {}, more
    )


CASES |= {
    "output, words": output(
        "words",
        {
            ".bars": all_move((UP_DOWN, "rank"), (LEFT_RIGHT, "on")),
            ".panel": all_move((LEFT_RIGHT, "feature")),
        },
        before={"ArrowLeft": ["ArrowRight"]}
        | {".panel ArrowLeft": ["ArrowRight"] * 2, ".panel ArrowRight": ["ArrowRight"]},
        on="logit", rank=4,
    ),
    # On a page as narrow as this one layers stand side by side.
    "output, layers": output(
        "layers",
        {".lens-table": all_move((UP_DOWN, "position"), (LEFT_RIGHT, "layer"))},
        on="lens", lens_layer=2, lens_position=3,
    ),
    "output, who added what": output(
        "added", {".waterfall": dict.fromkeys(ARROWS, "bar")}, on="added", bar=4
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_key_moves_exactly_what_its_table_says(bare, zoo_glass, zoo_trace, name):
    case, glass, page = CASES[name], zoo_glass("en-de"), bare()
    message = message_of(case.instrument, glass, zoo_trace, glass.translate(SENTENCE), case.place)

    def press(*chords: str) -> dict[str, Any]:
        for chord in chords:
            page.keyboard.press(chord)
        page.wait_for_function(IS_HERE)
        return page.evaluate(STATE)

    def open_() -> None:
        mount(page, case.instrument, message, "light", text=SENTENCE, place=case.place, **case.link)
        page.wait_for_function(IS_HERE)

    open_()
    table = page.evaluate(TABLE)
    said: dict[str, dict[str, str]] = {}
    for row in table:
        said.setdefault(row["on"], {})[row["chord"]] = row["moves"]
    assert said == case.moves
    for row in table:
        chord, moved = row["chord"], row["moves"]
        open_()
        page.evaluate(FOCUS, row["on"])
        first = case.before.get(f"{row['on']} {chord}", case.before.get(chord, []))
        before = press(*(first if row["on"] not in TABS else []))
        after = press(chord)
        changed = {part for part in before | after if before.get(part) != after.get(part)}
        if moved == "head" and chord == str((before["head"] or 0) + 1):
            assert not changed  # this head is open already
        elif moved == "tab":
            assert moved in changed
        else:
            besides = case.more.get(chord, set()) | case.more.get(moved, set()) - {moved}
            assert changed - besides == {moved}, (chord, before, after)
        if row["by"]:
            assert row["key"] in (ON if row["by"] > 0 else BACK), row
            if isinstance(after.get(moved), int):
                assert after[moved] - before[moved] == row["by"], (chord, before, after)
