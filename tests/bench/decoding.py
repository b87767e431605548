"""Decoding against its peers: a fixed number of steps, whatever the models would say."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import torch

from model import Glass
from model.beam import BeamSearch
from model.decoding import greedy
from model.sampling import sample
from model.transformer import Transformer, anatomy
from tests.bench.clock import interleaved, medians, ratio
from tests.bench.peers import Marian, Torch

SHORT, LONG = 20, 60
N_SAMPLES = 20
BEAM = 4
ALPHA = 1.0


def endless(model: Transformer, steps: int) -> Transformer:
    """A copy that decodes exactly `steps` tokens: the end token is barred, and what ends is never said."""
    config = model.config
    model = copy.deepcopy(model)
    model.config = replace(config, max_tgt_len=steps, pad_id=config.eos_id, eos_id=config.pad_id)
    model.anatomy = anatomy(model.config, model.encoding.adds)
    with torch.no_grad():
        model.embedding.weight[config.pad_id] = 0
    return model


def whole(steps: list[object], wanted: int) -> None:
    if len(steps) != wanted:
        raise RuntimeError(f"Decoding stopped after {len(steps)} of {wanted} steps.")


def measure_decoding(
    glass: Glass, src_ids: list[int], torch_peer: Torch, marian: Marian | None, repeats: int
) -> dict[str, float]:
    """Greedy with all candidates, beam with its tree, samples; medians and ratios, 20 and 60 steps."""
    src = torch.tensor([src_ids])
    models = {steps: endless(glass.model, steps) for steps in (SHORT, LONG)}

    def greedily(steps: int) -> None:
        whole(list(greedy(models[steps], src_ids)), steps)

    def by_beam() -> None:
        whole(list(BeamSearch(models[SHORT], src_ids, BEAM, ALPHA)), SHORT)

    def sampled() -> None:
        sample(models[SHORT], src_ids, N_SAMPLES, temperature=1.0, top_k=None, top_p=1.0, seed=0)

    def acts(steps: int) -> dict[str, Callable[[], object]]:
        ours = {f"greedy_{steps}": lambda: greedily(steps)}
        loop = {f"loop_{steps}": lambda: torch_peer.greedy(src, steps)}
        peers = {} if marian is None else {f"marian_{steps}": lambda: marian.generate(src, steps)}
        return ours | loop | peers

    beams = {"beam": by_beam, "samples": sampled}
    if marian is not None:
        beams["marian_beam"] = lambda: marian.generate(src, SHORT, BEAM)
    with torch.inference_mode():
        short, long = interleaved(acts(SHORT) | beams, repeats), interleaved(acts(LONG), max(1, repeats // 2))
    times = short | long
    found = medians(times) | {
        f"greedy_to_loop_{SHORT}": ratio(times, f"greedy_{SHORT}", f"loop_{SHORT}"),
        f"greedy_to_loop_{LONG}": ratio(times, f"greedy_{LONG}", f"loop_{LONG}"),
        "samples_to_greedy": ratio(times, "samples", f"greedy_{SHORT}"),
    }
    if marian is not None:
        found |= {
            f"greedy_to_marian_{SHORT}": ratio(times, f"greedy_{SHORT}", f"marian_{SHORT}"),
            f"greedy_to_marian_{LONG}": ratio(times, f"greedy_{LONG}", f"marian_{LONG}"),
            "beam_to_marian": ratio(times, "beam", "marian_beam"),
        }
    return found
