"""Fixtures that the tests of model/ share."""

import pytest
import torch

from model.tokenizer import Tokenizer

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
