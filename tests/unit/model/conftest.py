"""Fixtures that the tests of model/ share."""

import shutil
from pathlib import Path

import pytest
import torch

from model.tokenizer import Tokenizer
from tests.helpers.tiny import tiny_checkpoint

TEXTS = [
    "A man in a blue shirt is standing on a ladder cleaning a window.",
    "Ein Mann in einem blauen Hemd steht auf einer Leiter und putzt ein Fenster.",
    "Two dogs are running through the tall grass.",
    "Zwei Hunde rennen durch das hohe Gras.",
    'I love you. Don\'t you know that? "Yes", she said.',
    "Übermäßig große Äpfel fallen nicht weit vom Stamm.",
]


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Small models gain nothing from a second thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.train(TEXTS * 3, 400)


@pytest.fixture(scope="session")
def other_tokenizer() -> Tokenizer:
    """As many tokens as `tokenizer`, other merges."""
    return Tokenizer.train([text[::-1] for text in TEXTS] * 3, 400)


@pytest.fixture(scope="session")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that knows a few sentences by heart; nobody writes into it."""
    return tiny_checkpoint(tmp_path_factory.mktemp("learnt") / "en-de", learnt=True)


@pytest.fixture
def folder(learnt: Path, tmp_path: Path) -> Path:
    """A copy of its own, whose card may be written."""
    return shutil.copytree(learnt, tmp_path / "en-de")
