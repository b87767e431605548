"""How much each block weighs and works: parameters, and multiply–adds of one forced pass over two sentences.

A block is named like its scope in the trace, without a layer: "encoder.self_attn", "decoder.ffn_norm". A
multiply–add is one product added to a sum inside a matrix product (torch counts two operations for it);
look-ups, norms, softmax and other elementwise work are not counted, as usual.
"""

from __future__ import annotations

from torch import nn

from model.config import Config
from model.transformer import Transformer

EMBEDDING, OUTPUT = "tokens", "output"


def size_of(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def parameters(model: Transformer) -> dict[str, int]:
    """Parameters by block, of one layer each; `layers` of them and the rest sum to all of the model's.

    The embedding matrix counts at "tokens"; the output reads the same one.
    """
    counts = {EMBEDDING: model.embedding.weight.numel(), "positions": size_of(model.encoding)}
    for block in model.anatomy.kind("attention", "norm", "ffn"):
        counts[block.place] = size_of(model.block(block.scope()))
    return counts | {OUTPUT: 0}


def multiply_adds(config: Config, n_src: int, n_tgt: int) -> dict[str, int]:
    """Multiply–adds by block, of one layer each, for `n_src` source tokens and `n_tgt` decoder rows."""
    d, n = config.d_model, {"encoder": n_src, "decoder": n_tgt}
    counts = {}
    for stack, rows in n.items():
        counts[f"{stack}.self_attn"] = 4 * rows * d * d + 2 * rows * rows * d
        counts[f"{stack}.ffn"] = 2 * rows * d * config.d_ff
    counts["decoder.cross_attn"] = 2 * (n_src + n_tgt) * d * d + 2 * n_src * n_tgt * d
    return counts | {OUTPUT: n_tgt * d * config.vocab_size}


def is_repeated(block: str) -> bool:
    """True for a block that each layer of its stack has."""
    return "." in block and not block.endswith(".final_norm")


def total(counts: dict[str, int], n_layers: int) -> int:
    """All layers together."""
    return sum(count * (n_layers if is_repeated(block) else 1) for block, count in counts.items())


def cached_step(config: Config, n_src: int, step: int) -> dict[str, int]:
    """Multiply–adds by decoder block, of one layer each, of step `step` (from 1) with a key–value cache.

    One row passes; it looks at `step` keys. Step 1 also makes cross-attention's keys and values.
    """
    d = config.d_model
    memory = 2 * n_src * d * d if step == 1 else 0
    return {
        "decoder.self_attn": 4 * d * d + 2 * step * d,
        "decoder.cross_attn": 2 * d * d + 2 * n_src * d + memory,
        "decoder.ffn": 2 * d * config.d_ff,
        OUTPUT: d * config.vocab_size,
    }


def uncached_step(config: Config, n_src: int, step: int) -> dict[str, int]:
    """The same without a cache: the decoder passes over all `step` rows, cross-attention's k and v included.

    The last row alone goes on to the vocabulary, as with a cache.
    """
    whole = multiply_adds(config, n_src, step)
    decoder = {block: count for block, count in whole.items() if block.startswith("decoder.")}
    return decoder | {OUTPUT: config.d_model * config.vocab_size}


def cached_numbers(config: Config, n_src: int, step: int) -> dict[str, int]:
    """Numbers that the cache holds after step `step`, all layers together: keys and values of each site."""
    pair = 2 * config.n_layers * config.d_model
    return {"decoder.self_attn": pair * step, "decoder.cross_attn": pair * n_src}
