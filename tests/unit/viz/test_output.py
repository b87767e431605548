"""instruments/output: words, logits, states and lens that are sent are the model's own numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from starlette.applications import Starlette
from starlette.testclient import TestClient

from model import contributions as direct
from model import load
from tests.helpers import checkpoints
from tests.helpers.asked import answer, first
from tests.helpers.messages import unpack
from tests.helpers.rounding import SENT
from tests.helpers.texts import N_LAYERS, TEXTS
from viz import server, theme
from viz.instruments.output import LENS_TOP, TOP, contributions, logits, single

SUMMED = 1e-5
"""Up to forty parts below 2 in size, each rounded to float32 for the browser: 40 · 2 · 2⁻²⁴, doubled."""
REQUEST = {"model": "small", "text": "Where?", "beam": 1, "pad": 0, "version": "0"}
TEXT = "Where is the station?"


def sent(asked):
    return unpack(first("output", asked, request=REQUEST))


@pytest.fixture(scope="module", params=[*TEXTS.values(), "a"], ids=[*TEXTS, "one letter"])
def asked(request, small_glass):
    return answer(small_glass, request.param)


@pytest.fixture(scope="module", params=["post", "pre"])
def either(request, tmp_path_factory):
    """Both places of the norm; greedy."""
    folder = tmp_path_factory.mktemp(request.param)
    return answer(checkpoints.exact(checkpoints.make(folder, "either", 2, 2, norm=request.param)))


@pytest.fixture(scope="module")
def pre(tmp_path_factory):
    return answer(
        checkpoints.exact(checkpoints.make(tmp_path_factory.mktemp("pre"), "pre", 3, 1, norm="pre"))
    )


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    """The size of the model that the app shows, and 20 to 20 tokens."""
    folder = tmp_path_factory.mktemp("full")
    glass = load(checkpoints.make(folder, "full", 4, 4, d_model=128, max_tgt_len=20))
    asked = answer(glass, checkpoints.text_of(glass, 20))
    assert len(asked[1].predicts) == 20
    return asked


def test_states_are_the_entry_bit_for_bit(asked):
    _, arrays = sent(asked)
    assert arrays["states"].tobytes() == asked[1]["decoder.states"].value.tobytes()


@pytest.mark.parametrize("name", ["logits", "probs"])
def test_the_most_probable_words_are_those_of_the_entry_bit_for_bit(asked, name):
    _, arrays = sent(asked)
    entry = asked[1][f"output.{name}"].value
    expected = np.sort(entry, -1)[:, ::-1][:, :TOP]
    assert arrays[name].dtype == np.float32
    assert arrays[name].tobytes() == np.ascontiguousarray(expected).tobytes()
    assert arrays[name].tobytes() == np.take_along_axis(entry, arrays["ids"], -1).tobytes()


def test_no_word_is_listed_twice_and_equal_ones_come_by_id(asked):
    _, arrays = sent(asked)
    for ids, row in zip(arrays["ids"], arrays["logits"], strict=True):
        assert len(set(ids)) == len(ids)
        assert (np.lexsort((ids, -row)) == np.arange(len(ids))).all()


@pytest.mark.parametrize("beam", [1, 3])
def test_the_word_taken_is_the_translations_with_its_own_numbers(small_glass, beam):
    glass, trace, translation = answer(small_glass, beam=beam)
    _, arrays = sent((glass, trace, translation))
    steps = [step.id for step in translation.steps]
    assert list(arrays["chosen"]) == steps
    rows = np.arange(len(steps))
    for name in ("logits", "probs"):
        assert (arrays[f"chosen_{name}"] == trace[f"output.{name}"].value[rows, steps]).all()
    assert tuple(glass.tokenizer.readable(i) for i in arrays["chosen"]) == trace.predicts


def test_every_id_that_is_sent_has_its_readable_token(asked):
    header, arrays = sent(asked)
    ids = {*arrays["ids"].flat, *arrays["chosen"].flat, *arrays["lens_ids"].flat}
    assert header["tokens"] == {str(i): asked[0].tokenizer.readable(i) for i in ids}


def test_the_header_says_what_the_screen_names(either):
    glass, trace, _ = either
    header, _ = sent(either)
    assert header["request"] == REQUEST and header["palette"] == theme.palette()
    assert tuple(header["reads"]) == trace.sides["tgt"].tokens and tuple(header["predicts"]) == trace.predicts
    assert (header["vocab"], header["d_model"]) == glass.model.embedding.weight.shape
    assert header["lens_norm"]["name"] == ("final_norm" if trace.config.norm == "pre" else "")
    assert f"is {trace.config.norm}-norm" in header["lens_norm"]["said"]
    assert header["states"]["entry"] == "decoder.states"
    assert header["states"]["of"] == trace["decoder.states"].of[0]
    assert header["lens"] == ["decoder.embedded", *(f"decoder.{i}.resid_out" for i in range(2))]
    assert all(name in trace for name in header["lens"])


def test_the_lens_is_the_stream_unembedded(either):
    glass, trace, _ = either
    header, arrays = sent(either)
    rows, vectors = len(trace.predicts), glass.model.embedding.weight.detach().double()
    for layer, name in enumerate(header["lens"]):
        stream = torch.tensor(trace[name].value).double()
        if trace.config.norm == "pre":
            norm = glass.model.decoder_norm
            scaled = torch.nn.functional.layer_norm(stream, stream.shape[-1:], eps=norm.eps)
            stream = (scaled * norm.gamma + norm.beta).detach()
        probs = (stream @ vectors.T).softmax(-1).numpy()
        expected = np.sort(probs, -1)[:, ::-1][:, :LENS_TOP]
        assert arrays["lens_probs"][layer].shape == (rows, LENS_TOP)
        assert np.abs(arrays["lens_probs"][layer] - expected).max() <= SENT
        picked = np.take_along_axis(probs, arrays["lens_ids"][layer], -1)
        assert np.abs(picked - expected).max() <= SENT


def test_the_last_layer_of_the_lens_is_the_models_own_output(either):
    _, arrays = sent(either)
    own = either[1]["output.probs"].value
    assert np.abs(arrays["lens_probs"][-1] - arrays["probs"][:, :LENS_TOP]).max() <= SENT
    picked = np.take_along_axis(own, arrays["lens_ids"][-1], -1)
    assert np.abs(arrays["lens_probs"][-1] - picked).max() <= SENT


def test_the_contributions_are_the_models_and_sum_to_the_logit_taken(either):
    glass, trace, _ = either
    header, arrays = sent(either)
    expected = direct.contributions(glass.model, trace, arrays["chosen"].tolist())
    assert arrays["contributions"].dtype == np.float32
    assert arrays["contributions"].tobytes() == expected.numpy().astype(np.float32).tobytes()
    assert np.abs(arrays["contributions"].sum(-1, dtype=float) - arrays["chosen_logits"]).max() <= SUMMED
    assert len(header["parts"]) == len(expected[0])
    assert header["norms"] == direct.norm_names(trace.anatomy)


def test_every_part_has_its_own_name_and_the_norms_before_it(either):
    header, _ = sent(either)
    own = direct.parts_of(either[1])
    names = [part["name"] for part in header["parts"]]
    assert len(set(names)) == len(names) == len(own)
    assert [part["norms"] for part in header["parts"]] == [part.norms for part in own]
    heads = [f"layer {part.layer + 1}" for part in own if part.head == 1]
    assert [name[:7] for name in names if name.endswith("attention, head 2")] == heads


def test_bars_of_blocks_share_out_every_part_once_layer_by_layer(either):
    header, _ = sent(either)
    own = direct.parts_of(either[1])
    members = [bar["members"] for bar in header["blocks"]]
    assert sorted(n for bar in members for n in bar) == list(range(len(own)))
    keys = [
        {(own[n].layer, own[n].kind if own[n].layer is not None else own[n].name) for n in bar}
        for bar in members
    ]
    assert all(len(key) == 1 for key in keys), "a bar holds what belongs together"
    layers = [own[bar[0]].layer for bar in members if own[bar[0]].layer is not None]
    assert layers == sorted(layers)
    last = [bar for bar in header["blocks"] if bar["look"] == "bias" and bar["group"] == "layer 1"]
    assert header["blocks"].index(last[0]) > max(
        i for i, bar in enumerate(header["blocks"]) if bar["group"] == "layer 1" and bar["look"] != "bias"
    )
    looks = {row["look"] for row in header["legend"]}
    assert looks == {bar["look"] for bar in header["blocks"]} == {part["look"] for part in header["parts"]}


def test_what_was_written_gives_any_words_contributions(either):
    glass, trace, _ = either
    parts, names = direct.parts_of(trace), direct.norm_names(trace.anatomy)
    for step in range(len(trace.predicts)):
        header, arrays = unpack(contributions(glass, trace, step))
        assert header["step"] == step
        assert arrays["terms"].shape == (len(parts), trace.config.d_model)
        gammas = [glass.model.block(name).gamma.detach().numpy() for name in names]
        assert arrays["gammas"].tobytes() == single(np.stack(gammas)).tobytes()
        assert list(arrays["stds"]) == [single(trace[f"{name}.std"].value)[step, 0] for name in names]
        for word in (3, 77):
            carried = [glass.model.embedding.weight[word].detach().double().numpy()]
            for gamma, std in zip(arrays["gammas"][::-1], arrays["stds"][::-1], strict=True):
                scaled = gamma * carried[0]
                carried.insert(0, (scaled - scaled.mean()) / std)
            values = [term @ carried[part.norms] for part, term in zip(parts, arrays["terms"], strict=True)]
            assert abs(sum(values) - trace["output.logits"].value[step, word]) <= SUMMED


@pytest.mark.parametrize("step", [-1, 99])
def test_contributions_of_a_step_that_is_not_there_are_refused(small_glass, step):
    with pytest.raises(ValueError, match="There is no such"):
        contributions(*answer(small_glass)[:2], step)


def test_padding_is_no_step(small_glass):
    glass, trace, translation = answer(small_glass)
    padded = answer(
        small_glass, pad_to=len(trace.sides["tgt"].tokens) + 3 if len(trace.sides["tgt"].tokens) < 9 else 12
    )
    header, arrays = sent(padded)
    assert len(header["reads"]) == len(arrays["states"]) == len(trace.predicts)
    assert len(arrays["contributions"]) == len(trace.predicts)
    assert arrays["lens_ids"].shape[1] == len(trace.predicts)


def test_a_vocabulary_smaller_than_the_list_is_listed_whole():
    from viz.instruments.output import top_ids

    values = np.array([[1.0, 3.0, 3.0, 2.0]], dtype=np.float32)
    assert top_ids(values, TOP).tolist() == [[1, 2, 3, 0]]


def test_all_logits_of_a_step_are_the_entry_bit_for_bit(asked):
    for step in range(len(asked[1].predicts)):
        header, arrays = unpack(logits(*asked, step))
        assert header["step"] == step
        assert arrays["logits"].tobytes() == asked[1]["output.logits"].value[step].tobytes()


def test_vectors_are_the_rows_of_e_of_the_words_listed_and_of_the_one_taken(asked):
    glass, trace, _ = asked
    _, listed = sent(asked)
    for step in range(len(trace.predicts)):
        _, arrays = unpack(logits(*asked, step))
        assert {*listed["ids"][step], listed["chosen"][step]} == {*arrays["ids"]}
        rows = glass.model.embedding.weight.detach().numpy()[arrays["ids"]]
        assert arrays["vectors"].tobytes() == rows.tobytes()
        products = arrays["vectors"].astype(float) @ listed["states"][step].astype(float)
        assert np.abs(products - arrays["logits"][arrays["ids"]]).max() <= 1e-5


def test_all_logits_of_a_lens_cell_make_its_probabilities(pre):
    _, listed = sent(pre)
    for layer in range(4):
        _, arrays = unpack(logits(*pre, 0, layer))
        values = np.exp(arrays["logits"].astype(float) - arrays["logits"].max())
        picked = (values / values.sum())[listed["lens_ids"][layer, 0]]
        assert np.abs(picked - listed["lens_probs"][layer, 0]).max() <= 1e-5


@pytest.mark.parametrize(("step", "layer"), [(-1, None), (99, None), (0, -1), (0, N_LAYERS + 1)])
def test_a_step_or_layer_that_is_not_there_is_refused(small_glass, step, layer):
    with pytest.raises(ValueError, match="There is no such"):
        logits(*answer(small_glass), step, layer)


def test_sizes_stay_within_their_budget(full):
    assert len(first("output", full, request=server_request())) < 120_000
    assert len(logits(*full, 0)) < 48_000
    assert len(contributions(*full[:2], 0)) < 48_000


def server_request():
    return REQUEST | {"text": "x" * 200}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The server's routes over one small model of this test's own."""
    folder = tmp_path_factory.mktemp("served")
    glass = load(checkpoints.make(folder, "en-de", N_LAYERS, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "glasses", lambda: ({"en-de": glass}, {}))
        server.answer.clear()
        with TestClient(Starlette(routes=server.routes())) as client:
            yield client, glass
    server.answer.clear()


def get(served, route="logits", **changes):
    asked = {"model": "en-de", "text": TEXT, "beam": "1", "pad": "0", "step": "0"} | changes
    return served[0].get(
        f"/numbers/output/{route}", params={name: value for name, value in asked.items() if value is not None}
    )


def test_the_route_sends_all_logits_of_the_step(served):
    asked = answer(served[1])
    for step in range(len(asked[1].predicts)):
        response = get(served, step=str(step))
        assert response.status_code == 200
        assert response.content == logits(*asked, step)
        assert response.headers["cache-control"] == "private, max-age=60"


def test_the_route_sends_all_logits_of_a_lens_cell(served):
    assert get(served, step="1", layer="0").content == logits(*answer(served[1]), 1, 0)


def test_the_route_sends_what_each_part_wrote(served):
    glass, trace, _ = answer(served[1])
    response = get(served, "contributions", step="1")
    assert response.status_code == 200 and response.content == contributions(glass, trace, 1)
    assert response.headers["cache-control"] == "private, max-age=60"


@pytest.mark.parametrize(
    "changes", [{"step": step} for step in (None, "", "-1", "99", "zzz")] + [{"model": "?"}]
)
def test_nonsense_about_contributions_gets_400_and_a_sentence(served, changes):
    response = get(served, "contributions", **changes)
    assert response.status_code == 400 and response.text.endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        *[{"step": step} for step in (None, "", "-1", "99", "zzz", "1.5", "9" * 5000)],
        *[{"layer": layer} for layer in ("", "-1", str(N_LAYERS + 1), "zzz")],
        *[{"model": "no-such"}, {"beam": "0"}, {"text": "  "}],
    ],
)
def test_nonsense_gets_400_and_a_sentence(served, changes):
    response = get(served, **changes)
    assert response.status_code == 400
    assert response.headers["content-type"].startswith("text/plain")
    assert response.text[0].isupper() and response.text.endswith((".", "words."))


@pytest.mark.parametrize("text", ["The woman in the red dress is dancing.", "A man rides a red bike."])
def test_the_trained_models_numbers_stay_within_their_budget(text):
    asked = answer(load("en-de"), text)
    assert len(first("output", asked, request=server_request())) < 60_000
    header, arrays = unpack(logits(*asked, 0))
    assert arrays["logits"].nbytes == 4 * asked[1].config.vocab_size
