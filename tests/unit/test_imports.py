"""The house stays as it is drawn: who may import whom, and what lies on the top level."""

import ast
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[2]
TOP_LEVEL = {"README.md", "requirements.txt", "app.py", "viz", "model", "checkpoints", "tests"}
SHOWS = ("streamlit", "plotly", "viz")
MAY_IMPORT_STREAMLIT = ("app", "viz.pages", "viz.instruments", "viz.scene", "viz.server")
# Who never imports what: arrows go app → viz.pages → viz.instruments, viz.figures, viz.scene → model.
NEVER = [
    ("model", "app"),
    ("viz", "app"),
    ("viz.figures", "viz.pages"),
    ("viz.instruments", "viz.pages"),
    ("viz.scene", "viz.pages"),
    ("viz.theme", "viz.pages"),
    ("model", "tests"),
    ("viz", "tests"),
]


def module_of(path):
    """Dotted name of a source file below the root."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports_of(source, module, is_package=False):
    """Dotted names of all that `source` imports, wherever in the file it does."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: len(module.split(".")) - node.level + is_package]
            start = ".".join(filter(None, [*(package if node.level else []), node.module]))
            names |= {start} | {f"{start}.{alias.name}" for alias in node.names}
    return names


def inside(name, package):
    return name == package or name.startswith(f"{package}.")


SOURCES = {
    module_of(path): path for folder in ("model", "viz") for path in sorted((ROOT / folder).rglob("*.py"))
} | {"app": ROOT / "app.py"}
IMPORTS = {
    module: imports_of(path.read_text(encoding="utf-8"), module, path.name == "__init__.py")
    for module, path in SOURCES.items()
    if path.exists()
}


def offenders(package, imported):
    """Modules of `package` that import `imported`, or something inside it."""
    return [
        module
        for module, names in IMPORTS.items()
        if inside(module, package) and any(inside(name, imported) for name in names)
    ]


@pytest.mark.parametrize("library", SHOWS)
def test_the_model_knows_nothing_of_what_shows_it(library):
    assert offenders("model", library) == []


def test_streamlit_is_imported_only_where_it_may_be():
    importing = [m for m, names in IMPORTS.items() if any(inside(name, "streamlit") for name in names)]
    assert [m for m in importing if not any(inside(m, allowed) for allowed in MAY_IMPORT_STREAMLIT)] == []


@pytest.mark.parametrize(("package", "imported"), NEVER)
def test_arrows_go_one_way(package, imported):
    assert offenders(package, imported) == []


@pytest.mark.parametrize(
    ("source", "module", "is_package", "name"),
    [
        ("import streamlit.web", "viz.a", False, "streamlit.web"),
        ("from streamlit import cache_data", "viz.a", False, "streamlit.cache_data"),
        ("def f():\n    import viz", "model.a", False, "viz"),
        ("from . import pages", "viz.a", False, "viz.pages"),
        ("from .pages import x", "viz", True, "viz.pages"),
        ("from ..pages import x", "viz.figures.a", False, "viz.pages"),
    ],
)
def test_every_way_to_import_is_seen(source, module, is_package, name):
    assert name in imports_of(source, module, is_package)


def test_the_model_is_among_the_sources():
    assert {"model.attention", "model.transformer"} <= set(IMPORTS)


def test_the_top_level_holds_nothing_else():
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    entries = {name.split("/")[0] for name in listed.split("\0") if name}
    assert {name for name in entries if not name.startswith(".")} - TOP_LEVEL == set()
