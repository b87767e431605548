"""norm_curves.py: two runs become one table and one picture, if they are comparable."""

import csv
import json
import re

import pytest

from model.norm_curves import HEIGHT, main

pytestmark = pytest.mark.once

LOSSES = {"pre": (3.5, 2.25, 2.0), "post": (6.0, 4.0, 3.0)}


def write_run(folder, norm, losses, d_ff=64, seed=1, steps=(10, 20, 30)):
    folder.mkdir()
    rows = [f"{n},{step},{loss}" for n, (step, loss) in enumerate(zip(steps, losses, strict=True), 1)]
    (folder / "log.csv").write_text("\n".join(["epoch,step,val_loss", *rows]))
    (folder / "config.json").write_text(json.dumps({"norm": norm, "d_ff": d_ff}))
    (folder / "card.json").write_text(json.dumps({"options": {"seed": seed}}))
    return folder


@pytest.fixture
def pre(tmp_path):
    return write_run(tmp_path / "pre", "pre", LOSSES["pre"])


def compare(pre, post):
    return main(["--pre", str(pre), "--post", str(post), "--out", str(pre.parent / "curves")])


def test_the_table_holds_both_losses_of_every_epoch(tmp_path, pre):
    assert compare(pre, write_run(tmp_path / "post", "post", LOSSES["post"])) == 0
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    for name, losses in LOSSES.items():
        assert [float(row[f"{name}_val_loss"]) for row in rows] == list(losses)
    assert [int(row["step"]) for row in rows] == [10, 20, 30]


def test_the_lines_stand_at_the_height_of_their_losses(tmp_path, pre):
    compare(pre, write_run(tmp_path / "post", "post", LOSSES["post"]))
    picture = (tmp_path / "curves.svg").read_text()
    zero = float(re.search(r'd="M\d+ ([\d.]+)H', picture)[1])
    lines = [
        [float(point.split(",")[1]) for point in line.split()]
        for line in re.findall(r'points="(.*?)"', picture)
    ]
    heights = {name: [zero - y for y in line] for name, line in zip(LOSSES, lines, strict=True)}
    scale = heights["post"][0] / LOSSES["post"][0]
    for name, losses in LOSSES.items():
        assert heights[name] == pytest.approx([scale * loss for loss in losses], abs=0.2)
    assert 0 < scale * 6 < HEIGHT


@pytest.mark.parametrize(
    ("norm", "changes", "said"),
    [
        ("pre", {}, "the second post-norm"),
        ("post", {"d_ff": 32}, "differ in more than the place of their norms"),
        ("post", {"seed": 2}, "differ in more than the place of their norms"),
        ("post", {"steps": (10, 20, 31)}, "not taken the same steps"),
    ],
)
def test_runs_that_cannot_be_compared_are_refused(tmp_path, pre, capsys, norm, changes, said):
    assert compare(pre, write_run(tmp_path / "post", norm, LOSSES["post"], **changes)) == 2
    assert said in capsys.readouterr().err


def test_a_run_without_a_log_is_refused(tmp_path, pre, capsys):
    post = write_run(tmp_path / "post", "post", LOSSES["post"])
    (post / "log.csv").unlink()
    assert compare(pre, post) == 2
    assert "There is no file" in capsys.readouterr().err
