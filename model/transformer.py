"""The encoder–decoder Transformer of Vaswani et al. 2017 (figure 1), from plain torch operations.

    src ids → embed·√d_model + pos → N × (self-attention, feed-forward)                    → memory
    tgt ids → embed·√d_model + pos → N × (masked self-attention, cross-attention to memory,
                                          feed-forward)                                    → logits = state Eᵀ

One matrix E (vocab, d_model) embeds both languages and unembeds the output (§3.4).
Row t of the decoder reads target token t and predicts token t + 1; row 0 reads the start token.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
from torch import Tensor, nn

from model.anatomy import Anatomy, Block, Side, Stack, stack_of, sublayer
from model.attention import Cache
from model.config import Config
from model.layers import Dropout, Layer, LayerNorm, Sight
from model.positions import PositionalEncoding, Where, make_encoding
from model.trace import SILENT, Recorder


def causal_keep(n_queries: int, n_keys: int, device: torch.device | None = None) -> Tensor:
    """Boolean (query, key): a query sees itself and what lies before it; the last query is the last key."""
    return torch.ones(n_queries, n_keys, dtype=torch.bool, device=device).tril(n_keys - n_queries)


def anatomy(config: Config, adds_positions: bool) -> Anatomy:
    """Figure 1 of the paper, as data."""
    sides = (
        Side("src", "source", config.max_src_len),
        Side("tgt", "target", config.max_tgt_len, predicts=True),
    )
    encoder = Stack("encoder", "encoder", "src", config.n_layers, "encoder.memory")
    decoder = Stack("decoder", "decoder", "tgt", config.n_layers, "decoder.states")
    encoder_layer = (
        sublayer(encoder, "self_attn", "attention", "Encoder self-attention", keys="src"),
        sublayer(encoder, "ffn", "ffn", "Encoder feed-forward"),
    )
    decoder_layer = (
        sublayer(decoder, "self_attn", "attention", "Decoder masked self-attention", keys="tgt", causal=True),
        sublayer(decoder, "cross_attn", "attention", "Cross-attention", keys="src", memory=encoder.output),
        sublayer(decoder, "ffn", "ffn", "Decoder feed-forward"),
    )
    output = Block(
        "output", "unembed", decoder.name, "Output", "output", "tgt",
        enters=decoder.output, leaves="output.logits",
    )  # fmt: skip
    blocks = (
        *stack_of(encoder, encoder_layer, config.norm, adds_positions),
        *stack_of(decoder, decoder_layer, config.norm, adds_positions),
        output,
    )
    return Anatomy(sides, (encoder, decoder), blocks, answers=("decoding",))


@dataclass
class DecoderState:
    """What the incremental decoder keeps between steps: the source side, and each layer's caches, by part."""

    memory: Tensor
    memory_keep: Tensor
    caches: list[dict[str, Cache]]
    length: int = field(default=0)

    def select(self, rows: Tensor) -> None:
        """Keep the given batch rows, in that order. A single source stays single: it serves any rows."""
        shared = len(self.memory) == 1
        if not shared:
            self.memory, self.memory_keep = self.memory[rows], self.memory_keep[rows]
        for cache in (cache for layer in self.caches for cache in layer.values()):
            if cache.grows or not shared:
                cache.select(rows)


class Transformer(nn.Module):
    """ids in, logits out. Masks: `keep` is True where a token is real."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.encoding = make_encoding(config)
        self.dropout = Dropout(config.dropout)
        self.anatomy = anatomy(config, self.encoding.adds)
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

    def with_encoding(self, encoding: PositionalEncoding) -> Transformer:
        """A model that shares every parameter with this one, and reads positions by another encoding."""
        changed = copy.copy(self)
        changed._modules = {**self._modules, "encoding": encoding}
        changed.anatomy = anatomy(self.config, encoding.adds)
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
                    resid, name = (
                        layer(resid, sights, rec, caches[i] if caches else None),
                        stack.stream[i + 1],
                    )
            out, name = self.final_norm(stack, resid, rec)
            return rec(stack.output.removeprefix(f"{stack.name}."), out, "batch query d_model", of=(name,))

    def encode(
        self, src: Tensor, src_keep: Tensor, rec: Recorder = SILENT, at: Tensor | None = None
    ) -> Tensor:
        """memory (batch, key, d_model) from source ids (batch, key); `at` overrides the positions 0, 1, 2…"""
        at = torch.arange(src.shape[1], device=src.device) if at is None else at
        sights = {"src": Sight(src_keep[:, None, None, :], Where(at, at, self.encoding))}
        return self.through(self.anatomy.stack("encoder"), src, at, sights, rec)

    def start(self, memory: Tensor, src_keep: Tensor) -> DecoderState:
        """An empty incremental decoder over `memory`."""
        attentions = [b for b in self.anatomy.sublayers("decoder") if b.kind == "attention"]
        caches = [{b.part: Cache(grows=b.memory is None) for b in attentions} for _ in self.layers("decoder")]
        return DecoderState(memory, src_keep, caches)

    def decoder_sights(
        self, at: Tensor, k_at: Tensor, memory: Tensor, src_keep: Tensor, tgt_keep: Tensor | None = None
    ) -> dict[str, Sight]:
        """What rows at the positions `at` (query,) may see: themselves, what lies before, the source."""
        keep = causal_keep(len(at), len(k_at), at.device)
        if tgt_keep is not None:
            keep = keep & tgt_keep[:, None, None, :]
        memory_at = torch.arange(memory.shape[1], device=at.device)
        source = Sight(src_keep[:, None, None, :], Where(at, memory_at), memory)
        return {"tgt": Sight(keep, Where(at, k_at, self.encoding)), "src": source}

    def decode(
        self,
        tgt: Tensor,
        memory: Tensor,
        src_keep: Tensor,
        rec: Recorder = SILENT,
        at: Tensor | None = None,
        tgt_keep: Tensor | None = None,
        state: DecoderState | None = None,
    ) -> Tensor:
        """States (batch, query, d_model), one a target token; with `state`, `tgt` holds new tokens only."""
        past = 0 if state is None else state.length
        k_at = torch.arange(past + tgt.shape[1], device=tgt.device) if at is None else at
        sights = self.decoder_sights(k_at[past:], k_at, memory, src_keep, tgt_keep)
        caches = None if state is None else state.caches
        states = self.through(self.anatomy.stack("decoder"), tgt, k_at[past:], sights, rec, caches)
        if state is not None:
            state.length += tgt.shape[1]
        return states

    def step(self, last: Tensor, state: DecoderState, rec: Recorder = SILENT) -> Tensor:
        """Logits (batch, vocab) of the next token, from the last tokens (batch,); `state` moves on by one."""
        states = self.decode(last[:, None], state.memory, state.memory_keep, rec, state=state)
        return self.unembed(states, rec)[:, -1]

    def unembed(self, states: Tensor, rec: Recorder = SILENT) -> Tensor:
        """logits (batch, query, vocab): each state's dot product with each token's vector."""
        with rec.at("output", query="tgt"):
            return rec(
                "logits", states @ self.embedding.weight.mT, "batch query vocab", of=("decoder.states",)
            )

    def probabilities(self, logits: Tensor, rec: Recorder = SILENT) -> Tensor:
        """probs (batch, query, vocab): softmax over the vocabulary."""
        with rec.at("output", query="tgt"):
            return rec("probs", logits.softmax(-1), "batch query vocab", of=("logits",))

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_keep: Tensor,
        rec: Recorder = SILENT,
        tgt_keep: Tensor | None = None,
    ) -> Tensor:
        """logits (batch, query, vocab) of one forced pass."""
        memory = self.encode(src, src_keep, rec)
        return self.unembed(self.decode(tgt, memory, src_keep, rec, tgt_keep=tgt_keep), rec)
