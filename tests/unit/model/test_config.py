"""config.py: one frozen value, nonsense refused with a sentence."""

from dataclasses import FrozenInstanceError

import pytest

from model.config import SIZES, Config
from model.positions import make_encoding

pytestmark = pytest.mark.once

NONSENSE = {
    "vocab_size": (0, "vocab_size must be a whole number from 1 to"),
    "d_model": (-8, "d_model must be a whole number from 1 to"),
    "n_heads": (0, "n_heads must be a whole number from 1 to"),
    "d_ff": (0, "d_ff must be a whole number from 1 to"),
    "n_layers": (0, "n_layers must be a whole number from 1 to"),
    "max_src_len": (1, "max_src_len must be a whole number from 2 to"),
    "max_tgt_len": (0, "max_tgt_len must be a whole number from 1 to"),
    "norm": ("middle", "norm must be one of post, pre"),
    "dropout": (1.0, "dropout must lie in"),
    "pad_id": (8000, "three ids below 8000"),
    "bos_id": (0, "three ids below 8000"),
    "eos_id": (-1, "three ids below 8000"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense_is_refused_with_a_sentence(name):
    value, sentence = NONSENSE[name]
    with pytest.raises(ValueError, match=sentence) as error:
        Config(**{name: value})
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("dropout", [-0.1, 1.5, float("nan")])
def test_dropout_outside_its_range_is_refused(dropout):
    with pytest.raises(ValueError, match="dropout"):
        Config(dropout=dropout)


@pytest.mark.parametrize("name", [size.name for size in SIZES])
def test_a_size_beyond_all_models_is_refused_by_name(name):
    with pytest.raises(ValueError, match=f"config: {name} must be a whole number from"):
        Config(**{name: 10**12})


@pytest.mark.parametrize("name", ["d_model", "norm", "dropout", "pad_id", "positions"])
@pytest.mark.parametrize("value", ["x" * 5000, 10**4000, [0] * 5000], ids=["text", "number", "list"])
def test_a_refusal_stays_short(name, value):
    with pytest.raises(ValueError, match=f"config: |{name} must be") as error:
        make_encoding(Config(**{name: value}))
    assert len(str(error.value)) < 200


def test_a_value_nested_deeply_is_refused_by_name():
    value = []
    for _ in range(950):
        value = [value]
    with pytest.raises(ValueError, match="d_model must be of type int"):
        Config(d_model=value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("d_model", "128"), ("n_layers", 2.0), ("n_heads", True), ("norm", None), ("dropout", "0.1")],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"{name} must be of type"):
        Config(**{name: value})


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="d_model 128 does not split into 3 equal heads"):
        Config(n_heads=3)


def test_config_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Config().d_model = 64


def test_d_head_is_the_width_of_one_head():
    assert Config(d_model=96, n_heads=6).d_head == 16


@pytest.mark.parametrize(("src", "tgt", "longest"), [(64, 80, 80), (90, 80, 90)])
def test_max_len_is_the_longer_side(src, tgt, longest):
    assert Config(max_src_len=src, max_tgt_len=tgt).max_len == longest


def test_from_dict_inverts_to_dict():
    config = Config(vocab_size=99, positions="rotary", norm="pre", dropout=0.25)
    assert Config.from_dict(config.to_dict()) == config


def test_from_dict_names_an_unknown_key():
    with pytest.raises(ValueError, match="unknown key 'n_head'"):
        Config.from_dict({"n_head": 4})
