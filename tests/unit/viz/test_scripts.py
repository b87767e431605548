"""What holds for every script of the instruments, read as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from viz import instruments

FOLDER = Path(instruments.__file__).parent
SCRIPTS = sorted(FOLDER.rglob("*.js"))
HANDLER = re.compile(
    r"\.on(?:before|blur|change|click|close|context|copy|cut|dblclick|drag|drop|focus|input|invalid|key|mouse|paste"
    r"|pointer|reset|resize|scroll|search|select|submit|toggle|touch|wheel)[a-z]* *=(?![=>])"
)

THEME_DEPENDENT = re.compile(r"\b(?:bright|dark|light|pale)(?:er|est)\b", re.IGNORECASE)
WORDS_OF_A_VOCABULARY = re.compile(r"(?:vocab|kept|others|order\.length)[^`$]*\}(?: other)? words")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_handlers_are_set_by_listen_which_drops_what_they_give_back(script):
    """An on… property whose function gives false prevents the event's default: a field that takes no keys."""
    assert HANDLER.findall(script.read_text()) == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_what_is_said_of_a_picture_holds_in_light_and_in_dark(script):
    """The largest number is the darkest colour of the one and the brightest of the other."""
    lines = script.read_text().splitlines()
    assert [line for line in lines if THEME_DEPENDENT.search(line) and "theme.mode" not in line] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_what_a_vocabulary_counts_is_called_tokens(script):
    assert WORDS_OF_A_VOCABULARY.findall(script.read_text()) == []
