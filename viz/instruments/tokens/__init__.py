"""The tokens instrument: typed → read as → bytes → merges → ids → rows of E × √d_model, and their neighbours.

One message: for each side of the model the words with their merges, `embed` and a PCA after each layer; and,
once an id, its row of E and its nearest by cosine.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher
from itertools import accumulate
from typing import Any

import numpy as np

from model import Trace
from model.limits import Limit
from model.merges import merges_of, pair_ranks, parts_after, ranks_of, words_of
from model.text import reading
from model.tokenizer import SPECIAL, Tokenizer, byte_of_letter, readable_bytes, readable_character
from viz.instruments.base import Asked, Instrument, Picture
from viz.instruments.link import (
    Choice,
    Count,
    Number,
    d_model,
    is_said,
    nobody_knows,
    open_side,
    rows_of,
    side_titles,
)
from viz.labels import sides_of

SHOWN_NEAR = 10
"""Neighbours that are listed; the PCA of the embeddings shows the first few of them."""
DRAWN_NEAR = 5
MOST_COMPARED = 600
"""Characters of a typed text up to which it is marked what was changed."""
Runs = list[tuple[str, bool]]
"""A text in runs; True: changed by the reading, and spelled so that spaces and what is unseen can be seen."""


def described_reading(typed: str) -> dict[str, Any]:
    """The typed text and how it is read, side by side; no runs where nothing was changed."""
    told = reading(typed)
    sides: tuple[Runs, Runs] = [], []
    texts = typed.strip(), told.text
    if told.changes and len(texts[0]) <= MOST_COMPARED:
        for kind, a, b, c, d in SequenceMatcher(None, *texts, autojunk=False).get_opcodes():
            for runs, part in zip(sides, (texts[0][a:b], texts[1][c:d]), strict=True):
                changed = kind != "equal"
                if part:
                    runs.append(("".join(map(readable_character, part)) if changed else part, changed))
    elif told.changes:
        sides = [(f"{texts[0][:MOST_COMPARED]}…", False)], [(told.text, False)]
    return {"typed": sides[0], "read": sides[1]}


def is_special(tokenizer: Tokenizer, token_id: int) -> bool:
    """Whether the token stands for no text: start, end, padding."""
    return tokenizer.spelling(token_id) in SPECIAL


def describe_word(
    tokenizer: Tokenizer, letters: str, tokens: list[int], ids: Sequence[int]
) -> dict[str, Any]:
    """A word, its bytes, and how merges split it; `tokens` are the rows of `ids` that it became.

    `ranks`: the rule of each pair of bytes; `merges`: [at, rank, the joined part, and the ranks of the pairs
    that it makes with its left and right neighbour]. Ranks count from 0; null means that no rule fits.
    """
    ranks, bytes_ = ranks_of(tokenizer), byte_of_letter()

    def read(part: str) -> str:
        return readable_bytes(bytes(bytes_[letter] for letter in part))

    merges = merges_of(letters, ranks)
    pieces = parts_after(letters, merges)
    return {
        "text": read(letters),
        "tokens": tokens,
        "bytes": [bytes_[letter] for letter in letters],
        "parts": [read(letter) for letter in letters],
        "ranks": pair_ranks(letters, ranks),
        "merges": [[merge.at, merge.rank, read(merge.joined), merge.left, merge.right] for merge in merges],
        "pieces": [read(piece) for piece in pieces],
        "piece_ids": [tokenizer.engine.token_to_id(piece) for piece in pieces],
        "as_bpe": pieces == [tokenizer.spelling(ids[row]) for row in tokens],
    }


def spellings_of_words(tokenizer: Tokenizer, ids: Sequence[int]) -> list[str]:
    """The words of the text that these ids spell; one word a token where they spell no whole characters."""
    raw = b"".join(map(tokenizer.token_bytes, ids))
    try:
        return words_of(tokenizer, raw.decode("utf-8"))
    except UnicodeDecodeError:
        return [tokenizer.spelling(token_id) for token_id in ids]


def words(tokenizer: Tokenizer, ids: Sequence[int]) -> list[dict[str, Any]]:
    """The words of one side, in order; each token belongs to the word that holds its first byte."""
    described: list[dict[str, Any]] = []
    run: list[int] = []

    def close() -> None:
        """Describe the words of the run of text tokens so far."""
        spelled = spellings_of_words(tokenizer, [ids[row] for row in run])
        starts = list(accumulate((len(tokenizer.token_bytes(ids[row])) for row in run), initial=0))[:-1]
        ends = list(accumulate(map(len, spelled)))
        for letters, end in zip(spelled, ends, strict=True):
            mine = [row for row, start in zip(run, starts, strict=True) if end - len(letters) <= start < end]
            described.append(describe_word(tokenizer, letters, mine, ids))
        run.clear()

    for row, token_id in enumerate(ids):
        if is_special(tokenizer, token_id):
            close()
            described.append({"text": tokenizer.readable(token_id), "tokens": [row], "special": True})
        else:
            run.append(row)
    close()
    return described


def nearest(E: np.ndarray, ids: Sequence[int]) -> dict[str, np.ndarray]:
    """The rows of E nearest to each id's, by cosine, itself left out: what the cosine is made of, and it."""
    count = min(SHOWN_NEAR, len(E) - 1)
    lengths = np.sqrt(np.einsum("id,id->i", E, E, dtype=np.float64))
    rows = E[list(ids)].astype(np.float64)
    cosine = (rows @ E.T) / np.maximum(np.outer(lengths[list(ids)], lengths), np.finfo(float).tiny)
    cosine[np.arange(len(ids)), list(ids)] = -np.inf
    few = np.sort(np.argpartition(-cosine, count - 1, axis=1)[:, :count], axis=1)
    order = np.argsort(-np.take_along_axis(cosine, few, axis=1), axis=1, kind="stable")
    near = np.take_along_axis(few, order, axis=1)
    return {
        "norm": lengths[list(ids)].astype(np.float32),
        "near": near.astype(np.int32),
        "near_norm": lengths[near].astype(np.float32),
        "near_dot": np.einsum("id,ikd->ik", rows, E[near].astype(np.float64)).astype(np.float32),
        "near_cosine": np.take_along_axis(cosine, near, axis=1).astype(np.float32),
    }


def principal(x: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Two coordinates of each row of `x` along its axes of largest variance, and each axis's share of it.

    By singular values in float64: x − mean = U S Vᵀ, coordinates U S. An axis points to where its entry of
    largest size is positive.
    """
    centred = x.astype(np.float64) - x.astype(np.float64).mean(0)
    U, S, Vt = np.linalg.svd(centred, full_matrices=False)
    signs = np.where(Vt[np.arange(len(Vt)), np.abs(Vt).argmax(1)] < 0, -1.0, 1.0)
    coordinates = np.zeros((len(x), 2))
    coordinates[:, : len(S)] = (U * S * signs)[:, :2]
    total = (S**2).sum()
    # where all rows are alike, what is left is rounding
    means_something = total > 1e-10 * max(1.0, (x.astype(np.float64) ** 2).sum())
    shares = (S**2 / total if means_something else np.zeros(2)).tolist()
    return coordinates if means_something else np.zeros_like(coordinates), [*shares, 0.0, 0.0][:2]


def stream_names(trace: Trace, side: str) -> list[str]:
    """The entries whose PCA is shown: the embeddings, then the stream after each layer."""
    stack = trace.anatomy.stack_over(side)
    return [f"{stack.name}.embed", *stack.stream[1:]]


def drawn_neighbours(ids: Sequence[int], near: dict[int, list[int]]) -> list[int]:
    """The few nearest of each token that are no token of the sentence themselves, each once."""
    few = [other for token_id in ids for other in near[token_id][:DRAWN_NEAR]]
    return [other for other in dict.fromkeys(few) if other not in ids]


def message(asked: Asked) -> Picture:
    """All that the instrument shows, of both sides."""
    glass, trace = asked.glass, asked.trace
    E = glass.model.embedding.weight.detach().float().numpy()
    unique = list(dict.fromkeys(i for rows in trace.sides.values() for i in rows.ids))
    table = nearest(E, unique)
    near = dict(zip(unique, table["near"].tolist(), strict=True))
    scale = math.sqrt(trace.config.d_model)
    arrays = {"E": E[unique], **table}
    sides = sides_of(trace)
    for side, described in sides.items():
        ids = trace.sides[side].ids
        names, extra = stream_names(trace, side), drawn_neighbours(ids, near)
        arrays[f"embed.{side}"] = trace[names[0]].value.astype(np.float32)
        layers, points = [], []
        for name in names:
            x = trace[name].value
            if name == names[0]:
                x = np.concatenate([x, E[extra] * np.float32(scale)])
            coordinates, shares = principal(x)
            layers.append({"name": name, "shares": shares})
            points.append(coordinates.astype(np.float32))
        arrays[f"pca.{side}"] = np.stack([each[: len(ids)] for each in points])
        arrays[f"pca_near.{side}"] = points[0][len(ids) :]
        described |= {
            "ids": list(ids),
            "words": words(glass.tokenizer, ids),
            "layers": layers,
            "pca_near": extra,
            "reading": None,
        }
    sides[trace.anatomy.sides[0].name]["reading"] = described_reading(asked.typed)
    shown = sorted({*unique, *table["near"].ravel().tolist()})
    header = {
        "sides": sides,
        "ids": unique,
        "readable": {token_id: glass.tokenizer.readable(token_id) for token_id in shown},
        "sizes": {"vocab": len(E), "d_model": trace.config.d_model, "rules": len(ranks_of(glass.tokenizer))},
        "text": asked.typed,
        "target": list(asked.translation.ids),
    }
    return header, arrays


def depth(asked: Asked) -> Limit:
    """Layers after which there is a PCA; 0: of the embeddings."""
    anatomy = asked.glass.model.anatomy
    return Limit("depth", 0, anatomy.stack_over(open_side(asked)).n_layers, whole=True)


def pin(name: str, of: Callable[[Asked], int | None]) -> Count:
    """One of the axes by which a token's number is pinned: each by itself."""
    return Count(name, of, while_pinned=True, when=is_said(name), beside=("query",))


INSTRUMENT = Instrument(
    name="tokens",
    places=lambda _: ("tokens",),
    message=message,
    link=(
        Choice("side", side_titles),
        Count("query", lambda asked: rows_of(asked, open_side(asked))),
        pin("feature", d_model),
        pin("near", lambda _: SHOWN_NEAR),
        pin("point", nobody_knows),
        Number("depth", depth),
    ),
)
