"""The trace: each intermediate value of a forward pass, named where it is born.

A module calls `rec(name, value, axes, of=parents)` and goes on with what comes back. `SILENT` returns the
value untouched; a `Tracer` checks the axes against the shape, copies the value and remembers its parents; an
`Editor` may return something else, which makes a what-if run of the same model.

Scopes give the path, and say once what an axis and an input mean:

    with rec.at("decoder", 3), rec.at("cross_attn", query="tgt", key="src", x_q="resid_after_self_attn"):
        rec("weights", …)        # "decoder.3.cross_attn.weights": queries are target tokens, keys source

Axes in use: batch, query, key, head, d_model, d_head, d_ff, vocab, and one (size 1, kept for broadcasting).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import TracebackType
from typing import Any

import numpy as np
from torch import Tensor

from model.anatomy import Anatomy
from model.config import Config

TOKEN_AXES = ("query", "key")


class TraceError(ValueError):
    """A value was recorded under a wrong shape, a name in use, or with a parent that is not there."""


class Recorder:
    """The silent recorder: costs nothing, changes nothing. Its subclasses watch or edit."""

    def __call__(self, name: str, value: Tensor, axes: str, of: tuple[str, ...] = ()) -> Tensor:  # noqa: ARG002
        """Return `value`, the tensor named `name` with space-separated `axes`, made from the entries `of`."""
        return value

    def at(self, *path: str | int, **meaning: str) -> AbstractContextManager[Recorder]:  # noqa: ARG002
        """Open a scope: path parts, and what an axis (query="tgt") or an input (x_q="resid_in") means."""
        return self

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None


SILENT = Recorder()


@dataclass(frozen=True)
class Entry:
    """One named value of a trace: `value` is read-only, without a batch axis; `axes` names each axis."""

    name: str
    value: np.ndarray
    axes: tuple[str, ...]
    sides: Mapping[str, str]
    """What a token axis runs over: {"query": "tgt", "key": "src"}."""
    labels: Mapping[str, tuple[str, ...]]
    """Tokens along each token axis, as the screen shows them."""
    of: tuple[str, ...]
    """Full names of the entries that this one was computed from (besides the model's parameters)."""


@dataclass(frozen=True)
class Rows:
    """One side of a trace: row t reads `tokens[t]`, of `ids[t]`, and where rows predict, `predicts[t]`.

    Rows of padding come last and predict nothing.
    """

    tokens: tuple[str, ...]
    ids: tuple[int, ...]
    predicts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Trace(Mapping[str, Entry]):
    """Every entry of one forward pass, in the order of computation, and what each side's rows read.

    `sides` has the names of the anatomy's.
    """

    entries: Mapping[str, Entry]
    sides: Mapping[str, Rows]
    anatomy: Anatomy
    config: Config
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def predicting(self) -> Rows:
        """The side whose rows predict."""
        return self.sides[self.anatomy.predicting.name]

    @property
    def predicts(self) -> tuple[str, ...]:
        """What each row of that side predicts."""
        return self.predicting.predicts

    def __getitem__(self, name: str) -> Entry:
        try:
            return self.entries[name]
        except KeyError:
            raise KeyError(f"the trace has no entry {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)


class Scoped(Recorder):
    """A recorder that keeps track of scopes: short names become full ones, axes get their meaning."""

    def __init__(self) -> None:
        self.prefixes: tuple[str, ...] = ("",)
        """What may stand before a name, from the present scope outward: "decoder.3.", "decoder.", ""."""
        self.meanings: Mapping[str, str] = {}
        """What words mean here: where several scopes mention one, as the innermost says."""
        self.seen: dict[str, Tensor] = {}

    @contextmanager
    def at(self, *path: str | int, **meaning: str) -> Iterator[Recorder]:
        before = self.prefixes, self.meanings
        for part in path:
            self.prefixes = (f"{self.prefixes[0]}{part}.", *self.prefixes)
        if meaning:
            self.meanings = {**self.meanings, **meaning}
        try:
            yield self
        finally:
            self.prefixes, self.meanings = before

    def full_name(self, name: str) -> str:
        """The name of a new entry in the present scope; a name in use raises TraceError."""
        full = self.prefixes[0] + name
        if full in self.seen:
            raise TraceError(f"{full} is recorded twice.")
        return full

    def parent(self, name: str) -> str:
        """Full name of an entry that exists: an input of the scope, or the nearest one looking outward."""
        name = self.meanings.get(name, name)
        for prefix in self.prefixes:
            if (full := prefix + name) in self.seen:
                return full
        raise TraceError(f"{self.prefixes[0].rstrip('.')}: parent {name!r} was not recorded.")


class Editor(Scoped):
    """A what-if: returns a changed tensor for chosen names, and passes on everything else.

    `edits` maps a full name to a function of (value, parents), where `parents` maps the short name of each
    parent to its live tensor (the mask cannot be lifted from −inf alone). The result must keep the shape.
    `inner` sees the changed values: Editor({...}, inner=Tracer(...)) traces the what-if.
    """

    def __init__(
        self,
        edits: Mapping[str, Callable[[Tensor, Mapping[str, Tensor]], Tensor]],
        inner: Recorder = SILENT,
    ) -> None:
        super().__init__()
        self.edits, self.inner = dict(edits), inner
        self.applied: set[str] = set()

    @contextmanager
    def at(self, *path: str | int, **meaning: str) -> Iterator[Recorder]:
        with super().at(*path, **meaning), self.inner.at(*path, **meaning):
            yield self

    def __call__(self, name: str, value: Tensor, axes: str, of: tuple[str, ...] = ()) -> Tensor:
        full = self.full_name(name)
        edit = self.edits.get(full)
        if edit is not None:
            changed = edit(value, {parent: self.seen[self.parent(parent)] for parent in of})
            if changed.shape != value.shape:
                shapes = f"from {tuple(value.shape)} to {tuple(changed.shape)}"
                raise TraceError(f"the edit of {full} changed its shape {shapes}.")
            value = changed
            self.applied.add(full)
        self.seen[full] = value
        return self.inner(name, value, axes, of)

    def check_applied(self) -> None:
        """Raise TraceError if an edit named an entry that never came by: a misspelt site would do nothing."""
        missed = sorted(set(self.edits) - self.applied)
        if missed:
            raise TraceError(f"no entry named {', '.join(missed)} to edit.")


@cache
def names_of(axes: str) -> tuple[str, ...]:
    """The axes as a tuple of names."""
    return tuple(axes.split())


class Tracer(Scoped):
    """Copies each value into an Entry. `tokens` are those of each side; `sizes` gives the length that each
    axis or side must have.
    """

    def __init__(self, config: Config, tokens: Mapping[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.labels = dict(tokens)
        self.sizes = {side: len(own) for side, own in tokens.items()} | {
            "batch": 1, "one": 1, "head": config.n_heads, "d_model": config.d_model,
            "d_head": config.d_head, "d_ff": config.d_ff, "vocab": config.vocab_size,
        }  # fmt: skip
        self.entries: dict[str, Entry] = {}

    def __call__(self, name: str, value: Tensor, axes: str, of: tuple[str, ...] = ()) -> Tensor:
        full, axis_names = self.full_name(name), names_of(axes)
        token_axes = tuple([axis for axis in TOKEN_AXES if axis in axis_names])
        sides = {axis: self.meanings[axis] for axis in token_axes if axis in self.meanings}
        if len(sides) < len(token_axes):
            raise TraceError(f"{full}: no scope says what its token axes {token_axes} run over.")
        expected = tuple([self.sizes.get(sides.get(axis, axis)) for axis in axis_names])
        if expected != value.shape:
            raise TraceError(f"{full}: axes {axes!r} need the shape {expected}, not {tuple(value.shape)}.")
        if axis_names[:1] != ("batch",):
            raise TraceError(f"{full}: the first axis must be batch, not those of {axes!r}.")
        array = value.numpy(force=True)[0].copy()
        array.flags.writeable = False
        labels = {axis: self.labels[side] for axis, side in sides.items()}
        parents = tuple([self.parent(parent) for parent in of])
        self.entries[full] = Entry(full, array, axis_names[1:], sides, labels, parents)
        self.seen[full] = value
        return value
