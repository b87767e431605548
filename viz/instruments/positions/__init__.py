"""The positions lab: what position vectors look like, what they are added to, and what happens without them.

Two messages. `message`, once a sentence: the table PE(p), and for the source (`src`) and
for what the decoder reads (`tgt`) `embed` and their sum. `experiment`, by route: the same model run with
other positions, its translation, and its attention maps on the target that it gave without experiment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from model import Glass, TextError, Translation
from model.experiments import BASE, Experiment, OtherGlass, n_words, refusal, run, shuffled
from viz import theme
from viz.instruments import pack
from viz.instruments.attention import site_of
from viz.instruments.base import Asked, Instrument, Numbers, Picture, Refusal, whole_number
from viz.labels import query_labels
from viz.scene import SITES

STACKS = {"src": "encoder", "tgt": "decoder"}
TITLES = {"src": "Source: the encoder's input", "tgt": "Target: the decoder's input"}
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
    tokens = {name: rows.tokens for name, rows in trace.sides.items()}
    pe = table(glass, max(*map(len, tokens.values()), LEAST_ROWS))
    arrays = {} if pe is None else {"pe": pe}
    for side, stack in STACKS.items():
        for name in ("embed", "embedded"):
            if pe is not None:
                arrays[f"{name}.{side}"] = trace[f"{stack}.{name}"].value.astype(np.float32, copy=False)
    header = {
        "encoding": config.positions,
        "base": BASE,
        "d_model": config.d_model,
        "n_layers": config.n_layers,
        "n_heads": config.n_heads,
        "sides": {
            side: {"title": TITLES[side], "stack": stack, "tokens": list(tokens[side])}
            for side, stack in STACKS.items()
        },
        "text": translation.source,
        "n_words": n_words(glass, translation.source),
        "refused": {kind: refusal(encoding, experiment) for kind, experiment in KINDS.items()},
        "pair": [text for text in PAIR if fits(glass, text)],
        "bases": BASES,
        "longest_shift": LONGEST_SHIFT,
        "sites": {site: theme.SITES[site] for site in SITES},
    }
    return header, arrays


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
    numbers = {name: whole_number(values[name]) for name in ("offset", "base", "shuffle") if name in values}
    if None in numbers.values():
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
    `places` gives, for each source token as the model read it, its place in the sentence as typed.
    """
    translation, trace = run(glass, original.source, asked, original, original.beam)
    sites = {
        site: [trace[f"{site_of(site, i)}.weights"] for i in range(trace.config.n_layers)] for site in SITES
    }
    header = {
        "request": request,
        "experiment": {
            "positions": asked.positions,
            "offset": asked.offset,
            "base": asked.base,
            "order": asked.order,
        },
        "read": list(trace.sides["src"].tokens),
        "places": OtherGlass(glass, asked).typed_places(original.source),
        "translation": described(glass, translation),
        "target": list(original.ids),
        "queries": query_labels(trace, sites["decoder.self_attn"][0]),
        "tgt": list(trace.sides["tgt"].tokens),
    }
    return pack(
        header, {site: np.stack([entry.value for entry in entries]) for site, entries in sites.items()}
    )


def asked_experiment(asked: Asked) -> bytes:
    """The model with other positions: its translation, and its maps on the target of the address's answer."""
    wanted = experiment_of(asked.glass, asked.translation.source, asked.values)
    return experiment(asked.glass, asked.translation, wanted, asked.request)


INSTRUMENT = Instrument(
    name="positions",
    places=lambda anatomy: ("positions",),
    message=message,
    numbers={"experiment": Numbers(asked_experiment)},
)
