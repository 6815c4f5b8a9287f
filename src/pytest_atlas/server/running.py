"""The file by which `pytest-atlas open` finds the running server of an Atlas directory, and proves that it may log in.

The file has mode 0600 and contains a random key. Who can read it can also read the store, so the key grants nothing new.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pytest_atlas.base import private_files

NAME = "serve.json"
MAX_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server: its URL, and the key of one-time codes."""

    url: str
    requires_login: bool
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


@contextmanager
def announced(directory: Path, server: RunningServer) -> Iterator[None]:
    """Write the file while the block runs. A directory that can't be written only disables `pytest-atlas open`."""
    path = directory / NAME
    with suppress(OSError), private_files.Replacement(path) as file:
        json.dump(asdict(server), file)
    try:
        yield
    finally:
        if find(directory) == server:
            with suppress(OSError):
                private_files.delete(path)


def find(directory: Path) -> RunningServer | None:
    """Return the server that wrote the file last; None without one. It may have been killed since."""
    try:
        with private_files.open_to_read(directory / NAME) as file:
            found = json.loads(file.read(MAX_BYTES))
        url, requires_login, key = found["url"], found["requires_login"], found["key"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    is_valid = isinstance(url, str) and url.startswith(("http://", "https://")) and url.isprintable()
    return RunningServer(url, bool(requires_login), key) if is_valid and isinstance(key, str) else None
