"""stacked.py: a family that this project does not have is built, found by name and traced by its anatomy."""

import pytest
import torch

from model.config import NORMS
from model.layers import FeedForward, LayerNorm
from model.trace import Rows, Trace, Tracer
from tests.helpers.small import default_dtype, shake, small_config, some_ids
from tests.helpers.toy import ToyModel

IDS = some_ids(0, 1, 5)


@pytest.fixture(params=NORMS)
def toy(request):
    with default_dtype(torch.float64):
        torch.manual_seed(0)
        model = ToyModel(small_config(norm=request.param))
        shake(model, 1)
    return model.eval()


def traced(toy):
    rows = Rows(tuple(f"t{i}" for i in IDS[0].tolist()), tuple(IDS[0].tolist()))
    tracer = Tracer(toy.config, {"txt": rows.tokens})
    with torch.inference_mode():
        toy.probabilities(toy(IDS, tracer), tracer)
    return Trace(tracer.entries, {"txt": rows}, toy.anatomy, toy.config)


def test_a_model_of_one_stack_is_traced_in_the_order_of_its_anatomy(toy):
    names = list(traced(toy))
    born = [
        next(i for i, name in enumerate(names) if name == scope or name.startswith(f"{scope}."))
        for _, _, scope in toy.anatomy.scopes()
    ]
    assert born == sorted(born)
    assert names[-2:] == ["output.logits", "output.probs"]


def test_its_trace_is_the_silent_pass_and_knows_its_parents(toy):
    trace = traced(toy)
    with torch.inference_mode():
        assert torch.equal(torch.tensor(trace["output.logits"].value), toy(IDS)[0])
    assert trace["output.logits"].of == ("blocks.states",)
    final = "blocks.final_norm.norm_out" if toy.config.norm == "pre" else "blocks.1.resid_out"
    assert trace["blocks.states"].of == (final,)


def test_a_later_token_changes_no_earlier_logits(toy):
    other = IDS.clone()
    other[0, -1] = (other[0, -1] + 1) % 20
    with torch.inference_mode():
        assert torch.equal(toy(IDS)[:, :-1], toy(other)[:, :-1])


def test_its_blocks_are_found_by_name(toy):
    assert isinstance(toy.block("blocks.1.mlp"), FeedForward)
    assert isinstance(toy.block("blocks.0.attn_norm"), LayerNorm)
    assert toy.block("output") is toy.block("blocks.embed") is toy.embedding
    assert (toy.norm_behind(toy.anatomy.stack("blocks")) is None) == (toy.config.norm == "post")
    with pytest.raises(KeyError):
        toy.block("blocks.2.attn")
