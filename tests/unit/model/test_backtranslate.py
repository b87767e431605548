"""backtranslate.py: captions and what a model of the other direction makes of them, as pairs."""

import gzip

from model.backtranslate import back_translate, main
from model.glass import load
from model.mixture import read_back_translated
from tests.helpers.tiny import BROKEN, PAIRS

KNOWN = [pair for pair in PAIRS if pair is not BROKEN]
CAPTIONS = [src for src, _ in KNOWN]


def test_each_caption_is_paired_with_its_greedy_translation(learnt):
    glass = load(learnt)
    assert sorted(back_translate(glass, CAPTIONS)) == sorted((tgt, src) for src, tgt in KNOWN)


def test_many_at_a_time_say_what_one_at_a_time_says(learnt):
    """Padding changes nothing: a short caption beside a long one."""
    glass = load(learnt)
    assert sorted(back_translate(glass, CAPTIONS)) == sorted(
        (glass.translate(text).text, text) for text in CAPTIONS
    )


def test_captions_are_read_as_the_page_reads_them_and_doubles_come_once(learnt):
    assert back_translate(load(learnt), ["I love\u00a0you.", "I love you.", " "]) == [
        ("Ich liebe dich.", "I love you.")
    ]


def test_what_is_longer_than_the_model_reads_is_left_out(learnt):
    assert back_translate(load(learnt), ["A man " * 40]) == []


def test_the_command_writes_what_training_reads(learnt, tmp_path, capsys):
    captions, out = tmp_path / "captions.gz", tmp_path / "pairs.gz"
    captions.write_bytes(gzip.compress("\n".join(CAPTIONS).encode()))
    assert main([str(learnt), "--captions", str(captions), "--out", str(out), "--limit", "3"]) == 0
    assert sorted(read_back_translated(out)) == sorted((tgt, src) for src, tgt in KNOWN[:3])
    assert "Wrote 3 pairs" in capsys.readouterr().out


def test_missing_captions_are_named(learnt, tmp_path, capsys):
    assert main([str(learnt), "--captions", str(tmp_path / "none.gz"), "--out", str(tmp_path / "o")]) == 2
    assert "There is no file" in capsys.readouterr().err
