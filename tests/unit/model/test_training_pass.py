"""training_pass.py: the pass of training equals the named pass, in value and in gradient."""

import pytest
import torch

from model.attention import ATTENTIONS
from model.config import Config
from model.loss import batch_loss, smoothed_cross_entropy
from model.positions import ENCODINGS
from model.training_pass import TrainingPass, fits
from model.transformer import Transformer

SRC = torch.tensor([[5, 6, 7, 2], [8, 2, 0, 0], [9, 10, 2, 0]])
TGT = torch.tensor([[1, 11, 12], [1, 13, 0], [1, 14, 15]])
OUT = torch.tensor([[11, 12, 2], [13, 2, 0], [14, 15, 2]])


def make_model(**choices):
    torch.manual_seed(3)
    config = Config(vocab_size=20, d_model=16, n_heads=2, d_ff=24, n_layers=2, max_src_len=8, max_tgt_len=8)
    model = Transformer(Config(**config.to_dict() | choices)).double().train()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def pass_loss(model, dtype=torch.float64):
    real = OUT != 0
    states = TrainingPass(model, dtype).states(SRC, TGT)[real]
    return smoothed_cross_entropy(states.to(dtype), model.embedding.weight, OUT[real], 0.1)


every_choice = pytest.mark.parametrize(
    ("positions", "norm"), [(positions, norm) for positions in ENCODINGS for norm in ("pre", "post")]
)


@every_choice
def test_states_equal_the_named_pass(positions, norm):
    model = make_model(positions=positions, norm=norm)
    keep = SRC != 0
    named = model.decode(TGT, model.encode(SRC, keep), keep)
    real = OUT != 0
    torch.testing.assert_close(
        TrainingPass(model, torch.float64).states(SRC, TGT)[real], named[real], atol=1e-12, rtol=0
    )


@every_choice
def test_gradients_equal_those_of_the_named_pass(positions, norm):
    model = make_model(positions=positions, norm=norm)
    named = gradients(model, batch_loss(model, (SRC, TGT, OUT), 0, 0.1)[0])
    quick = gradients(model, pass_loss(model))
    assert named.keys() == quick.keys()
    assert max((named[name] - quick[name]).abs().max() for name in named) < 1e-11


def test_in_bf16_the_loss_is_off_by_no_more_than_its_rounding():
    """bf16 keeps 8 bits: a product of the stream is off by 2⁻⁸ of itself, and 14 sublayers add theirs up."""
    model = make_model(norm="pre").float()
    exact, _ = batch_loss(model, (SRC, TGT, OUT), 0, 0.1)
    assert abs(pass_loss(model, torch.bfloat16) / exact - 1) < 14 * 2**-8


def test_a_row_of_a_batch_is_the_row_alone():
    model = make_model(norm="pre")
    together = TrainingPass(model, torch.float64).states(SRC, TGT)
    alone = TrainingPass(model, torch.float64).states(SRC[1:2, :2], TGT[1:2, :2])
    torch.testing.assert_close(together[1:2, :2], alone, atol=1e-12, rtol=0)


@pytest.mark.parametrize("attention", ATTENTIONS)
def test_only_plain_attention_has_this_pass(attention):
    assert fits(make_model(attention=attention)) == (attention == "softmax")


def test_dropout_acts_in_this_pass():
    model = make_model(norm="pre", dropout=0.5)
    first, second = (TrainingPass(model, torch.float64).states(SRC, TGT) for _ in range(2))
    assert not torch.equal(first, second)
