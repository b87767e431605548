"""The places of an encoder–decoder model, written down: what its anatomy must come to, and its titles."""

from __future__ import annotations

from model.config import Config

SITES = ("encoder.self_attn", "decoder.self_attn", "decoder.cross_attn")
"""Where attention is."""
FEED_FORWARDS = ("encoder.ffn", "decoder.ffn")
ADD_NORMS = tuple(f"{site}_norm" for site in SITES)
"""The Add & Norm beside each attention; that of a feed-forward is shown with it."""
INSTEAD = {"encoder.final_norm": "encoder.ffn", "decoder.final_norm": "decoder.ffn"}
"""Where a link to a final norm leads in a post-norm model, which has none."""
FINAL_NORMS = tuple(INSTEAD)
PLACES = (
    "tokens", "positions",
    "encoder.self_attn", "encoder.self_attn_norm", "encoder.ffn", "encoder.final_norm",
    "decoder.self_attn", "decoder.self_attn_norm", "decoder.cross_attn", "decoder.cross_attn_norm",
    "decoder.ffn", "decoder.final_norm",
    "output", "decoding",
)  # fmt: skip
TITLES = {
    "encoder.self_attn": "Encoder self-attention",
    "decoder.self_attn": "Decoder masked self-attention",
    "decoder.cross_attn": "Cross-attention",
    "encoder.ffn": "Encoder feed-forward",
    "decoder.ffn": "Decoder feed-forward",
    "encoder.self_attn_norm": "Encoder self-attention: Add & Norm",
    "decoder.self_attn_norm": "Decoder masked self-attention: Add & Norm",
    "decoder.cross_attn_norm": "Cross-attention: Add & Norm",
    "encoder.final_norm": "Encoder: final norm",
    "decoder.final_norm": "Decoder: final norm",
}


def places_of(config: Config) -> tuple[str, ...]:
    """The places that a model of this config has."""
    return tuple(place for place in PLACES if config.norm == "pre" or place not in FINAL_NORMS)


def title_of(config: Config, place: str) -> str:
    """What the screen calls a place: the order of its words is that of the computation."""
    return TITLES[place].replace("Add & Norm", "Add & Norm" if config.norm == "post" else "Norm & Add")


def head_title(place: str, layer: int, head: int) -> str:
    """What the screen calls a head; `layer` and `head` count from 1."""
    return f"{TITLES[place]}, layer {layer}, head {head}"


def scope_of(place: str, layer: int) -> str:
    """The trace's name of a layer's block: "decoder.cross_attn", 2 → "decoder.2.cross_attn"."""
    stack, part = place.split(".")
    return f"{stack}.{layer}.{part}"
