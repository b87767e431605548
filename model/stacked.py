"""A model of stacks: what its anatomy lists, built, found by name, and run from ids to logits.

    ids → embed·√d_model + pos → layer → … → layer (→ final norm)        one stack
    logits = state Eᵀ                                                    what the last one hands on

One matrix E (vocab, d_model) embeds all sides and unembeds the output (§3.4 of Vaswani et al. 2017). A family
says its anatomy, and which stack runs when.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Self, cast

from torch import Tensor, nn

from model.anatomy import Anatomy, Block, Stack
from model.attention import Cache
from model.config import Config
from model.layers import Dropout, Layer, LayerNorm, Sight
from model.positions import PositionalEncoding, make_encoding
from model.trace import SILENT, Recorder


class Stacked(nn.Module):
    """Layers of each stack of the anatomy, its final norms, one embedding and one encoding."""

    def describe(self, config: Config, adds_positions: bool) -> Anatomy:
        """What a model of this family is made of."""
        raise NotImplementedError

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.encoding = make_encoding(config)
        self.dropout = Dropout(config.dropout)
        self.anatomy = self.describe(config, self.encoding.adds)
        for stack in self.anatomy.stacks:
            blocks = self.anatomy.sublayers(stack.name)
            self.add_module(stack.name, nn.ModuleList(Layer(config, blocks) for _ in range(stack.n_layers)))
        for stack in self.anatomy.stacks:
            norm = LayerNorm(config.d_model) if self.anatomy.final_norm(stack.name) else None
            self.add_module(f"{stack.name}_norm", norm)
        self.initialise()

    def layers(self, stack: str) -> Sequence[Layer]:
        """The layers of a stack, first to last."""
        return cast(Sequence[Layer], self.get_submodule(stack))

    def block(self, scope: str) -> nn.Module:
        """The module behind a block's scope, such as "decoder.2.cross_attn"; raises KeyError for others.

        "output" is the embedding, whose rows unembed; "encoder.pos" the encoding, which may hold no weights.
        """
        return self.module(*self.anatomy.find(scope))

    def module(self, block: Block, layer: int | None) -> nn.Module:
        """The module of a block in one layer."""
        if block.kind in ("embed", "unembed"):
            return self.embedding
        if block.kind == "positions":
            return self.encoding
        if layer is None:
            return self.get_submodule(f"{block.stack}_norm")
        if block.of:
            return self.layers(block.stack)[layer].sublayer(self.anatomy.at(block.of))[1].norm
        return self.layers(block.stack)[layer].sublayer(block)[0]

    def modules_of(self, kind: str) -> Iterator[tuple[Block, int | None, nn.Module]]:
        """Every module of this kind with its block and its layer, in order of computation."""
        for block, layer, _ in self.anatomy.scopes():
            if block.kind == kind:
                yield block, layer, self.module(block, layer)

    def norm_behind(self, stack: Stack) -> LayerNorm | None:
        """The stack's final norm, where it has one."""
        block = self.anatomy.final_norm(stack.name)
        return cast(LayerNorm, self.module(block, None)) if block else None

    def with_encoding(self, encoding: PositionalEncoding) -> Self:
        """A model that shares every parameter with this one, and reads positions by another encoding."""
        changed = copy.copy(self)
        changed._modules = {**self._modules, "encoding": encoding}
        changed.anatomy = self.describe(self.config, encoding.adds)
        return changed

    def initialise(self) -> None:
        """Xavier for matrices, zero biases, rows of E of length about 1: E·√d_model has unit entries."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)
        nn.init.normal_(self.embedding.weight, std=self.config.d_model**-0.5)

    def embed(self, ids: Tensor, at: Tensor, rec: Recorder = SILENT) -> Tensor:
        """Token vectors × √d_model plus position vectors: (batch, query, d_model) from ids (batch, query)."""
        embed = rec("embed", self.embedding(ids) * math.sqrt(self.config.d_model), "batch query d_model")
        vectors = self.encoding.vectors(at)
        if vectors is None:
            return rec("embedded", self.dropout(embed), "batch query d_model", of=("embed",))
        pos = rec("pos", vectors[None], "batch query d_model")
        return rec("embedded", self.dropout(embed + pos), "batch query d_model", of=("embed", "pos"))

    def final_norm(self, stack: Stack, resid: Tensor, rec: Recorder = SILENT) -> tuple[Tensor, str]:
        """The stack's final norm (pre-norm only), and the full name of what it hands on."""
        norm, last = self.norm_behind(stack), stack.stream[-1]
        if norm is None:
            return resid, last
        with rec.at("final_norm"):
            norm_in = rec("norm_in", resid, "batch query d_model", of=(last,))
            return norm(norm_in, rec), f"{stack.name}.final_norm.norm_out"

    def through(
        self,
        stack: Stack,
        ids: Tensor,
        at: Tensor,
        sights: Mapping[str, Sight],
        rec: Recorder,
        caches: Sequence[Mapping[str, Cache]] | None = None,
    ) -> Tensor:
        """What the stack hands on (batch, query, d_model), from ids (batch, query) at positions (query,)."""
        with rec.at(stack.name, query=stack.side):
            resid, name = self.embed(ids, at, rec), stack.stream[0]
            for i, layer in enumerate(self.layers(stack.name)):
                with rec.at(i):
                    resid = rec("resid_in", resid, "batch query d_model", of=(name,))
                    resid = layer(resid, sights, rec, caches[i] if caches else None)
                name = stack.stream[i + 1]
            out, name = self.final_norm(stack, resid, rec)
            return rec(stack.output.removeprefix(f"{stack.name}."), out, "batch query d_model", of=(name,))

    def unembed(self, states: Tensor, rec: Recorder = SILENT) -> Tensor:
        """logits (batch, query, vocab): each state's dot product with each token's vector."""
        (output,) = self.anatomy.kind("unembed")
        with rec.at(output.name, query=output.queries):
            logits = states @ self.embedding.weight.mT
            return rec("logits", logits, "batch query vocab", of=(output.enters,))

    def probabilities(self, logits: Tensor, rec: Recorder = SILENT) -> Tensor:
        """probs (batch, query, vocab): softmax over the vocabulary."""
        (output,) = self.anatomy.kind("unembed")
        with rec.at(output.name, query=output.queries):
            return rec("probs", logits.softmax(-1), "batch query vocab", of=("logits",))
