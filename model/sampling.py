"""Sampling: translations drawn at random, all of them together over one cached incremental decoder.

At each step     q = softmax(log p / temperature) over the tokens that are kept
In this order: the temperature divides; top-k keeps the k most probable tokens; top-p keeps, of those, the
smallest set of most probable tokens whose share reaches p (Holtzman et al. 2020), the one that crosses
included; of equally probable tokens the lower id comes first. Padding and start tokens are never drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from model.decoding import Incremental
from model.limits import LENGTH, SAMPLES, SEED, TEMPERATURE, TOP_K, TOP_P
from model.transformer import Transformer

ROUNDING = 1e-12
BLOCK = 100
Cut = tuple[float, int | None, float]
"""Temperature, top-k, top-p."""
UNCUT: Cut = 1.0, None, 1.0
Drawn = tuple[int, float, float]
"""A token that was drawn: its id, log p and log q."""


@dataclass(frozen=True)
class Sample:
    """One drawn sequence: ids (the end token included, or cut at the limit) and, for each step in nats,
    `log_probs` under the model itself and `drawn_log_probs` under what was drawn from.
    """

    ids: tuple[int, ...]
    log_probs: tuple[float, ...]
    drawn_log_probs: tuple[float, ...]
    finished: bool


def lowest_kept(
    log_probs: Tensor, temperature: float, top_k: int | None, top_p: float
) -> tuple[Tensor, Tensor]:
    """How many tokens of each row are kept, and the log-probability of the last of them: (row, 1) both."""
    if top_k is None:
        best = torch.from_numpy(np.sort(log_probs.numpy(), axis=-1)[:, ::-1].copy())
    else:
        best = log_probs.topk(min(top_k, log_probs.shape[1]), dim=-1).values
    kept = torch.full((len(best), 1), best.shape[1])
    if top_p < 1:
        mass = ((best - best[:, :1]).double() / temperature).exp().cumsum(-1)
        kept = 1 + (mass[:, :-1] / mass[:, -1:] < top_p - ROUNDING).sum(-1, keepdim=True)
    return kept, best.gather(-1, kept - 1)


def drawable(log_probs: Tensor, temperature: float, top_k: int | None, top_p: float) -> Tensor:
    """What each step draws from, (row, vocab): proportional to q, 0 where a token is cut."""
    if temperature == 0:
        temperature, top_k = 1.0, 1
    weights = (log_probs / temperature).softmax(-1)
    if top_k is None and top_p >= 1:
        return weights
    kept, lowest = lowest_kept(log_probs, temperature, top_k, top_p)
    above, level = log_probs > lowest, log_probs == lowest
    room = kept - above.sum(-1, keepdim=True)
    return weights * (above | (level & (level.cumsum(-1) <= room)))


def draw(weights: Tensor, rows: np.ndarray, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ids and log q: the token of weights[rows[i]] whose share with all before it first exceeds chance[i].

    Found among blocks of tokens first, then inside one: adding up a whole vocabulary takes long.
    """
    missing = -weights.shape[1] % BLOCK
    blocks = torch.unflatten(pad(weights, (0, missing)) if missing else weights, -1, (-1, BLOCK))
    reached = pad(blocks.sum(-1), (1, 0)).cumsum(-1, dtype=torch.float64).numpy()[rows]
    each, total = np.arange(len(rows)), reached[:, -1]
    point = chance * total
    end = (reached > point[:, None]).argmax(-1)
    before, after = reached[each, end - 1], reached[each, end]
    inside = torch.from_numpy(blocks.numpy()[rows, end - 1]).cumsum(-1, dtype=torch.float64).numpy()
    point_inside = (point - before) / (after - before) * inside[:, -1]
    ids = (end - 1) * BLOCK + (inside > point_inside[:, None]).argmax(-1)
    return ids, np.log(weights.numpy()[rows, ids] / total)


def step(
    decoder: Incremental, last: list[int], rows: np.ndarray, chance: np.ndarray, cut: Cut
) -> tuple[list[int], list[float], list[float]]:
    """One token after each row rows[i]: ids, log p, log q. What is drawn from p itself needs one softmax."""
    if cut == UNCUT:
        probs = decoder.logits(last).softmax(-1)
        ids, shares = draw(probs.index_fill(-1, decoder.barred, 0), rows, chance)
        log_probs = np.log(probs.numpy()[rows, ids])
    else:
        every = decoder.log_probs(last)
        allowed = every.index_fill(-1, decoder.barred, -torch.inf)
        ids, shares = draw(drawable(allowed, *cut), rows, chance)
        log_probs = every.numpy()[rows, ids]
    return ids.tolist(), log_probs.tolist(), shares.tolist()


def as_sample(steps: Sequence[Drawn], eos: int) -> Sample:
    ids, log_probs, drawn_log_probs = zip(*steps, strict=True)
    return Sample(ids, log_probs, drawn_log_probs, finished=ids[-1] == eos)


@torch.inference_mode()
def sample(
    model: Transformer,
    src_ids: list[int],
    n: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float = 1.0,
    seed: int = 0,
    limit: int | None = None,
) -> list[Sample]:
    """Draw `n` translations of at most `limit` tokens; temperature 0 is greedy.

    A number outside its range raises LimitError.

    The same seed gives the same draw, and sample i is the same for every n: it has random numbers of its own.
    Samples that begin alike share a row of the decoder until they part; those that have ended leave it.
    """
    longest, eos = model.anatomy.predicting.limit, model.config.eos_id
    most = longest if limit is None else min(LENGTH.check(limit), longest)
    top_k = None if top_k is None else TOP_K.check(top_k)
    cut = TEMPERATURE.check(temperature), top_k, TOP_P.check(top_p)
    n, random = SAMPLES.check(n), torch.Generator().manual_seed(int(SEED.check(seed)))
    chance = torch.rand(n, longest, dtype=torch.float64, generator=random).numpy()
    decoder, last = Incremental(model, src_ids), [model.config.bos_id]
    drawn: list[list[Drawn]] = [[] for _ in range(n)]
    live, rows = list(range(n)), [0] * n
    for t in range(most):
        found = list(zip(*step(decoder, last, np.array(rows), chance[live, t], cut), strict=True))
        for i, one in zip(live, found, strict=True):
            drawn[i].append(one)
        going = [(i, row, one[0]) for i, row, one in zip(live, rows, found, strict=True) if one[0] != eos]
        if not going:
            break
        branches: dict[tuple[int, int], int] = {}
        rows = [branches.setdefault((row, token), len(branches)) for _, row, token in going]
        live, parents = [i for i, _, _ in going], [row for row, _ in branches]
        if parents != list(range(len(last))):
            decoder.state.select(torch.tensor(parents))
        last = [token for _, token in branches]
    return [as_sample(steps, eos) for steps in drawn]
