"""attention.exact and attention.projections: the numbers inside one head are the model's own, bit for bit."""

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
from tests.helpers.places import SITES, scope_of
from tests.helpers.rounding import SENT, of_product
from tests.helpers.texts import N_HEADS, N_LAYERS
from viz import server
from viz.instruments.attention import exact, projections
from viz.scene import WIDEST_BEAM

TEXT = "Where is the station?"
STAGES = {"q", "k", "v", "scores", "scaled", "masked", "weights", "z"}
MATRICES = {"scores", "scaled", "masked", "weights"}
ROUTES = ("message", "exact", "projections")


def sent(trace, place, layer):
    return unpack(exact(trace, place, layer))


def same(array, entry):
    """Equal bit for bit, in float32 (one of the traces is of a float64 model)."""
    expected = entry.value.astype(np.float32)
    alike = array.dtype == np.float32 and array.shape == expected.shape
    return alike and array.tobytes() == expected.tobytes()


def sites(trace):
    return [(place, layer) for place in SITES for layer in range(trace.config.n_layers)]


@pytest.fixture(scope="module")
def uneven(small_glass):
    """A trace whose source is longer than its target."""
    trace = small_glass.trace("A man in a blue shirt is standing on a ladder.", [5, 6, 7])
    assert len(trace.sides["src"].tokens) > len(trace.sides["tgt"].tokens) == 4
    return trace


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The size of the model that the app shows, and 20 to 20 tokens."""
    glass = load(checkpoints.make(tmp_path_factory.mktemp("full"), "full", 4, 4, d_model=128, max_tgt_len=32))
    trace = glass.trace(checkpoints.text_of(glass, 20), list(range(5, 24)))
    assert (len(trace.sides["src"].tokens), len(trace.sides["tgt"].tokens)) == (20, 20)
    return glass, trace


@pytest.mark.parametrize("stage", sorted(STAGES))
def test_a_stage_of_every_head_is_the_trace_entry_bit_for_bit(trace, stage):
    for place, layer in sites(trace):
        header, arrays = sent(trace, place, layer)
        entry = trace[f"{scope_of(place, layer)}.{stage}"]
        assert header["names"][stage] == entry.name
        assert arrays[stage].shape[0] == trace.config.n_heads
        assert same(arrays[stage], entry)


def test_out_is_the_trace_entry_bit_for_bit(trace):
    for place, layer in sites(trace):
        _, arrays = sent(trace, place, layer)
        assert same(arrays["out"], trace[f"{scope_of(place, layer)}.out"])


def test_nothing_but_the_stages_that_the_site_has_is_sent(trace):
    for place, layer in sites(trace):
        header, arrays = sent(trace, place, layer)
        both = {"x_q", "x_kv"} if place == "decoder.cross_attn" else {"x_q"}
        assert set(arrays) == STAGES | both | {"out"}
        assert set(header["names"]) == STAGES | {"x_q", "x_kv", "out"}
        assert header["same"] == ({} if "x_kv" in both else {"x_kv": "x_q"})
        assert (header["place"], header["layer"]) == (place, layer)


def test_what_asks_and_what_answers_are_the_entries_that_the_site_read(trace):
    for place, layer in sites(trace):
        header, arrays = sent(trace, place, layer)
        site = scope_of(place, layer)
        asks, answers = trace[f"{site}.q"].of[0], trace[f"{site}.k"].of[0]
        assert (header["names"]["x_q"], header["names"]["x_kv"]) == (asks, answers)
        assert trace[f"{site}.v"].of == (answers,)
        assert same(arrays["x_q"], trace[asks])
        assert same(arrays.get("x_kv", arrays["x_q"]), trace[answers])


@pytest.mark.parametrize(
    ("norm", "left"), [("post", f"encoder.{N_LAYERS - 1}.resid_out"), ("pre", "encoder.final_norm.norm_out")]
)
def test_the_memory_is_said_to_be_what_the_encoder_ended_with(tmp_path, norm, left):
    trace = load(checkpoints.make(tmp_path, norm, N_LAYERS, N_HEADS, norm=norm)).trace(TEXT, [5, 6])
    _, arrays = sent(trace, "decoder.cross_attn", 0)
    described = unpack(first("attention", (None, trace, None)))[0]["places"]["decoder.cross_attn"]
    assert described["given"]["x_kv"]["more"] == f", which is {left}, made from the source"
    final = ", after its final norm" if norm == "pre" else ""
    assert described["given"]["x_kv"]["said"] == f"the encoder's output{final}"
    assert arrays["x_kv"].tobytes() == trace[left].value.tobytes()


def test_cross_attention_is_answered_by_what_left_the_encoder(uneven):
    memory = [layer_name for layer_name in uneven if layer_name.startswith("encoder.")][-1]
    for layer in range(N_LAYERS):
        header, arrays = sent(uneven, "decoder.cross_attn", layer)
        assert header["names"]["x_kv"] == memory
        assert header["names"]["x_q"].startswith(f"decoder.{layer}.")
        assert arrays["x_kv"].tobytes() == uneven[memory].value.tobytes()


@pytest.mark.parametrize("place", SITES)
def test_q_k_and_v_are_made_from_the_streams_and_weight_matrices_that_are_sent(small_glass, uneven, place):
    config = uneven.config
    for layer in range(N_LAYERS):
        _, arrays = sent(uneven, place, layer)
        _, parts = unpack(projections(small_glass, place, layer))
        for letter, x in (("q", "x_q"), ("k", "x_kv"), ("v", "x_kv")):
            stream = arrays.get(x, arrays["x_q"]).astype(float)
            W, b = (parts[f"{name}_{letter}"].astype(float) for name in "Wb")
            flat = arrays[letter].transpose(1, 0, 2).reshape(-1, config.d_model)
            assert (np.abs(stream @ W.T + b - flat) <= of_product(stream, W, b)).all(), letter


@pytest.mark.parametrize("place", SITES)
def test_the_heads_side_by_side_through_W_o_are_out(small_glass, uneven, place):
    for layer in range(N_LAYERS):
        _, arrays = sent(uneven, place, layer)
        _, parts = unpack(projections(small_glass, place, layer))
        concat = arrays["z"].transpose(1, 0, 2).reshape(len(arrays["out"]), -1).astype(float)
        W, b = (parts[f"{name}_o"].astype(float) for name in "Wb")
        assert (np.abs(concat @ W.T + b - arrays["out"]) <= of_product(concat, W, b)).all()


@pytest.mark.parametrize("place", SITES)
def test_labels_match_shapes_when_source_and_target_lengths_differ(uneven, place):
    described = unpack(first("attention", (None, uneven, None)))[0]["places"][place]
    n_queries, n_keys = len(described["queries"]), len(described["keys"])
    stack, site = place.split(".")
    lengths = {"encoder": len(uneven.sides["src"].tokens), "decoder": len(uneven.sides["tgt"].tokens)}
    assert n_queries == lengths[stack]
    assert n_keys == (len(uneven.sides["src"].tokens) if site == "cross_attn" else lengths[stack])
    _, arrays = sent(uneven, place, 0)
    d_head, d_model = uneven.config.d_head, uneven.config.d_model
    shapes = {
        "x_q": (n_queries, d_model), "out": (n_queries, d_model),
        "q": (N_HEADS, n_queries, d_head), "z": (N_HEADS, n_queries, d_head),
        "k": (N_HEADS, n_keys, d_head), "v": (N_HEADS, n_keys, d_head),
    } | dict.fromkeys(MATRICES, (N_HEADS, n_queries, n_keys))  # fmt: skip
    if site == "cross_attn":
        shapes["x_kv"] = (n_keys, d_model)
    assert {stage: array.shape for stage, array in arrays.items()} == shapes


def test_rows_of_weights_sum_to_one(trace):
    for place, layer in sites(trace):
        sums = sent(trace, place, layer)[1]["weights"].astype(float).sum(-1)
        assert (
            np.abs(sums - 1).max()
            <= trace[f"{place.replace('.', f'.{layer}.')}.weights"].value.shape[-1] * SENT
        )


def test_the_causal_triangle_is_exactly_zero_and_masked_by_minus_infinity(trace):
    for layer in range(trace.config.n_layers):
        _, arrays = sent(trace, "decoder.self_attn", layer)
        later = np.triu(np.ones(arrays["weights"].shape[1:], bool), k=1)
        assert (arrays["weights"][:, later] == 0).all()
        assert np.isneginf(arrays["masked"][:, later]).all()
        assert np.isfinite(arrays["masked"][:, ~later]).all()


@pytest.mark.parametrize("place", ["encoder.self_attn", "decoder.cross_attn"])
def test_without_padding_nothing_is_masked_where_no_mask_is_causal(trace, place):
    for layer in range(trace.config.n_layers):
        _, arrays = sent(trace, place, layer)
        assert np.array_equal(arrays["masked"], arrays["scaled"])


def test_the_overviews_bytes_are_the_exact_weights_in_255_steps(trace):
    _, whole = unpack(first("attention", (None, trace, None)))
    for place, layer in sites(trace):
        _, arrays = sent(trace, place, layer)
        assert np.array_equal(whole[place][layer], np.rint(255 * arrays["weights"]))


@pytest.mark.parametrize("place", SITES)
def test_projections_are_the_modules_weights(small_glass, place):
    stack, site = place.split(".")
    for layer in range(N_LAYERS):
        header, arrays = unpack(projections(small_glass, place, layer))
        module = getattr(getattr(small_glass.model, stack)[layer], site)
        linears = {letter: getattr(module, f"W_{letter}") for letter in "qkvo"}
        expected = {f"W_{letter}": linear.weight for letter, linear in linears.items()}
        expected |= {f"b_{letter}": linear.bias for letter, linear in linears.items()}
        assert set(arrays) == set(expected)
        for name, parameter in expected.items():
            assert arrays[name].dtype == np.float32
            assert np.array_equal(arrays[name], parameter.detach().numpy()), name
        assert (header["place"], header["layer"]) == (place, layer)


@pytest.mark.parametrize("place", SITES)
def test_the_exact_numbers_of_20_to_20_tokens_fit_into_120_kilobytes(full, place):
    _, trace = full
    assert 80_000 < len(exact(trace, place, 0)) <= 120_000


@pytest.mark.parametrize("place", SITES)
def test_the_weight_matrices_take_their_float32_and_one_kilobyte(full, place):
    glass, _ = full
    numbers = 4 * 4 * (128 * 128 + 128)
    assert numbers < len(projections(glass, place, 0)) <= numbers + 1024


@pytest.mark.parametrize("place", SITES)
def test_padding_is_masked_and_called_padding(small_glass, place):
    plain = small_glass.trace(TEXT, [5, 6, 7])
    padded = small_glass.trace(TEXT, [5, 6, 7], pad_to=12)
    assert 4 == len(plain.sides["tgt"].tokens) < len(plain.sides["src"].tokens) < 12
    described = unpack(first("attention", (None, padded, None)))[0]["places"][place]
    titles = {"source": len(plain.sides["src"].tokens), "target": len(plain.sides["tgt"].tokens)}
    real = {"query": titles[described["asking"]], "key": titles[described["answering"]]}
    assert described["real"] == real
    assert len(described["keys"]) == 12
    _, arrays = sent(padded, place, 1)
    assert np.isneginf(arrays["masked"][..., real["key"] :]).all()
    assert (arrays["weights"][..., real["key"] :] == 0).all()
    assert np.isfinite(arrays["masked"][:, : real["query"], 0]).all()


def test_a_sentence_without_padding_is_all_real(trace):
    for described in unpack(first("attention", (None, trace, None)))[0]["places"].values():
        assert described["real"] == {"query": len(described["queries"]), "key": len(described["keys"])}


SELF = ("encoder.self_attn", "decoder.self_attn")


@pytest.mark.parametrize(
    ("positions", "more", "where"),
    [
        ("rotary", {"q_rot", "k_rot"}, SELF),
        ("alibi", {"position_bias", "biased"}, SELF),
        ("learned", set(), ()),
        ("none", set(), ()),
    ],
)
def test_the_stages_of_each_positional_encoding_are_sent_where_it_acts(tmp_path, positions, more, where):
    glass = load(checkpoints.make(tmp_path, positions, 2, 2, positions=positions))
    trace = glass.trace(TEXT, [5, 6, 7])
    for place, layer in sites(trace):
        _, arrays = sent(trace, place, layer)
        extra = set(arrays) - STAGES - {"x_q", "x_kv", "out"}
        assert extra == (more if place in where else set())
        for stage in extra:
            assert same(arrays[stage], trace[f"{scope_of(place, layer)}.{stage}"])
            assert len(arrays[stage]) == trace.config.n_heads


# Routes


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A client of the routes, and the two models that they serve."""
    root = tmp_path_factory.mktemp("served")
    checkpoints.make(root, "en-de", N_LAYERS, 2)
    checkpoints.make(root, "other", 1, 1, seed=5)
    forget = (server.glasses.cache_clear, server.answer.clear)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "ROOT", root)
        for each in forget:
            each()
        app = Starlette(routes=server.routes(), middleware=server.middleware())
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client
    for each in forget:
        each()


NAMED = {"model": "en-de", "text": TEXT, "beam": "1", "place": "encoder.self_attn", "layer": "1"}


def get(client, route, **changes):
    named = {name: value for name, value in (NAMED | changes).items() if value is not None}
    return client.get(f"/numbers/attention/{route}?{urlencode(named)}")


def answered(text=TEXT, beam=1, padded=False):
    return server.answer("en-de", text, beam, padded)


@pytest.mark.parametrize("beam", [1, 2])
def test_the_overview_route_sends_the_overview(served, beam):
    request = server.request_of("en-de", TEXT, beam)
    assert get(served, "message", beam=str(beam)).content == first(
        "attention", (None, answered(beam=beam).trace, None), NAMED["place"], request
    )


@pytest.mark.parametrize("place", SITES)
def test_the_exact_route_sends_the_exact_numbers_of_the_layer(served, place):
    for layer in range(N_LAYERS):
        response = get(served, "exact", place=place, layer=str(layer))
        assert response.content == exact(answered().trace, place, layer)


@pytest.mark.parametrize("place", SITES)
def test_the_projections_route_sends_the_layers_weight_matrices(served, place):
    glass = server.glasses()[0]["en-de"]
    for layer in range(N_LAYERS):
        response = get(served, "projections", place=place, layer=str(layer), text=None, beam=None)
        assert response.content == projections(glass, place, layer)


def test_the_pad_switch_sends_the_same_translation_with_padding(served):
    header, _ = unpack(get(served, "message", pad="1").content)
    plain = answered().trace
    assert header["request"] == server.request_of("en-de", TEXT, 1, True)
    described = header["places"]["decoder.cross_attn"]
    assert described["real"] == {
        "query": len(plain.sides["tgt"].tokens),
        "key": len(plain.sides["src"].tokens),
    }
    assert len(described["keys"]) > len(plain.sides["src"].tokens)
    response = get(served, "exact", pad="1")
    assert response.content == exact(answered(padded=True).trace, "encoder.self_attn", 1)


@pytest.mark.parametrize(
    ("n_src", "n_tgt", "length"),
    [(4, 6, 9), (6, 4, 9), (4, 11, 12), (4, 12, 7), (11, 12, 12), (12, 12, 12), (15, 4, 7), (15, 12, 12)],
)
def test_padding_goes_onto_the_longer_side_or_where_there_is_room(n_src, n_tgt, length):
    assert server.padded_length(n_src, n_tgt, 12) == length


def test_the_request_in_the_overview_leads_to_the_exact_numbers_of_the_same_trace(served):
    header, _ = unpack(get(served, "message", text=f"  {TEXT} ").content)
    found = get(served, "exact", **{name: str(value) for name, value in header["request"].items()})
    assert found.content == exact(answered().trace, "encoder.self_attn", 1)


@pytest.mark.parametrize(
    ("route", "cache"),
    [
        ("message", "private, max-age=60"),
        ("exact", "private, max-age=60"),
        ("projections", "public, max-age=31536000, immutable"),
    ],
)
def test_numbers_say_how_long_a_browser_may_keep_them(served, route, cache):
    response = get(served, route)
    assert response.status_code == 200
    assert response.headers["cache-control"] == cache
    assert response.headers["content-type"] == "application/octet-stream"


NONSENSE = [
    *[(route, {"model": model}) for route in ROUTES for model in (None, "", "no-such", "../en-de", "a\0b")],
    *[(route, {"place": p}) for route in ROUTES for p in (None, "", "encoder.cross_attn", "<b>", "x.y")],
    *[
        (route, {"layer": layer})
        for route in ROUTES[1:]
        for layer in (None, "", "-1", "99", str(N_LAYERS), "zzz", "1.5", "1e1", "9" * 5000)
    ],
    *[
        (route, {"beam": beam})
        for route in ROUTES[:2]
        for beam in (None, "", "0", "-1", str(WIDEST_BEAM + 1), "zzz", "9" * 5000)
    ],
    *[(route, {"text": text}) for route in ROUTES[:2] for text in (None, "", "   ", "word " * 300)],
]


@pytest.mark.parametrize(("route", "changes"), NONSENSE)
def test_nonsense_gets_400_and_a_sentence(served, route, changes):
    response = get(served, route, **changes)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text[0].isupper() and response.text.endswith((".", "words."))
    assert "Traceback" not in response.text and "literal" not in response.text
    assert len(response.text) < 500


def test_nonsense_is_not_kept_by_the_browser(served):
    assert "immutable" not in get(served, "projections", layer="99").headers.get("cache-control", "")


@pytest.mark.parametrize("route", ROUTES)
def test_numbers_are_only_read(served, route):
    assert served.post(f"/numbers/attention/{route}").status_code == 405
