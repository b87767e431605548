"""Glass: a loaded checkpoint. Text in; a Translation or a Trace out.

For example:

    glass = load("en-de")
    out = glass.translate("A man rides a red bike.", beam=4)
    trace = glass.trace("A man rides a red bike.", out)
    trace["decoder.3.cross_attn.weights"].value        # (head, query, key)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from model import card
from model.anatomy import Side
from model.beam import BeamSearch, BeamStep
from model.checkpoint import Checkpoint, load_checkpoint
from model.decoding import Edits, Step, greedy
from model.limits import ALPHA, BEAM
from model.text import read
from model.tokenizer import Tokenizer
from model.trace import Editor, Rows, Trace, Tracer

LONGEST_COUNTED = 20_000


class TextError(ValueError):
    """A text that the model does not take; the message says why, for a reader."""


class EmptyText(TextError):
    """There is nothing to translate."""


class TextTooLong(TextError):
    """More tokens than the model reads: `limit`, `count` (or more, if `more`), `fits`: the part that fits."""

    def __init__(self, side: str, limit: int, count: int, more: bool, fits: str) -> None:
        self.limit, self.count, self.fits = limit, count, fits
        tail = f"…{fits[-40:].lstrip()}" if len(fits) > 40 else fits
        number = f"more than {count:,}" if more else f"{count:,}"
        super().__init__(
            f"The {side} has {number} tokens; this model takes at most {limit}, the end token included. "
            f"It fits up to “{tail}”."
        )


@dataclass(frozen=True)
class Translation:
    """A translation and how it came about. `ids` leave out the end token; `steps` include it.

    `source` is as typed. `log_prob` is the natural logarithm of the probability of all steps; `beams` is
    empty for greedy decoding.
    """

    source: str
    src_ids: tuple[int, ...]
    text: str
    ids: tuple[int, ...]
    tokens: tuple[str, ...]
    log_prob: float
    steps: tuple[Step, ...]
    beams: tuple[BeamStep, ...]
    beam: int
    alpha: float
    finished: bool


class Glass:
    """A checkpoint at work. Holds no state between calls: safe to share among threads.

    `decoding` is what the card says is best for a reader: beam width and length penalty.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.name, self.config, self.card = checkpoint.name, checkpoint.config, checkpoint.card
        self.tokenizer: Tokenizer = checkpoint.tokenizer
        self.model, self.folder = checkpoint.model, checkpoint.folder
        self.decoding = card.decoding(checkpoint.card)
        self.weights_sha256 = checkpoint.weights_sha256

    def source_ids(self, text: str) -> list[int]:
        """Ids of a source text as it is read (see text.py), the end token included."""
        return [*self.limited_ids(text, "sentence", self.model.anatomy.sides[0].limit), self.config.eos_id]

    def target_ids(self, text: str) -> list[int]:
        """Ids of a target text, without start and end."""
        return self.limited_ids(text, "translation", self.model.anatomy.predicting.limit)

    def limited_ids(self, text: str, side: str, limit: int) -> list[int]:
        """Ids of a text, read as it looks, of fewer than `limit` tokens. Raises EmptyText, TextTooLong or
        TextError; the part that fits is of the text as read.
        """
        typed = text.strip()
        words = read(typed[:LONGEST_COUNTED])
        if not words:
            raise EmptyText(f"The {side} is empty: type some words.")
        try:
            ids = self.tokenizer.encode(words)
        except ValueError as error:
            raise TextError(str(error)) from None
        more = len(typed) > LONGEST_COUNTED
        if len(ids) >= limit or more:
            raw = b"".join(map(self.tokenizer.token_bytes, ids[: limit - 1]))
            fits = raw.decode("utf-8", errors="ignore")
            raise TextTooLong(side, limit, len(ids) + 1, more, fits)
        return ids

    @torch.inference_mode()
    def translate(
        self,
        text: str,
        beam: int = 1,
        alpha: float | None = None,
        edits: Edits | None = None,
        forced: Sequence[int] = (),
    ) -> Translation:
        """Translate one text: greedy where `beam` is 1, else by beam search with length penalty `alpha`.

        Where no `alpha` is given, it is that of the card. `forced` ids come first, whatever the model thinks
        of them; greedy decoding goes on from there. Raises TextError for a text that is blank or too long,
        LimitError for a beam or an alpha outside its range, ValueError for forced ids with a wider beam.
        """
        beam, alpha = BEAM.check(beam), ALPHA.check(self.decoding.alpha if alpha is None else alpha)
        src_ids = self.source_ids(text)
        beams: tuple[BeamStep, ...] = ()
        self.check_ids(forced)
        if forced and beam != 1:
            raise ValueError("After forced tokens the model goes on greedily: choose beam 1.")
        if beam == 1:
            steps = tuple(greedy(self.model, src_ids, edits, forced))
        else:
            search = BeamSearch(self.model, src_ids, beam, alpha, edits)
            beams = tuple(search)
            steps = search.best.steps
        finished = steps[-1].id == self.config.eos_id
        ids = tuple(step.id for step in steps[: len(steps) - finished])
        return Translation(
            source=text,
            src_ids=tuple(src_ids),
            text=self.tokenizer.decode(ids).strip(),
            ids=ids,
            tokens=tuple(map(self.tokenizer.readable, ids)),
            log_prob=sum(step.log_prob for step in steps),
            steps=steps,
            beams=beams,
            beam=beam,
            alpha=alpha,
            finished=finished,
        )

    @torch.inference_mode()
    def trace(
        self,
        text: str,
        target: Translation | Sequence[int] | str | None = None,
        pad_to: int | None = None,
        edits: Edits | None = None,
    ) -> Trace:
        """Every number of one forced pass over (text, target); None decodes greedily first.

        Row t reads token t − 1 (row 0: the start token) and predicts token t. `pad_to` fills both sides up
        with padding to that many tokens. `edits` make it a what-if; an edit of an unknown entry raises
        TraceError.
        """
        src_ids = self.source_ids(text)
        if target is None:
            target = self.translate(text, edits=edits)
        if isinstance(target, Translation):
            ids = list(target.ids)
        else:
            ids = self.target_ids(target) if isinstance(target, str) else list(target)
        self.check_ids(ids)
        reads, predicts = self.rows(ids)
        source, target_side = self.model.anatomy.sides
        sides = {
            source.name: self.padded(source, pad_to, src_ids),
            target_side.name: self.padded(target_side, pad_to, reads, predicts),
        }
        tracer = Tracer(self.config, {name: rows.tokens for name, rows in sides.items()})
        rec = Editor(edits, tracer) if edits else tracer
        src, tgt = (torch.tensor([rows.ids]) for rows in sides.values())
        src_keep, tgt_keep = (
            torch.arange(src.shape[1]) < len(src_ids),
            torch.arange(tgt.shape[1]) < len(reads),
        )
        logits = self.model(src, tgt, src_keep[None], rec, tgt_keep=tgt_keep[None])
        self.model.probabilities(logits, rec)
        if isinstance(rec, Editor):
            rec.check_applied()
        return Trace(
            entries=tracer.entries,
            sides=sides,
            anatomy=self.model.anatomy,
            config=self.config,
            meta={
                "model": self.name,
                "source": text,
                "read_as": read(text),
                "translation": self.tokenizer.decode(ids).strip(),
            },
        )

    def rows(self, ids: Sequence[int]) -> tuple[list[int], list[int]]:
        """What each decoder row reads and predicts for a target of `ids`, as many as the limit allows."""
        limit = self.model.anatomy.predicting.limit
        return [self.config.bos_id, *ids][:limit], [*ids, self.config.eos_id][:limit]

    def check_ids(self, ids: Sequence[int]) -> None:
        if bad := [i for i in ids if not 0 <= i < self.config.vocab_size]:
            raise TextError(f"There is no token {bad[0]}: ids run from 0 to {self.config.vocab_size - 1}.")
        limit = self.model.anatomy.predicting.limit
        if len(ids) > limit:
            fits = self.tokenizer.decode(ids[: limit - 1])
            raise TextTooLong("translation", limit, len(ids) + 1, False, fits)

    def padded(
        self, side: Side, pad_to: int | None, ids: Sequence[int], predicts: Sequence[int] = ()
    ) -> Rows:
        """What the rows of a side read and predict, with padding up to `pad_to` tokens where that is more."""
        if pad_to is not None and pad_to > side.limit:
            raise TextError(f"Padding goes up to {side.limit} tokens on this side, not {pad_to}.")
        filled = [*ids, *[self.config.pad_id] * ((pad_to or 0) - len(ids))]
        tokens, next_tokens = (tuple(map(self.tokenizer.readable, part)) for part in (filled, predicts))
        return Rows(tokens, tuple(filled), next_tokens)


def load(name_or_path: str | Path) -> Glass:
    """A Glass over the checkpoint folder of that name or path; raises CheckpointError with a sentence."""
    return Glass(load_checkpoint(name_or_path))
