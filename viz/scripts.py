"""Scripts and style sheets of the instruments, as they are sent.

A browser asks again at every visit whether a file is still the same, and is answered 304 where it is: the
tag is a checksum of the content.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css"}


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
