"""Feed-forward and Add & Norm: what is sent is the trace's and the model's own, bit for bit, and adds up."""

from __future__ import annotations

from urllib.parse import urlencode

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from model import checkpoint, load
from tests.helpers import checkpoints
from tests.helpers.asked import first
from tests.helpers.messages import unpack
from tests.helpers.places import ADD_NORMS, FEED_FORWARDS, FINAL_NORMS, INSTEAD, title_of
from tests.helpers.rounding import SENT
from tests.helpers.texts import N_LAYERS
from viz import server, theme
from viz.instruments.base import instruments
from viz.instruments.ffn import WIDEST, chain, exact, matrices, thumbnail_stage
from viz.labels import query_labels

TEXT = "Where is the station?"
LAYERED = (*FEED_FORWARDS, *ADD_NORMS)
REQUEST = {"model": "small", "text": TEXT, "beam": 1, "pad": 0, "version": "0"}
STREAM = {
    "encoder.ffn": "resid_after_self_attn",
    "decoder.ffn": "resid_after_cross_attn",
    "encoder.self_attn_norm": "resid_in",
    "decoder.self_attn_norm": "resid_in",
    "decoder.cross_attn_norm": "resid_after_self_attn",
}
ADDED = {place: "ffn_out" if place in FEED_FORWARDS else "out" for place in LAYERED}


def parts_of(place):
    """Stack and sublayer: "decoder.cross_attn_norm" → ("decoder", "cross_attn")."""
    stack, block = place.split(".")
    return stack, block.removesuffix("_norm")


LAST = {
    place: "resid_out" if place in FEED_FORWARDS else f"resid_after_{parts_of(place)[1]}" for place in LAYERED
}
NORM = {"norm_in", "mean", "std", "norm_out"}
HIDDEN = {"ffn_pre", "ffn_hidden"}
PARAMETERS = {"W_1", "b_1", "W_2", "b_2"}


def stages_of(place):
    inside = HIDDEN if place in FEED_FORWARDS else set()
    return NORM | inside | {STREAM[place], ADDED[place], LAST[place]}


@pytest.fixture(scope="module", params=["post", "pre"])
def any_norm(request, tmp_path_factory):
    """A model of either kind, with uneven γ and β, and a trace whose source is longer than its target."""
    changes = {"norm": request.param, "d_ff": 48}
    glass = load(checkpoints.make(tmp_path_factory.mktemp("norm"), request.param, N_LAYERS, 2, **changes))
    generator = np.random.default_rng(0)
    for name, parameter in glass.model.named_parameters():
        if name.endswith(("gamma", "beta")):
            parameter.data += parameter.new_tensor(generator.normal(size=parameter.shape))
    return glass, glass.trace("A man in a blue shirt is standing on a ladder.", [5, 6, 7])


def sent(glass, trace, place, layer):
    """The exact layer with every stage, also those that are sent once for two."""
    header, arrays = unpack(exact(glass, trace, place, layer))
    return header, arrays | {stage: arrays[of] for stage, of in header["same"].items()}


def sites(trace):
    return [(place, layer) for place in LAYERED for layer in range(trace.config.n_layers)]


def test_every_stage_is_the_trace_entry_bit_for_bit(small_glass, trace):
    for place, layer in sites(trace):
        header, arrays = sent(small_glass, trace, place, layer)
        assert set(arrays) - {"gamma", "beta"} == set(header["names"]) == stages_of(place)
        for stage, name in header["names"].items():
            expected = trace[name].value.astype(np.float32)
            assert name.startswith(f"{place.split('.')[0]}.{layer}.") and name.endswith(f".{stage}")
            assert arrays[stage].dtype == np.float32 and arrays[stage].shape == expected.shape
            assert arrays[stage].tobytes() == expected.tobytes()


@pytest.mark.parametrize("place", LAYERED)
def test_the_stages_stand_in_the_order_of_computation_with_their_parents(any_norm, place):
    glass, trace = any_norm
    stream = STREAM[place]
    described = {
        s["name"]: s for s in unpack(first("ffn", (glass, trace, None), place, REQUEST))[0]["stages"]
    }
    assert [name.rsplit(".")[-1] for name in chain(trace, place, 1)] == list(described)
    of = {name: stage["of"] for name, stage in described.items()}
    shared = {"mean": ["norm_in"], "std": ["norm_in", "mean"], "norm_out": ["norm_in", "mean", "std"]}
    added, last = ADDED[place], LAST[place]
    post = {"norm_in": [stream, added], last: ["norm_out"]}
    pre = {"norm_in": [stream], last: [stream, added]}
    shared |= {stream: [], added: []}
    if place in FEED_FORWARDS:
        shared |= {"ffn_hidden": ["ffn_pre"], added: ["ffn_hidden"]}
        post, pre = post | {"ffn_pre": [stream]}, pre | {"ffn_pre": ["norm_out"]}
    assert list(of)[0] == stream and list(of)[-1] == last
    assert of == shared | (post if trace.config.norm == "post" else pre)
    for position, name in enumerate(of):
        assert set(of[name]) <= set(list(of)[:position])


def test_only_an_entry_that_is_its_one_parent_is_sent_once_for_both(any_norm):
    glass, trace = any_norm
    for place, layer in sites(trace):
        header, arrays = unpack(exact(glass, trace, place, layer))
        post = trace.config.norm == "post"
        assert header["same"] == ({LAST[place]: "norm_out"} if post else {"norm_in": STREAM[place]})
        assert set(arrays) == set(header["names"]) - set(header["same"]) | {"gamma", "beta"}


@pytest.mark.parametrize("place", LAYERED)
def test_the_block_follows_from_the_numbers_and_matrices_that_are_sent(any_norm, place):
    glass, trace = any_norm
    stream, post = STREAM[place], trace.config.norm == "post"
    for layer in range(N_LAYERS):
        header, a = sent(glass, trace, place, layer)
        a = {name: array.astype(float) for name, array in a.items()}
        # Sums of at most 48 terms, made in float32 and from numbers that were rounded to it.
        bound = 64 * SENT * max(np.abs(array).max() for array in a.values())
        close = {
            "norm_in": a[stream] + a[ADDED[place]] if post else a[stream],
            "mean": a["norm_in"].mean(-1, keepdims=True),
            "std": np.sqrt(((a["norm_in"] - a["mean"]) ** 2).mean(-1, keepdims=True) + header["eps"]),
            "norm_out": (a["norm_in"] - a["mean"]) / a["std"] * a["gamma"] + a["beta"],
            LAST[place]: a["norm_out"] if post else a[stream] + a[ADDED[place]],
        }
        if place in FEED_FORWARDS:
            p = {
                name: array.astype(float) for name, array in unpack(matrices(glass, place, layer))[1].items()
            }
            close |= {
                "ffn_pre": a[stream if post else "norm_out"] @ p["W_1"].T + p["b_1"],
                "ffn_hidden": np.maximum(a["ffn_pre"], 0),
                "ffn_out": a["ffn_hidden"] @ p["W_2"].T + p["b_2"],
            }
        for name, made in close.items():
            assert np.allclose(made, a[name], rtol=0, atol=bound), name


@pytest.mark.parametrize("place", LAYERED)
def test_gamma_and_beta_are_those_of_the_norm_beside_the_block(any_norm, place):
    glass, trace = any_norm
    stack, sublayer = parts_of(place)
    for layer in range(N_LAYERS):
        arrays = unpack(exact(glass, trace, place, layer))[1]
        norm = getattr(getattr(glass.model, stack)[layer], f"{sublayer}_add").norm
        for name in ("gamma", "beta"):
            expected = getattr(norm, name).detach().numpy()
            assert arrays[name].shape == (1, len(expected))
            assert arrays[name].tobytes() == expected.tobytes()


@pytest.mark.parametrize("place", ADD_NORMS)
def test_what_an_attention_adds_is_its_own_out(any_norm, place):
    glass, trace = any_norm
    stack, sublayer = parts_of(place)
    for layer in range(N_LAYERS):
        header, arrays = sent(glass, trace, place, layer)
        assert header["names"]["out"] == f"{stack}.{layer}.{sublayer}.out"
        assert arrays["out"].tobytes() == trace[f"{stack}.{layer}.{sublayer}.out"].value.tobytes()
        assert not any("memory" in name for name in header["names"].values())


@pytest.mark.parametrize("place", FEED_FORWARDS)
def test_the_matrices_are_the_modules_parameters(any_norm, place):
    glass, _ = any_norm
    for layer in range(N_LAYERS):
        header, arrays = unpack(matrices(glass, place, layer))
        block = getattr(glass.model, place.split(".")[0])[layer]
        expected = {
            "W_1": block.ffn.W_1.weight, "b_1": block.ffn.W_1.bias,
            "W_2": block.ffn.W_2.weight, "b_2": block.ffn.W_2.bias,
        }  # fmt: skip
        assert (header["place"], header["layer"], set(arrays)) == (place, layer, PARAMETERS)
        for name, parameter in expected.items():
            assert arrays[name].tobytes() == parameter.detach().numpy().tobytes(), name


def test_the_page_gets_labels_shapes_and_a_thumbnail_of_each_layer_only(small_glass, trace):
    for place in LAYERED:
        header, arrays = unpack(first("ffn", (small_glass, trace, None), place, REQUEST))
        entry = trace[f"{place.split('.')[0]}.0.ffn.ffn_hidden"]
        assert header["thumbnail"] == ("ffn_hidden" if place in FEED_FORWARDS else "norm_out")
        assert header["request"] == REQUEST and header["palette"] == theme.palette()
        assert (header["place"], header["n_layers"]) == (place, N_LAYERS)
        assert tuple(header["tokens"]) == entry.labels["query"]
        assert tuple(header["labels"]) == query_labels(trace, entry)
        assert set(arrays) == {"thumbnails"}
        shapes = {stage["name"]: tuple(stage["shape"]) for stage in header["stages"]}
        names = unpack(exact(small_glass, trace, place, 0))[0]["names"]
        assert shapes == {stage: trace[name].value.shape for stage, name in names.items()}


@pytest.mark.parametrize("d_ff", [1, 32, WIDEST, WIDEST + 1, 300])
def test_a_thumbnail_is_every_kth_column_scaled_by_its_layers_largest(tmp_path, d_ff):
    glass = load(checkpoints.make(tmp_path, "any", 2, 1, d_ff=d_ff, d_model=2 * d_ff))
    trace = glass.trace(TEXT, [5, 6])
    for place in LAYERED:
        header, arrays = unpack(first("ffn", (glass, trace, None), place, REQUEST))
        thumbnails, stride = arrays["thumbnails"], header["stride"]
        stage = thumbnail_stage(trace.anatomy.at(place))
        assert thumbnails.dtype == np.uint8 and thumbnails.shape[2] <= WIDEST
        for layer in range(2):
            name = next(name for name in chain(trace, place, layer) if name.endswith(f".{stage}"))
            value = trace[name].value
            limit = np.abs(value).max()
            assert header["limits"][layer] == limit
            share = value[:, ::stride] / (limit or 1)
            share = share if stage == "ffn_hidden" else (share + 1) / 2
            assert np.abs(thumbnails[layer] / 255 - share).max() <= 0.5 / 255 + 1e-6


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The size of the model that the app shows, and 20 to 20 tokens."""
    sizes = {"d_model": 128, "d_ff": 256, "max_tgt_len": 32}
    glass = load(checkpoints.make(tmp_path_factory.mktemp("full"), "full", 4, 4, **sizes))
    trace = glass.trace(checkpoints.text_of(glass, 20), list(range(5, 24)))
    assert (len(trace.sides["src"].tokens), len(trace.sides["tgt"].tokens)) == (20, 20)
    return glass, trace


@pytest.mark.parametrize("place", LAYERED)
def test_a_layer_of_20_tokens_fits_into_120_kilobytes_and_the_page_into_20(full, place):
    glass, trace = full
    least = 80_000 if place in FEED_FORWARDS else 40_000
    assert least < len(exact(glass, trace, place, 0)) <= 120_000
    assert len(first("ffn", (glass, trace, None), place, REQUEST)) <= 20_000


# The final norm of each stack


@pytest.fixture(scope="module")
def pre_norm(tmp_path_factory):
    """A pre-norm model whose final norms have uneven γ and β, and a trace longer in source than in target."""
    glass = load(checkpoints.make(tmp_path_factory.mktemp("pre"), "pre", N_LAYERS, 2, norm="pre"))
    generator = np.random.default_rng(0)
    for norm in (glass.model.encoder_norm, glass.model.decoder_norm):
        for parameter in norm.parameters():
            parameter.data += parameter.new_tensor(generator.normal(size=parameter.shape))
    return glass, glass.trace("A man in a blue shirt is standing on a ladder.", [5, 6, 7])


def test_it_is_at_every_feed_forward_and_norm_and_says_its_title(pre_norm):
    glass, trace = pre_norm
    assert set(instruments()["ffn"].places(trace.anatomy)) == {*LAYERED, *FINAL_NORMS}
    for place in (*LAYERED, *FINAL_NORMS):
        header, _ = unpack(first("ffn", (glass, trace, None), place, REQUEST))
        assert header["title"] == title_of(trace.config, place)


@pytest.mark.parametrize("place", FINAL_NORMS)
def test_a_final_norm_is_the_traces_bit_for_bit_with_its_own_gamma_and_beta(pre_norm, place):
    glass, trace = pre_norm
    stack = place.split(".")[0]
    header, arrays = unpack(exact(glass, trace, place, None))
    assert header["layer"] is None and header["same"] == {}
    assert header["names"] == {stage: f"{place}.{stage}" for stage in ("norm_in", "mean", "std", "norm_out")}
    assert header["enters"] == f"{stack}.{N_LAYERS - 1}.resid_out"
    assert arrays["norm_in"].tobytes() == trace[header["enters"]].value.tobytes()
    left = "encoder.memory" if stack == "encoder" else "decoder.states"
    assert arrays["norm_out"].tobytes() == trace[left].value.tobytes()
    for stage, name in header["names"].items():
        assert arrays[stage].tobytes() == trace[name].value.tobytes()
    for name in ("gamma", "beta"):
        expected = getattr(getattr(glass.model, f"{stack}_norm"), name).detach().numpy()
        assert arrays[name].shape == (1, len(expected)) and arrays[name].tobytes() == expected.tobytes()


@pytest.mark.parametrize("place", FINAL_NORMS)
def test_a_final_norm_follows_from_the_numbers_that_are_sent(pre_norm, place):
    header, arrays = unpack(exact(*pre_norm, place, None))
    a = {name: array.astype(float) for name, array in arrays.items()}
    bound = 64 * SENT * max(np.abs(array).max() for array in a.values())
    made = {
        "mean": a["norm_in"].mean(-1, keepdims=True),
        "std": np.sqrt(((a["norm_in"] - a["mean"]) ** 2).mean(-1, keepdims=True) + header["eps"]),
        "norm_out": (a["norm_in"] - a["mean"]) / a["std"] * a["gamma"] + a["beta"],
    }
    for name, value in made.items():
        assert np.allclose(value, a[name], rtol=0, atol=bound), name


@pytest.mark.parametrize("place", FINAL_NORMS)
def test_the_page_hears_that_a_final_norm_belongs_to_no_layer(pre_norm, place):
    glass, trace = pre_norm
    header, _ = unpack(first("ffn", (glass, trace, None), place, REQUEST))
    own = unpack(first("ffn", (glass, trace, None), INSTEAD[place], REQUEST))[0]
    assert (header["layered"], own["layered"]) == (False, True)
    assert header["title"] == f"{place.split('.')[0].title()}: final norm"
    assert (header["tokens"], header["labels"]) == (own["tokens"], own["labels"])
    of = {stage["name"]: stage["of"] for stage in header["stages"]}
    shared = {"mean": ["norm_in"], "std": ["norm_in", "mean"], "norm_out": ["norm_in", "mean", "std"]}
    assert of == {"norm_in": []} | shared


def test_a_title_says_norm_and_add_in_the_order_of_the_computation(any_norm):
    _, trace = any_norm
    order = "Norm & Add" if trace.config.norm == "pre" else "Add & Norm"
    assert title_of(trace.config, "encoder.self_attn_norm") == f"Encoder self-attention: {order}"


# Routes


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = tmp_path_factory.mktemp("served")
    checkpoints.make(root, "en-de", N_LAYERS, 2)
    checkpoints.make(root, "pre", N_LAYERS, 2, norm="pre")
    forget = (server.glasses.cache_clear, server.answer.clear)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "ROOT", root)
        for each in forget:
            each()
        with TestClient(Starlette(routes=server.routes()), raise_server_exceptions=False) as client:
            yield client
    for each in forget:
        each()


NAMED = {"model": "en-de", "text": TEXT, "beam": "1", "place": "encoder.ffn", "layer": "1"}


def get(client, route, **changes):
    named = {name: value for name, value in (NAMED | changes).items() if value is not None}
    return client.get(f"/numbers/ffn/{route}?{urlencode(named)}")


def test_the_routes_send_the_layer_and_for_ever_its_matrices(served):
    glass, trace = server.glasses()[0]["en-de"], server.answer("en-de", TEXT, 1, False).trace
    for place, layer in sites(trace):
        brief = get(served, "exact", place=place, layer=str(layer))
        assert brief.content == exact(glass, trace, place, layer)
        assert "max-age=60" in brief.headers["cache-control"]
        cached = get(served, "matrices", place=place, layer=str(layer))
        if place in FEED_FORWARDS:
            assert cached.content == matrices(glass, place, layer)
            assert "immutable" in cached.headers["cache-control"]
        else:
            assert cached.status_code == 400


@pytest.mark.parametrize("place", FINAL_NORMS)
@pytest.mark.parametrize("layer", [None, "0", "99", "x"])
def test_the_route_sends_a_final_norm_whatever_layer_is_named(served, place, layer):
    glass, trace = server.glasses()[0]["pre"], server.answer("pre", TEXT, 1, False).trace
    sent = get(served, "exact", model="pre", place=place, layer=layer)
    assert sent.content == exact(glass, trace, place, None)
    assert get(served, "matrices", model="pre", place=place, layer=layer).status_code == 400


@pytest.mark.parametrize("route", ["exact", "matrices"])
@pytest.mark.parametrize(
    "wrong",
    [
        *({"place": place} for place in ("encoder.self_attn", "norm", *FINAL_NORMS)),
        *({"layer": layer} for layer in (str(N_LAYERS), "-1", "x", None)),
        {"model": "none"},
    ],
)
def test_an_address_that_makes_no_sense_is_refused_with_a_sentence(served, route, wrong):
    response = get(served, route, **wrong)
    assert response.status_code == 400 and response.text.startswith("There is no such")
