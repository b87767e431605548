"""The encoder–decoder Transformer of Vaswani et al. 2017 (figure 1), from plain torch operations.

    src ids → embed·√d_model + pos → N × (self-attention, feed-forward)                    → memory
    tgt ids → embed·√d_model + pos → N × (masked self-attention, cross-attention to memory,
                                          feed-forward)                                    → logits = state Eᵀ

One matrix E (vocab, d_model) embeds both languages and unembeds the output (§3.4).
Row t of the decoder reads target token t and predicts token t + 1; row 0 reads the start token.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from model.anatomy import Anatomy, Block, Side, Stack, stack_of, sublayer
from model.attention import Cache
from model.config import Config
from model.layers import Sight
from model.positions import Where
from model.stacked import Stacked
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


class Transformer(Stacked):
    """ids in, logits out. Masks: `keep` is True where a token is real."""

    def describe(self, config: Config, adds_positions: bool) -> Anatomy:
        return anatomy(config, adds_positions)

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
