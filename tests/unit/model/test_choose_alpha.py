"""choose_alpha.py: each α's scores are those of the translations with it; the choice goes into the card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sacrebleu

from model import card, load
from model.card import Trial
from model.choose_alpha import chosen, main, trial
from tests.helpers.tiny import BROKEN, PAIRS, write_multi30k

KNOWN = [pair for pair in PAIRS if pair is not BROKEN]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_multi30k(tmp_path / "data", "val", KNOWN)


def test_a_trial_has_the_scores_and_the_length_of_its_translations(learnt):
    glass = load(learnt)
    pairs = [*KNOWN[:3], (KNOWN[3][0], "Drei."), ("", "nichts")]
    found = trial(glass, pairs, 2, 0.6)
    outs = [glass.translate(src, 2, 0.6) for src, _ in pairs[:4]]
    references = [[tgt for _, tgt in pairs]]
    texts = [*(out.text for out in outs), ""]
    assert found.bleu_lc == round(sacrebleu.corpus_bleu(texts, references, lowercase=True).score, 2)
    assert found.chrf == round(sacrebleu.corpus_chrf(texts, references).score, 2)
    wanted = sum(len(glass.tokenizer.encode(tgt)) for tgt in references[0])
    assert found.length == round(sum(len(out.ids) for out in outs) / wanted, 3)


def test_the_smallest_alpha_that_is_as_good_as_the_best_is_chosen():
    tried = [Trial(0.6, 38.0, 60, 0.9), Trial(1.8, 39.5, 61, 1), Trial(1.0, 39.45, 62, 1)]
    assert chosen(tried).alpha == 1.0


def test_the_choice_is_printed_and_with_card_written(folder, data, capsys):
    options = [str(folder), "--data", str(data), "--beam", "3", "--alphas", "1.4", "0.2", "--limit", "4"]
    before = (folder / "card.json").read_bytes()
    assert main(options) == 0
    assert (folder / "card.json").read_bytes() == before
    assert main([*options, "--card"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines[-2].startswith("α 0.2: BLEU lower-cased 100.0, chrF 100.0, length 1.0")
    decoding = card.decoding(load(folder).card)
    assert (decoding.beam, decoding.alpha, decoding.chosen_on) == (3, 0.2, "val, 4 sentences")
    assert [each.alpha for each in decoding.tried] == [0.2, 1.4]
    assert json.loads(last)["alpha"] == 0.2


@pytest.mark.parametrize("option", [["--alphas", "2.1"], ["--beam", "9"], ["--limit", "0"]])
def test_what_the_page_cannot_show_is_refused(folder, data, option, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([str(folder), "--data", str(data), *option])
    assert stopped.value.code == 2
    assert option[0] in capsys.readouterr().err


def test_missing_data_give_one_sentence(folder, tmp_path, capsys):
    assert main([str(folder), "--data", str(tmp_path / "absent")]) == 2
    assert capsys.readouterr().err.startswith("There is no file ")
