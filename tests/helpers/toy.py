"""A model of another kind, for structures that must not know one kind alone: one side, one stack."""

from __future__ import annotations

import torch
from torch import Tensor

from model.anatomy import Anatomy, Block, Side, Stack, stack_of, sublayer
from model.config import Config
from model.layers import Sight
from model.positions import Where
from model.stacked import Stacked
from model.trace import SILENT, Recorder
from model.transformer import causal_keep


def toy_anatomy(norm: str = "pre") -> Anatomy:
    """A language model: one side, one stack, no cross-attention."""
    side = Side("txt", "text", 9, predicts=True)
    stack = Stack("blocks", "blocks", "txt", 2, "blocks.states")
    layer = (
        sublayer(stack, "attn", "attention", "Masked self-attention", keys="txt", causal=True),
        sublayer(stack, "mlp", "ffn", "Feed-forward"),
    )
    return Anatomy((side,), (stack,), stack_of(stack, layer, norm, adds_positions=True), ("decoding",))


class ToyModel(Stacked):
    """A language model: each token predicts the next."""

    def describe(self, config: Config, adds_positions: bool) -> Anatomy:
        plain = toy_anatomy(config.norm)
        output = Block(
            "output", "unembed", "blocks", "Output", "output", "txt",
            enters="blocks.states", leaves="output.logits",
        )  # fmt: skip
        return Anatomy(plain.sides, plain.stacks, (*plain.blocks, output), plain.answers)

    def forward(self, ids: Tensor, rec: Recorder = SILENT) -> Tensor:
        at = torch.arange(ids.shape[1])
        sights = {"txt": Sight(causal_keep(len(at), len(at)), Where(at, at, self.encoding))}
        return self.unembed(self.through(self.anatomy.stack("blocks"), ids, at, sights, rec), rec)
