"""theme.py: colours that can be read, told apart and found in one place only."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest

from viz import theme

pytestmark = pytest.mark.once

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
GROUNDS = ("backgroundColor", "secondaryBackgroundColor")
INK = ("query", "key", "value", "output")
TINTS = ("source", "target")
READABLE = 4.5
HEX = re.compile(r"#[0-9a-fA-F]{3,8}\b")
FALLBACKS = "viz/instruments/shared/theme.js"


def channels(colour):
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def luminance(rgb):
    """Relative luminance, WCAG 2.2."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(a, b):
    light, dark = sorted((luminance(channels(a)), luminance(channels(b))), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def lightness(rgb):
    """CIE L*."""
    y = luminance(rgb)
    return 116 * y ** (1 / 3) - 16 if y > 0.008856 else 903.3 * y


def ramp(stops, n=256):
    """The scale as the browser interpolates it (shared/theme.js)."""
    colours = [channels(stop) for stop in stops]
    for i in range(n):
        at = i / (n - 1) * (len(colours) - 1)
        low = min(int(at), len(colours) - 2)
        yield [a + (at - low) * (b - a) for a, b in zip(colours[low], colours[low + 1], strict=True)]


@pytest.mark.parametrize("mode", theme.MODES)
@pytest.mark.parametrize("ground", GROUNDS)
@pytest.mark.parametrize("role", INK)
def test_a_roles_colour_reads_as_text_on_every_background(role, ground, mode):
    assert contrast(theme.ROLES[role][mode], PAGE[mode][ground]) >= READABLE


@pytest.mark.parametrize("mode", theme.MODES)
@pytest.mark.parametrize("ground", [*GROUNDS, *TINTS])
def test_text_reads_on_every_background_and_tint(ground, mode):
    behind = theme.ROLES[ground][mode] if ground in TINTS else PAGE[mode][ground]
    assert contrast(PAGE[mode]["textColor"], behind) >= READABLE


@pytest.mark.parametrize("mode", theme.MODES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_the_primary_colour_reads_as_text_on_every_background(ground, mode):
    assert contrast(PAGE[mode]["primaryColor"], PAGE[mode][ground]) >= READABLE


@pytest.mark.parametrize("mode", theme.MODES)
def test_no_two_roles_share_a_colour(mode):
    colours = [tones[mode] for tones in theme.ROLES.values()]
    assert len(set(colours)) == len(colours)


@pytest.mark.parametrize("mode", theme.MODES)
def test_weight_zero_is_the_pages_background(mode):
    assert theme.SEQUENTIAL[mode][0].lower() == PAGE[mode]["backgroundColor"].lower()


@pytest.mark.parametrize(("mode", "direction"), [("light", -1), ("dark", 1)])
def test_the_sequential_scale_goes_one_way_in_lightness(mode, direction):
    steps = [b - a for a, b in pairwise(map(lightness, ramp(theme.SEQUENTIAL[mode])))]
    assert all(direction * step > 0 for step in steps)


@pytest.mark.parametrize("mode", theme.MODES)
def test_no_part_of_the_sequential_scale_is_flat(mode):
    levels = [lightness(channels(stop)) for stop in theme.SEQUENTIAL[mode]]
    steps = [abs(b - a) for a, b in pairwise(levels)]
    assert abs(levels[-1] - levels[0]) >= 75
    assert min(steps) >= 4


def test_no_colour_is_written_outside_the_theme():
    allowed = {"viz/theme.py", FALLBACKS}
    files = [p for suffix in ("py", "js", "css") for p in (REPOSITORY / "viz").rglob(f"*.{suffix}")]
    found = {
        path.relative_to(REPOSITORY).as_posix(): colours
        for path in [*files, REPOSITORY / "app.py"]
        if (colours := HEX.findall(path.read_text(encoding="utf-8")))
    }
    assert len(files) > 15
    assert set(found) <= allowed, found


@pytest.mark.parametrize(
    ("weight", "text"), [(0, "0.0000"), (1, "1.0000"), (0.12345, "0.1235"), (0.00004, "0.0000")]
)
def test_a_weight_has_four_decimals(weight, text):
    assert theme.weight_text(weight) == text


def test_the_browser_gets_both_palettes():
    palette = theme.palette()
    assert set(palette) == set(theme.MODES)
    for mode in theme.MODES:
        assert palette[mode]["sequential"] == theme.SEQUENTIAL[mode]
        assert palette[mode]["roles"] == {role: tones[mode] for role, tones in theme.ROLES.items()}
