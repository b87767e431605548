"""fused.py against the named pass: the same memory, the same logits, for every encoding and either norm."""

import pytest
import torch
from torch import Tensor

from model.attention import ATTENTIONS, Attention
from model.decoding import Incremental
from model.fused import FusedDecoder, encode, fits
from model.transformer import Transformer
from tests.helpers.lively import both_precisions, every_kind, every_seed, greedily, lively, sentence
from tests.helpers.small import SRC, all_real, small_model, some_ids


def named_logits(model: Transformer, src: Tensor, tgt: Tensor) -> Tensor:
    """(row, step, vocab) of one forced pass, each row of `tgt` over the same source."""
    rows = src.expand(len(tgt), -1)
    return model(rows, tgt, all_real(rows))


@every_kind
@both_precisions
def test_the_memory_is_that_of_the_named_encoder(positions: str, norm: str, dtype, tolerance):
    model, src = small_model(5, dtype, positions=positions, norm=norm), torch.tensor(SRC)
    with torch.inference_mode():
        torch.testing.assert_close(
            encode(model, src), model.encode(src[None], all_real(src[None]))[0], rtol=0, atol=tolerance
        )


@every_kind
@both_precisions
def test_each_step_of_each_row_is_its_row_of_the_forced_pass(positions: str, norm: str, dtype, tolerance):
    model, src = small_model(6, dtype, positions=positions, norm=norm), torch.tensor(SRC)
    tgt = some_ids(7, 3, 9)
    with torch.inference_mode():
        decoder = FusedDecoder(model, src)
        steps = torch.stack([decoder.step(tgt[:, t]) for t in range(9)], 1)
        torch.testing.assert_close(steps, named_logits(model, src, tgt), rtol=0, atol=tolerance)
    assert decoder.state.length == 9


@every_kind
def test_rows_that_branch_from_one_another_equal_their_forced_passes(positions: str, norm: str):
    model, src = small_model(8, positions=positions, norm=norm), torch.tensor(SRC)
    one, four = some_ids(1, 1, 3), some_ids(2, 4, 3)
    rows = torch.tensor([2, 0, 0, 3, 3])
    later = some_ids(3, 5, 2)
    with torch.inference_mode():
        decoder = FusedDecoder(model, src)
        for t in range(3):
            decoder.step(one[:, t])
        decoder.state.select(torch.zeros(4, dtype=torch.long))
        for t in range(3):
            decoder.step(four[:, t])
        decoder.state.select(rows)
        steps = torch.stack([decoder.step(later[:, t]) for t in range(2)], 1)
        tgt = torch.cat([one.expand(5, -1), four[rows], later], 1)
        torch.testing.assert_close(steps, named_logits(model, src, tgt)[:, 6:], rtol=0, atol=1e-10)


def test_a_step_after_the_last_position_is_refused_as_by_the_named_pass():
    model, src = lively(0, positions="learned"), torch.tensor(sentence(0))
    with torch.inference_mode():
        decoder = FusedDecoder(model, src)
        for _ in range(model.config.max_tgt_len):
            decoder.step(torch.tensor([3]))
        with pytest.raises(IndexError):
            decoder.step(torch.tensor([3]))


@every_seed
def test_an_edit_takes_the_named_pass_and_decodes_the_same(seed: int):
    model, src = lively(seed, vocab_size=23), sentence(seed, 23)
    nothing = {"output.logits": lambda value, parents: value}
    assert Incremental(model, src).fused is not None
    assert Incremental(model, src, nothing).fused is None
    named, fused = greedily(model, src, nothing), greedily(model, src)
    assert [step.id for step in fused] == [step.id for step in named]
    for one, other in zip(fused, named, strict=True):
        assert [a.id for a in one.alternatives] == [a.id for a in other.alternatives]
        log_probs = [a.log_prob for a in other.alternatives]
        assert [a.log_prob for a in one.alternatives] == pytest.approx(log_probs, abs=1e-10)


def test_changed_weights_count_from_the_next_sentence_on():
    model, src = lively(1), sentence(1)
    before = greedily(model, src)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.neg_()
    assert greedily(model, src) != before


class Uniform(Attention):
    """The same weight for every key."""

    def normalise(self, masked: Tensor) -> Tensor:
        return super().normalise(masked.where(masked.isneginf(), torch.zeros_like(masked)))


def test_a_variant_of_attention_has_no_fused_form_and_decodes_by_the_named_pass(monkeypatch):
    monkeypatch.setitem(ATTENTIONS, "uniform", Uniform)
    model, src = small_model(2, attention="uniform"), list(SRC)
    assert not fits(model)
    with torch.inference_mode():
        decoder, src_ids = Incremental(model, src), torch.tensor([src])
        steps = torch.cat([decoder.log_probs([token]) for token in (1, 8, 3)])
        forced = model(src_ids, torch.tensor([[1, 8, 3]]), all_real(src_ids))[0].log_softmax(-1)
    torch.testing.assert_close(steps, forced, rtol=0, atol=1e-10)


def test_a_model_in_training_has_no_fused_form():
    model = small_model(dropout=0.1)
    assert fits(model)
    assert not fits(model.train())
