"""The servers that the browser tests ask: `app`, the repository's, and `zoo`, with checkpoints of many sizes.

tests/run.sh starts one pair for the whole run, `python -m tests.helpers.servers FOLDER`, and hands FOLDER
over in the environment; where nobody did, the tests start the server that they ask for.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.helpers import checkpoints

REPOSITORY = Path(__file__).resolve().parents[2]
HANDED_OVER = "GLASSBOX_SERVERS"
"""Names the folder of the servers that run already: each one's address, `<name>.url`, and log; the zoo."""
READY_WITHIN = 180


@dataclass(frozen=True)
class Server:
    """One running `streamlit run app.py`, perhaps not ready yet."""

    url: str
    log: Path
    process: subprocess.Popen[bytes]

    def ready(self) -> str:
        """Its address, once it answers."""
        deadline = time.monotonic() + READY_WITHIN
        while not answers(self.url):
            assert time.monotonic() < deadline, f"the app was not ready in time:\n{self.log.read_text()}"
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.2)
                raise AssertionError(f"the app stopped at once:\n{self.log.read_text()}")
        return self.url


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=5) as response:
            return response.status == 200
    except (HTTPError, URLError, OSError) as error:
        if isinstance(error, HTTPError):
            error.close()
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def started(app: Path, log: Path) -> Iterator[Server]:
    """`streamlit run app.py` in the folder `app`. Once it has stopped, its log must hold no traceback."""
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.address", "127.0.0.1"]
    command += ["--server.port", str(port), "--server.headless", "true"]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with log.open("w") as out:
        process = subprocess.Popen(command, cwd=app, env=environment, stdout=out, stderr=subprocess.STDOUT)
        try:
            yield Server(f"http://127.0.0.1:{port}", log, process)
        finally:
            process.terminate()
            process.wait(30)
    assert "Traceback" not in log.read_text(), log.read_text()


def make_zoo(folder: Path) -> Path:
    """A copy of the app with checkpoints of several sizes and a broken one."""
    folder.mkdir()
    shutil.copy(REPOSITORY / "app.py", folder)
    for part in ("viz", "model", ".streamlit"):
        shutil.copytree(REPOSITORY / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    checkpoints.make(folder / "checkpoints", "en-de", 3, 4)
    checkpoints.make(folder / "checkpoints", "one", 1, 1, seed=2)
    checkpoints.make(folder / "checkpoints", "wide", 6, 8, seed=3)
    checkpoints.make(folder / "checkpoints", "pre", 2, 2, seed=4, norm="pre")
    checkpoints.make_broken(folder / "checkpoints", "torn")
    return folder


def shared() -> Path | None:
    """The folder of the servers that run already, if any do."""
    return Path(os.environ[HANDED_OVER]) if HANDED_OVER in os.environ else None


@contextmanager
def serving(name: str, app: Callable[[], Path], log: Path) -> Iterator[str]:
    """The address of the server of that name: the one that runs already, or one of `app()` with that log."""
    if folder := shared():
        yield (folder / f"{name}.url").read_text()
    else:
        with started(app(), log) as server:
            yield server.ready()


def main() -> None:
    """Serve until nobody holds our input open, or somebody ends us; FOLDER/ready says when both answer."""
    folder = Path(sys.argv[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    zoo = make_zoo(folder / "zoo")
    with started(REPOSITORY, folder / "app.log") as ours, started(zoo, folder / "zoo.log") as others:
        for name, server in (("app", ours), ("zoo", others)):
            (folder / f"{name}.url").write_text(server.ready())
        with (folder / "ready").open("w") as ready:
            ready.write("ready\n")
        sys.stdin.read()


if __name__ == "__main__":
    main()
