"""Static files of the pages: read once, served with a URL that changes with their content, so that browsers keep them."""

import hashlib
from functools import cached_property
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

ROOT = Path(__file__).parents[1] / "static"

TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
"""Suffix of a served file -> content type. Other files (licences, vendor.toml) are not served."""

KEPT = "public, max-age=31536000, immutable"


class Assets:
    """The static files below `root`, by their path. All have one version, so that modules can import each other."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The content of each file."""
        paths = (path for path in sorted(self._root.rglob("*")) if path.is_file() and path.suffix in TYPES)
        return {path.relative_to(self._root).as_posix(): path.read_bytes() for path in paths}

    @cached_property
    def version(self) -> str:
        """The start of a hash of all files."""
        found = hashlib.sha256()
        for name, content in self.files.items():
            found.update(f"{name}\0{len(content)}\0".encode() + content)
        return found.hexdigest()[:12]

    def url(self, name: str) -> str:
        """Return the URL of a file. Raises KeyError if it does not exist: a template has a wrong name."""
        self.files[name]
        return f"/static/{self.version}/{name}"

    def serve(self, request: Request) -> Response:
        """Return a file. Browsers keep it forever if the URL has the present version."""
        name = request.path_params["name"]
        content = self.files.get(name)
        if content is None:
            return Response("not found\n", 404, media_type="text/plain")
        kept = KEPT if request.path_params["version"] == self.version else "no-cache"
        return Response(content, media_type=TYPES[Path(name).suffix], headers={"Cache-Control": kept})


ASSETS = Assets(ROOT)


async def _serve(request: Request) -> Response:
    return ASSETS.serve(request)


ROUTE = Route("/static/{version}/{name:path}", _serve)
