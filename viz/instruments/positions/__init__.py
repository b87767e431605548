"""The positions lab: what position vectors look like, what they are added to, and what happens without them.

Two messages. `message`, once a sentence: the table PE(p), and for each side of the model `embed` and their
sum. `experiment`, by route: the same model run with other positions, its translation, and its attention maps
on the target that it gave without experiment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from model import Glass, TextError, Translation
from model.anatomy import Anatomy
from model.experiments import BASE, Experiment, OtherGlass, n_words, refusal, run, shuffled
from model.limits import Limit
from viz.instruments import pack
from viz.instruments.base import Asked, Instrument, Numbers, Picture, Refusal
from viz.instruments.link import Choice, Count, Number, Text, d_model, side_titles, whole_number
from viz.labels import query_labels, sides_of

PANELS = {
    "heat": "Heat-map",
    "similarity": "Similarity",
    "rotation": "Rotation",
    "sum": "Sum",
    "experiments": "Experiments",
}
LEAST_ROWS = 32
"""Positions in the table at least, where the encoding has as many."""
PAIR = ("A dog bites a man.", "A man bites a dog.")
BASES = (100, 1_000, 100_000)
LONGEST_SHIFT = 500
WIDEST_BASE = 10**9
KINDS = {
    "off": Experiment(positions="off"),
    "shift": Experiment(offset=1),
    "base": Experiment(base=float(BASES[0])),
}
"""One experiment of each kind that some encodings refuse; the words can always be shuffled."""


def table(glass: Glass, rows: int) -> np.ndarray | None:
    """PE(0) … PE(rows − 1) as float32 (position, d_model), fewer where the encoding ends; or None."""
    at = torch.arange(min(rows, glass.config.max_len))
    vectors = glass.model.encoding.vectors(at)
    return None if vectors is None else vectors.detach().float().numpy()


def message(asked: Asked) -> Picture:
    """The table and both sides' sums; without a table where the encoding adds nothing."""
    glass, trace, translation = asked.glass, asked.trace, asked.translation
    config, encoding = trace.config, glass.model.encoding
    sides = sides_of(trace)
    pe = table(glass, max(*(len(side["tokens"]) for side in sides.values()), LEAST_ROWS))
    arrays = {} if pe is None else {"pe": pe}
    for name, side in sides.items():
        for part in ("embed", "embedded"):
            if pe is not None:
                entry = trace[f"{side['stack']}.{part}"]
                arrays[f"{part}.{name}"] = entry.value.astype(np.float32, copy=False)
    sites = sites_of(trace.anatomy)
    header = {
        "panels": PANELS,
        "encoding": config.positions,
        "base": BASE,
        "d_model": config.d_model,
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "sides": sides,
        "text": translation.source,
        "n_words": n_words(glass, translation.source),
        "refused": {kind: refusal(encoding, experiment) for kind, experiment in KINDS.items()},
        "pair": [text for text in PAIR if fits(glass, text)],
        "bases": BASES,
        "longest_shift": LONGEST_SHIFT,
        "sites": sites,
    }
    return header, arrays


def sites_of(anatomy: Anatomy) -> dict[str, dict[str, Any]]:
    """Each attention by its place: its title, its name in the trace, whose rows look at whose; `forced`: the
    stack that is given a translation, where it is.
    """
    typed = anatomy.sides[0].name
    return {
        block.place: {
            "title": block.title,
            "name": block.name,
            "queries": block.queries,
            "keys": block.keys,
            "causal": block.causal,
            "forced": None if {block.queries, block.keys} == {typed} else anatomy.stack(block.stack).title,
        }
        for block in anatomy.kind("attention")
    }


def fits(glass: Glass, text: str) -> bool:
    """Whether the model reads a text of that length."""
    try:
        glass.source_ids(text)
    except TextError:
        return False
    return True


def experiment_of(glass: Glass, text: str, values: Mapping[str, str]) -> Experiment:
    """The experiment that an address names; raises Refusal where it makes no sense for this model.

    `positions` (on, off), `offset`, `base` and `shuffle` (which shuffle, from 1) may be left out.
    """
    given = {name: whole_number(values[name]) for name in ("offset", "base", "shuffle") if name in values}
    numbers = {name: number for name, number in given.items() if number is not None}
    if numbers != given:
        raise Refusal("Offset, base and shuffle are whole numbers.")
    offset, base = numbers.get("offset", 0), numbers.get("base", int(BASE))
    if abs(offset) > LONGEST_SHIFT or not 1 < base <= WIDEST_BASE:
        raise Refusal(f"Shift by at most {LONGEST_SHIFT}, to a base from 2 to {WIDEST_BASE:,}.")
    order = None
    if "shuffle" in numbers:
        count = n_words(glass, text)
        if count < 2:
            raise Refusal("There are no two words to shuffle.")
        order = shuffled(count, numbers["shuffle"])
    try:
        asked = Experiment(values.get("positions", "on"), offset, float(base), order)
    except ValueError as error:
        raise Refusal(str(error)) from error
    if reason := refusal(glass.model.encoding, asked):
        raise Refusal(reason)
    return asked


def described(glass: Glass, translation: Translation) -> dict[str, Any]:
    """A translation as the table shows it."""
    return {
        "text": translation.text,
        "ids": list(translation.ids),
        "log_prob": translation.log_prob,
        "steps": [[glass.tokenizer.readable(step.id), step.log_prob] for step in translation.steps],
        "finished": translation.finished,
    }


def experiment(glass: Glass, original: Translation, asked: Experiment, request: Mapping[str, Any]) -> bytes:
    """What the model says under an experiment, and its maps: weights (layer, head, query, key) of each site.

    The maps are of `original`'s target, so that they compare; the translation is the experiment's own.
    `places` gives, for each token of a side as the model read it, its place in the sentence as typed.
    """
    translation, trace = run(glass, original.source, asked, original, original.beam)
    anatomy, tokens, places, labels, arrays = trace.anatomy, {}, {}, {}, {}
    for name, rows in trace.sides.items():
        tokens[name], places[name] = list(rows.tokens), list(range(len(rows.tokens)))
    typed = anatomy.sides[0].name
    places[typed] = OtherGlass(glass, asked).typed_places(original.source)
    for block in anatomy.kind("attention"):
        entries = [trace[f"{block.scope(layer)}.weights"] for layer in range(anatomy.n_layers(block))]
        labels[block.queries] = query_labels(trace, entries[0])
        arrays[block.place] = np.stack([entry.value for entry in entries])
    header = {
        "request": request,
        "experiment": {
            "positions": asked.positions,
            "offset": asked.offset,
            "base": asked.base,
            "order": asked.order,
        },
        "read": tokens[typed],
        "tokens": tokens,
        "places": places,
        "labels": labels,
        "translation": described(glass, translation),
        "target": list(original.ids),
    }
    return pack(header, arrays)


def asked_experiment(asked: Asked) -> bytes:
    """The model with other positions: its translation, and its maps on the target of the address's answer."""
    wanted = experiment_of(asked.glass, asked.translation.source, asked.values)
    return experiment(asked.glass, asked.translation, wanted, asked.request)


def is_square(asked: Asked) -> bool:
    """Whether a cell has two positions or tokens, not a position and a dimension."""
    return asked.values.get("panel") in ("similarity", "experiments")


def rows(asked: Asked) -> int:
    """Positions in the table."""
    longest = max(len(each.tokens) for each in asked.trace.sides.values())
    return min(max(longest, LEAST_ROWS), asked.glass.config.max_len)


def steps_on(asked: Asked) -> Limit:
    return Limit("k", 0, max(1, rows(asked) - 1), whole=True)


LINK = (
    Choice("panel", tuple(PANELS)),
    Choice("side", side_titles),
    Count("query", rows, while_pinned=True),
    Count("key", rows, while_pinned=True, when=is_square),
    Count("feature", d_model, while_pinned=True, when=lambda asked: not is_square(asked)),
    Number("k", steps_on),
    Count("position", rows),
    Count("pair", lambda asked: max(1, asked.glass.config.d_model // 2)),
    Text("waves", 100),
    Text("runs", 300),
    Text("beside", 300),
    Count("run"),
    Choice("site", lambda asked: tuple(sites_of(asked.trace.anatomy))),
    Text("cell", 30),
)
"""The tab and its pinned cell, the rotation's knobs, the kept waves, and the experiments with the run, the
attention and the head that are open."""

INSTRUMENT = Instrument(
    name="positions",
    places=lambda _: ("positions",),
    message=message,
    link=LINK,
    numbers={"experiment": Numbers(asked_experiment)},
)
