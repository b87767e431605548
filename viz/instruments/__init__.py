"""Browser-side views. Each is a folder: a typed Python function here, view.js and view.css in the browser.

The scripts are plain ES modules served by `viz.server`; Streamlit gets a stub that imports them, so that
nothing but the numbers travels with a change.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import streamlit as st

STUB = """
let view;
const address = new URL("instruments/{name}/view.js", document.baseURI).href;
try {{ ({{ default: view }} = await import(address)); }}
catch (error) {{
  view = ({{ parentElement }}) => {{ parentElement.textContent = "This view did not load. Reload."; }};
}}
export default view;
"""


def register(name: str) -> Callable[..., Any]:
    """The renderer of the instrument in the folder `name`; call once, at import."""
    return st.components.v2.component(f"glassbox_{name}", js=STUB.format(name=name))


def pack(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> bytes:
    """One message: the header's length (uint32, little-endian), the header as JSON, then the arrays' bytes.

    The header gains `arrays`: for each name its dtype, shape and offset behind the header (see transport.js).
    """
    described, blobs, offset = {}, [], 0
    for name, array in arrays.items():
        blob = np.ascontiguousarray(array).tobytes()
        described[name] = {
            "dtype": str(array.dtype),
            "shape": array.shape,
            "offset": offset,
            "bytes": len(blob),
        }
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps({**header, "arrays": described}, ensure_ascii=False, separators=(",", ":")).encode()
    return b"".join([len(text).to_bytes(4, "little"), text, *blobs])
