"""What an attention computes, stage by stage: read off the trace, which knows what was made from what.

    {"name": "scores", "of": ["q", "k"], "rows": "query", "columns": "key", "head": True, "role": None}

First what it reads from outside (x_q asks, x_kv answers), then its own entries in the order of computation.
Where heads come together, `concat` stands between: all of them side by side, as the browser lays them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from model import Trace

INPUTS = {"query": "x_q", "key": "x_kv"}
"""What is read from outside is called by the rows that are made of it."""
CONCAT = "concat"

Stage = dict[str, Any]


def short(name: str) -> str:
    """ "decoder.2.cross_attn.scores" → "scores"."""
    return name.rpartition(".")[-1]


def entries(trace: Trace, scope: str) -> dict[str, str]:
    """Full names of all that the attention in this scope reads and computes, by short names."""
    own = [name for name in trace if name.startswith(f"{scope}.")]
    inputs = {
        INPUTS[trace[name].axes[-2]]: parent
        for name in own
        for parent in trace[name].of
        if not parent.startswith(f"{scope}.")
    }
    return {**inputs, **{short(name): name for name in own}}


def stages(trace: Trace, scope: str) -> list[Stage]:
    """Rows for the browser, in order: name, parents, axes, whether each head has its own, its role."""
    found: list[Stage] = []
    for name, full in entries(trace, scope).items():
        entry = trace[full]
        if not full.startswith(f"{scope}."):
            axis = next(axis for axis, own in INPUTS.items() if own == name)
            found.append(stage(name, (), (axis, entry.axes[-1])))
            continue
        of = [short(p) if p.startswith(f"{scope}.") else INPUTS[entry.axes[-2]] for p in entry.of]
        if "head" not in entry.axes and any("head" in trace[parent].axes for parent in entry.of):
            found.append(stage(CONCAT, of, entry.axes))
            of = [CONCAT]
        found.append(stage(name, of, entry.axes))
    ancestry = {each["name"]: ancestors(each, found) for each in found}
    matrices = {each["name"] for each in found if each["columns"] == "key"}
    before = set().union(*(ancestry[name] for name in matrices))
    return [{**each, "role": role(each, ancestry[each["name"]] & matrices, before)} for each in found]


def stage(name: str, of: list[str] | tuple[str, ...], axes: tuple[str, ...]) -> Stage:
    return {"name": name, "of": list(of), "rows": axes[-2], "columns": axes[-1], "head": "head" in axes}


def ancestors(each: Stage, known: list[Stage]) -> set[str]:
    """Names of all stages that this one is made from, directly or not."""
    by_name = {other["name"]: other for other in known}
    found: set[str] = set()
    waiting = list(each["of"])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += by_name[name]["of"]
    return found


def role(each: Stage, weighed: set[str], before: set[str]) -> str | None:
    """What it is in attention, which has a colour: asks, answers, is mixed, comes out; none for query × key.

    `weighed`: the matrices of query × key that it is made from; `before`: all that those are made from.
    """
    if each["columns"] == "key":
        return None
    if weighed:
        return "value" if each["head"] else "output"
    if each["rows"] == "key" and each["name"] not in before:
        return "value"
    return str(each["rows"])


def given(trace: Trace, scope: str) -> Mapping[str, Mapping[str, str]]:
    """In words, what the attention in this scope reads: short above a panel, as a sentence, and more."""
    block, _ = trace.anatomy.find(scope)
    names = entries(trace, scope)
    is_normed = {name: short(names[name]) == "norm_out" for name in INPUTS.values()}
    stream = "the stream that enters this block"
    said = {
        name: {"formula": "", "said": stream + (", after its norm" if normed else ""), "more": ""}
        for name, normed in is_normed.items()
    }
    said["x_q"]["formula"] = "norm_out" if is_normed["x_q"] else "this stream"
    said["x_kv"]["formula"] = "same stream"
    if block.memory:
        maker = next(stack for stack in trace.anatomy.stacks if stack.output == block.memory)
        made_of = trace[block.memory].of[0]
        final = ", after its final norm" if short(made_of) == "norm_out" else ""
        side = trace.anatomy.side(maker.side)
        said["x_kv"] = {
            "formula": f"{maker.title}'s output",
            "said": f"the {maker.title}'s output{final}",
            "more": f", which is {made_of}, made from the {side.title}",
        }
    return said
