"""What a model is made of, as data: its sides, its stacks of layers, its blocks in order of computation.

    Side     a text that the model reads or writes        src, tgt
    Stack    layers, one on the other, over one side      encoder, decoder
    Block    one step of the computation                  decoder.{layer}.cross_attn

A block is called by its place, which is the same in every layer (`decoder.cross_attn`), or by its scope in
the trace, which is not (`decoder.2.cross_attn`). Whoever draws, counts or routes reads it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

KINDS = ("embed", "positions", "attention", "norm", "ffn", "unembed")


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
    """`n_layers` equal layers over the rows of `side`."""

    name: str
    title: str
    side: str
    n_layers: int


@dataclass(frozen=True)
class Block:
    """One step: `name` with `{layer}` where each layer of the stack has it.

    `queries` is the side whose rows go in and come out, `keys` the one that an attention looks at; `of` the
    place that a norm stands beside (none for a stack's final norm).
    """

    name: str
    kind: str
    stack: str
    queries: str
    keys: str | None = None
    causal: bool = False
    of: str | None = None

    @property
    def is_layered(self) -> bool:
        return "{layer}" in self.name

    @property
    def place(self) -> str:
        """The name without a layer: decoder.cross_attn."""
        return self.name.replace("{layer}.", "")

    def scope(self, layer: int = 0) -> str:
        """The name in the trace: decoder.2.cross_attn."""
        return self.name.format(layer=layer)


@dataclass(frozen=True)
class Anatomy:
    """The whole model; `blocks` stand in order of computation."""

    sides: tuple[Side, ...]
    stacks: tuple[Stack, ...]
    blocks: tuple[Block, ...]

    def side(self, name: str) -> Side:
        """Raises KeyError where there is none."""
        return {side.name: side for side in self.sides}[name]

    def stack(self, name: str) -> Stack:
        """Raises KeyError where there is none."""
        return {stack.name: stack for stack in self.stacks}[name]

    def at(self, place: str) -> Block:
        """The block of a place; raises KeyError where there is none."""
        return {block.place: block for block in self.blocks}[place]

    def kind(self, *kinds: str) -> tuple[Block, ...]:
        """Blocks of these kinds, in order of computation."""
        return tuple(block for block in self.blocks if block.kind in kinds)

    def n_layers(self, block: Block) -> int:
        """How often the model has this block."""
        return self.stack(block.stack).n_layers if block.is_layered else 1

    def scopes(self) -> Iterator[tuple[Block, int, str]]:
        """Every block of every layer, with its layer and its scope, stack by stack, layer by layer."""
        for stack in self.stacks:
            own = [block for block in self.blocks if block.stack == stack.name]
            layered = [block for block in own if block.is_layered]
            first = own.index(layered[0])
            last = own.index(layered[-1])
            yield from ((block, 0, block.scope()) for block in own[:first])
            for layer in range(stack.n_layers):
                yield from ((block, layer, block.scope(layer)) for block in layered)
            yield from ((block, 0, block.scope()) for block in own[last + 1 :])


def stack_of(stack: Stack, sublayers: Sequence[Block], norm: str, adds_positions: bool) -> tuple[Block, ...]:
    """Blocks of one stack: embedding, sublayers each with the norm beside it, and pre-norm's final norm."""
    side, name = stack.side, stack.name
    blocks = [Block(f"{name}.embed", "embed", name, side)]
    if adds_positions:
        blocks.append(Block(f"{name}.pos", "positions", name, side))
    for sublayer in sublayers:
        beside = Block(f"{sublayer.name}_norm", "norm", name, side, of=sublayer.place)
        blocks += [sublayer, beside] if norm == "post" else [beside, sublayer]
    if norm == "pre":
        blocks.append(Block(f"{name}.final_norm", "norm", name, side))
    return tuple(blocks)
