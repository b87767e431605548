"""The instruments' modules that need no page, run by Node: answers as from one, a hundred times sooner."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
INSTRUMENTS = REPOSITORY / "viz" / "instruments"
CALL = "async ([module, name, args]) => (await import(module))[name](...args)"


def outward(value: Any) -> Any:
    """As JSON for evaluate.mjs: an array travels as a typed one, numbers that JSON lacks spelt out."""
    match value:
        case np.ndarray():
            return {"$array": typed(value), "values": outward(value.ravel().tolist())}
        case np.generic():
            return outward(value.item())
        case list() | tuple():
            return [outward(item) for item in value]
        case dict():
            return {key: outward(item) for key, item in value.items()}
        case float() if not math.isfinite(value):
            return {"$number": {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")}
    return value


def typed(array: np.ndarray) -> str:
    """The browser's name of an array's type: float32 → Float32Array."""
    return f"{array.dtype.name.capitalize()}Array"


def inward(value: Any) -> Any:
    if isinstance(value, list):
        return [inward(item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"$number"}:
            return float(value["$number"])
        return {key: inward(item) for key, item in value.items()}
    return value


class Node:
    """A running Node that answers for the scripts of the instruments."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def evaluate(self, source: str, argument: object = None) -> Any:
        """What the JavaScript function `source` gives; it imports from `/instruments/`, as on a page."""
        source = source.replace('"/instruments/', f'"{INSTRUMENTS.as_uri()}/')
        print(
            json.dumps({"source": source, "argument": outward(argument)}), file=self.process.stdin, flush=True
        )
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return inward(answer.get("value"))

    def call(self, module: str, name: str, *arguments: object) -> Any:
        """What the function `name` of a module, such as "shared/maths.js", gives."""
        return self.evaluate(CALL, [(INSTRUMENTS / module).as_uri(), name, list(arguments)])


@contextmanager
def running_node() -> Iterator[Node]:
    """The machine's Node, or the one that tests/setup.sh put beside Python."""
    beside = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    program = shutil.which("node", path=beside)
    assert program, "there is no node; tests/run.sh brings it along"
    command = [program, "--no-warnings", str(REPOSITORY / "tests" / "node" / "evaluate.mjs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Node(process)
        process.stdin.close()
        process.wait(10)
