"""Nothing in viz/ names a stack, a site, a side or a checkpoint: the anatomy and the card say them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

VIZ = Path(__file__).resolve().parents[2] / "viz"
NAMES = r"encoder|decoder|self_attn|cross_attn|src|tgt|en-de|en-fr"
NAME = re.compile(rf"(?<![A-Za-z0-9])({NAMES})(?![A-Za-z0-9])")
MODELS_OWN = {"src_ids", "max_src_len", "max_tgt_len"}
"""What a translation and a config call their own values."""
CONTENT_SECURITY_POLICY = re.compile(r"[a-z]+-src\b")
KIND = "an encoder–decoder Transformer"
"""What the page calls the kind of model."""


def words(text: str) -> Iterator[str]:
    """The names in a text."""
    text = CONTENT_SECURITY_POLICY.sub("", text).replace(KIND, "")
    return (found[0] for found in NAME.finditer(text))


def is_docstring(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    return isinstance(parents.get(node), ast.Expr)


def said_in_python(source: str) -> list[str]:
    """Identifiers and string literals of a module that hold such a name; what explains code may."""
    tree = ast.parse(source)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    found = []
    for node in ast.walk(tree):
        name = None
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = None if is_docstring(node, parents) else node.value
        for field in ("id", "attr", "arg", "name", "asname"):
            said = getattr(node, field, None)
            if isinstance(said, str) and said not in MODELS_OWN:
                found += words(said.replace("_", " ").replace("self attn", "self_attn"))
        if name is not None and name not in MODELS_OWN:
            found += words(name)
    return found


def said_in_script(source: str) -> list[str]:
    """The same in a script, comments left out."""
    code = re.sub(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", "", source, flags=re.S)
    return list(words(code))


PYTHON = sorted(VIZ.rglob("*.py"))
SCRIPTS = sorted(VIZ.rglob("*.js"))


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.relative_to(VIZ).as_posix())
def test_no_module_names_what_the_anatomy_says(path):
    assert said_in_python(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.relative_to(VIZ).as_posix())
def test_no_script_names_what_the_anatomy_says(path):
    assert said_in_script(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('x = "decoder.0.ffn"', ["decoder"]),
        ('x = f"{stack}.cross_attn"', ["cross_attn"]),
        ('load("en-de")', ["en-de"]),
        ("src = 1", ["src"]),
        ("f(tgt_rows=2)", ["tgt"]),
        ("translation.src_ids", []),
        ('"""The decoder reads src."""', []),
        ("x = 'default-src self'", []),
        ("encoding = decoding = 1", []),
    ],
)
def test_what_counts_as_a_name_in_python(source, found):
    assert said_in_python(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('if (stack === "encoder") x();', ["encoder"]),
        ("// the decoder reads\nx();", []),
        ("header.src", ["src"]),
        ("encodings(src)", ["src"]),
    ],
)
def test_what_counts_as_a_name_in_a_script(source, found):
    assert said_in_script(source) == found
