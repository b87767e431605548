"""Checkpoint folders of any size, untrained or broken, for tests that must not depend on training."""

from __future__ import annotations

import zlib
from pathlib import Path

import torch
from torch import nn

from model import Glass, checkpoint, load
from model.config import Config
from model.tokenizer import Tokenizer
from model.transformer import Transformer

TEXTS = [
    "The animal didn't cross the street because it was too tired.",
    "Das Tier hat die Straße nicht überquert, weil es zu müde war.",
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "Ein Mann in einem blauen Hemd steht auf einer Leiter und putzt ein Fenster.",
    "Two dogs are running through the tall grass. Where is the station?",
    "Zwei Hunde rennen durch das hohe Gras. Wo ist der Bahnhof? Ich liebe dich.",
]


def make(root: Path, name: str, n_layers: int, n_heads: int, seed: int = 1, **changes: object) -> Path:
    """A folder `root`/`name` that loads: random weights, so that every head draws another picture."""
    tokenizer = Tokenizer.train(TEXTS * 3, 400)
    sizes = {"d_model": 8 * n_heads, "d_ff": 32, "max_tgt_len": 12} | changes
    config = Config(vocab_size=tokenizer.vocab_size, n_layers=n_layers, n_heads=n_heads, **sizes)
    model = Transformer(config)
    draw(model, seed)
    card = {
        "name": name,
        "parameters": sum(weight.numel() for weight in model.parameters()),
        "data": {},
        "scores": {},
    }
    checkpoint.save(root / name, config, tokenizer, model.state_dict(), card)
    return root / name


def draw(model: Transformer, seed: int) -> None:
    """Each matrix at random from the seed and its own name: the same in whatever order a model is built."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() < 2:
                continue
            own = torch.Generator().manual_seed(zlib.crc32(f"{seed} {name}".encode()))
            if name == "embedding.weight":
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5, generator=own)
            else:
                nn.init.xavier_uniform_(weight, generator=own)
            if "W_q" in name or "W_k" in name:
                weight *= 4  # uneven attention: pictures that differ


def exact(folder: str | Path) -> Glass:
    """The checkpoint of that name or folder, computing in float64.

    Two ways to one number add in another order: in float32 they end 1e-5 apart on one CPU and 1e-3 on the
    next, in float64 less than 1e-10 on any.
    """
    glass = load(folder)
    glass.model.double()
    return glass


def make_broken(root: Path, name: str) -> Path:
    """A folder that does not load: its weights are cut short."""
    folder = make(root, name, 1, 1)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    return folder


def text_of(glass: Glass, n_tokens: int) -> str:
    """A text that this model reads as exactly `n_tokens` tokens, the end token included."""
    words = "A man in a blue shirt is standing on a ladder while two dogs are running through the grass"
    ids = glass.tokenizer.encode(" ".join([words] * 5))
    for first in range(len(ids) - n_tokens):
        text = glass.tokenizer.decode(ids[first : first + n_tokens - 1]).strip()
        if len(glass.source_ids(text)) == n_tokens:
            return text
    raise AssertionError(f"no text of {n_tokens} tokens")
