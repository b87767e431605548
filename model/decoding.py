"""Decoding: from a source sentence to a translation, token by token, over one cached incremental decoder.

Greedy takes the most probable token at each step; beam search is in model.beam. Probabilities are over the
whole vocabulary; padding and start tokens are never chosen. Logarithms are natural (nats).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from model.fused import FusedDecoder, fits
from model.trace import SILENT, Editor, Recorder
from model.transformer import DecoderState, Transformer

Edits = Mapping[str, Callable[[Tensor, Mapping[str, Tensor]], Tensor]]
N_ALTERNATIVES = 10


@dataclass(frozen=True)
class Alternative:
    """A token that a step could have taken, with its log-probability in nats."""

    id: int
    log_prob: float


@dataclass(frozen=True)
class Step:
    """One step of a translation: the token taken, its log-probability, and the most probable tokens there."""

    id: int
    log_prob: float
    alternatives: tuple[Alternative, ...]


class Incremental:
    """The decoder over one source sentence, fed one token a row at a time; `edits` make it a what-if."""

    def __init__(self, model: Transformer, src_ids: list[int], edits: Edits | None = None) -> None:
        self.model, self.edits = model, edits or {}
        self.source, _ = model.anatomy.stacks
        self.never = [model.config.pad_id, model.config.bos_id]
        src = torch.tensor(src_ids, device=model.embedding.weight.device)
        self.barred = torch.tensor(self.never, device=src.device)
        self.fused = FusedDecoder(model, src) if not self.edits and fits(model) else None
        self.state = self.named_start(src[None]) if self.fused is None else self.fused.state

    def named_start(self, src: Tensor) -> DecoderState:
        """The state before the first step, by the named pass."""
        keep = torch.ones_like(src, dtype=torch.bool)
        return self.model.start(self.model.encode(src, keep, self.recorder(of_source=True)), keep)

    def recorder(self, of_source: bool, **seen: Tensor) -> Recorder:
        """An editor for the edits of the source's stack, or of all else, which knows the entries `seen`.

        Silent without edits.
        """
        inside = f"{self.source.name}."
        chosen = {name: edit for name, edit in self.edits.items() if name.startswith(inside) is of_source}
        if not chosen:
            return SILENT
        editor = Editor(chosen)
        editor.seen |= seen
        return editor

    def logits(self, last: list[int]) -> Tensor:
        """Logits (row, vocab) of each next token, after the tokens `last`, one a row."""
        rows = torch.tensor(last, device=self.state.memory.device)
        if self.fused is not None:
            return self.fused.step(rows)
        rec = self.recorder(of_source=False, **{self.source.output: self.state.memory})
        return self.model.step(rows, self.state, rec)

    def log_probs(self, last: list[int]) -> Tensor:
        """log P (row, vocab) of each next token, after the tokens `last`, one a row."""
        return self.logits(last).log_softmax(-1)

    def rank(self, log_probs: Tensor, k: int) -> list[list[Alternative]]:
        """The k most probable tokens of each row that may be chosen, best first."""
        allowed = log_probs.index_fill(-1, self.barred, -torch.inf)
        values, ids = allowed.topk(min(k, allowed.shape[1] - len(self.never)), dim=-1)
        return [
            [Alternative(i, p) for i, p in zip(row_ids, row, strict=True)]
            for row_ids, row in zip(ids.tolist(), values.tolist(), strict=True)
        ]


def greedy(
    model: Transformer, src_ids: list[int], edits: Edits | None = None, forced: Sequence[int] = ()
) -> Iterator[Step]:
    """The most probable token at each step, up to the end token or the length limit.

    The first steps take the `forced` ids instead, with the log-probability that the model gives them.
    """
    decoder, last = Incremental(model, src_ids, edits), model.config.bos_id
    for t in range(model.anatomy.predicting.limit):
        log_probs = decoder.log_probs([last])
        best = decoder.rank(log_probs, N_ALTERNATIVES)[0]
        last = forced[t] if t < len(forced) else best[0].id
        yield Step(last, log_probs[0, last].item(), tuple(best))
        if last == model.config.eos_id:
            return
