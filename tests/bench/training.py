"""What training costs: python -m tests.bench.training --data DIR [--pair en-de] [--batches 20]

Ours (model.training: fused pass, bf16 where the CPU has it, Muon) and a plain loop over torch's
nn.Transformer (float32, AdamW, the same sizes, label smoothing and clipping) take turns on the same batches
of one epoch; one thread, processor time. The last line is one JSON object: target tokens a second of both
(medians), and the median of the ratios of neighbours, at least 1.3.
"""

from __future__ import annotations

import json
import random
import statistics
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from model.command import Parser, execute, number, reporting, write
from model.config import Config
from model.limits import COUNT
from model.mixture import read_corpora
from model.options import Options
from model.training import Run
from tests.bench.clock import interleaved

Batch = tuple[Tensor, Tensor, Tensor]


class Plain(nn.Module):
    """nn.Transformer between a shared embedding and its transpose, trained as tutorials do."""

    def __init__(self, config: Config, options: Options) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.pad_id, self.options, self.width = config.pad_id, options, config.d_model
        self.embedding = nn.Embedding(config.vocab_size, config.d_model)
        self.positions = nn.Embedding(max(config.max_src_len, config.max_tgt_len), config.d_model)
        self.dropout = nn.Dropout(config.dropout)
        warnings.filterwarnings("ignore", "enable_nested_tensor")  # torch's own note on pre-norm encoders
        self.transformer = nn.Transformer(
            config.d_model, config.n_heads, config.n_layers, config.n_layers, config.d_ff,
            dropout=config.dropout, batch_first=True, norm_first=config.norm == "pre",
        )  # fmt: skip
        self.optimizer = torch.optim.AdamW(self.parameters(), lr=1e-3, betas=(0.9, 0.98), fused=True)

    def embed(self, ids: Tensor) -> Tensor:
        at = torch.arange(ids.shape[1])
        return self.dropout(self.embedding(ids) * self.width**0.5 + self.positions(at))

    def forward(self, src: Tensor, tgt: Tensor) -> Tensor:
        """Logits (batch, query, vocab)."""
        padding = src == self.pad_id
        states = self.transformer(
            self.embed(src),
            self.embed(tgt),
            tgt_mask=nn.Transformer.generate_square_subsequent_mask(tgt.shape[1]),
            src_key_padding_mask=padding,
            memory_key_padding_mask=padding,
            tgt_is_causal=True,
        )
        return states @ self.embedding.weight.mT

    def train_step(self, batch: Batch) -> float:
        """Move the weights by one batch; its mean loss."""
        src, tgt_in, tgt_out = batch
        logits = self(src, tgt_in)
        loss = cross_entropy(
            logits.flatten(0, 1),
            tgt_out.flatten(),
            ignore_index=self.pad_id,
            label_smoothing=self.options.smoothing,
        )
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()


def compare(run: Run, batches: list[Batch]) -> dict[str, float]:
    """Target tokens a second of both, and by how much ours are more."""
    plain = Plain(run.config, run.options).train()
    rates: dict[str, list[float]] = {"ours": [], "plain": []}
    for batch in batches:
        n = int((batch[2] != run.tokenizer.pad_id).sum())
        acts = {"ours": lambda b=batch: run.train_step(b), "plain": lambda b=batch: plain.train_step(b)}
        for name, times in interleaved(acts, 1).items():
            rates[name].append(1000 * n / times[0])
    return {
        "target_tokens_per_second": round(statistics.median(rates["ours"])),
        "plain_target_tokens_per_second": round(statistics.median(rates["plain"])),
        "ratio": round(statistics.median(a / b for a, b in zip(*rates.values(), strict=True)), 2),
        "batches": len(batches),
        "dtype": str(run.dtype).removeprefix("torch."),
    }


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m tests.bench.training", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with multi30k/ and tatoeba/")
    parser.add_argument("--pair", default="en-de", help="language pair")
    parser.add_argument("--batches", type=number(COUNT.but(name="batches")), default=20)
    parser.add_argument("--vocab-size", type=number(COUNT.but(name="vocab-size")), default=8000)
    args = parser.read(arguments)
    torch.set_num_threads(1)
    config, options = Config(norm="pre", dropout=0.15), Options(everyday=5_000, short=2_000)
    limits = config.max_src_len, config.max_tgt_len
    tokenizer, corpora, _ = read_corpora(args.pair, args.data, args.vocab_size, limits, None)
    config = Config(**config.to_dict() | {"vocab_size": tokenizer.vocab_size})
    run = Run(args.pair, config, tokenizer, corpora, options, Path("unused"))
    batches = run.epoch_batches(0)
    found = compare(run, random.Random(1).sample(batches, min(args.batches, len(batches))))
    write(json.dumps(found))
    return 0


if __name__ == "__main__":
    execute(main)
