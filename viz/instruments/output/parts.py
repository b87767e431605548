"""What the screen calls the parts of the stream's sum (model.contributions), and how they make bars.

A bar is one part ("heads"), or all that one block of a layer adds ("blocks"): the heads of an attention
together, its feed-forward, and last the layer's biases. Names come from the anatomy.
"""

from __future__ import annotations

from typing import Any

from model import Trace
from model import contributions as direct
from model.anatomy import Anatomy, Block

LAST = 1_000
"""Behind all layers, or all sublayers of one."""


def look(block: Block) -> str:
    """How bars of a sublayer are drawn: a class of view.css."""
    if block.kind == "attention":
        return "memory" if block.memory else "attends"
    return block.kind


def sublayers(anatomy: Anatomy) -> dict[str, Block]:
    """What a layer of the stack that predicts computes, by the part's name of its site."""
    stack = anatomy.stack_over(anatomy.predicting.name)
    return {block.part: block for block in anatomy.sublayers(stack.name)}


def abbreviated(block: Block) -> str:
    return "FFN" if block.kind == "ffn" else ("cross" if block.memory else "self")


def is_beta(part: direct.Part) -> bool:
    return part.name.endswith("beta")


def of_layer(part: direct.Part, block: Block) -> dict[str, str]:
    """Name, abbreviation and origin of what a sublayer (or the norm beside it) adds."""
    where = f"layer {(part.layer or 0) + 1} {block.label}"
    if part.head is not None:
        name = f"{where}, head {part.head + 1}"
        return {"name": name, "short": str(part.head + 1), "source": "the head's z (with b_V) through W_O"}
    if part.kind != "bias":
        return {"name": where, "short": "F", "source": "the hidden units through W_2"}
    if is_beta(part):
        return {"name": f"{where}, its norm's β", "short": "β", "source": "the norm's own β"}
    bias = "b_2" if block.kind == "ffn" else "b_O"
    return {"name": f"{where}, {bias}", "short": "b", "source": f"the bias {bias}"}


def of_no_layer(part: direct.Part, anatomy: Anatomy) -> dict[str, str]:
    """The same of an embedding or a final norm; `{reads}` is for the token that is read."""
    if part.kind == "bias":
        return {"name": "final norm's β", "short": "β", "source": "the norm's own β"}
    if anatomy.find(part.name)[0].kind == "positions":
        return {"name": "position", "short": "pos", "source": "the position's vector"}
    return {"name": "embedding", "short": "embed", "source": "E[{reads}] × √d_model"}


def described(part: direct.Part, anatomy: Anatomy) -> dict[str, Any]:
    """A part as a bar. `under`: what runs of bars belong to; `worded`: its label is a word."""
    block = sublayers(anatomy).get(part.site or "")
    named = of_layer(part, block) if block else of_no_layer(part, anatomy)
    return named | {
        "look": part.kind if part.kind in ("embedding", "bias") or not block else look(block),
        "group": None if part.layer is None else f"layer {part.layer + 1}",
        "under": abbreviated(block) if block else "",
        "worded": part.layer is None,
        "norms": part.norms,
    }


def blocks(parts: list[direct.Part], anatomy: Anatomy) -> list[dict[str, Any]]:
    """One bar a block, in the order in which they enter the stream; `members` are numbers of parts."""
    sites = list(sublayers(anatomy))
    has_beta = any(part.layer is not None and is_beta(part) for part in parts)
    found: dict[tuple[int, int], list[int]] = {}
    for number, part in enumerate(parts):
        if part.layer is None:
            key = (LAST if part.kind == "bias" else -1, number)
        else:
            key = (part.layer, LAST if part.kind == "bias" else sites.index(part.site or ""))
        found.setdefault(key, []).append(number)
    return [block_bar([parts[n] for n in found[key]], found[key], anatomy, has_beta) for key in sorted(found)]


def block_bar(own: list[direct.Part], members: list[int], anatomy: Anatomy, has_beta: bool) -> dict[str, Any]:
    """The bar of parts that belong together."""
    first = described(own[0], anatomy)
    bar = {name: first[name] for name in ("name", "short", "look", "group", "worded")}
    if own[0].layer is not None:
        block, layer = sublayers(anatomy)[own[0].site or ""], f"layer {own[0].layer + 1}"
        biases = (f"{layer} biases and β", "b, β") if has_beta else (f"{layer} biases", "b")
        sublayer = f"{layer} {block.label}", abbreviated(block)
        bar["name"], bar["short"] = biases if own[0].kind == "bias" else sublayer
    return bar | {"under": "", "members": members}


def legend(anatomy: Anatomy) -> list[dict[str, str]]:
    """What each look means, in words."""
    said = {
        block: block.label + (" (F)" if block.kind == "ffn" else "") for block in sublayers(anatomy).values()
    }
    own = [{"look": look(block), "says": words} for block, words in said.items()]
    first, last = ("embedding", "token, position"), ("bias", "b, β: b_O, b_2, norms' β")
    ends = [{"look": name, "says": words} for name, words in (first, last)]
    return [ends[0], *own, ends[1]]


def bars(trace: Trace) -> dict[str, Any]:
    """All of it for the header: the parts, their grouping into blocks, and the legend."""
    parts = direct.parts_of(trace)
    return {
        "parts": [described(part, trace.anatomy) for part in parts],
        "blocks": blocks(parts, trace.anatomy),
        "legend": legend(trace.anatomy),
    }
