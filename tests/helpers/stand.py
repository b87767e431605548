"""An instrument on a bare page of the server, without the app around it: mounted as Streamlit would."""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import Page

from model import Glass, Trace, Translation
from tests.helpers.asked import first
from viz import theme

MOUNT = """
async ([name, message, link, background]) => {
  window.leave?.();
  history.replaceState(null, "", `?${new URLSearchParams(link)}`);
  const { default: mounted } = await import(`/instruments/${name}/view.js`);
  const host = document.createElement("div");
  host.style.setProperty("--st-background-color", background);
  document.body.style.background = background;
  document.body.replaceChildren(host);
  const data = Uint8Array.from(atob(message), (letter) => letter.charCodeAt(0));
  const parentElement = host.attachShadow({ mode: "open" });
  window.leave = mounted({ data, parentElement, setStateValue: () => {} });
}
"""


def request_of(glass: Glass, text: str) -> dict[str, Any]:
    """What names the greedy answer to a text in the addresses of its numbers."""
    return {"model": glass.name, "text": text, "beam": 1, "pad": 0, "version": glass.weights_sha256[:16]}


def message_of(name: str, glass: Glass, trace: Trace, translation: Translation, place: str) -> bytes:
    """What the page sends to an instrument of that name."""
    return first(name, (glass, trace, translation), place, request_of(glass, translation.source))


def mount(page: Page, name: str, message: bytes, mode: str, **link: object) -> None:
    """Show the instrument of that name with its message, in place of what was there."""
    text = base64.b64encode(message).decode()
    said = {parameter: str(value) for parameter, value in link.items()}
    page.evaluate(MOUNT, [name, text, said, theme.SEQUENTIAL[mode][0]])
