"""Single modules of the instruments in a bare page: elements from text, their handlers, the strip."""

from __future__ import annotations

import pytest

from tests.helpers.head import number_text

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

# Whether the default goes on after a handler gave `value`: set by `el`, by `listen`, as an on… property.
AFTER = """
async (value) => {
  const { el, listen } = await import("/instruments/shared/dom.js");
  const nodes = [el("input", { onkeydown: () => value }), el("input"), el("input")];
  listen(nodes[1], { keydown: () => value });
  nodes[2].onkeydown = () => value;
  const key = () => new KeyboardEvent("keydown", { key: "Tab", cancelable: true });
  return nodes.map((node) => node.dispatchEvent(key()));
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


@pytest.mark.parametrize("value", [False, True, None, 0])
def test_what_a_handler_gives_back_prevents_nothing(bare, value):
    assert bare().evaluate(AFTER, value) == [True, True, value is not False]
