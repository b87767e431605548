"""Scripts and style sheets: those of the instruments as they are sent, and what a module's imports lead to.

A browser asks again at every visit whether a file is still the same, and is answered 304 where it is: the
tag is a checksum of the content. What a module imports is read off its text, so nothing is listed twice.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}
ENTRY = "view.js"
"""The module of an instrument's folder that the page imports."""
IMPORT = re.compile(r'\b(?:from|import)\s*"(\.{1,2}/[^"\n]+\.js)"')
"""A static import of a module of the same house; `import()` says that something may come later, or never."""
MODULES = 2_048


@lru_cache(MODULES)
def imports_read(path: Path, _changed: int) -> tuple[Path, ...]:
    """The modules that a module imports. It is read again when it was changed."""
    named = (os.path.normpath(path.parent / name) for name in IMPORT.findall(path.read_text("utf-8")))
    return tuple(module for module in map(Path, named) if module.is_file())


def reached(entries: Iterable[Path]) -> list[Path]:
    """The modules and all that their imports lead to, each once, the nearest first."""
    found = list(dict.fromkeys(entries))
    for module in found:  # grows on the way
        imported = dict.fromkeys(imports_read(module, module.stat().st_mtime_ns))
        found.extend(path for path in imported if path not in found)
    return found


def tag_of(content: bytes) -> str:
    """The same for the same content, however it is packed on the way: a weak tag."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


def is_known(tag: str, request: Request) -> bool:
    """Whether the browser says that it has this already. Tags are compared weakly (RFC 9110, 13.1.2)."""
    known = request.headers.get("if-none-match", "").split(",")
    return tag.removeprefix("W/") in [each.strip().removeprefix("W/") for each in known]


class Scripts:
    """A folder of which the files in MEDIA_TYPES are served and nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, address: str) -> Path | None:
        """The file of an address. The folder is listed, so that no address leads anywhere else."""
        files = {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*")}
        path = files.get(address)
        if not path or path.suffix not in MEDIA_TYPES or not path.resolve().is_relative_to(self.folder):
            return None
        return path

    def needed(self, names: Iterable[str]) -> list[Path]:
        """What the browser must have to show these instruments: modules, and the style sheets beside them."""
        entries = (self.folder / name / ENTRY for name in names)
        modules = reached(entry for entry in entries if entry.is_file())
        folders = dict.fromkeys(module.parent for module in modules)
        return [*modules, *(sheet for folder in folders for sheet in sorted(folder.glob("*.css")))]

    def serve(self, request: Request) -> Response:
        """A file with its tag, or 304 to who has it already."""
        path = self.find(request.path_params["path"])
        if path is None:
            return PlainTextResponse("There is no such file.", 404)
        content = path.read_bytes()
        tag = tag_of(content)
        headers = {"Cache-Control": "no-cache", "ETag": tag}
        if is_known(tag, request):
            return Response(status_code=304, headers=headers)
        return Response(content, media_type=MEDIA_TYPES[path.suffix], headers=headers)
