"""Beam search: the `width` best partial translations, side by side, and the whole tree of what was tried.

    score(Y) = log P(Y) / lp(Y),   lp(Y) = ((5 + |Y|) / 6)^α        (Wu et al. 2016, eq. 14)

where |Y| counts the tokens so far, the end token included. A finished hypothesis keeps its place in the beam
and competes there; the search ends when every place holds a finished one, or at the limit. Width 1 therefore
equals greedy. Logarithms are natural (nats).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from model.anatomy import Anatomy
from model.decoding import N_ALTERNATIVES, Alternative, Edits, Incremental, Step
from model.limits import ALPHA, BEAM, LENGTH
from model.transformer import Transformer

ROOT = -1
"""The parent of the first step's nodes."""


@dataclass(frozen=True, slots=True)
class Node:
    """One candidate in the beam's tree.

    `total` sums log-probabilities from the root; `score` is normalised by length; `finished`: it is an end.
    """

    id: int
    parent: int
    t: int
    token_id: int
    log_prob: float
    total: float
    score: float
    finished: bool
    kept: bool
    why: str


@dataclass(frozen=True)
class BeamStep:
    """Step t of a beam search: the nodes made at it, and the ids of the beam's nodes after it, best first.

    `needed` is the score of the last place: what a candidate would have needed to be kept.
    """

    t: int
    nodes: tuple[Node, ...]
    beam: tuple[int, ...]
    needed: float


@dataclass(frozen=True)
class Hypothesis:
    """A partial or finished translation: its node (−1: the root), its steps, log P and normalised score."""

    node: int
    steps: tuple[Step, ...]
    total: float
    score: float
    finished: bool


def length_penalty(length: int, alpha: float) -> float:
    """lp(Y) of Wu et al. 2016, eq. 14, for a hypothesis of `length` tokens."""
    return math.pow((5 + length) / 6, alpha)


class BeamSearch:
    """One beam search of at most `limit` steps; iterate over it for them, then read what it found.

    `nodes` is the tree; `rows` maps each node that was continued (and ROOT) to its most probable next tokens,
    in the order in which the decoder read them. A number outside its range raises LimitError.
    """

    def __init__(
        self,
        model: Transformer,
        src_ids: list[int],
        width: int,
        alpha: float,
        edits: Edits | None = None,
        limit: int | None = None,
    ) -> None:
        longest = model.anatomy.predicting.limit
        self.config, self.width, self.alpha = model.config, BEAM.check(width), ALPHA.check(alpha)
        self.limit = longest if limit is None else LENGTH.but(most=longest).check(limit)
        self.decoder = Incremental(model, src_ids, edits)
        self.beam = [Node(ROOT, ROOT, -1, self.config.bos_id, 0.0, 0.0, 0.0, False, True, "kept")]
        self.nodes: list[Node] = []
        self.rows: dict[int, tuple[Alternative, ...]] = {}

    def __iter__(self) -> Iterator[BeamStep]:
        for t in range(self.limit):
            live = [node for node in self.beam if not node.finished]
            if not live:
                return
            candidates = self.expand(t, live)
            waiting = [node for node in self.beam if node.finished]
            best = sorted([*waiting, *candidates], key=lambda node: -node.score)[: self.width]
            kept = {node.id for node in best}
            self.nodes += [self.accepted(node) if node.id in kept else node for node in candidates]
            self.beam = [self.nodes[node.id] for node in best]
            self.follow(live, [node for node in best if node.t == t and not node.finished])
            nodes = tuple(self.nodes[-len(candidates) :])
            yield BeamStep(t, nodes, tuple(node.id for node in best), best[-1].score)

    def expand(self, t: int, live: list[Node]) -> list[Node]:
        """Candidates one token longer: the most probable tokens of each live node, best first."""
        ranked = self.decoder.rank(
            self.decoder.log_probs([node.token_id for node in live]), max(self.width, N_ALTERNATIVES)
        )
        penalty, why = length_penalty(t + 1, self.alpha), f"below the best {self.width}"
        candidates: list[Node] = []
        for parent, row in zip(live, ranked, strict=True):
            self.rows[parent.id] = tuple(row[:N_ALTERNATIVES])
            for token in row[: self.width]:
                number, total = len(self.nodes) + len(candidates), parent.total + token.log_prob
                made = number, parent.id, t, token.id, token.log_prob, total, total / penalty
                candidates.append(Node(*made, token.id == self.config.eos_id, False, why))
        return candidates

    def accepted(self, node: Node) -> Node:
        return replace(node, kept=True, why="finished" if node.finished else "kept")

    def follow(self, live: list[Node], alive: list[Node]) -> None:
        """Let the decoder's rows be those that the nodes `alive` continue; they were of the nodes `live`."""
        row_of = {node.id: row for row, node in enumerate(live)}
        rows = [row_of[node.parent] for node in alive]
        if rows and rows != list(range(len(live))):
            self.decoder.state.select(torch.tensor(rows, device=self.decoder.state.memory.device))

    # What it found ------------------------------------------------------------------------------------------

    def path(self, node: Node) -> list[Node]:
        """The nodes from the first step to this one."""
        nodes: list[Node] = []
        while node.id != ROOT:
            nodes.append(node)
            if node.parent == ROOT:
                break
            node = self.nodes[node.parent]
        return nodes[::-1]

    def hypothesis(self, node: Node) -> Hypothesis:
        steps = tuple(Step(n.token_id, n.log_prob, self.rows[n.parent]) for n in self.path(node))
        return Hypothesis(node.id, steps, node.total, node.score, node.finished)

    @property
    def hypotheses(self) -> list[Hypothesis]:
        """The beam, best first."""
        return [self.hypothesis(node) for node in self.beam]

    @property
    def best(self) -> Hypothesis:
        """The hypothesis with the highest score."""
        return self.hypothesis(self.beam[0])

    @property
    def greedy_path(self) -> list[Node]:
        """The nodes that greedy decoding takes; where the last is not kept, greedy leaves the beam there."""
        most_probable = {node.parent: node for node in reversed(self.nodes)}
        path: list[Node] = []
        while node := most_probable.get(path[-1].id if path else ROOT):
            path.append(node)
        return path


class CrossAttention:
    """What the decoder's rows looked at: `edits` for a search that change nothing and keep the weights."""

    def __init__(self, anatomy: Anatomy) -> None:
        scopes = anatomy.across()
        self.seen: list[list[Tensor]] = [[] for _ in scopes]
        self.edits: Edits = {f"{scope}.weights": partial(self.see, i) for i, scope in enumerate(scopes)}

    def see(self, layer: int, weights: Tensor, _parents: Mapping[str, Tensor]) -> Tensor:
        self.seen[layer].append(weights[:, :, -1].mean(1))
        return weights

    @property
    def rows(self) -> Tensor:
        """Mean over heads: (layer, row, key), the rows in the order of `BeamSearch.rows`."""
        return torch.stack([torch.cat(steps) for steps in self.seen])
