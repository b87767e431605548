"""Hidden units that never fire: python -m model.dead_units en-de --data DIR [--split val] [--n 200] [--card]

A unit of a feed-forward network is dead where ReLU cuts it to 0 at every position of every sentence: its row
of W_1 and its column of W_2 are lost. One line a layer: dead units, all units, and the share of cells
(position × unit) that are above 0. Target tokens are the corpus' own (teacher forcing).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import cast

import torch

from model.card import languages
from model.checkpoint import amend_card
from model.command import Parser, execute, number, reporting, write
from model.data import DataError, Pair, read_split
from model.glass import Glass, load
from model.layers import FeedForward
from model.limits import COUNT


def layers(glass: Glass) -> dict[str, FeedForward]:
    """Every feed-forward network, by its stack and its layer from 1: encoder 1, … decoder 1, …"""
    found = glass.model.modules_of("ffn")
    return {f"{block.stack} {(layer or 0) + 1}": cast(FeedForward, ffn) for block, layer, ffn in found}


class Firing:
    """Counts, of one layer, over all sentences: which units were ever above 0, and how many cells."""

    def __init__(self, n_units: int) -> None:
        self.ever = torch.zeros(n_units, dtype=torch.bool)
        self.n_cells = self.n_active = 0

    def count(self, _module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        """A hook before W_2, which reads what ReLU has left."""
        above = inputs[0].flatten(0, -2) > 0
        self.ever |= above.any(0)
        self.n_cells, self.n_active = self.n_cells + above.numel(), self.n_active + int(above.sum())

    def figures(self) -> dict[str, float]:
        dead = int((~self.ever).sum())
        return {"dead": dead, "units": len(self.ever), "active": round(self.n_active / self.n_cells, 4)}


@torch.inference_mode()
def firing(glass: Glass, pairs: Iterable[Pair]) -> dict[str, dict[str, float]]:
    """For each layer: `dead` of `units`, and `active`, the share of cells above 0."""
    counts = {place: Firing(ffn.W_2.in_features) for place, ffn in layers(glass).items()}
    hooks = [ffn.W_2.register_forward_pre_hook(counts[place].count) for place, ffn in layers(glass).items()]
    try:
        for src, tgt in pairs:
            glass.model(*forced(glass, src, tgt))
    finally:
        for hook in hooks:
            hook.remove()
    return {place: count.figures() for place, count in counts.items()}


def forced(glass: Glass, src: str, tgt: str) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Source ids, rows of the target, and what may be attended: one sentence with its own translation."""
    src_ids = torch.tensor([glass.source_ids(src)])
    rows, _ = glass.rows(glass.target_ids(tgt))
    return src_ids, torch.tensor([rows]), torch.ones_like(src_ids, dtype=torch.bool)


@reporting
def main(arguments: list[str]) -> int:
    parser = Parser(prog="python -m model.dead_units", description=__doc__.split("\n")[0])
    parser.add_argument("name", help="a checkpoint: a name below checkpoints/, or a folder")
    parser.add_argument("--data", type=Path, required=True, help="folder of the corpora")
    parser.add_argument("--split", default="val", help="val, test_2016_flickr or everyday")
    parser.add_argument("--n", type=number(COUNT), default=200, help="how many sentences")
    parser.add_argument("--card", action="store_true", help="write the figures into card.json")
    args = parser.read(arguments)
    glass = load(args.name)
    pairs = read_split(args.data, args.split, *languages(glass.card, glass.name))[: args.n]
    if not pairs:
        raise DataError(f"{args.split} holds no sentences.")
    found = firing(glass, pairs)
    for place, row in found.items():
        write(
            f"{place}   {row['dead']:>4} of {row['units']} never fire   {row['active']:.1%} of cells active"
        )
    write(json.dumps(found))
    if args.card:
        figures = {"split": args.split, "sentences": len(pairs), "layers": found}
        amend_card(args.name, {"dead_units": figures})
    return 0


if __name__ == "__main__":
    execute(main)
