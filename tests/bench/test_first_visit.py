"""`python -m tests.bench.first_visit` runs and says all that it should; how fast is for its table."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.bench.first_visit import BUDGETS, LARGEST, MEANING, main
from tests.browser.conftest import REPOSITORY


def test_the_last_line_is_one_json_object_with_every_number():
    command = [sys.executable, "-m", "tests.bench.first_visit", "--repeats", "1"]
    command += ["--speed", "100000", "--latency", "0", "--link", "place=encoder.self_attn"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=300, check=True)
    lines = done.stdout.splitlines()
    result = json.loads(lines[-1])
    assert set(result) == set(MEANING)
    assert set(BUDGETS) <= set(MEANING)
    assert all(value > 0 for value in result.values())
    assert result["again_bytes"] < result["bytes"]
    assert result["again_requests"] < result["requests"]
    assert len(lines) == len(MEANING) + 1 + LARGEST + 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--speed", "0"], "speed must be a whole number from 1 to 1,000,000, not 0."),
        (["--latency", "-1"], "latency must be a whole number from 0 to 60,000, not -1."),
        (["--repeats", "0"], "repeats must be a whole number from 1 to"),
    ],
)
def test_nonsense_gets_one_sentence_and_status_2(capsys, options, said):
    with pytest.raises(SystemExit) as stop:
        main(options)
    shown = capsys.readouterr()
    assert (stop.value.code, shown.out) == (2, "")
    assert said in shown.err
    assert shown.err.count("\n") == 1
