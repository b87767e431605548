"""command.py: whatever happens to a command and its streams, it ends with a status and one sentence."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from model.command import reporting
from tests.helpers.tiny import PAIRS, tiny_checkpoint

pytestmark = pytest.mark.once

ROOT = Path(__file__).resolve().parents[3]
SOURCE, TARGET = PAIRS[0]
FULL = "The output cannot be written: No space left on device.\n"
CLOSED = "The output cannot be written: Bad file descriptor.\n"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("learnt") / "en-de", learnt=True)


@pytest.fixture
def shell(checkpoint, tmp_path):
    """Runs a line of bash in which `translate` and `dump` are the commands: (status, output, errors)."""
    commands = "".join(
        f'{name}() {{ "{sys.executable}" -m model.{name} "{checkpoint}" "$@"; }}\n'
        for name in ("translate", "dump")
    )

    def run(line: str) -> tuple[int, str, str]:
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "IN": f"{SOURCE}\n"}
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail\n{commands}{line}"],
            cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('translate <<< "$IN" | true', (2, "", "The output cannot be written: Broken pipe.\n")),
        ('translate <<< "$IN" > /dev/full', (2, "", FULL)),
        ('translate <<< "$IN" >&-', (2, "", CLOSED)),
        ("translate <&-", (2, "", "Standard input does not read: Bad file descriptor.\n")),
        ('printf "\\n" | translate 2>&-', (0, "\n", "")),
        ('printf "\\n" | translate 2> /dev/full', (0, "\n", "")),
        ('dump "$IN" --out t.npz > /dev/full', (2, "", FULL)),
        ("dump --help > /dev/full", (2, "", FULL)),
    ],
)
def test_a_stream_that_is_closed_or_full_is_one_sentence(shell, line, expected):
    assert shell(line) == expected


def test_ctrl_c_ends_a_run_in_one_word(checkpoint, tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "model.translate", str(checkpoint)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdin.write(f"{SOURCE}\n".encode())
    process.stdin.flush()
    assert process.stdout.readline().decode() == f"{TARGET}\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert err.decode()[-700:] == "Stopped.\n"
    assert (process.returncode, out) == (130, b"")


def test_a_fault_that_nobody_foresaw_keeps_its_traceback():
    @reporting
    def main(arguments):
        raise KeyError("unforeseen")

    with pytest.raises(KeyError):
        main([])
