"""evaluate.py: its scores are sacreBLEU's own, and its last line is one JSON object."""

import gzip
import json
from pathlib import Path

import pytest
import sacrebleu

from model.data import Pair
from model.evaluate import main, score, translate_all
from model.glass import Glass, Translation, load
from tests.helpers.tiny import BROKEN, PAIRS, write_multi30k

KNOWN = [pair for pair in PAIRS if pair is not BROKEN]
MIXED: list[Pair] = [
    *KNOWN[:5],
    (KNOWN[5][0], KNOWN[5][1].upper()),
    (KNOWN[6][0], "Ein Mädchen isst einen grünen Apfel."),
    ("A man reads a book on a red bike.", "Ein Mann liest auf einem roten Fahrrad ein Buch."),
]
"""Known pairs, one reference in capitals, one reworded, one sentence never seen."""

KEYS = {"bleu", "bleu_lc", "chrf", "signature", "sentences", "seconds"}


@pytest.fixture(scope="module")
def glass(learnt: Path) -> Glass:
    return load(learnt)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_multi30k(tmp_path / "data", "val", MIXED)


@pytest.fixture
def evaluate(folder: Path, data: Path, capsys: pytest.CaptureFixture[str]):
    """Runs the command over the small split; returns the object on its last line."""

    def run(*options: str) -> dict:
        assert main([str(folder), "--data", str(data), "--split", "val", *options]) == 0
        return json.loads(capsys.readouterr().out.splitlines()[-1])

    return run


def outputs_of(glass: Glass, beam: int = 1) -> list[str]:
    return [glass.translate(src, beam).text for src, _ in MIXED]


REFERENCES = [[tgt for _, tgt in MIXED]]


@pytest.mark.parametrize("beam", [1, 3])
def test_the_scores_are_those_of_sacrebleu(evaluate, glass: Glass, beam: int):
    result, outputs = evaluate("--beam", str(beam)), outputs_of(glass, beam)
    assert result.keys() >= KEYS
    assert result["bleu"] == round(sacrebleu.corpus_bleu(outputs, REFERENCES).score, 2)
    assert result["bleu_lc"] == round(sacrebleu.corpus_bleu(outputs, REFERENCES, lowercase=True).score, 2)
    assert result["chrf"] == round(sacrebleu.corpus_chrf(outputs, REFERENCES).score, 2)
    assert 30 < result["bleu"] < result["bleu_lc"] < 100
    assert result["sentences"] == len(MIXED)
    assert result["seconds"] >= 0
    told = (result["model"], result["split"], result["beam"], result["alpha"])
    assert told == ("en-de", "val", beam, glass.decoding.alpha)


def test_the_signature_is_that_of_cased_detokenised_bleu(evaluate):
    fields = dict(part.split(":") for part in evaluate()["signature"].split("|"))
    assert fields["case"] == "mixed"
    assert fields["tok"] == "13a"
    assert fields["smooth"] == "exp"
    assert fields["nrefs"] == "1"
    assert fields["version"] == sacrebleu.__version__


def test_sentences_learnt_by_heart_score_100(folder: Path, tmp_path: Path, capsys):
    write_multi30k(tmp_path, "val", KNOWN)
    assert main([str(folder), "--data", str(tmp_path), "--split", "val"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["bleu"], result["bleu_lc"], result["chrf"]) == (100, 100, 100)


def test_lower_casing_forgives_case_only():
    references = [tgt for _, tgt in KNOWN]
    shouted = ["".join(c if c == "ß" else c.upper() for c in text) for text in references]
    capitals = score(shouted, references)
    assert capitals["bleu_lc"] == 100
    assert capitals["bleu"] < 50
    assert score(references, references)["bleu"] == 100
    assert score([text.replace("Ein", "Kein") for text in references], references)["bleu_lc"] < 100


def test_the_first_sentences_only(evaluate, glass: Glass):
    result = evaluate("--limit", "3")
    assert result["sentences"] == 3
    expected = sacrebleu.corpus_bleu(outputs_of(glass)[:3], [REFERENCES[0][:3]])
    assert result["bleu"] == round(expected.score, 2)


@pytest.mark.parametrize("option", [["--limit", "0"], ["--limit", "-1"], ["--beam", "0"]])
def test_a_number_below_one_is_refused(evaluate, option: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        evaluate(*option)
    assert stopped.value.code == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    assert f"{option[0][2:]} must be a whole number from 1 to" in sentence
    assert f"not {option[1]}." in sentence


def test_a_text_that_the_model_does_not_take_scores_as_empty(glass: Glass):
    texts = ["", KNOWN[0][0], "A man " * 100, "\udc00"]
    assert translate_all(glass, texts, 1, None) == ["", KNOWN[0][1], "", ""]


def test_casual_tells_what_careless_typing_costs(evaluate, glass: Glass):
    result = evaluate("--casual")
    careless = [src.removesuffix(".").lower() for src, _ in MIXED]
    references = [[tgt.removesuffix(".") for tgt in REFERENCES[0]]]
    scores = {}
    for kind, texts in (("plain", [src for src, _ in MIXED]), ("casual", careless)):
        outputs = [glass.translate(text).text.removesuffix(".") for text in texts]
        scores[kind] = round(sacrebleu.corpus_bleu(outputs, references, lowercase=True).score, 2)
    assert result["plain_bleu_lc"] == scores["plain"]
    assert result["casual_bleu_lc"] == scores["casual"]
    assert result["drop"] == round(scores["plain"] - scores["casual"], 2) != 0
    assert result.keys() >= {"signature", "sentences", "seconds"}


def test_casual_input_is_lower_case_without_final_punctuation(evaluate, monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    translate = Glass.translate

    def listening(self: Glass, text: str, *options: float) -> Translation:
        asked.append(text)
        return translate(self, text, *options)

    monkeypatch.setattr(Glass, "translate", listening)
    evaluate("--casual")
    plain = [src for src, _ in MIXED]
    assert asked == [*plain, *(src.removesuffix(".").lower() for src in plain)]


def test_card_writes_the_scores_beside_those_already_there(evaluate, folder: Path):
    plain, casual = evaluate("--card"), evaluate("--card", "--casual", "--beam", "2")
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    assert card["name"] == "en-de"
    assert card["scores"] == {"before": {"bleu": 1.0}, "val, beam 1": plain, "val casual, beam 2": casual}
    assert load(folder).card == card


@pytest.mark.parametrize("scores", [[], "x", None, 5])
def test_card_writes_over_scores_that_are_none(evaluate, folder: Path, scores):
    (folder / "card.json").write_text(json.dumps({"name": 5, "scores": scores}))
    card = {"name": 5, "scores": {"val, beam 1": evaluate("--card")}}
    assert json.loads((folder / "card.json").read_text(encoding="utf-8")) == card


def test_a_card_that_cannot_be_written_costs_no_result(folder: Path, data: Path, capsys, monkeypatch):
    def full(path, values):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("model.checkpoint.write_json", full)
    assert main([str(folder), "--data", str(data), "--split", "val", "--card"]) == 2
    shown = capsys.readouterr()
    assert json.loads(shown.out)["sentences"] == len(MIXED)
    assert shown.err.endswith("card.json cannot be read or written: No space left on device.\n")


def test_without_card_the_checkpoint_stays_as_it_is(evaluate, folder: Path):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    evaluate()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_another_pair_of_languages_reads_its_own_files(folder: Path, tmp_path: Path, capsys):
    write_multi30k(tmp_path, "test_2016_flickr", KNOWN[:2], "en", "fr")
    options = ["--data", str(tmp_path), "--split", "test_2016_flickr"]
    assert main([str(folder), *options]) == 2
    assert "test_2016_flickr.de.gz" in capsys.readouterr().err
    assert main([str(folder), *options, "--pair", "en-fr"]) == 0


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one sentence of a run that ends with status 2."""
    assert main(list(arguments)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.count("\n") == 1
    return shown.err


def test_missing_data_give_one_sentence_and_status_2(folder: Path, tmp_path: Path, capsys):
    sentence = refused(capsys, str(folder), "--data", str(tmp_path / "absent"), "--split", "val")
    assert sentence.startswith("There is no file ")
    assert "val.en.gz" in sentence


def test_sides_of_unequal_length_give_one_sentence_and_status_2(folder: Path, data: Path, capsys):
    with gzip.open(data / "multi30k" / "val.de.gz", "at", encoding="utf-8") as file:
        file.write("Noch eine Zeile.\n")
    sentence = refused(capsys, str(folder), "--data", str(data), "--split", "val")
    assert f"{len(MIXED)} lines of en, but {len(MIXED) + 1} of de" in sentence


def test_an_empty_split_gives_one_sentence_and_status_2(folder: Path, tmp_path: Path, capsys):
    write_multi30k(tmp_path, "val", [])
    sentence = refused(capsys, str(folder), "--data", str(tmp_path), "--split", "val")
    assert "no sentences" in sentence


def test_a_missing_checkpoint_gives_one_sentence_and_status_2(data: Path, capsys):
    sentence = refused(capsys, "no-such-model", "--data", str(data), "--split", "val")
    assert sentence.startswith("There is no checkpoint 'no-such-model'")
