"""checkpoint.py: what was saved comes back bit for bit; what is amiss is one sentence naming the file."""

import ast
import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from model import checkpoint
from model.checkpoint import FILES, CheckpointError, load_checkpoint
from model.positions import ENCODINGS
from model.tokenizer import Tokenizer
from tests.helpers.small import SRC, TGT, all_real, small_model

pytestmark = pytest.mark.once

WEIGHTS = "model.safetensors"
LONG_NUMBER = b'{"d_model": ' + b"9" * 5000 + b"}"
DEEP = b'{"d_model": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
NO_OBJECTS = [b"", b"{", b"\xff\xfe\x00", b"[1, 2]", b"null", LONG_NUMBER, DEEP, b" " * 33_000_000]


def save(folder, tokenizer, **changes):
    """A checkpoint folder; returns its model."""
    model = small_model(dtype=torch.float32, **{"vocab_size": tokenizer.vocab_size, "n_layers": 1} | changes)
    checkpoint.save(folder, model.config, tokenizer, model.state_dict(), {"seed": 1})
    return model


@pytest.fixture
def folder(tmp_path, tokenizer):
    save(tmp_path / "en-de", tokenizer)
    return tmp_path / "en-de"


def refusal(folder):
    """The sentence with which a folder is refused."""
    with pytest.raises(CheckpointError) as error:
        load_checkpoint(folder)
    return str(error.value)


def change_json(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def metadata_of(path):
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def change_weights(folder, change):
    """Rewrite the weights after `change`, which gets the dictionary of tensors."""
    metadata = metadata_of(folder / WEIGHTS)
    weights = load_file(folder / WEIGHTS)
    change(weights)
    save_file(weights, folder / WEIGHTS, metadata)


# What was saved comes back


@pytest.mark.parametrize("norm", ["post", "pre"])
@pytest.mark.parametrize("positions", ENCODINGS)
def test_weights_come_back_bit_for_bit(tmp_path, tokenizer, positions, norm):
    saved = save(tmp_path / "m", tokenizer, positions=positions, norm=norm).state_dict()
    loaded = load_checkpoint(tmp_path / "m").model.state_dict()
    assert [name for name in saved if not torch.equal(saved[name], loaded[name])] == []


@pytest.mark.parametrize("positions", ENCODINGS)
def test_logits_come_back_bit_for_bit(tmp_path, tokenizer, positions):
    model = save(tmp_path / "m", tokenizer, positions=positions)
    loaded = load_checkpoint(tmp_path / "m").model
    src, tgt = torch.tensor([SRC]), torch.tensor([TGT])
    with torch.inference_mode():
        assert torch.equal(loaded(src, tgt, all_real(src)), model(src, tgt, all_real(src)))


def test_config_comes_back(tmp_path, tokenizer):
    model = save(tmp_path / "m", tokenizer, positions="rotary", norm="pre", dropout=0.2)
    assert load_checkpoint(tmp_path / "m").config == model.config


def test_card_comes_back(folder):
    assert load_checkpoint(folder).card == {"seed": 1}


def test_a_loaded_model_is_in_eval_mode(folder):
    assert not load_checkpoint(folder).model.training


def test_a_name_is_found_below_checkpoints(folder, monkeypatch):
    monkeypatch.setattr(checkpoint, "ROOT", folder.parent)
    assert load_checkpoint("en-de").folder == folder


def test_names_lists_folders_only(folder, monkeypatch):
    (folder.parent / "notes.txt").write_text("no checkpoint")
    monkeypatch.setattr(checkpoint, "ROOT", folder.parent)
    assert checkpoint.names() == ["en-de"]


def test_without_a_checkpoints_folder_there_are_no_names(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "ROOT", tmp_path / "none")
    assert checkpoint.names() == []


# What is amiss is named


def test_an_unknown_name_is_refused():
    with pytest.raises(CheckpointError, match=r"There is no checkpoint 'xx-yy'"):
        load_checkpoint("xx-yy")


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(folder, file):
    (folder / file).unlink()
    assert refusal(folder) == f"The checkpoint en-de lacks the file {file}."


@pytest.mark.parametrize("file", ["config.json", "card.json"])
@pytest.mark.parametrize("content", NO_OBJECTS, ids=[str(n) for n in range(len(NO_OBJECTS))])
def test_a_file_that_holds_no_json_object_is_named(folder, file, content):
    (folder / file).write_bytes(content)
    assert refusal(folder).startswith(f"en-de/{file} ")


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"n_head": 4}, "unknown key 'n_head'"),
        ({"n_heads": 3}, "does not split into 3 equal heads"),
        ({"d_model": "16"}, "d_model must be of type int"),
        ({"positions": "sine"}, "positions must be one of"),
        ({"attention": "linear"}, "attention must be one of"),
        ({"attention": "x" * 5000}, "attention must be one of"),
        ({"d_model": 10**12}, "d_model must be a whole number from 1 to 8,192, not 1000000000000"),
        ({"n_layers": 10**12}, "n_layers must be a whole number from 1 to 128"),
        ({"max_src_len": 10**12}, "max_src_len must be a whole number from 2 to 4,096"),
        ({"max_src_len": 1}, "max_src_len must be a whole number from 2 to 4,096"),
        ({"d_model": 10**3000}, "not one of more than 20 digits"),
        ({"dropout": float("nan")}, "dropout must lie in [0, 1)"),
        ({"n_heads": 16, "positions": "rotary"}, "d_head must be even, not 1"),
    ],
)
def test_nonsense_in_the_config_is_named(folder, changes, cause):
    change_json(folder / "config.json", **changes)
    sentence = refusal(folder)
    assert sentence.startswith("en-de/config.json: ")
    assert cause in sentence


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"d_ff": 32}, "has the shape"),
        ({"n_layers": 2}, "lacks the weights"),
        ({"norm": "pre"}, "lacks the weights"),
        ({"positions": "learned"}, "lacks the weights"),
    ],
)
def test_a_config_of_another_model_is_refused(folder, changes, cause):
    change_json(folder / "config.json", **changes)
    sentence = refusal(folder)
    assert sentence.startswith("en-de/model.safetensors")
    assert cause in sentence


@pytest.mark.parametrize(
    "changes",
    [{"n_heads": 1}, {"dropout": 0.5}, {"max_tgt_len": 12}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_config_changed_by_hand_is_noticed(folder, changes):
    change_json(folder / "config.json", **changes)
    sentence = "en-de/config.json is not the config that model.safetensors was trained with."
    assert refusal(folder) == sentence


@pytest.mark.parametrize("name", ["tokenizer", "config"])
def test_weights_that_do_not_remember_their_files_are_refused(folder, name):
    weights, metadata = load_file(folder / WEIGHTS), metadata_of(folder / WEIGHTS)
    del metadata[f"{name}_sha256"]
    save_file(weights, folder / WEIGHTS, metadata)
    assert refusal(folder).startswith(f"en-de/{name}.json is not the {name} that")


@pytest.mark.parametrize("name", ["tokenizer", "config"])
def test_saved_weights_remember_the_checksums_of_their_tokenizer_and_config(folder, name):
    content = (folder / f"{name}.json").read_bytes()
    assert metadata_of(folder / WEIGHTS)[f"{name}_sha256"] == hashlib.sha256(content).hexdigest()


def test_sizes_that_the_weights_do_not_have_take_no_memory(folder):
    largest = {"d_model": 8192, "d_ff": 65_536, "n_layers": 128, "max_src_len": 4096}  # tens of gigabytes
    change_json(folder / "config.json", **largest)
    assert "en-de/model.safetensors" in refusal(folder)


def test_the_checksum_of_the_weights_is_that_of_the_bytes_that_were_loaded(folder):
    before = (folder / WEIGHTS).read_bytes()
    loaded = load_checkpoint(folder)
    change_weights(folder, lambda weights: weights["embedding.weight"].mul_(2))
    assert loaded.weights_sha256 == hashlib.sha256(before).hexdigest()
    assert load_checkpoint(folder).weights_sha256 != loaded.weights_sha256


def test_every_file_is_read_once(folder, monkeypatch):
    read, read_bytes = [], Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: (read.append(path.name), read_bytes(path))[1])
    load_checkpoint(folder)
    assert sorted(read) == sorted(FILES)


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_weights_that_are_no_floating_point_numbers_are_named(folder, dtype):
    change_weights(
        folder, lambda weights: weights.update({"embedding.weight": torch.zeros(400, 16, dtype=dtype)})
    )
    assert "'embedding.weight' holds" in refusal(folder)


def test_weights_whose_logits_overflow_are_refused(folder):
    change_weights(folder, lambda weights: weights["embedding.weight"].fill_(3e38))
    assert refusal(folder) == "en-de/model.safetensors makes numbers that are not finite."


def test_a_failed_save_leaves_the_weights_that_were_there(folder, monkeypatch):
    before = (folder / WEIGHTS).read_bytes()

    def full(values, path, metadata):
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("model.weights.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.save_weights(folder / WEIGHTS, load_file(folder / WEIGHTS), torch.float32)
    assert (folder / WEIGHTS).read_bytes() == before
    assert {path.name for path in folder.iterdir()} == set(FILES)


def test_a_weight_too_many_is_named(folder):
    change_weights(folder, lambda weights: weights.update(extra=torch.zeros(1)))
    assert "holds 'extra', which this model does not have" in refusal(folder)


def test_a_weight_of_a_wrong_shape_is_named(folder):
    change_weights(folder, lambda weights: weights.update({"embedding.weight": torch.zeros(3, 4)}))
    assert "'embedding.weight' has the shape (3, 4), but the config asks for (400, 16)" in refusal(folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_weight_that_is_no_number_is_named(folder, value):
    def spoil(weights):
        weights["encoder.0.ffn.W_1.bias"][3] = value

    change_weights(folder, spoil)
    assert "'encoder.0.ffn.W_1.bias' holds a value that is no finite number" in refusal(folder)


def cut_points(length, header):
    return {
        "empty": 0,
        "inside the header's length": 4,
        "before the header": 8,
        "inside the header": 8 + header // 2,
        "after the header": 8 + header,
        "in the middle": length // 2,
        "one byte short": length - 1,
    }


@pytest.mark.parametrize("cut", cut_points(0, 0))
def test_weights_cut_short_are_refused(folder, cut):
    whole = (folder / WEIGHTS).read_bytes()
    header = int.from_bytes(whole[:8], "little")
    (folder / WEIGHTS).write_bytes(whole[: cut_points(len(whole), header)[cut]])
    assert refusal(folder).startswith(
        "en-de/model.safetensors does not read as safetensors, perhaps cut short"
    )


def test_weights_with_bytes_behind_them_are_refused(folder):
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole + b"more")
    assert refusal(folder).startswith("en-de/model.safetensors does not read as safetensors")


def test_a_tokenizer_with_other_merges_is_refused(folder, other_tokenizer):
    other_tokenizer.save(folder / "tokenizer.json")
    sentence = "en-de/tokenizer.json is not the tokenizer that model.safetensors was trained with."
    assert refusal(folder) == sentence


def test_a_tokenizer_of_another_size_is_refused(folder):
    Tokenizer.train(["some text"], 262).save(folder / "tokenizer.json")
    assert "en-de/tokenizer.json has 262 tokens, but the config asks for 400" in refusal(folder)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_tokenizer_is_named(folder, content):
    (folder / "tokenizer.json").write_bytes(content)
    assert refusal(folder).startswith("en-de/tokenizer.json: ")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda vocab: vocab.update({"the": 9_999}), "ids do not run from 0 without a gap"),
        (lambda vocab: vocab.update({"日本": vocab.pop("the")}), "'日本' does not spell bytes"),
        (lambda vocab: vocab.update({"zzzz": vocab.pop("a")}), "no token for the byte 61"),
    ],
)
def test_a_vocabulary_that_is_none_of_ours_is_refused(folder, change, said):
    values = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    vocab = values["model"]["vocab"]
    vocab["the"] = vocab.pop(max(vocab, key=vocab.get))
    values["model"]["merges"] = []
    change(vocab)
    (folder / "tokenizer.json").write_text(json.dumps(values), encoding="utf-8")
    sentence = refusal(folder)
    assert sentence.startswith("en-de/tokenizer.json: ")
    assert said in sentence


def test_special_ids_that_are_not_the_tokenizers_are_refused(folder):
    change_json(folder / "config.json", pad_id=7)
    assert refusal(folder).startswith("en-de/tokenizer.json ")


@pytest.mark.parametrize("file", FILES)
def test_a_refusal_is_one_sentence(folder, file):
    (folder / file).write_bytes(b"\x00nonsense")
    sentence = refusal(folder)
    assert sentence.endswith(".")
    assert "\n" not in sentence


# No pickle


def test_the_checkpoint_module_never_unpickles():
    tree = ast.parse(Path(checkpoint.__file__).read_text(encoding="utf-8"))
    modules = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not (modules & {"pickle", "joblib", "dill"})
    assert not (calls & {"torch.load", "torch.save"})


def test_a_folder_holds_exactly_its_four_files(folder):
    assert {path.name for path in folder.iterdir()} == set(FILES)
