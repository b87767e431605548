"""The map: the paper's figure 1 with this sentence's numbers; each block is the door to its instrument.

Thumbnails are samples of the trace (uint8): of wide blocks every k-th feature, never a mean, so that each
pixel is a number of the model. Weights of attention are the mean over heads.
"""

from __future__ import annotations

import numpy as np

from model import Trace, counts
from viz.instruments import shades
from viz.instruments.base import Asked, Instrument, Picture
from viz.scene import INSTEAD, SITES, places_of

WIDEST = 32
"""Columns of a thumbnail at most."""
TOP = 8
"""Most probable words a row in the output's thumbnail."""


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


def thumbnails(trace: Trace) -> dict[str, np.ndarray]:
    """By name: "encoder.2.ffn", "encoder.2.ffn_norm", "encoder.final_norm", …, "output"."""
    found = {}
    for stack in ("encoder", "decoder"):
        for name in ("embed", "pos", "embedded"):
            if (entry := trace.get(f"{stack}.{name}")) is not None:
                found[f"{stack}.{name}"] = signed_thumbnail(entry.value)
        for i in range(trace.config.n_layers):
            for site in ("self_attn", "cross_attn", "ffn"):
                block = f"{stack}.{i}.{site}"
                if f"{block}.weights" in trace:
                    found[block] = weights_thumbnail(trace[f"{block}.weights"].value)
                elif f"{block}.ffn_hidden" in trace:
                    found[block] = signed_thumbnail(trace[f"{block}.ffn_hidden"].value)
                if f"{block}_norm.norm_out" in trace:
                    found[f"{block}_norm"] = signed_thumbnail(trace[f"{block}_norm.norm_out"].value)
        if (entry := trace.get(f"{stack}.final_norm.norm_out")) is not None:
            found[f"{stack}.final_norm"] = signed_thumbnail(entry.value)
    probs = trace["output.probs"].value
    return found | {"output": words_thumbnail(probs), "decoding": steps_thumbnail(probs)}


def shapes(trace: Trace) -> dict[str, str]:
    """What a block hands on, by its name without a layer: its numbers' shape in words."""
    config, n_src, n_tgt = trace.config, *(len(rows.tokens) for rows in trace.sides.values())
    rows = {"encoder": n_src, "decoder": n_tgt}
    said = {"tokens": f"{config.vocab_size} × {config.d_model}", "output": f"{n_tgt} × {config.vocab_size}"}
    said["decoding"] = f"{len(trace.predicts)} × {config.vocab_size}"
    for stack, n in rows.items():
        said[f"{stack}.embed"] = said[f"{stack}.pos"] = said[f"{stack}.norm"] = f"{n} × {config.d_model}"
        said[f"{stack}.self_attn"] = f"{config.n_heads} × {n} × {n}"
        said[f"{stack}.ffn"] = f"{n} × {config.d_ff}"
    return said | {"decoder.cross_attn": f"{config.n_heads} × {n_tgt} × {n_src}"}


def message(asked: Asked) -> Picture:
    """Thumbnails, shapes, and how much each block weighs and works."""
    trace, config = asked.trace, asked.trace.config
    weights = counts.parameters(asked.glass.model)
    work = counts.multiply_adds(config, *(len(rows.tokens) for rows in trace.sides.values()))
    header = {
        "places": places_of(config),
        "instead": INSTEAD,
        "sites": list(SITES),
        "n_layers": config.n_layers,
        "post": config.norm == "post",
        "positions": config.positions,
        "shapes": shapes(trace),
        "parameters": weights,
        "multiply_adds": work,
        "totals": {
            "parameters": counts.total(weights, config.n_layers),
            "multiply_adds": counts.total(work, config.n_layers),
        },
    }
    return header, thumbnails(trace)


INSTRUMENT = Instrument(name="map", places=lambda _: (), message=message)
