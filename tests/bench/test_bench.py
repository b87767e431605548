"""`python -m tests.bench` runs and says all that it should; how fast is for its table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests import checkpoints
from tests.bench.__main__ import BUDGETS, MEANING


def test_the_last_line_is_one_json_object_with_every_number(tmp_path):
    folder = checkpoints.make(tmp_path, "small", 2, 2)
    command = [sys.executable, "-m", "tests.bench", "--model", str(folder), "--repeats", "2", "--tokens", "8"]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=300, check=True
    )
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1])
    assert set(result) == set(MEANING) >= set(BUDGETS)
    assert all(value > 0 for value in result.values())
    assert len(lines) == len(MEANING) + 1
    assert all(meaning in done.stdout for meaning in MEANING.values())
