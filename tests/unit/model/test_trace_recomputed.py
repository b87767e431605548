"""trace.py: each entry is what its parents and the weights alone give."""

from itertools import product

import numpy as np
import pytest
from torch import nn

from model.config import NORMS
from model.positions import ENCODINGS
from tests.helpers.small import small_model, trace_of

every_build = pytest.mark.parametrize(("positions", "norm"), list(product(ENCODINGS, NORMS)))


def heads(x, linear, config):
    """(token, d_model) through `linear`, split into heads (head, token, d_head)."""
    projected = x @ as_array(linear.weight).T + as_array(linear.bias)
    return projected.reshape(len(x), config.n_heads, config.d_head).transpose(1, 0, 2)


def as_array(tensor):
    return tensor.detach().numpy()


def turned(x):
    """(head, token, d_head): pair i of token p times e^(i·p·base^(−2i/d_head))."""
    d_head = x.shape[-1]
    angles = np.arange(x.shape[1])[:, None] * 10_000.0 ** (-np.arange(0, d_head, 2) / d_head)
    complex_pairs = (x[..., 0::2] + 1j * x[..., 1::2]) * np.exp(1j * angles)
    return np.stack([complex_pairs.real, complex_pairs.imag], -1).reshape(x.shape)


def softmax(masked):
    exps = np.exp(masked - masked.max(-1, keepdims=True))
    return exps / exps.sum(-1, keepdims=True)


class Recompute:
    """One method a leaf name; each takes the values of the entry's parents."""

    def __init__(self, model, trace, name):
        self.model, self.trace, self.config = model, trace, trace.config
        self.stack, *self.path = name.split(".")[:-1]
        self.ids = np.array(trace.sides["src"].ids if self.stack == "encoder" else trace.sides["tgt"].ids)

    @property
    def attention(self):
        return getattr(getattr(self.model, self.stack)[int(self.path[0])], self.path[1])

    @property
    def ffn(self) -> nn.Module:
        return getattr(self.model, self.stack)[int(self.path[0])].ffn

    @property
    def norm(self):
        if self.path == ["final_norm"]:
            return getattr(self.model, f"{self.stack}_norm")
        layer = getattr(self.model, self.stack)[int(self.path[0])]
        return getattr(layer, self.path[1].replace("_norm", "_add")).norm

    def embed(self):
        return as_array(self.model.embedding.weight)[self.ids] * np.sqrt(self.config.d_model)

    def pos(self):
        if self.config.positions == "learned":
            return as_array(self.model.encoding.table)[: len(self.ids)]
        d_model = self.config.d_model
        j = np.arange(d_model)
        angles = np.arange(len(self.ids))[:, None] / 10_000.0 ** ((j - j % 2) / d_model)
        return np.where(j % 2, np.cos(angles), np.sin(angles))

    def same(self, parent):
        return parent

    def sum(self, *parents):
        return sum(parents)

    embedded = norm_in = biased = sum
    resid_in = memory = states = same
    resid_after_self_attn = resid_after_cross_attn = resid_out = sum

    def q(self, x):
        return heads(x, self.attention.W_q, self.config)

    def k(self, x):
        return heads(x, self.attention.W_k, self.config)

    def v(self, x):
        return heads(x, self.attention.W_v, self.config)

    def q_rot(self, q):
        return turned(q)

    def k_rot(self, k):
        return turned(k)

    def scores(self, q, k):
        return np.einsum("hqd,hkd->hqk", q, k)

    def scaled(self, scores):
        return scores / np.sqrt(self.config.d_head)

    def position_bias(self):
        at, n_heads = np.arange(len(self.ids)), self.config.n_heads
        slopes = 2.0 ** (-8 * np.arange(1, n_heads + 1) / n_heads)
        return -slopes[:, None, None] * abs(at[:, None] - at[None, :])

    def masked(self, before):
        if (self.stack, self.path[1]) != ("decoder", "self_attn"):
            return before
        return np.where(np.tri(*before.shape[1:], dtype=bool), before, -np.inf)

    def weights(self, masked):
        return softmax(masked)

    def z(self, weights, v):
        return np.einsum("hqk,hkd->hqd", weights, v)

    def out(self, z):
        linear = self.attention.W_o
        merged = z.transpose(1, 0, 2).reshape(z.shape[1], -1)
        return merged @ as_array(linear.weight).T + as_array(linear.bias)

    def mean(self, norm_in):
        return norm_in.mean(-1, keepdims=True)

    def std(self, norm_in, mean):
        return np.sqrt(((norm_in - mean) ** 2).mean(-1, keepdims=True) + 1e-5)

    def norm_out(self, norm_in, mean, std):
        return (norm_in - mean) / std * as_array(self.norm.gamma) + as_array(self.norm.beta)

    def ffn_pre(self, x):
        return x @ as_array(self.ffn.W_1.weight).T + as_array(self.ffn.W_1.bias)

    def ffn_hidden(self, ffn_pre):
        return np.maximum(ffn_pre, 0)

    def ffn_out(self, ffn_hidden):
        return ffn_hidden @ as_array(self.ffn.W_2.weight).T + as_array(self.ffn.W_2.bias)

    def logits(self, states):
        return states @ as_array(self.model.embedding.weight).T

    def probs(self, logits):
        return softmax(logits)


@every_build
def test_each_entry_is_recomputed_from_its_parents_and_the_weights(positions, norm):
    model = small_model(positions=positions, norm=norm)
    trace = trace_of(model)
    wrong = []
    for name, entry in trace.items():
        recompute = getattr(Recompute(model, trace, name), name.rsplit(".", 1)[-1])
        expected = recompute(*(trace[parent].value for parent in entry.of))
        if not np.allclose(entry.value, expected, rtol=0, atol=1e-12):
            wrong.append(name)
    assert wrong == []
