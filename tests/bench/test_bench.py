"""`python -m tests.bench` runs and says all that it should; how fast is for its table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from model import load
from model.decoding import greedy
from tests.bench.__main__ import BUDGETS, MEANING, PEER_MEANING, main
from tests.bench.decoding import endless
from tests.bench.peers import INSTALL, Marian, Torch
from tests.helpers import checkpoints


def test_the_last_line_is_one_json_object_with_every_number(tmp_path):
    folder = checkpoints.make(tmp_path, "small", 2, 2, max_tgt_len=64)
    command = [sys.executable, "-m", "tests.bench", "--model", str(folder), "--repeats", "2", "--tokens", "8"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300, check=True
    )
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1])
    assert set(result) == set(MEANING)
    assert set(BUDGETS) <= set(MEANING | PEER_MEANING)
    assert all(value > 0 for value in result.values())
    assert len(lines) == len(MEANING) + 1
    assert all(meaning in done.stdout for meaning in MEANING.values())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--model", "nope"], "There is no checkpoint 'nope'"),
        (["--tokens", "13"], "tokens must be a whole number from 2 to 12, not 13."),
        (["--tokens", "1"], "tokens must be a whole number from 2 to 4,096, not 1."),
        (["--repeats", "0"], "repeats must be a whole number from 1 to"),
    ],
)
def test_nonsense_gets_one_sentence_and_status_2(tmp_path, capsys, options, said):
    folder = checkpoints.make(tmp_path, "small", 1, 1, max_tgt_len=12)
    try:
        status = main(["--model", str(folder), *options])
    except SystemExit as stop:
        status = stop.code
    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    assert said in shown.err
    assert shown.err.count("\n") == 1


def test_the_peers_without_their_package_say_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    config = load(checkpoints.make(tmp_path, "small", 1, 1)).config
    with pytest.raises(SystemExit, match=INSTALL):
        Marian(config)
    assert Path(__file__).with_name("requirements.txt").name in INSTALL


@pytest.mark.parametrize("steps", [1, 5, 12])
def test_every_contestant_decodes_exactly_as_many_tokens(tmp_path, steps):
    glass = load(checkpoints.make(tmp_path, "small", 1, 2))
    src_ids = glass.source_ids("A man in a blue shirt.")
    with torch.inference_mode():
        ours = list(greedy(endless(glass.model, steps), src_ids))
        theirs = Torch(glass.config).greedy(torch.tensor([src_ids]), steps)
    assert len(ours) == steps == theirs.shape[1] - 1
    assert all(len(step.alternatives) == 10 for step in ours)


def test_torchs_loop_is_the_argmax_of_its_forced_pass(tmp_path):
    glass = load(checkpoints.make(tmp_path, "small", 1, 2))
    peer, src = Torch(glass.config), torch.tensor([glass.source_ids("A man in a blue shirt.")])
    with torch.inference_mode():
        ids = peer.greedy(src, 6)
        assert peer(src, ids[:, :-1]).argmax(-1).tolist() == ids[:, 1:].tolist()
