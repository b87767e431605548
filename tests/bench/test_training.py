"""`python -m tests.bench.training` compares what it says; how fast is for its line."""

import json
import math

import torch

from model.config import Config
from model.options import Options
from tests.bench.training import Plain, main
from tests.unit.model.test_train import data  # noqa: F401


def test_the_last_line_is_one_json_object(data, capsys):  # noqa: F811
    assert main(["--data", str(data), "--batches", "2", "--vocab-size", "300"]) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert found["target_tokens_per_second"] > 0 < found["plain_target_tokens_per_second"]
    assert found["batches"] >= 1


def test_the_plain_loop_learns_its_batch():
    config = Config(vocab_size=50, d_model=16, n_heads=2, d_ff=32, n_layers=1, dropout=0.0, norm="pre")
    plain = Plain(config, Options(smoothing=0.0)).train()
    batch = torch.randint(3, 50, (3, 4, 6), generator=torch.Generator().manual_seed(1)).unbind()
    losses = [plain.train_step(batch) for _ in range(60)]
    assert losses[-1] < losses[0] / 2
    assert losses[0] > math.log(50) / 2
