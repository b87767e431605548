"""Others of the same size, with random weights, at the same work: torch's nn.Transformer and MarianMT.

MarianMT is in the package `transformers`, which nothing but this comparison needs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.config import Config

INSTALL = "The peers need the package transformers: pip install -r tests/bench/requirements.txt"


class Torch(nn.Module):
    """nn.Transformer between an embedding and logits; greedy by a plain loop over the growing prefix."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.bos_id = config.bos_id
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.transformer = nn.Transformer(
            config.d_model, config.n_heads, config.n_layers, config.n_layers, config.d_ff,
            dropout=0.0, batch_first=True, norm_first=config.norm == "pre",
        )  # fmt: skip
        self.block = torch.ones(config.max_tgt_len, config.max_tgt_len, dtype=torch.bool).triu(1)
        self.eval()

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        """Probabilities (batch, query, vocab) of one forced pass."""
        block = self.block[: tgt.shape[1], : tgt.shape[1]]
        states = self.transformer(
            self.embedding(src), self.embedding(tgt), tgt_mask=block, tgt_is_causal=True
        )
        return (states @ self.embedding.weight.mT).softmax(-1)

    def greedy(self, src: Tensor, steps: int) -> Tensor:
        """ids (batch, 1 + steps): the encoder once, then the decoder over the growing prefix, uncached."""
        memory = self.transformer.encoder(self.embedding(src))
        ids = torch.full((len(src), 1), self.bos_id)
        for t in range(1, steps + 1):
            block = self.block[:t, :t]
            states = self.transformer.decoder(self.embedding(ids), memory, tgt_mask=block, tgt_is_causal=True)
            best = (states[:, -1] @ self.embedding.weight.mT).argmax(-1)
            ids = torch.cat([ids, best[:, None]], dim=-1)
        return ids


class Marian:
    """MarianMT as its users call it, the end token held back until the last step."""

    def __init__(self, config: Config) -> None:
        try:
            from transformers import MarianConfig, MarianMTModel
        except ImportError:
            raise SystemExit(INSTALL) from None
        sizes = {
            "vocab_size": config.vocab_size, "d_model": config.d_model,
            "encoder_layers": config.n_layers, "decoder_layers": config.n_layers,
            "encoder_attention_heads": config.n_heads, "decoder_attention_heads": config.n_heads,
            "encoder_ffn_dim": config.d_ff, "decoder_ffn_dim": config.d_ff,
            "pad_token_id": config.pad_id, "bos_token_id": config.bos_id, "eos_token_id": config.eos_id,
            "forced_eos_token_id": config.eos_id, "decoder_start_token_id": config.bos_id,
        }  # fmt: skip
        torch.manual_seed(0)
        self.fast = MarianMTModel(MarianConfig(**sizes)).eval()
        self.shows = MarianMTModel(MarianConfig(**sizes, attn_implementation="eager")).eval()
        self.fast.final_logits_bias[0, config.eos_id] = -1e9

    def generate(self, src: Tensor, steps: int, beams: int = 1) -> Tensor:
        """ids (batch, 1 + steps), with its cache of keys and values."""
        ids = self.fast.generate(src, max_new_tokens=steps, num_beams=beams, do_sample=False, use_cache=True)
        if ids.shape[1] != 1 + steps:
            raise RuntimeError(f"MarianMT stopped after {ids.shape[1] - 1} of {steps} steps.")
        return ids

    def forward(self, src: Tensor, tgt: Tensor) -> object:
        """One forced pass that hands out all attention weights."""
        return self.shows(input_ids=src, decoder_input_ids=tgt, output_attentions=True)
