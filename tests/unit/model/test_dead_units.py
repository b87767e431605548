"""dead_units.py: units that never fire, counted over sentences, as the trace shows them."""

import json

import numpy as np
import torch

from model.dead_units import firing, layers, main
from model.glass import load
from tests.helpers.tiny import BROKEN, PAIRS, write_multi30k

KNOWN = [pair for pair in PAIRS if pair is not BROKEN]


def hidden(glass, place):
    """The cells of one layer over all sentences, from the trace: (position, unit)."""
    stack, n = place.split()
    name = f"{stack}.{int(n) - 1}.ffn.ffn_hidden"
    values = [glass.trace(src, glass.target_ids(tgt))[name].value for src, tgt in KNOWN]
    return torch.from_numpy(np.concatenate(values))


def test_figures_are_those_of_the_trace(folder):
    glass = load(folder)
    for place, row in firing(glass, KNOWN).items():
        cells = hidden(glass, place) > 0
        assert row["dead"] == int((~cells.any(0)).sum())
        assert row["active"] == round(cells.float().mean().item(), 4)


def test_a_unit_far_below_zero_is_dead(folder):
    glass = load(folder)
    before = firing(glass, KNOWN)["encoder 2"]["dead"]
    alive = int((hidden(glass, "encoder 2") > 0).any(0).nonzero()[0])
    with torch.no_grad():
        layers(glass)["encoder 2"].W_1.bias[alive] = -1e4
    assert firing(glass, KNOWN)["encoder 2"]["dead"] == before + 1


def test_the_command_reports_every_layer_and_fills_the_card(folder, tmp_path, capsys):
    data = write_multi30k(tmp_path / "data", "val", KNOWN)
    assert main([str(folder), "--data", str(data), "--n", "4", "--card"]) == 0
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    card = json.loads((folder / "card.json").read_text())["dead_units"]
    assert (card["layers"], card["sentences"]) == (printed, 4)
    assert list(printed) == ["encoder 1", "encoder 2", "decoder 1", "decoder 2"]
