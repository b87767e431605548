"""Small models, inputs and traces for the tests of model/."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product

import torch
from torch import Tensor

from model.attention import ATTENTIONS
from model.config import NORMS, Config
from model.positions import ENCODINGS
from model.trace import Editor, Rows, Trace, Tracer
from model.transformer import Transformer

CHOICES = list(product(ENCODINGS, ATTENTIONS, NORMS))
SEEDS = range(20)
SRC = (5, 9, 5, 14, 7, 2)
TGT = (1, 8, 3, 8, 17)
SIZES = {
    "vocab_size": 23,
    "d_model": 16,
    "n_heads": 4,
    "d_ff": 24,
    "n_layers": 2,
    "max_src_len": 20,
    "max_tgt_len": 24,
}


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Tables and parameters made inside are of `dtype` from the start, not rounded and widened again."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def small_config(**changes: object) -> Config:
    return Config(**SIZES | changes)


def shake(module: torch.nn.Module, seed: int) -> None:
    """Biases and norm parameters away from 0 and 1, so that forgetting one shows."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter += 0.2 * torch.randn_like(parameter)


def small_model(seed: int = 0, dtype: torch.dtype = torch.float64, **changes: object) -> Transformer:
    """A random model in eval mode."""
    with default_dtype(dtype):
        torch.manual_seed(seed)
        model = Transformer(small_config(**changes))
        shake(model, seed)
    return model.eval()


def some_ids(seed: int, *shape: int) -> Tensor:
    """Random ids, none of them special."""
    return torch.randint(3, SIZES["vocab_size"], shape, generator=torch.Generator().manual_seed(seed))


def all_real(ids: Tensor) -> Tensor:
    return torch.ones_like(ids, dtype=torch.bool)


def trace_of(
    model: Transformer,
    src: tuple[int, ...] = SRC,
    tgt: tuple[int, ...] = TGT,
    src_keep: Tensor | None = None,
    edits: Mapping[str, Callable[[Tensor, Mapping[str, Tensor]], Tensor]] | None = None,
) -> Trace:
    """Trace of one forced pass; with `edits`, of the what-if."""
    src_tokens, tgt_tokens = tuple(f"s{i}" for i in src), tuple(f"t{i}" for i in tgt)
    sides = {"src": Rows(src_tokens, src), "tgt": Rows(tgt_tokens, tgt, (*tgt_tokens[1:], "end"))}
    tracer = Tracer(model.config, {name: rows.tokens for name, rows in sides.items()})
    rec = tracer if edits is None else Editor(edits, inner=tracer)
    src_ids, tgt_ids = torch.tensor([src]), torch.tensor([tgt])
    with torch.inference_mode():
        logits = model(src_ids, tgt_ids, all_real(src_ids) if src_keep is None else src_keep[None], rec)
        model.probabilities(logits, rec)
    if isinstance(rec, Editor):
        rec.check_applied()
    return Trace(tracer.entries, sides, model.anatomy, model.config)
