"""Direct logit contributions: what each block of the decoder adds, by itself, to the logit of one token.

    logits[t, w] = Σ_parts u_part · g_w(part)                                u, g  (d_model,)

u_part is what the part wrote into row t of the stream: the token's vector × √d_model, its position's vector,
each head's z through its columns of W_O (so the value bias b_V goes with the heads: z holds it), b_O, the
feed-forward's hidden units through W_2, b_2, and each passed norm's own β. There is no output bias: logits
are states Eᵀ. The parts sum to the stream, and the stream is linear in them once each norm's σ is held at its
actual value: norm_out = γ(norm_in − μ)/σ + β carries a part on as

    u → γ (u − mean(u)) / σ                 mean over the part's own d_model numbers

which shares out μ exactly, because the mean of the sum is the sum of the means. Instead of carrying every
part forward to E's row w, `directions` carries that row back, through the same maps transposed:

    g → (γg − mean(γg)) / σ

Post-norm: a part passes each norm after it. Pre-norm: the stream is the plain sum, and only the final norm is
passed. This is the direct path alone (Elhage et al. 2021, "A Mathematical Framework for Transformer
Circuits": direct path, direct logit attribution): what a part changes in later blocks' queries, keys and
values is counted there. (nostalgebraist's logit lens is another thing: it reads the whole stream.)

Everything inside is float64, whatever the trace's type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from model.anatomy import Anatomy, Block
from model.attention import Attention
from model.config import Config
from model.layers import FeedForward, LayerNorm
from model.trace import Trace
from model.transformer import Transformer


@dataclass(frozen=True)
class Part:
    """One term of the stream's sum. `norms` counts the norms that stand before it: it passes the others.

    `layer` is None for the two embeddings and a final norm; `site` is the sublayer that it belongs to, `head`
    is set for an attention head.
    """

    name: str
    kind: str
    norms: int
    layer: int | None = None
    site: str | None = None
    head: int | None = None


def on_stream(anatomy: Anatomy) -> Iterator[tuple[Block, int | None, str]]:
    """Block, layer and scope of all that writes into the stream which becomes the logits, in order.

    Of the norms, those that the stream passes: behind each sublayer, or the final one alone.
    """
    stack = anatomy.stack_over(anatomy.predicting.name)
    final = anatomy.final_norm(stack.name)
    for block, layer, scope in anatomy.scopes():
        off_stream = block.kind == "unembed" or (block.kind == "norm" and final not in (None, block))
        if block.stack == stack.name and not off_stream:
            yield block, layer, scope


def norm_names(anatomy: Anatomy) -> list[str]:
    """The norms on that stream, first to last, by their scopes in the trace."""
    return [scope for block, _, scope in on_stream(anatomy) if block.kind == "norm"]


def norm_of(model: Transformer, name: str) -> LayerNorm:
    """The module of a norm of `norm_names`; raises KeyError for others."""
    norm = model.block(name)
    if not isinstance(norm, LayerNorm):
        raise KeyError(name)
    return norm


def block_parts(block: Block, layer: int | None, scope: str, norms: int, n_heads: int) -> list[Part]:
    """What one block adds: heads and their last bias, hidden units and theirs, a passed norm's β, or itself.

    `norms` stand before the block.
    """
    where: dict[str, Any] = {"layer": layer, "site": block.part}
    if block.kind == "attention":
        heads = [Part(f"{scope}.head.{h}", block.part, norms, head=h, **where) for h in range(n_heads)]
        return [*heads, Part(f"{scope}.b_o", "bias", norms, **where)]
    if block.kind == "ffn":
        return [
            Part(f"{scope}.W_2", block.part, norms, **where),
            Part(f"{scope}.b_2", "bias", norms, **where),
        ]
    if block.kind == "norm":
        site = block.of and block.of.rpartition(".")[-1]
        return [Part(f"{scope}.beta", "bias", norms + 1, layer, site)]
    return [Part(scope, "embedding", norms)]


def parts(anatomy: Anatomy, config: Config) -> list[Part]:
    """Every part, in the order in which it enters the stream."""
    found: list[Part] = []
    norms = 0
    for block, layer, scope in on_stream(anatomy):
        found += block_parts(block, layer, scope, norms, config.n_heads)
        norms += block.kind == "norm"
    return found


def parts_of(trace: Trace) -> list[Part]:
    """The parts of this trace's stream."""
    return parts(trace.anatomy, trace.config)


def entry(trace: Trace, name: str, rows: slice) -> Tensor:
    """An entry's chosen rows in float64; its token axis comes first or, per head, second."""
    value = trace[name].value
    return torch.tensor(value[:, rows] if value.ndim == 3 else value[rows], dtype=torch.float64)


def head_terms(attention: Attention, trace: Trace, scope: str, rows: slice) -> Tensor:
    """(head, row, d_model): each head's z through its own columns of W_O, without b_O."""
    weight = attention.W_o.weight.double()
    by_head = torch.unflatten(weight, 1, (attention.n_heads, attention.d_head))
    return torch.einsum("hre,dhe->hrd", entry(trace, f"{scope}.z", rows), by_head)


@torch.no_grad()
def terms(model: Transformer, trace: Trace, rows: slice = slice(None)) -> Tensor:
    """(part, row, d_model) float64: what each part of `parts_of` wrote into the stream, as it enters it."""
    found: list[Tensor] = []

    def constant(bias: Tensor) -> None:
        found.append(bias.double().expand(1, *found[0].shape[1:]))

    for block, layer, scope in on_stream(trace.anatomy):
        module = model.module(block, layer)
        if isinstance(module, Attention):
            found.append(head_terms(module, trace, scope, rows))
            constant(module.W_o.bias)
        elif isinstance(module, FeedForward):
            hidden = entry(trace, f"{scope}.ffn_hidden", rows)
            found.append((hidden @ module.W_2.weight.double().mT)[None])
            constant(module.W_2.bias)
        elif isinstance(module, LayerNorm):
            constant(module.beta)
        else:
            found.append(entry(trace, scope, rows)[None])
    return torch.cat(found)


@torch.no_grad()
def directions(model: Transformer, trace: Trace, ids: Sequence[int], rows: slice = slice(None)) -> Tensor:
    """(norm + 1, row, d_model) float64: E's row of each row's token, carried back through the norms.

    Entry n stands before the n-th norm of `norm_names`, the last one behind them all: it is E's row itself.
    """
    carried = [model.embedding.weight[torch.as_tensor(ids, dtype=torch.long)].double()]
    for name in reversed(norm_names(trace.anatomy)):
        scaled = carried[-1] * norm_of(model, name).gamma.double()
        carried.append((scaled - scaled.mean(-1, keepdim=True)) / entry(trace, f"{name}.std", rows))
    return torch.stack(carried[::-1])


def contributions(model: Transformer, trace: Trace, ids: Sequence[int], rows: slice = slice(None)) -> Tensor:
    """(row, part) float64: each part's direct contribution to the logit of a token, one of `ids` a row.

    Each row sums to logits[row, id], but for the rounding of the trace.
    """
    passed = torch.tensor([part.norms for part in parts_of(trace)])
    seen_from = directions(model, trace, ids, rows)[passed]
    return torch.einsum("prd,prd->rp", terms(model, trace, rows), seen_from)
