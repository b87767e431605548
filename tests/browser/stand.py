"""An instrument on a bare page of the server, without the app around it: mounted as Streamlit would."""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import Page

from model import Glass, Trace, Translation
from viz import theme
from viz.instruments import attention, decoding, ffn, output, positions, tokens
from viz.instruments import map as model_map

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
    request = request_of(glass, translation.source)
    match name:
        case "attention":
            return attention.overview(trace, request)
        case "map":
            return model_map.message(glass, trace, request)
        case "ffn":
            return ffn.message(glass, trace, translation, request, place)
    others = {"tokens": tokens, "positions": positions, "output": output, "decoding": decoding}
    return others[name].message(glass, trace, translation, request)


def mount(page: Page, name: str, message: bytes, mode: str, **link: object) -> None:
    """Show the instrument of that name with its message, in place of what was there."""
    text = base64.b64encode(message).decode()
    said = {parameter: str(value) for parameter, value in link.items()}
    page.evaluate(MOUNT, [name, text, said, theme.SEQUENTIAL[mode][0]])
