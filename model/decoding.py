"""Decoding: from a source sentence to a translation, token by token, over one cached incremental decoder.

Greedy takes the most probable token at each step. Beam search keeps the `width` best partial translations by

    score(Y) = log P(Y) / lp(Y),   lp(Y) = ((5 + |Y|) / 6)^α        (Wu et al. 2016, eq. 14)

where |Y| counts the tokens so far, the end token included. A finished hypothesis keeps its place in the beam
and competes there; the search ends when every place holds a finished one. Width 1 therefore equals greedy.
Probabilities are over the whole vocabulary; padding and start tokens are never chosen. Logarithms are natural
(nats).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from model.trace import SILENT, Editor, Recorder
from model.transformer import Transformer

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


@dataclass(frozen=True)
class Node:
    """One candidate in the beam's tree.

    `total` sums log-probabilities from the root; `score` is normalised by length.
    """

    id: int
    parent: int
    t: int
    token_id: int
    log_prob: float
    total: float
    score: float
    kept: bool
    why: str


@dataclass(frozen=True)
class BeamStep:
    """Step t of a beam search: the nodes made at it, and the ids of the beam's nodes after it, best first."""

    t: int
    nodes: tuple[Node, ...]
    beam: tuple[int, ...]


@dataclass(frozen=True)
class Hypothesis:
    """A partial or finished translation: its node (−1: the root), its steps, log P and normalised score."""

    node: int
    steps: tuple[Step, ...]
    total: float
    score: float
    finished: bool


Candidate = tuple[Hypothesis, int]
"""A hypothesis one token longer, and the decoder's row that it continues."""


def length_penalty(length: int, alpha: float) -> float:
    """lp(Y) of Wu et al. 2016, eq. 14, for a hypothesis of `length` tokens."""
    return ((5 + length) / 6) ** alpha


class Incremental:
    """The decoder over one source sentence, fed one token a row at a time; `edits` make it a what-if."""

    def __init__(self, model: Transformer, src_ids: list[int], edits: Edits | None = None) -> None:
        self.model, self.edits = model, edits or {}
        src = torch.tensor([src_ids], device=model.embedding.weight.device)
        keep = torch.ones_like(src, dtype=torch.bool)
        self.state = model.start(model.encode(src, keep, self.recorder(("encoder.",))), keep)
        self.never = [model.config.pad_id, model.config.bos_id]

    def recorder(self, sites: tuple[str, ...], **seen: Tensor) -> Recorder:
        """An editor for the edits of these sites, which knows the entries `seen`; silent without edits."""
        chosen = {name: edit for name, edit in self.edits.items() if name.startswith(sites)}
        if not chosen:
            return SILENT
        editor = Editor(chosen)
        editor.seen |= seen
        return editor

    def log_probs(self, last: list[int]) -> Tensor:
        """log P (row, vocab) of each next token, after the tokens `last`, one a row."""
        rows = torch.tensor(last, device=self.state.memory.device)
        rec = self.recorder(("decoder.", "output."), **{"encoder.memory": self.state.memory})
        return self.model.step(rows, self.state, rec).log_softmax(-1)

    def rank(self, log_probs: Tensor, k: int) -> list[list[Alternative]]:
        """The k most probable tokens of each row that may be chosen, best first."""
        allowed = log_probs.clone()
        allowed[:, self.never] = -torch.inf
        values, ids = allowed.topk(min(k, allowed.shape[1] - len(self.never)), dim=-1)
        return [
            [Alternative(i, p) for i, p in zip(row_ids, row, strict=True)]
            for row_ids, row in zip(ids.tolist(), values.tolist(), strict=True)
        ]


def greedy(model: Transformer, src_ids: list[int], edits: Edits | None = None) -> Iterator[Step]:
    """The most probable token at each step, up to the end token or the length limit."""
    decoder, last = Incremental(model, src_ids, edits), model.config.bos_id
    for _ in range(model.config.max_tgt_len):
        best = decoder.rank(decoder.log_probs([last]), N_ALTERNATIVES)[0]
        yield Step(best[0].id, best[0].log_prob, tuple(best))
        last = best[0].id
        if last == model.config.eos_id:
            return


class BeamSearch:
    """One beam search; iterate over it for its steps, then read `best` and `hypotheses`."""

    def __init__(
        self, model: Transformer, src_ids: list[int], width: int, alpha: float, edits: Edits | None = None
    ) -> None:
        if width < 1:
            raise ValueError(f"A beam needs a width of at least 1, not {width}.")
        self.config, self.width, self.alpha = model.config, width, alpha
        self.decoder = Incremental(model, src_ids, edits)
        self.hypotheses = [Hypothesis(-1, (), 0.0, 0.0, False)]
        self.n_nodes = 0

    @property
    def best(self) -> Hypothesis:
        """The hypothesis with the highest score."""
        return self.hypotheses[0]

    def expand(self, live: list[Hypothesis]) -> list[Candidate]:
        """Candidates one token longer, each with the row of the hypothesis that it continues."""
        last = [h.steps[-1].id if h.steps else self.config.bos_id for h in live]
        ranked = self.decoder.rank(self.decoder.log_probs(last), max(self.width, N_ALTERNATIVES))
        candidates = []
        for row, (hypothesis, best) in enumerate(zip(live, ranked, strict=True)):
            penalty = length_penalty(len(hypothesis.steps) + 1, self.alpha)
            for token in best[: self.width]:
                total = hypothesis.total + token.log_prob
                step = Step(token.id, token.log_prob, tuple(best[:N_ALTERNATIVES]))
                steps, finished = (*hypothesis.steps, step), token.id == self.config.eos_id
                candidates.append((Hypothesis(hypothesis.node, steps, total, total / penalty, finished), row))
        return candidates

    def __iter__(self) -> Iterator[BeamStep]:
        for t in range(self.config.max_tgt_len):
            live = [h for h in self.hypotheses if not h.finished]
            if not live:
                return
            candidates = self.expand(live)
            places = [(h, None) for h in self.hypotheses if h.finished]
            ranked = sorted([*places, *candidates], key=lambda pair: -pair[0].score)
            kept = ranked[: self.width]
            nodes, chosen = self.name_nodes(t, candidates, kept)
            self.hypotheses = chosen
            alive = [row for h, row in kept if row is not None and not h.finished]
            if alive:
                self.decoder.state.select(torch.tensor(alive, device=self.decoder.state.memory.device))
            yield BeamStep(t, tuple(nodes), tuple(h.node for h in chosen))

    def name_nodes(
        self, t: int, candidates: list[Candidate], kept: list[tuple[Hypothesis, int | None]]
    ) -> tuple[list[Node], list[Hypothesis]]:
        """Number the candidates as nodes, with the reason why each stays or goes; also returns the beam."""
        kept_ids = {id(h) for h, _ in kept}
        nodes, new = [], {}
        for h, _ in candidates:
            number = self.n_nodes
            self.n_nodes += 1
            stays = id(h) in kept_ids
            why = ("finished" if h.finished else "kept") if stays else f"below the best {self.width}"
            last = h.steps[-1]
            nodes.append(Node(number, h.node, t, last.id, last.log_prob, h.total, h.score, stays, why))
            new[id(h)] = replace(h, node=number)
        return nodes, [new.get(id(h), h) for h, _ in kept]
