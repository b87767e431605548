"""beam_example.py as a command: numbers that make no sense get one sentence."""

import pytest

from model.beam_example import Example, main, most_instructive
from tests.helpers.tiny import PAIRS, tiny_checkpoint, write_multi30k


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--width", "0", "width must be a whole number from 1 to 64, not 0."),
        ("--width", "100000", "width must be a whole number from 1 to 64, not 100000."),
        ("--n", "-5", "n must be a whole number from 1 to 1,000,000,000, not -5."),
        ("--n", "many", "n must be a whole number from 1 to 1,000,000,000, not many."),
    ],
)
def test_a_number_outside_its_range_is_refused_in_one_sentence(capsys, option, value, said):
    with pytest.raises(SystemExit) as stopped:
        main(["en-de", "--data", "nowhere", option, value])
    shown = capsys.readouterr()
    assert (stopped.value.code, shown.out) == (2, "")
    assert shown.err == f"python -m model.beam_example: argument {option}: {said}\n"


def test_each_line_is_an_example_that_greedy_misses(tmp_path, capsys):
    checkpoint = tiny_checkpoint(tmp_path / "en-de", learnt=True)
    data = write_multi30k(tmp_path / "data", "val", [("A cat plays on the street.", "x"), *PAIRS[:2]])
    assert main([str(checkpoint), "--data", str(data), "--n", "3"]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    assert all(len(line.split("\t")) == 7 for line in shown.out.splitlines())


def example(greedy, beam):
    return Example(beam, greedy, beam, "Ein Hund rennt durch den Schnee.", -2.0, -1.0)


def test_the_card_gets_the_sentence_where_the_beam_is_better_by_most():
    a_little = example("Ein Hund rennt durch das Gras.", "Ein Hund rennt durch Schnee.")
    much = example("Ein Baum steht dort.", "Ein Hund rennt durch den Schnee.")
    worse = example("Ein Hund rennt durch den Schnee.", "Ein Baum steht dort.")
    assert most_instructive([worse, much, a_little]) is much
    assert most_instructive([worse]) is None
    assert most_instructive([]) is None
