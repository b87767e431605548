"""train.py: a small run from corpus to checkpoint; stopping and going on; refusals and exit statuses."""

import csv
import gzip
import json
import math
import shlex

import pytest
import torch
from safetensors.torch import load_file

from model.checkpoint import load_checkpoint
from model.config import Config
from model.data import read_multi30k
from model.loss import mean_loss
from model.mixture import as_read, encode_pairs, read_corpora
from model.optimizers import WAKING
from model.options import Options
from model.positions import ENCODINGS
from model.run_folder import COLUMNS
from model.train import command_line, main
from model.training import Run

SMALL = shlex.split(
    "--d-model=16 --n-heads=2 --d-ff=16 --n-layers=1 --vocab-size=300 --max-tokens=150 --warmup=4 "
    "--average=2 --snapshots 0 3 --joined=0.2 --everyday=48 --short=0 --rate=2e-3"
)
NOUNS = {"dog": "Hund", "man": "Mann", "ball": "Ball", "tree": "Baum", "car": "Wagen"}
COLOURS = {"red": "rote", "blue": "blaue", "green": "grüne", "big": "große"}


@pytest.fixture(autouse=True)
def on_the_cpu(monkeypatch):
    """Bit-identical runs need one kind of machine."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def write_gz(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A corpus of coloured things, in the layout of the real ones."""
    folder = tmp_path_factory.mktemp("data")
    captions = [(f"A {c} {n}.", f"Der {COLOURS[c]} {NOUNS[n]}.") for c in COLOURS for n in NOUNS]
    for split, pairs in (("train", captions), ("val", captions[::4])):
        for side, language in enumerate(("en", "de")):
            write_gz(folder / "multi30k" / f"{split}.{language}.gz", [pair[side] for pair in pairs])
    everyday = [f"I have {i} {n}s.\tIch habe {i} {NOUNS[n]}." for i in range(12) for n in NOUNS]
    write_gz(folder / "tatoeba" / "eng-deu.tsv.gz", everyday)
    return folder


def start(data, out, *arguments):
    """Exit status of a small run; later arguments win."""
    return main(["en-de", "--data", str(data), "--out", str(out), *SMALL, *arguments])


def resume(data, out, *arguments):
    return start(data, out, "--resume", *arguments)


def stop_at_step(monkeypatch, step):
    """Interrupt training, as Ctrl-C would, in the middle of a step."""
    loss, seen = Run.loss, []

    def interrupted(run, batch):
        seen.append(batch)
        if len(seen) == step:
            raise KeyboardInterrupt
        return loss(run, batch)

    monkeypatch.setattr(Run, "loss", interrupted)


def rows_of(out):
    with (out / "log.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def finished(data, tmp_path_factory):
    """The folder of an uninterrupted run of two epochs."""
    out = tmp_path_factory.mktemp("finished") / "en-de"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert start(data, out, "--epochs=2") == 0
    return out


@pytest.fixture(scope="session")
def steps_an_epoch(finished):
    return int(rows_of(finished)[0]["step"])


# One run


def test_a_run_writes_a_checkpoint_that_loads(finished):
    assert load_checkpoint(finished).config.d_model == 16


def test_a_run_learns(finished):
    first, second = (float(row["val_loss"]) for row in rows_of(finished))
    assert second < first < snapshots_of(finished)[0]["val_loss"]


def test_the_log_has_a_row_an_epoch(finished):
    assert [row["epoch"] for row in rows_of(finished)] == ["1", "2"]


def test_the_log_has_its_columns(finished):
    assert tuple(rows_of(finished)[0]) == COLUMNS


def test_the_card_tells_how_the_model_was_made(finished):
    card = json.loads((finished / "card.json").read_text())
    known = {key: card[key] for key in ("name", "seed", "epochs", "steps", "command")}
    assert known == {
        "name": "en-de",
        "seed": 1,
        "epochs": 2,
        "steps": int(rows_of(finished)[-1]["step"]),
        "command": f"python -m model.train en-de --data DATA --out OUT {' '.join(SMALL)} --epochs=2",
    }


def test_the_card_counts_the_corpora(finished):
    counts = json.loads((finished / "card.json").read_text())["data"]
    tatoeba = counts["tatoeba"]
    assert (counts["multi30k"]["pairs"], tatoeba["pairs"] + tatoeba["held_out"]) == (20, 60)


def test_the_card_holds_the_losses_of_the_shipped_weights(finished, data):
    loaded = load_checkpoint(finished)
    val = encode_pairs(as_read(read_multi30k(data, "val", "en", "de")), loaded.tokenizer, loaded.config)
    loss = mean_loss(loaded.model, val, loaded.tokenizer)
    assert loaded.card["losses"]["val_loss"] == pytest.approx(loss, abs=1e-4)


def averages_of(finished):
    """The last epoch's weights, and the mean of the last two."""
    one, two = (load_file(finished / ".train" / f"epoch-00{n}.safetensors") for n in (1, 2))
    return {1: two, 2: {name: torch.stack([one[name], two[name]]).mean(0) for name in one}}


def test_what_ships_is_the_average_of_as_many_last_epochs_as_the_card_says(finished):
    loaded = load_checkpoint(finished)
    expected = averages_of(finished)[loaded.card["averaged"]]
    shipped = loaded.model.state_dict()
    assert [name for name in shipped if not torch.equal(shipped[name], expected[name])] == []


def test_no_other_average_of_the_last_epochs_suits_val_better(finished, data):
    loaded = load_checkpoint(finished)
    val = encode_pairs(as_read(read_multi30k(data, "val", "en", "de")), loaded.tokenizer, loaded.config)
    shipped = mean_loss(loaded.model, val, loaded.tokenizer)
    for weights in averages_of(finished).values():
        loaded.model.load_state_dict(weights)
        assert shipped <= mean_loss(loaded.model, val, loaded.tokenizer)


def snapshots_of(out):
    return json.loads((out / "snapshots" / "index.json").read_text())["snapshots"]


def test_snapshots_are_taken_at_the_chosen_steps_and_the_end(finished, steps_an_epoch):
    expected = sorted({0, 3, steps_an_epoch, int(rows_of(finished)[-1]["step"])})
    assert [row["step"] for row in snapshots_of(finished)] == expected


def test_the_index_names_exactly_the_snapshot_files(finished):
    files = {path.name for path in (finished / "snapshots").glob("*.safetensors")}
    assert files == {row["file"] for row in snapshots_of(finished)}


def test_snapshots_say_their_epoch(finished, steps_an_epoch):
    rows = snapshots_of(finished)
    assert rows[1]["epoch"] == pytest.approx(rows[1]["step"] / steps_an_epoch, abs=1e-3)
    assert rows[-1]["epoch"] == len(rows_of(finished))


@pytest.mark.parametrize(
    "index", ["", "{}", '{"snapshots": 3}', '{"snapshots": [{"step": 0, "file": "gone"}]}']
)
def test_an_index_that_does_not_read_is_begun_anew(data, stopped, index):
    (stopped / "snapshots" / "index.json").write_text(index)
    assert resume(data, stopped, "--epochs=2") == 0
    assert "gone" not in {row["file"] for row in snapshots_of(stopped)}


def test_the_last_snapshot_is_the_shipped_model_in_half_precision(finished):
    last = load_file(finished / "snapshots" / snapshots_of(finished)[-1]["file"])
    shipped = load_file(finished / "model.safetensors")
    assert all(torch.equal(last[name], shipped[name].half()) for name in shipped)


def test_the_first_snapshot_knows_nothing(finished):
    assert snapshots_of(finished)[0]["val_loss"] > math.log(300)


@pytest.mark.parametrize("positions", ENCODINGS)
def test_every_encoding_trains_to_a_checkpoint(data, tmp_path, positions):
    start(data, tmp_path, "--epochs=1", f"--positions={positions}")
    assert load_checkpoint(tmp_path).config.positions == positions


# Stopping and going on


@pytest.fixture
def stopped(data, tmp_path, monkeypatch, steps_an_epoch):
    """The folder of a run interrupted in the middle of its second epoch."""
    with monkeypatch.context() as patch:
        stop_at_step(patch, steps_an_epoch + 2)
        assert start(data, tmp_path / "en-de", "--epochs=2") == 130
    return tmp_path / "en-de"


def test_a_resumed_run_ends_with_the_weights_of_an_uninterrupted_one(data, stopped, finished):
    resume(data, stopped, "--epochs=2")
    resumed, whole = (load_file(out / "model.safetensors") for out in (stopped, finished))
    assert [name for name in whole if not torch.equal(resumed[name], whole[name])] == []


def test_a_resumed_run_has_the_snapshots_of_an_uninterrupted_one(data, stopped, finished):
    resume(data, stopped, "--epochs=2")
    assert snapshots_of(stopped) == snapshots_of(finished)


def test_a_resumed_run_logs_each_epoch_once(data, stopped):
    resume(data, stopped, "--epochs=2")
    assert [row["epoch"] for row in rows_of(stopped)] == ["1", "2"]


def test_resuming_succeeds_with_status_0(data, stopped):
    assert resume(data, stopped, "--epochs=2") == 0


def test_the_card_tells_with_what_a_run_was_resumed(data, stopped):
    resume(data, stopped, "--epochs=3", "--dropout=0.3")
    history = load_checkpoint(stopped).card["history"]
    told = [(part["from_epoch"], "--resume" in part["command"]) for part in history]
    assert told == [(0, False), (1, True)]
    assert "--dropout=0.3" in history[1]["command"]


def test_a_finished_run_can_go_on_for_more_epochs(data, stopped):
    resume(data, stopped, "--epochs=3")
    assert load_checkpoint(stopped).card["epochs"] == 3


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("--seed=2", "seed"),
        ("--rate=0.1", "rate"),
        ("--smoothing=0", "smoothing"),
        ("--d-model=32", "d_model"),
        ("--n-heads=4", "n_heads"),
        ("--norm=post", "norm"),
        ("--max-src-len=32", "max_src_len"),
    ],
)
def test_resuming_with_another_option_is_refused_by_name(data, stopped, capsys, argument, name):
    status = resume(data, stopped, "--epochs=2", argument)
    sentence = f"The run in {stopped / '.train'} was started with other options ({name}).\n"
    assert (status, capsys.readouterr().err.endswith(sentence)) == (2, True)


def test_a_run_stopped_after_an_epoch_points_to_resume(data, tmp_path, monkeypatch, capsys, steps_an_epoch):
    stop_at_step(monkeypatch, steps_an_epoch + 1)
    start(data, tmp_path, "--epochs=2")
    assert "Go on with --resume" in capsys.readouterr().err


def test_a_run_stopped_in_its_first_epoch_does_not_point_to_resume(data, tmp_path, monkeypatch, capsys):
    stop_at_step(monkeypatch, 2)
    start(data, tmp_path, "--epochs=2")
    assert "--resume" not in capsys.readouterr().err


def test_a_run_stopped_in_its_first_epoch_can_start_afresh(data, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_at_step(patch, 2)
        start(data, tmp_path, "--epochs=1")
    start(data, tmp_path, "--epochs=1", "--vocab-size=280")
    assert load_checkpoint(tmp_path).config.vocab_size == 280


# Refusals


def refusal(capsys, status):
    """The last line on stderr of a run that ended with status 2."""
    assert status == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_an_existing_run_is_not_overwritten(data, finished, capsys):
    assert "holds a run already: go on with --resume" in refusal(capsys, start(data, finished))


def test_resuming_nothing_is_refused(data, tmp_path, capsys):
    assert "There is no run to resume" in refusal(capsys, resume(data, tmp_path))


def test_missing_data_is_refused(tmp_path, capsys):
    assert "There is no file" in refusal(capsys, start(tmp_path / "none", tmp_path / "out"))


@pytest.mark.parametrize("name", ["english", "en-"])
def test_a_name_that_is_no_language_pair_is_refused(data, tmp_path, capsys, name):
    status = main([f"--data={data}", f"--out={tmp_path}", *SMALL, "--", name])
    assert "A model's name is its language pair" in refusal(capsys, status)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--n-heads=3", "config: d_model 16 does not split into 3 equal heads."),
        ("--positions=sine", "config: positions must be one of"),
        ("--optimizer=sgd", "optimizer must be one of muon, adamw, not 'sgd'."),
    ],
)
def test_nonsense_is_refused_with_a_sentence(data, tmp_path, capsys, argument, sentence):
    assert refusal(capsys, start(data, tmp_path, argument)).startswith(sentence)


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("--epochs=0", "epochs must be a whole number from 1 to 1,000,000, not 0."),
        ("--rate=nan", "rate must be a number from 0.000000001 to 10, not nan."),
        ("--smoothing=1", "smoothing must be a number from 0 to 0.99, not 1."),
        ("--decay=-1", "decay must be a number from 0 to 1, not -1."),
        ("--seed=-1", "seed must be a whole number from 0"),
        ("--average=0", "average must be a whole number from 1 to 100, not 0."),
        ("--dropout=1", "dropout must be a number from 0 to 0.99, not 1."),
        ("--threads=-1", "threads must be 0 (torch's choice) or a whole number from 1 to 1,024, not -1."),
        ("--snapshots=-1", "snapshots must be a whole number from 0"),
        ("--max-src-len=1", "max-src-len must be a whole number from 2 to 4,096, not 1."),
        ("--max-tgt-len=0", "max-tgt-len must be a whole number from 2 to 4,096, not 0."),
        ("--vocab-size=10", "vocab-size must be a whole number from 259 to 1,000,000, not 10."),
    ],
)
def test_numbers_outside_their_limits_are_refused(data, tmp_path, capsys, argument, sentence):
    with pytest.raises(SystemExit, match="2"):
        start(data, tmp_path, argument)
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["cut short", "another file", "empty"])
def test_a_damaged_state_is_refused_with_a_sentence(data, stopped, capsys, damage):
    path = stopped / ".train" / "state.pt"
    whole = path.read_bytes()
    path.write_bytes(
        {"cut short": whole[: len(whole) // 2], "another file": b"no state\n", "empty": b""}[damage]
    )
    assert "does not read as a run's state" in refusal(capsys, resume(data, stopped, "--epochs=2"))


def test_a_full_disk_ends_with_a_sentence(data, tmp_path, monkeypatch, capsys):
    def full(*_):
        raise RuntimeError("[enforce fail at inline_container.cc:664] . unexpected pos 64 vs 0\nmore")

    monkeypatch.setattr(torch, "save", full)
    assert "state.tmp cannot be read or written: [enforce fail" in refusal(
        capsys, start(data, tmp_path, "--epochs=1")
    )


def test_an_unknown_option_exits_with_status_2(data, tmp_path):
    with pytest.raises(SystemExit, match="2"):
        start(data, tmp_path, "--no-such-option")


# Parts


@pytest.mark.parametrize(
    "arguments",
    [
        ["en-de", "--data", "/home/me/d", "--out", "/home/me/o"],
        ["en-de", "--data=/home/me/d", "--out=/home/me/o"],
    ],
)
def test_the_command_line_names_no_folder_of_this_machine(arguments):
    assert "/home/me" not in command_line(arguments)


def test_pairs_beyond_the_limits_are_left_out(tokenizer):
    config = Config(max_src_len=5, max_tgt_len=5)
    word = " ein"
    pairs = [(word * n, word * m) for n, m in [(4, 4), (5, 4), (4, 5), (0, 4), (4, 0)]]
    assert len(encode_pairs(pairs, tokenizer, config)) == 1


def test_a_step_of_training_wakes_a_unit_that_is_silent_throughout_its_batch(data, tmp_path):
    tokenizer, corpora, _ = read_corpora("en-de", data, 300, (64, 64), None)
    config = Config(vocab_size=tokenizer.vocab_size, d_model=16, n_heads=2, d_ff=16, n_layers=1, norm="pre")
    run = Run("en-de", config, tokenizer, corpora, Options(everyday=20, short=0), tmp_path)
    bias = run.model.encoder[0].ffn.W_1.bias
    with torch.no_grad():
        bias[0] = -100
    rate = run.rate()
    run.train_step(run.epoch_batches(0)[0])
    assert bias[0].item() + 100 == pytest.approx(WAKING * rate, rel=0.01, abs=1e-5)
