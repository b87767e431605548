"""dump.py: the file holds every number of the trace, and says what each one means."""

import json
from pathlib import Path

import numpy as np
import pytest

from model.dump import dump, main
from model.glass import Glass, load
from tests.helpers.tiny import PAIRS, tiny_checkpoint

TEXT, TRANSLATION = PAIRS[0]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("learnt") / "en-de", learnt=True)


@pytest.fixture(scope="module")
def glass(checkpoint: Path) -> Glass:
    return load(checkpoint)


def read(path: Path) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays by name, and the parsed `__meta__`."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return arrays, json.loads(str(arrays.pop("__meta__")))


@pytest.mark.parametrize("target", [None, PAIRS[1][1]])
def test_the_file_holds_every_entry_under_its_name(
    checkpoint: Path, glass: Glass, tmp_path: Path, target, capsys
):
    options = [] if target is None else ["--target", target]
    path = tmp_path / "t.npz"
    assert main([str(checkpoint), TEXT, *options, "--out", str(path)]) == 0
    trace = glass.trace(TEXT, target)
    arrays, _ = read(path)
    assert list(arrays) == list(trace)
    for name, array in arrays.items():
        assert array.dtype == trace[name].value.dtype
        assert np.array_equal(array, trace[name].value), name
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == (f"Wrote {len(trace)} entries to {path}.\n", "")


def test_meta_says_what_the_arrays_mean(checkpoint: Path, glass: Glass, tmp_path: Path):
    assert main([str(checkpoint), TEXT, "--out", str(tmp_path / "t.npz")]) == 0
    arrays, meta = read(tmp_path / "t.npz")
    trace = glass.trace(TEXT)
    assert (meta["model"], meta["source"], meta["translation"]) == ("en-de", TEXT, TRANSLATION)
    assert meta["config"] == glass.config.to_dict()
    assert list(meta["sides"]) == list(trace.sides) == ["src", "tgt"]
    for name, rows in trace.sides.items():
        said = meta["sides"][name]
        assert (tuple(said["tokens"]), tuple(said["ids"])) == (rows.tokens, rows.ids)
        assert tuple(said["predicts"]) == rows.predicts
        assert meta[f"{name}_tokens"] == said["tokens"]
        assert meta[f"{name}_ids"] == said["ids"]
    assert meta["predicts"] == meta["sides"]["tgt"]["predicts"]
    assert meta["sides"]["tgt"]["predicts"]
    assert not meta["sides"]["src"]["predicts"]
    assert list(meta["entries"]) == list(arrays)
    for name, entry in meta["entries"].items():
        assert tuple(entry["axes"]) == trace[name].axes
        assert entry["sides"] == trace[name].sides
        assert {axis: tuple(tokens) for axis, tokens in entry["labels"].items()} == trace[name].labels
        assert tuple(entry["of"]) == trace[name].of
        assert set(entry["of"]) <= set(arrays)
        lengths = [len(entry["labels"][axis]) for axis in entry["axes"] if axis in entry["labels"]]
        assert lengths == [
            n for axis, n in zip(entry["axes"], arrays[name].shape, strict=True) if axis in entry["labels"]
        ]


@pytest.mark.parametrize("text", ["a \x00 b", 'a "quoted" \\ word', "🚲 نص", "</s>"])
def test_meta_survives_any_text(glass: Glass, tmp_path: Path, text: str):
    dump(glass.trace(text, text), tmp_path / "t.npz")
    assert read(tmp_path / "t.npz")[1]["source"] == text


@pytest.mark.parametrize("name", ["t", "t.data", "t.npz"])
def test_the_file_has_exactly_the_name_given(checkpoint: Path, tmp_path: Path, name: str, capsys):
    assert main([str(checkpoint), TEXT, "--out", str(tmp_path / name)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert capsys.readouterr().out.endswith(f" to {tmp_path / name}.\n")
    assert read(tmp_path / name)[0]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("  ", [], "The sentence is empty"),
        ("A man " * 50, [], "The sentence has 150 tokens"),
        ("\udcff", [], "The text holds half a character"),
        (TEXT, ["--target", ""], "The translation is empty"),
        (TEXT, ["--target", "Ein Mann " * 50], "The translation has "),
    ],
)
def test_a_bad_text_gives_one_sentence_and_status_2(
    checkpoint: Path, tmp_path: Path, text, options, sentence, capsys
):
    assert main([str(checkpoint), text, *options, "--out", str(tmp_path / "t.npz")]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(sentence)
    assert shown.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["absent/t.npz", "folder", "folder.npz", "file/t.npz"])
def test_a_path_that_cannot_be_written_gives_one_sentence_and_status_2(
    checkpoint: Path, tmp_path: Path, name: str, capsys
):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "file").touch()
    assert main([str(checkpoint), TEXT, "--out", str(tmp_path / name)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{tmp_path / name} cannot be written: ")
    assert shown.err.count("\n") == 1


def test_a_full_disk_gives_one_sentence_and_status_2(checkpoint: Path, tmp_path: Path, capsys):
    (tmp_path / "t.npz").symlink_to("/dev/full")
    assert main([str(checkpoint), TEXT, "--out", str(tmp_path / "t.npz")]) == 2
    assert capsys.readouterr().err == f"{tmp_path / 't.npz'} cannot be written: No space left on device.\n"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=repr)
def test_a_failed_run_leaves_the_file_that_was_there(checkpoint, tmp_path, monkeypatch, capsys, error):
    (tmp_path / "t.npz").write_bytes(b"before")

    def full(file, **arrays):
        file.write(b"half")
        raise error

    monkeypatch.setattr(np, "savez_compressed", full)
    assert main([str(checkpoint), TEXT, "--out", str(tmp_path / "t.npz")]) in (2, 130)
    assert (tmp_path / "t.npz").read_bytes() == b"before"
    assert len(list(tmp_path.iterdir())) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_link_leads_to_the_file_that_is_written(checkpoint: Path, tmp_path: Path):
    (tmp_path / "there").mkdir()
    (tmp_path / "t.npz").symlink_to(tmp_path / "there" / "real.npz")
    assert main([str(checkpoint), TEXT, "--out", str(tmp_path / "t.npz")]) == 0
    assert (tmp_path / "t.npz").is_symlink()
    assert read(tmp_path / "there" / "real.npz")[0]


def test_a_file_written_anew_keeps_its_mode(checkpoint: Path, tmp_path: Path):
    (tmp_path / "t.npz").touch()
    (tmp_path / "t.npz").chmod(0o640)
    assert main([str(checkpoint), TEXT, "--out", str(tmp_path / "t.npz")]) == 0
    assert (tmp_path / "t.npz").stat().st_mode & 0o777 == 0o640


def test_a_missing_checkpoint_gives_one_sentence_and_status_2(tmp_path: Path, capsys):
    assert main(["no-such-model", TEXT, "--out", str(tmp_path / "t.npz")]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("There is no checkpoint 'no-such-model'")
    assert shown.err.count("\n") == 1
