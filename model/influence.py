"""What a decoding step owes to each source token: three answers that need not agree.

    weights      α[t, s]                     how much a head of cross-attention looks at s to predict token t
    norms        ‖α[t, s] · v[s] W_O‖        how long a vector the head takes from s (Kobayashi et al. 2020,
                                             "Attention is Not Only a Weight"); v has its bias, b_O is out
                 ‖Σ_h α_h[t, s] v_h[s] W_O‖  the same for all heads of a layer together
    influence    Δ[s] = log P(token | source, s masked out) − log P(token | source)  nats

Masked out: nothing attends to s, neither in the encoder nor from the decoder; all places are kept, so this is
not the sentence without s. A negative Δ: the step needed s. A positive one: with s masked out the token is
likelier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from torch import Tensor

from model.attention import Attention
from model.layers import Layer, Sight
from model.trace import Trace
from model.transformer import Transformer


def last_row(layer: Layer, resid: Tensor, sights: Mapping[str, Sight]) -> Tensor:
    """resid_out of the last row alone: it asks by itself, and all rows answer."""
    resid = layer.through(layer.blocks[0], resid, sights, rows=slice(-1, None))
    for block in layer.blocks[1:]:
        resid = layer.through(block, resid, sights)
    return resid


@torch.inference_mode()
def log_probs_masking(
    model: Transformer, src_ids: Sequence[int], tgt_ids: Sequence[int], step: int
) -> Tensor:
    """(1 + source,): log P of the token tgt_ids[step] with the whole source, then with each token masked out.

    `src_ids` include the end token, `tgt_ids` leave out the start token; one batch of 1 + source rows. What
    comes before the first attention to the source is the same in all rows, and is computed once.
    """
    n = len(src_ids)
    src_keep = torch.ones(1 + n, n, dtype=torch.bool)
    src_keep[1:].fill_diagonal_(False)
    memory = model.encode(torch.tensor([src_ids]), src_keep)
    tgt = torch.tensor([[model.config.bos_id, *tgt_ids[:step]]])
    at = torch.arange(tgt.shape[1])
    _, target = model.anatomy.stacks
    *layers, last = model.layers(target.name)
    resid, sights = model.embed(tgt, at), model.decoder_sights(at, at, memory, src_keep)
    for layer in layers:
        resid = layer(resid, sights)
    resid = last_row(last, resid, model.decoder_sights(at[-1:], at, memory, src_keep))
    states, _ = model.final_norm(target, resid)
    logits = model.unembed(states[:, -1])
    return logits[:, tgt_ids[step]] - logits.logsumexp(-1)


def mask_one_out(model: Transformer, src_ids: Sequence[int], tgt_ids: Sequence[int], step: int) -> Tensor:
    """Δ (source,) in nats: log P of tgt_ids[step] with each source token masked out, minus that with all."""
    log_probs = log_probs_masking(model, src_ids, tgt_ids, step)
    return log_probs[1:] - log_probs[0]


def sites(model: Transformer) -> list[tuple[str, Attention]]:
    """Scope and module of the attention to the source, layer by layer."""
    return [(scope, cast(Attention, model.block(scope))) for scope in model.anatomy.across()]


@torch.no_grad()
def values_through_W_o(model: Transformer, trace: Trace) -> Tensor:
    """(layer, head, source, d_model) float64: v_h[s] W_O of cross-attention, what a head can take from s."""
    found = []
    for scope, attention in sites(model):
        v = torch.tensor(trace[f"{scope}.v"].value, dtype=torch.float64)
        by_head = torch.unflatten(attention.W_o.weight.double(), 1, (attention.n_heads, attention.d_head))
        found.append(torch.einsum("hse,dhe->hsd", v, by_head))
    return torch.stack(found)


def products(model: Transformer, trace: Trace) -> Tensor:
    """(layer, source, head, head) float64: dot products of the heads' v_h[s] W_O with one another.

    They hold all norms: ‖Σ_h α_h u_h‖² = Σ_h Σ_g α_h α_g u_h·u_g, and for one head ‖α u‖ = α √(u·u).
    """
    u = values_through_W_o(model, trace).transpose(1, 2)
    return u @ u.mT


def norms(model: Transformer, trace: Trace, step: int) -> tuple[Tensor, Tensor]:
    """Of one step, float64: (layer, head, source) of each head, (layer, source) of all of a layer."""
    alphas = [trace[f"{scope}.weights"].value[:, step] for scope, _ in sites(model)]
    taken = torch.stack([torch.tensor(alpha, dtype=torch.float64) for alpha in alphas])[..., None]
    taken = taken * values_through_W_o(model, trace)
    return taken.norm(dim=-1), taken.sum(1).norm(dim=-1)


def ranks(values: Tensor) -> Tensor:
    """Ranks from 1, the smallest first; equal values share their mean rank."""
    below = (values[None] < values[:, None]).sum(-1)
    equal = (values[None] == values[:, None]).sum(-1)
    return (below + (equal + 1) / 2).to(torch.float64)


def rank_correlation(a: Tensor, b: Tensor) -> float | None:
    """Spearman's: Pearson's correlation of the ranks. None for fewer than 3 values, or all equal."""
    if len(a) < 3:
        return None
    a, b = (ranks(values) - (len(values) + 1) / 2 for values in (a, b))
    size = (a @ a * (b @ b)).sqrt()
    return float(a @ b / size) if size > 0 else None
