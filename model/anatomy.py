"""What a model is made of, as data: its sides, its stacks of layers, its blocks in order of computation.

    Side     a text that the model reads or writes        src, tgt
    Stack    layers, one on the other, over one side      encoder, decoder
    Block    one step of the computation                  decoder.{layer}.cross_attn

A block is called by its place, which is the same in every layer (`decoder.cross_attn`), or by its scope in
the trace, which is not (`decoder.2.cross_attn`). Whoever draws, counts or routes reads it here. Layers count
from 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

KINDS = ("embed", "positions", "attention", "norm", "ffn", "unembed")
LAYER = "{layer}"
FINAL_NORM = "final_norm"
"""Part of a pre-norm stack, behind its last layer."""


@dataclass(frozen=True)
class Side:
    """A text: at most `limit` tokens; `predicts`: row t reads a token and predicts the next one."""

    name: str
    title: str
    limit: int
    kind: str = "tokens"
    predicts: bool = False


@dataclass(frozen=True)
class Stack:
    """`n_layers` equal layers over the rows of `side`. `output`: the trace's name of what it hands on."""

    name: str
    title: str
    side: str
    n_layers: int
    output: str

    @property
    def stream(self) -> tuple[str, ...]:
        """Entries of the residual stream: before the first layer, and behind each."""
        behind = [f"{self.name}.{layer}.resid_out" for layer in range(self.n_layers)]
        return (f"{self.name}.embedded", *behind)


@dataclass(frozen=True)
class Block:
    """One step: `name` with `{layer}` where each layer of the stack has it.

    title, label      what the screen calls it; the same where its stack is already said
    queries, keys     the side whose rows go in and come out; the side that an attention looks at
    memory            the entry that keys and values are made from, where it is another stack's output
    of                the place that a norm stands beside; none for a stack's final norm
    enters, leaves    entries of the residual stream; a sublayer and the norm beside it share theirs
    shared_place      where the screen shows it with others: embeddings, a feed-forward and its norm
    """

    name: str
    kind: str
    stack: str
    title: str
    label: str
    queries: str
    keys: str | None = None
    memory: str | None = None
    causal: bool = False
    of: str | None = None
    enters: str = ""
    leaves: str = ""
    shared_place: str | None = None

    @property
    def is_layered(self) -> bool:
        return LAYER in self.name

    @property
    def part(self) -> str:
        """The last part of the name: cross_attn."""
        return self.name.rpartition(".")[-1]

    @property
    def place(self) -> str:
        """The name without a layer: decoder.cross_attn."""
        return self.name.replace(f"{LAYER}.", "")

    @property
    def shown_at(self) -> str:
        """The place where the screen shows it."""
        return self.shared_place or self.place

    def scope(self, layer: int | None = None) -> str:
        """The name in the trace: decoder.2.cross_attn. A block of no layer takes any."""
        return self.name.replace(LAYER, str(layer or 0))

    def around(self, layer: int | None = None) -> tuple[str, str]:
        """`enters` and `leaves` of one layer."""
        number = str(layer or 0)
        return self.enters.replace(LAYER, number), self.leaves.replace(LAYER, number)


@dataclass(frozen=True)
class Anatomy:
    """The whole model; `blocks` stand in order of computation, `answers` are the places behind the last."""

    sides: tuple[Side, ...]
    stacks: tuple[Stack, ...]
    blocks: tuple[Block, ...]
    answers: tuple[str, ...] = ()

    def side(self, name: str) -> Side:
        """Raises KeyError where there is none."""
        return {side.name: side for side in self.sides}[name]

    @property
    def predicting(self) -> Side:
        """The side whose rows predict."""
        return next(side for side in self.sides if side.predicts)

    def stack(self, name: str) -> Stack:
        """Raises KeyError where there is none."""
        return {stack.name: stack for stack in self.stacks}[name]

    def stack_over(self, side: str) -> Stack:
        """The stack over the rows of this side; raises KeyError where there is none."""
        return {stack.side: stack for stack in self.stacks}[side]

    def at(self, place: str) -> Block:
        """The block of a place; raises KeyError where there is none."""
        return {block.place: block for block in self.blocks}[place]

    def find(self, scope: str) -> tuple[Block, int | None]:
        """Block and layer (None: it belongs to none) of a name in the trace; raises KeyError for others."""
        found = {own: (block, layer) for block, layer, own in self.scopes()}
        return found[scope]

    def kind(self, *kinds: str) -> tuple[Block, ...]:
        """Blocks of these kinds, in order of computation."""
        return tuple(block for block in self.blocks if block.kind in kinds)

    def of_stack(self, name: str) -> tuple[Block, ...]:
        """Blocks of this stack, in order of computation."""
        return tuple(block for block in self.blocks if block.stack == name)

    def sublayers(self, stack: str) -> tuple[Block, ...]:
        """What one layer of this stack computes, without norms."""
        return tuple(b for b in self.of_stack(stack) if b.is_layered and b.kind != "norm")

    def norm_beside(self, sublayer: Block) -> Block:
        """The norm of a sublayer; raises KeyError where it has none."""
        return {block.of: block for block in self.blocks}[sublayer.place]

    def final_norm(self, stack: str) -> Block | None:
        """The norm behind all layers of this stack."""
        return next((b for b in self.of_stack(stack) if b.kind == "norm" and not b.is_layered), None)

    def n_layers(self, block: Block) -> int:
        """How often the model has this block."""
        return self.stack(block.stack).n_layers if block.is_layered else 1

    def scopes(self) -> Iterator[tuple[Block, int | None, str]]:
        """Every block of every layer, with its layer and its scope, in order of computation."""
        for stack in self.stacks:
            own = self.of_stack(stack.name)
            layered = [block for block in own if block.is_layered]
            first, last = own.index(layered[0]), own.index(layered[-1])
            yield from ((block, None, block.scope()) for block in own[:first])
            for layer in range(stack.n_layers):
                yield from ((block, layer, block.scope(layer)) for block in layered)
            yield from ((block, None, block.scope()) for block in own[last + 1 :])

    def across(self) -> list[str]:
        """Scopes of the attentions that look at another stack's output, layer by layer."""
        return [scope for block, _, scope in self.scopes() if block.memory]

    def places(self) -> tuple[str, ...]:
        """Where a reader can be, in order of computation, each norm behind what it stands beside.

        Positions are always one, also those that are nowhere added: that is said there.
        """
        norms = {block.of: block for block in self.blocks if block.of}
        shown = ["tokens", "positions"]
        for block in self.blocks:
            if not block.of:
                shown += [own.shown_at for own in (block, norms.get(block.place)) if own]
        return tuple(dict.fromkeys([*shown, *self.answers]))

    def nearest(self, place: str) -> str:
        """The place itself, or where a link to one that this model lacks leads: to its stack's last sublayer,
        else to the last attention.
        """
        if place in self.places():
            return place
        near = [block for stack in self.stacks for block in self.sublayers(stack.name)]
        own = [block for block in near if block.stack == place.partition(".")[0]]
        return (own or self.kind("attention"))[-1].place

    def lacks(self, place: str) -> str | None:
        """Why a place that other models have is none of this one; None where it is nobody's."""
        named = {f"{stack.name}.{FINAL_NORM}" for stack in self.stacks} - set(self.places())
        return "this model is post-norm and has no final norm" if place in named else None


def sublayer(
    stack: Stack, part: str, kind: str, title: str, *,
    keys: str | None = None, memory: str | None = None, causal: bool = False,
) -> Block:  # fmt: skip
    """A block that each layer of `stack` has; its label is its title without the stack's."""
    label = title.removeprefix(f"{stack.title.capitalize()} ")
    label = label[0].lower() + label[1:]
    name = f"{stack.name}.{LAYER}.{part}"
    return Block(name, kind, stack.name, title, label, stack.side, keys=keys, memory=memory, causal=causal)


def beside(own: Block, norm: str) -> Block:
    """The norm of a sublayer. That of a feed-forward is shown with it."""
    label = "Add & Norm" if norm == "post" else "Norm & Add"
    return replace(
        own, name=f"{own.name}_norm", kind="norm", title=f"{own.title}: {label}", label=label,
        keys=None, memory=None, causal=False, of=own.place,
        shared_place=own.place if own.kind == "ffn" else None,
    )  # fmt: skip


def stack_of(stack: Stack, layer: Sequence[Block], norm: str, adds_positions: bool) -> tuple[Block, ...]:
    """Blocks of one stack: embedding, a layer's sublayers each with its norm, and pre-norm's final norm."""
    begin, *_, end = stack.stream

    def single(
        part: str, kind: str, label: str, leaves: str, enters: str = "", shared_place: str | None = None
    ) -> Block:
        name, title = f"{stack.name}.{part}", f"{stack.title.capitalize()}: {label}"
        own = Block(name, kind, stack.name, title, label, stack.side)
        return replace(own, enters=enters, leaves=leaves, shared_place=shared_place)

    blocks = [single("embed", "embed", "embedding", begin, shared_place="tokens")]
    if adds_positions:
        blocks.append(single("pos", "positions", "positions", begin, shared_place="positions"))
    entering = f"{stack.name}.{LAYER}.resid_in"
    for number, block in enumerate(layer, 1):
        behind = "resid_out" if number == len(layer) else f"resid_after_{block.part}"
        own = replace(block, enters=entering, leaves=f"{stack.name}.{LAYER}.{behind}")
        blocks += [own, beside(own, norm)] if norm == "post" else [beside(own, norm), own]
        entering = own.leaves
    if norm == "pre":
        blocks.append(single(FINAL_NORM, "norm", "final norm", stack.output, end))
    return tuple(blocks)
