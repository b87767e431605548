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

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from model.config import Config
from model.layers import LayerNorm
from model.trace import Trace
from model.transformer import Transformer

KINDS = ("embedding", "self_attn", "cross_attn", "ffn", "bias")
SITES = ("self_attn", "cross_attn", "ffn")


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


def norm_names(config: Config) -> list[str]:
    """The norms on the decoder's own stream, first to last, by their scopes in the trace."""
    if config.norm == "pre":
        return ["decoder.final_norm"]
    return [f"decoder.{i}.{site}_norm" for i in range(config.n_layers) for site in SITES]


def norm_of(model: Transformer, name: str) -> LayerNorm:
    """The module of a norm of `norm_names`."""
    norm = model.block(name)
    if not isinstance(norm, LayerNorm):
        raise KeyError(name)
    return norm


def sublayer_parts(config: Config, layer: int, site: str, norms: int) -> list[Part]:
    """What one sublayer adds: its heads or its feed-forward, its last bias, and post-norm its norm's β."""
    at, part = f"decoder.{layer}.{site}", partial(Part, layer=layer, site=site)
    if site == "ffn":
        own = [part(f"{at}.W_2", "ffn", norms), part(f"{at}.b_2", "bias", norms)]
    else:
        own = [part(f"{at}.head.{h}", site, norms, head=h) for h in range(config.n_heads)]
        own.append(part(f"{at}.b_o", "bias", norms))
    if config.norm == "pre":
        return own
    return [*own, part(f"{at}_norm.beta", "bias", norms + 1)]


def parts(config: Config, positions: bool) -> list[Part]:
    """Every part, in the order in which it enters the stream; `positions`: are vectors added at the start?"""
    found = [Part("decoder.embed", "embedding", 0)]
    if positions:
        found.append(Part("decoder.pos", "embedding", 0))
    for layer in range(config.n_layers):
        for number, site in enumerate(SITES):
            norms = 0 if config.norm == "pre" else layer * len(SITES) + number
            found += sublayer_parts(config, layer, site, norms)
    if config.norm == "pre":
        found.append(Part("decoder.final_norm.beta", "bias", 1))
    return found


def parts_of(trace: Trace) -> list[Part]:
    """The parts of this trace's stream."""
    return parts(trace.config, "decoder.pos" in trace)


def entry(trace: Trace, name: str, rows: slice) -> Tensor:
    """An entry's chosen rows in float64; its token axis comes first or, per head, second."""
    value = trace[name].value
    return torch.tensor(value[:, rows] if value.ndim == 3 else value[rows], dtype=torch.float64)


def head_terms(model: Transformer, trace: Trace, layer: int, site: str, rows: slice) -> Tensor:
    """(head, row, d_model): each head's z through its own columns of W_O, without b_O."""
    attention = getattr(model.decoder[layer], site)
    z = entry(trace, f"decoder.{layer}.{site}.z", rows)
    by_head = torch.unflatten(attention.W_o.weight.double(), 1, (attention.n_heads, attention.d_head))
    return torch.einsum("hre,dhe->hrd", z, by_head)


@torch.no_grad()
def terms(model: Transformer, trace: Trace, rows: slice = slice(None)) -> Tensor:
    """(part, row, d_model) float64: what each part of `parts_of` wrote into the stream, as it enters it."""
    embedded = [entry(trace, name, rows) for name in ("decoder.embed", "decoder.pos") if name in trace]
    found = [each[None] for each in embedded]

    def constant(bias: Tensor) -> None:
        found.append(bias.double().expand(1, *found[0].shape[1:]))

    for i, layer in enumerate(model.decoder):
        for site in SITES:
            if site == "ffn":
                hidden = entry(trace, f"decoder.{i}.ffn.ffn_hidden", rows)
                found.append((hidden @ layer.ffn.W_2.weight.double().mT)[None])
                constant(layer.ffn.W_2.bias)
            else:
                found.append(head_terms(model, trace, i, site, rows))
                constant(getattr(layer, site).W_o.bias)
            if trace.config.norm == "post":
                constant(getattr(layer, f"{site}_add").norm.beta)
    if trace.config.norm == "pre":
        constant(norm_of(model, "decoder.final_norm").beta)
    return torch.cat(found)


@torch.no_grad()
def directions(model: Transformer, trace: Trace, ids: Sequence[int], rows: slice = slice(None)) -> Tensor:
    """(norm + 1, row, d_model) float64: E's row of each row's token, carried back through the norms.

    Entry n stands before the n-th norm of `norm_names`, the last one behind them all: it is E's row itself.
    """
    carried = [model.embedding.weight[torch.as_tensor(ids, dtype=torch.long)].double()]
    for name in reversed(norm_names(trace.config)):
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
