"""What holds for every script of the instruments, read as text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from viz import instruments

pytestmark = pytest.mark.once

FOLDER = Path(instruments.__file__).parent
SCRIPTS = sorted(FOLDER.rglob("*.js"))
HANDLER = re.compile(
    r"\.on(?:before|blur|change|click|close|context|copy|cut|dblclick|drag|drop|focus|input|invalid|key|mouse|paste"
    r"|pointer|reset|resize|scroll|search|select|submit|toggle|touch|wheel)[a-z]* *=(?![=>])"
)

THEME_DEPENDENT = re.compile(r"\b(?:bright|dark|light|pale)(?:er|est)\b", re.IGNORECASE)
WORDS_OF_A_VOCABULARY = re.compile(r"(?:vocab|kept|others|order\.length)[^`$]*\}(?: other)? words")


TEXTS = {str(path.relative_to(FOLDER)): path.read_text() for path in SCRIPTS}


def found(pattern):
    """What the pattern finds in all scripts, with the script."""
    return [(script, match.group()) for script, text in TEXTS.items() for match in pattern.finditer(text)]


def test_there_are_scripts():
    assert len(SCRIPTS) > 50


def test_handlers_are_set_by_listen_which_drops_what_they_give_back():
    """An on… property whose function gives false prevents the event's default: a field that takes no keys."""
    assert found(HANDLER) == []


def test_what_is_said_of_a_picture_holds_in_light_and_in_dark():
    """The largest number is the darkest colour of the one and the brightest of the other."""
    lines = [(script, line) for script, text in TEXTS.items() for line in text.splitlines()]
    assert [at for at in lines if THEME_DEPENDENT.search(at[1]) and "theme.mode" not in at[1]] == []


def test_what_a_vocabulary_counts_is_called_tokens():
    assert found(WORDS_OF_A_VOCABULARY) == []
