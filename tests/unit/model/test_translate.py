"""translate.py: as many lines out as in, whatever the lines hold."""

import codecs
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model.translate import main, one_line
from tests.helpers.tiny import BROKEN, PAIRS, tiny_checkpoint

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[3]
SOURCES = [src for src, _ in PAIRS[:4]]
TARGETS = [tgt for _, tgt in PAIRS[:4]]
OVERLONG = "A man and a dog " * 30


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("learnt") / "en-de", learnt=True)


@pytest.fixture
def translate(checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Runs the command over bytes on standard input: (status, output lines, standard error)."""

    def run(given: bytes, *options: str) -> tuple[int, list[str], str]:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given)))
        status = main([str(checkpoint), *options])
        shown = capsys.readouterr()
        assert shown.out == "" or shown.out.endswith("\n")
        return status, shown.out.split("\n")[:-1], shown.err

    return run


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def test_each_line_is_translated_onto_its_own_line(translate):
    assert translate(lines(*SOURCES)) == (0, TARGETS, "")


def test_no_lines_in_means_no_lines_out(translate):
    assert translate(b"") == (0, [], "")


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "not ended"])
def test_line_ends_of_either_kind_and_a_missing_last_one_change_nothing(translate, end: bytes, last: bool):
    given = end.join(text.encode() for text in SOURCES) + end * last
    assert translate(given) == (0, TARGETS, "")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "empty"),
        (b"  \t ", "empty"),
        (b"\r", "empty"),
        (OVERLONG.encode(), "tokens"),
        (b"caf\xe9 au lait", "not UTF-8"),
        (b"\xed\xa0\x80", "not UTF-8"),
        (b"\xff\xfe\x00", "not UTF-8"),
    ],
)
def test_a_line_that_cannot_be_translated_gives_an_empty_line_and_a_numbered_warning(
    translate, bad, reason: str
):
    given = b"\n".join([SOURCES[0].encode(), bad, SOURCES[1].encode(), bad, b""])
    status, out, err = translate(given)
    assert status == 0
    assert out == [TARGETS[0], "", TARGETS[1], ""]
    warnings = err.splitlines()
    assert [warning.split(":")[0] for warning in warnings] == ["line 2", "line 4"]
    assert all(reason in warning for warning in warnings)


def test_a_warning_stays_on_one_line(translate):
    status, out, err = translate(lines(SOURCES[0], "A man\u2028and\x0b a\x85 dog\r " * 30, SOURCES[1]))
    assert (status, out) == (0, [TARGETS[0], "", TARGETS[1]])
    assert len(err.splitlines()) == 1
    assert err.startswith("line 2: The sentence has ")


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\r", "\x00"])
def test_only_a_line_feed_ends_a_line(translate, character: str):
    status, out, err = translate(lines(SOURCES[0], f"A man{character}rides.", SOURCES[1]))
    assert (status, len(out), err) == (0, 3, "")
    assert (out[0], out[2]) == (TARGETS[0], TARGETS[1])


def test_line_breaks_in_a_translation_become_spaces(translate):
    source, target = BROKEN
    assert "\n" in target
    assert "\u2028" in target
    assert translate(lines(source, SOURCES[0])) == (0, ["Eine Zeile, noch eine, und Ende.", TARGETS[0]], "")


@pytest.mark.parametrize("broken", ["\n", "\r\n", "\r", "\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1d"])
def test_one_line_replaces_every_line_break(broken: str):
    assert one_line(f"a{broken}b{broken}") == "a b"
    assert one_line("") == ""


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "not ended"])
def test_a_byte_order_mark_says_how_the_file_is_read(translate, encoding: str, end: str, last: bool):
    given = (end.join([*SOURCES, "", SOURCES[0]]) + end * last).encode(encoding)
    status, out, err = translate(given)
    assert (status, out) == (0, [*TARGETS, "", TARGETS[0]])
    assert err.startswith("line 5: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "mark", [codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF8]
)
def test_a_byte_order_mark_alone_gives_no_more_than_one_line(translate, mark: bytes):
    status, out, _ = translate(mark)
    assert status == 0
    assert len(out) <= 1


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_wide_character_may_hold_a_line_feeds_byte(translate, encoding: str):
    mark = "\ufeff".encode(encoding)
    out = translate(mark + f"{SOURCES[0]}\nA \u0a0a\u010a b.\n{SOURCES[1]}".encode(encoding))[1]
    assert (len(out), out[0], out[2]) == (3, TARGETS[0], TARGETS[1])


def test_a_wide_text_cut_inside_a_character_keeps_its_lines(translate):
    assert translate("\n".join([*SOURCES, "x"]).encode("utf-16")[:-1])[1][:-1] == TARGETS


@pytest.mark.parametrize("options", [["--beam", "3"], ["--beam", "2", "--alpha", "1.5"]])
def test_a_beam_gives_as_many_lines(translate, options: list[str]):
    assert translate(lines(*SOURCES, "", "xyz"), *options)[:2] == (
        0,
        [*TARGETS, "", *translate(lines("xyz"), *options)[1]],
    )


@pytest.mark.parametrize(
    ("option", "value"),
    [("beam", value) for value in ("0", "-2", "many", "65", "100000", "2.5", "9" * 5000)]
    + [("alpha", value) for value in ("nan", "inf", "1e9", "-1", "1e400", "much")],
)
def test_a_number_outside_its_range_is_refused_in_one_sentence(translate, option, value, capsys):
    with pytest.raises(SystemExit) as stopped:
        translate(lines(*SOURCES), f"--{option}", value)
    (sentence,) = capsys.readouterr().err.splitlines()
    assert stopped.value.code == 2
    assert f"argument --{option}: {option} must be a" in sentence
    assert len(sentence) < 200


@pytest.mark.parametrize(
    "options", [["--beam", "3", "{}"], ["{}", "--beam", "3"], ["--beam=3", "{}", "--alpha", "1"]]
)
def test_the_file_may_stand_anywhere_among_the_options(translate, tmp_path: Path, options: list[str]):
    (tmp_path / "in.txt").write_bytes(lines(*SOURCES))
    given = [option.format(tmp_path / "in.txt") for option in options]
    assert translate(b"never read", *given) == (0, TARGETS, "")


def test_a_dash_means_standard_input(translate):
    assert translate(lines(*SOURCES), "-") == (0, TARGETS, "")


def test_two_files_are_refused_in_one_sentence(translate, capsys):
    with pytest.raises(SystemExit) as stopped:
        translate(b"", "a.txt", "--beam", "2", "b.txt")
    assert stopped.value.code == 2
    assert capsys.readouterr().err.endswith("unrecognized arguments: b.txt\n")


def test_a_file_is_read_instead_of_standard_input(translate, tmp_path: Path):
    (tmp_path / "in.txt").write_bytes(lines(*SOURCES))
    assert translate(b"never read", str(tmp_path / "in.txt")) == (0, TARGETS, "")


@pytest.mark.parametrize("name", ["absent.txt", "."])
def test_a_file_that_does_not_read_gives_one_sentence_and_status_2(translate, tmp_path: Path, name: str):
    status, out, err = translate(b"", str(tmp_path / name))
    assert (status, out) == (2, [])
    assert len(err.splitlines()) == 1
    assert str(tmp_path / name) in err
    assert "does not read" in err


def test_a_missing_checkpoint_gives_one_sentence_and_status_2(capsys: pytest.CaptureFixture[str]):
    assert main(["no-such-model"]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("There is no checkpoint 'no-such-model'")
    assert shown.err.count("\n") == 1


def started(checkpoint: Path, folder: Path, **streams) -> subprocess.Popen:
    """The command as a process of its own, in another folder, where the locale knows ASCII only."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "model.translate", str(checkpoint)]
    return subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.PIPE, **streams)


def test_the_command_works_from_another_folder_and_in_any_locale(checkpoint: Path, tmp_path: Path):
    process = started(checkpoint, tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(lines(SOURCES[0], "", PAIRS[6][0]))
    assert process.returncode == 0
    assert out.decode("utf-8") == f"{TARGETS[0]}\n\n{PAIRS[6][1]}\n"
    assert err.decode().startswith("line 2: ")
    assert err.count(b"\n") == 1


def test_output_that_cannot_be_written_is_not_blamed_on_the_input(checkpoint: Path, tmp_path: Path):
    reading, writing = os.pipe()
    os.close(reading)
    process = started(checkpoint, tmp_path, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(lines(*SOURCES))
    assert process.returncode == 2
    assert err.decode().splitlines() == ["The output cannot be written: Broken pipe."]
