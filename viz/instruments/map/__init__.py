"""The map: figure 1 of the paper, drawn from the model's anatomy with this sentence's numbers; each block is
the door to its instrument.

Thumbnails are samples of the trace (uint8): of wide blocks every k-th feature, never a mean, so that each
pixel is a number of the model. Weights of attention are the mean over heads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from model import Entry, Trace, counts
from model.anatomy import Anatomy, Block
from viz.instruments import shades
from viz.instruments.base import Asked, Instrument, Picture, instruments, places
from viz.instruments.link import Count, Text
from viz.instruments.map.words import NOTHING_TO_MULTIPLY, label, named, path, sentence, shared_matrix

WIDEST = 32
"""Columns of a thumbnail at most."""
TOP = 8
"""Most probable words a row in the output's thumbnail."""
SHOWN = {"attention": "weights", "ffn": "ffn_hidden", "norm": "norm_out", "unembed": "probs"}
"""Which entry below a block's scope stands for it; of other kinds, that of its own name."""


def shown(trace: Trace, block: Block, scope: str) -> Entry:
    """What stands for a block: the entry of its thumbnail and its shape."""
    return trace[f"{scope}.{SHOWN[block.kind]}" if block.kind in SHOWN else scope]


def signed_thumbnail(value: np.ndarray) -> np.ndarray:
    """(token, feature) → uint8: 0…255 is −limit…limit, limit the largest absolute value that is drawn."""
    step = -(-value.shape[-1] // WIDEST)
    drawn = value[:, ::step]
    limit = float(np.abs(drawn).max()) or 1.0
    return shades((drawn / limit + 1) / 2)


def weights_thumbnail(weights: np.ndarray) -> np.ndarray:
    """(head, query, key) → the heads' mean as uint8, 255 = 1."""
    return shades(weights.mean(0))


def words_thumbnail(probs: np.ndarray) -> np.ndarray:
    """(query, vocab) → probabilities of each row's TOP words, highest first, as uint8, 255 = 1."""
    return shades(-np.sort(-probs, axis=-1)[:, :TOP])


def steps_thumbnail(probs: np.ndarray) -> np.ndarray:
    """(query, vocab) → each row's highest probability, side by side: uint8 (1, query), 255 = 1."""
    return shades(probs.max(-1)[None])


DRAWN = {"attention": weights_thumbnail, "unembed": words_thumbnail}
"""How kinds are drawn whose numbers are shares; those of the others are signed."""


def probabilities(trace: Trace) -> np.ndarray:
    """(query, vocab): what the last block gives."""
    last = trace.anatomy.kind("unembed")[-1]
    return shown(trace, last, last.scope()).value


def thumbnails(trace: Trace) -> dict[str, np.ndarray]:
    """By scope: "encoder.2.ffn", "encoder.2.ffn_norm", "encoder.final_norm", …, "output"; and each answer."""
    found = {
        scope: DRAWN.get(block.kind, signed_thumbnail)(shown(trace, block, scope).value)
        for block, _, scope in trace.anatomy.scopes()
    }
    return found | {name: steps_thumbnail(probabilities(trace)) for name in trace.anatomy.answers}


def shape(trace: Trace, block: Block) -> str:
    """What a block hands on, in words: "4 × 12 × 9"."""
    return " × ".join(map(str, shown(trace, block, block.scope()).value.shape))


def box(trace: Trace, block: Block, weighs: dict[str, int], works: dict[str, int]) -> dict[str, Any]:
    """A block as the map shows it: what it is called, where it leads, what it says of itself.

    `beside`: the block that a norm stands beside; `reads`: the stack whose output comes in from the side;
    `side`: which side its place opens with, where not the first. `{layer}` is for the layer that is open.
    """
    anatomy, config = trace.anatomy, trace.config
    memory = next((stack.name for stack in anatomy.stacks if block.memory == stack.output), None)
    counted = block.shown_at if block.kind in ("embed", "positions") else block.place
    work = NOTHING_TO_MULTIPLY if block.kind == "norm" else f"{works.get(counted, 0):,} multiply–adds"
    weight = f"{weighs.get(counted, 0):,} parameters{shared_matrix(block, anatomy)}"
    isolated = block.kind in ("embed", "positions") and block.queries != anatomy.sides[0].name
    return {
        "block": block.place,
        "scope": block.name,
        "kind": block.kind,
        "stack": block.stack,
        "layered": block.is_layered,
        "place": block.shown_at,
        "side": anatomy.side(block.queries).title if isolated else None,
        "beside": block.of,
        "reads": memory,
        "scale": "weight" if block.kind in DRAWN else "signed",
        "label": label(block, anatomy, config.norm),
        "path": path(block, anatomy),
        "said": f"{sentence(block, anatomy, config.norm)} {shape(trace, block)} numbers; {weight}, {work}.",
    }


def answer_box(trace: Trace, name: str) -> dict[str, Any]:
    """What the model answers with its output, above it."""
    stack = trace.anatomy.stack_over(trace.anatomy.predicting.name)
    steps = f"{len(trace.predicts)} × {trace.config.vocab_size}"
    return {
        "block": name, "scope": name, "kind": "answer", "stack": stack.name, "layered": False, "place": name,
        "side": None, "beside": None, "reads": None, "scale": "weight", "label": name, "path": [name],
        "said": f"{named(name, stack)} {steps} probabilities, one row a step; no parameters of its own.",
    }  # fmt: skip


def place_box(anatomy: Anatomy, place: str) -> dict[str, Any]:
    """A place that no block and no answer has: an instrument of its own, above everything."""
    stack = anatomy.stack_over(anatomy.predicting.name)
    return {
        "block": place, "scope": place, "kind": "answer", "stack": stack.name, "layered": False,
        "place": place, "side": None, "beside": None, "reads": None, "scale": "weight", "label": place,
        "path": [place],
        "said": f"{place.capitalize()}: an instrument of its own.",
    }  # fmt: skip


def arrangement(anatomy: Anatomy) -> str:
    """Where each stack stands: "encoder left, decoder right"."""
    where = ("left", "right") if len(anatomy.stacks) == 2 else ("",) * len(anatomy.stacks)
    stands = [f"{stack.title} {side}".strip() for stack, side in zip(anatomy.stacks, where, strict=True)]
    return ", ".join(stands)


def message(asked: Asked) -> Picture:
    """Thumbnails, and every block with its shape and how much it weighs and works."""
    trace, config, anatomy = asked.trace, asked.trace.config, asked.trace.anatomy
    weights = counts.parameters(asked.glass.model)
    n_rows = {name: len(rows.tokens) for name, rows in trace.sides.items()}
    work = counts.multiply_adds(asked.glass.model, n_rows)
    boxes = [box(trace, block, weights, work) for block in anatomy.blocks]
    answers = [answer_box(trace, name) for name in anatomy.answers]
    others = [place for place in places(anatomy) if place not in anatomy.places()]
    totals = [f"{counts.total(count, anatomy):,}" for count in (weights, work)]
    tables = [row for instrument in instruments().values() for row in instrument.link]
    header = {
        # The same whatever is open: another place does not send it again.
        "place": "",
        "places": places(anatomy),
        "nearest": {stack.name: anatomy.nearest(f"{stack.name}.") for stack in anatomy.stacks},
        "otherwise": anatomy.nearest(""),
        "stacks": [{"name": stack.name, "n_layers": stack.n_layers} for stack in anatomy.stacks],
        "n_layers": max(stack.n_layers for stack in anatomy.stacks),
        "norm": config.norm,
        "arrangement": arrangement(anatomy),
        "of_sentence": sorted({row.name for row in tables if row.of_sentence}),
        "boxes": [*boxes, *answers, *(place_box(anatomy, place) for place in others)],
        "total": f"All of it: {totals[0]} parameters, {totals[1]} multiply–adds for this sentence.",
    }
    nothing = {place: np.zeros((1, 1), np.uint8) for place in others}
    return header, thumbnails(trace) | nothing


INSTRUMENT = Instrument(
    name="map",
    places=lambda _: (),
    message=message,
    link=(Text("place"), Count("layer"), Text("side")),
)
