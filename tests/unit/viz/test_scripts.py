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


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(FOLDER)))
def test_handlers_are_set_by_listen_which_drops_what_they_give_back(script):
    """An on… property whose function gives false prevents the event's default: a field that takes no keys."""
    assert HANDLER.findall(script.read_text()) == []
