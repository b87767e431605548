"""A model of another kind, for structures that must not know one kind alone: one side, one stack."""

from __future__ import annotations

from model.anatomy import Anatomy, Side, Stack, stack_of, sublayer


def toy_anatomy(norm: str = "pre") -> Anatomy:
    """A language model: one side, one stack, no cross-attention."""
    side = Side("txt", "text", 9, predicts=True)
    stack = Stack("blocks", "blocks", "txt", 2, "blocks.states")
    layer = (
        sublayer(stack, "attn", "attention", "Masked self-attention", keys="txt", causal=True),
        sublayer(stack, "mlp", "ffn", "Feed-forward"),
    )
    return Anatomy((side,), (stack,), stack_of(stack, layer, norm, adds_positions=True), ("decoding",))
