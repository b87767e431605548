"""Checkpoint folders small enough for a test: random weights, or a few sentences learnt by heart."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from model.checkpoint import save
from model.config import Config
from model.data import Pair, batches
from model.glass import Glass, load
from model.tokenizer import Tokenizer
from model.transformer import Transformer

BROKEN = ("One line, then another.", "Eine Zeile,\nnoch eine,\u2028und Ende.")
"""A pair whose translation holds line breaks."""

PAIRS: list[Pair] = [
    ("A man rides a red bike.", "Ein Mann fährt ein rotes Fahrrad."),
    ("Two dogs are running through the grass.", "Zwei Hunde rennen durch das Gras."),
    ("A woman reads a book on a bench.", "Eine Frau liest auf einer Bank ein Buch."),
    ("Three children play in the water.", "Drei Kinder spielen im Wasser."),
    ("A boy in a blue shirt jumps.", "Ein Junge in einem blauen Hemd springt."),
    ("The old man sleeps in the park.", "Der alte Mann schläft im Park."),
    ("A girl is eating an apple.", "Ein Mädchen isst einen Apfel."),
    ("People are standing on the street.", "Leute stehen auf der Straße."),
    ("A cat sits on the window.", "Eine Katze sitzt auf dem Fenster."),
    ("I love you.", "Ich liebe dich."),
    BROKEN,
]
"""What the learnt checkpoint knows by heart."""

SIZES = {
    "d_model": 48, "n_heads": 4, "d_ff": 96, "n_layers": 2, "max_src_len": 24, "max_tgt_len": 28,
}  # fmt: skip


@cache
def tiny_tokenizer() -> Tokenizer:
    return Tokenizer.train([text for pair in PAIRS for text in pair] * 20, 420)


def tiny_config(**changes: object) -> Config:
    return Config(**{"vocab_size": tiny_tokenizer().vocab_size} | SIZES | changes)


@cache
def learnt_weights() -> Mapping[str, Tensor]:
    """Weights after enough steps on PAIRS to give each translation back word for word."""
    tokenizer = tiny_tokenizer()
    ids = [(tokenizer.encode(src), tokenizer.encode(tgt)) for src, tgt in PAIRS]
    src, tgt_in, tgt_out = next(batches(ids, tokenizer, max_tokens=10_000))
    torch.manual_seed(0)
    model = Transformer(tiny_config())
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(100):
        logits = model(src, tgt_in, src != 0)
        loss = cross_entropy(logits.flatten(0, 1), tgt_out.flatten(), ignore_index=0)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model.state_dict()


def tiny_checkpoint(folder: Path, learnt: bool = False, seed: int = 0, **changes: object) -> Path:
    """Save a checkpoint in `folder`: with weights that know PAIRS by heart, or random ones of that seed."""
    config = tiny_config(**changes)
    if not learnt:
        torch.manual_seed(seed)
    weights = learnt_weights() if learnt else Transformer(config).state_dict()
    save(folder, config, tiny_tokenizer(), weights, {"name": "en-de", "scores": {"before": {"bleu": 1.0}}})
    return folder


def tiny_glass(folder: Path, learnt: bool = False, seed: int = 0, **changes: object) -> Glass:
    return load(tiny_checkpoint(folder, learnt, seed, **changes))


def write_multi30k(folder: Path, split: str, pairs: list[Pair], src: str = "en", tgt: str = "de") -> Path:
    """A data folder with one split of caption pairs."""
    (folder / "multi30k").mkdir(parents=True, exist_ok=True)
    for side, language in enumerate((src, tgt)):
        with gzip.open(folder / "multi30k" / f"{split}.{language}.gz", "wt", encoding="utf-8") as file:
            file.writelines(f"{pair[side]}\n" for pair in pairs)
    return folder
