"""Beam search: the `width` best partial translations, side by side, and the whole tree of what was tried.

    score(Y) = log P(Y) / lp(Y),   lp(Y) = ((5 + |Y|) / 6)^α        (Wu et al. 2016, eq. 14)

where |Y| counts the tokens so far, the end token included. A finished hypothesis keeps its place in the beam
and competes there; the search ends when every place holds a finished one. Width 1 therefore equals greedy.
Logarithms are natural (nats).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch

from model.decoding import N_ALTERNATIVES, Edits, Incremental, Step
from model.transformer import Transformer


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
