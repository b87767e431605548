"""Words of a text as runs of its tokens: each token belongs to exactly one.

Clark et al. 2019 ("What Does BERT Look At?", §3) read attention between words off that between tokens:

    to a split word      the sum over its pieces              Σ_s∈word weights[t, s]
    from a split word    the mean over its pieces' rows       1/|word| Σ_t∈word weights[t, s]

so that each row of the joined weights sums to 1 again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, stack

from model.tokenizer import Tokenizer


def characters(tokenizer: Tokenizer, ids: Sequence[int]) -> list[range]:
    """Runs of tokens that no character crosses: the bytes of an emoji may lie in several tokens."""
    runs: list[range] = []
    for place, token_id in enumerate(ids):
        raw = tokenizer.token_bytes(token_id)
        goes_on = raw and raw[0] & 0xC0 == 0x80 and runs and tokenizer.token_bytes(ids[place - 1])
        runs.append(range(runs.pop().start if goes_on else place, place + 1))
    return runs


def word_groups(tokenizer: Tokenizer, ids: Sequence[int]) -> list[range]:
    """The words of any ids, in order. A word is what stands between spaces, without the punctuation around it
    ("didn't" is one); punctuation and special tokens stand for themselves.
    """
    runs = characters(tokenizer, ids)
    texts = [tokenizer.decode(ids[run.start : run.stop]) for run in runs]
    starts = [
        i for i, text in enumerate(texts) if i == 0 or not (text and texts[i - 1]) or text[:1].isspace()
    ]
    groups: list[range] = []
    for start, stop in pairwise([*starts, len(runs)]):
        if stop - start > 1 and texts[start].isspace():  # a space that is a token of its own
            start += 1
            runs[start] = range(runs[start - 1].start, runs[start].stop)
        said = [i for i in range(start, stop) if re.search(r"\w", texts[i])]
        if not said:
            groups += runs[start:stop]
            continue
        groups += runs[start : said[0]]
        groups.append(range(runs[said[0]].start, runs[said[-1]].stop))
        groups += runs[said[-1] + 1 : stop]
    return groups


def joined(weights: Tensor, from_groups: Sequence[range], to_groups: Sequence[range]) -> Tensor:
    """Weights between words (…, word, word) from those between tokens (…, query, key)."""
    to_words = stack([weights[..., group.start : group.stop].sum(-1) for group in to_groups], -1)
    return stack([to_words[..., group.start : group.stop, :].mean(-2) for group in from_groups], -2)
