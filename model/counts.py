"""How much each block weighs and works: parameters, and multiply–adds of one forced pass.

A block is called by its place (model.anatomy). A multiply–add is one product added to a sum inside a matrix
product (torch counts two operations for it); look-ups, norms, softmax and other elementwise work are not
counted, as usual.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from model.anatomy import Anatomy, Block
from model.config import Config
from model.transformer import Transformer


def size_of(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def parameters(model: Transformer) -> dict[str, int]:
    """Parameters by block, of one layer each; `total` of them are all of the model's.

    The embedding matrix counts at "tokens", the encoding at "positions"; the output reads the same matrix.
    """
    counts = {"tokens": model.embedding.weight.numel(), "positions": size_of(model.encoding)}
    for block in model.anatomy.kind("attention", "norm", "ffn"):
        counts[block.place] = size_of(model.block(block.scope()))
    return counts | {block.place: 0 for block in model.anatomy.kind("unembed")}


def products(block: Block, config: Config, n_queries: int, n_keys: int) -> int:
    """Multiply–adds of one block: n_queries rows pass it, and see n_keys keys whose k and v are made anew."""
    d = config.d_model
    if block.kind == "attention":
        return 2 * (n_queries + n_keys) * d * d + 2 * n_queries * n_keys * d
    return n_queries * d * {"ffn": 2 * config.d_ff, "unembed": config.vocab_size}[block.kind]


def multiply_adds(model: Transformer, rows: Mapping[str, int]) -> dict[str, int]:
    """Multiply–adds by block, of one layer each; `rows`: how many tokens each side has."""
    return {
        block.place: products(block, model.config, rows[block.queries], rows[block.keys or block.queries])
        for block in model.anatomy.kind("attention", "ffn", "unembed")
    }


def total(counts: Mapping[str, int], anatomy: Anatomy) -> int:
    """All layers together."""
    times = {block.place: anatomy.n_layers(block) for block in anatomy.blocks}
    return sum(count * times.get(place, 1) for place, count in counts.items())


def predicting_stack(model: Transformer) -> str:
    return model.anatomy.stack_over(model.anatomy.predicting.name).name


def once(model: Transformer, read: Mapping[str, int]) -> dict[str, int]:
    """Multiply–adds, of one layer each, of what runs once a text: all stacks but the one that predicts.

    `read`: how many tokens each side has that is read and not predicted.
    """
    whole = multiply_adds(model, {**read, model.anatomy.predicting.name: 0})
    return {
        place: n for place, n in whole.items() if model.anatomy.at(place).stack != predicting_stack(model)
    }


def cached_step(model: Transformer, read: Mapping[str, int], step: int) -> dict[str, int]:
    """Multiply–adds by block of the stack that predicts, of one layer each, of step `step` (from 1), cached.

    One row passes; it looks at `step` keys. Step 1 also makes the keys and values of what other stacks made.
    """
    d, found = model.config.d_model, {}
    for block in model.anatomy.of_stack(predicting_stack(model)):
        if block.kind == "attention":
            n_keys = read[block.keys or ""] if block.memory else step
            made = 1 if block.memory is None else n_keys * (step == 1)
            found[block.place] = 2 * (1 + made) * d * d + 2 * n_keys * d
        elif block.kind in ("ffn", "unembed"):
            found[block.place] = products(block, model.config, 1, 1)
    return found


def uncached_step(model: Transformer, read: Mapping[str, int], step: int) -> dict[str, int]:
    """The same without a cache: all `step` rows pass, and all keys and values are made anew.

    The last row alone goes on to the vocabulary, as with a cache.
    """
    whole = multiply_adds(model, {**read, model.anatomy.predicting.name: step})
    last = cached_step(model, read, step)
    return {
        place: n if model.anatomy.at(place).kind == "unembed" else whole[place] for place, n in last.items()
    }


def cached_numbers(model: Transformer, read: Mapping[str, int], step: int) -> dict[str, int]:
    """Numbers that the cache holds after step `step`, all layers together: keys and values of each site."""
    found = {}
    for block in model.anatomy.of_stack(predicting_stack(model)):
        if block.kind == "attention":
            n_keys = read[block.keys or ""] if block.memory else step
            found[block.place] = 2 * model.anatomy.n_layers(block) * n_keys * model.config.d_model
    return found
