"""Single modules of the instruments in a bare page: elements from text, the strip, the mask's rule."""

from __future__ import annotations

import pytest

from tests.browser.head import number_text

MARKUP = "<img src=x onerror=alert(1)> & <b>bold</b>"

ELEMENT = """
async (text) => {
  const { el } = await import("/instruments/shared/dom.js");
  const node = el("p", { title: text }, text, el("span", {}, text));
  const tags = [...node.querySelectorAll("*")].map((each) => each.tagName);
  return { text: node.textContent, title: node.title, tags };
}
"""

STRIP = """
async (values) => {
  const { Strip } = await import("/instruments/shared/strip.js");
  const given = values.map((value, i) => ({ name: `t${i + 1}`, text: "x", value }));
  const strip = new Strip(() => ({ title: "z", formula: "sum", terms: given, value: 0 }));
  document.body.replaceChildren(strip.node);
  const terms = () => [...strip.node.querySelectorAll(".term")];
  const read = () => terms().map((each) => [each.className, each.textContent]);
  strip.draw();
  const few = read();
  strip.toggle();
  return [few, read()];
}
"""

RULES = """
async ([causal, real, rows, keys]) => {
  const { maskRule } = await import("/instruments/attention/explain.js");
  const store = { site: { causal, real: { key: real } }, knobs: { mask: true } };
  const all = (n) => Array.from({ length: n }, (_, i) => i);
  return all(rows).map((query) => all(keys).map((key) => maskRule(store, query, key)));
}
"""


def test_a_string_becomes_text_and_never_an_element(bare):
    made = bare().evaluate(ELEMENT, MARKUP)
    assert made == {"text": 2 * MARKUP, "title": MARKUP, "tags": ["SPAN"]}


@pytest.mark.parametrize("sign", [1, -1])
def test_the_strip_shows_the_heaviest_terms_and_the_sum_of_the_rest(bare, sign):
    values = [sign * value for value in (0.5, -8, 4, 1, -0.25, 16, 2, 0.125)]
    few, every = bare().evaluate(STRIP, values)
    heaviest = sorted(sorted(range(8), key=lambda i: -abs(values[i]))[: len(few) - 2])
    total = ["term sum-term", f"sum = {number_text(sum(values))}"]
    shown = [[f"t{i + 1} x = {number_text(values[i])}"] for i in heaviest]
    assert [text for _, *text in few[:-2]] == shown and few[-1] == total
    rest = sum(value for i, value in enumerate(values) if i not in heaviest)
    assert few[-2] == ["term rest", f"{8 - len(heaviest)} more: {number_text(rest)}"]
    assert [text for _, text in every[:-1]] == [
        f"t{i + 1} x = {number_text(v)}" for i, v in enumerate(values)
    ]
    assert every[-1] == total


@pytest.mark.parametrize("causal", [True, False])
def test_the_masks_rule_says_of_each_cell_whether_it_is_seen_and_why(bare, causal):
    real = 4
    rules = bare().evaluate(RULES, [causal, real, 5, 5])
    for query, row in enumerate(rules):
        for key, rule in enumerate(row):
            if key >= real:
                expected = "−∞ by the padding mask"
            elif not causal:
                expected = "kept: a real token"
            elif key > query:
                expected = f"−∞ by the causal mask: row {query + 1} must not see token {key + 1}"
            else:
                expected = f"kept: token {key + 1} does not come after row {query + 1}"
            assert rule.startswith(expected), (query, key)
