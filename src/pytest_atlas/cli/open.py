"""`pytest-atlas open`: print the link to the pages of the running server."""

import socket
import time
from argparse import Namespace
from urllib.parse import quote, urlsplit

from . import where
from .problems import CommandError

CONNECT_S = 5.0


def run(arguments: Namespace) -> int:
    """Print the link. Raises CommandError if no server is running."""
    try:
        from pytest_atlas.server.logins import one_time_code
        from pytest_atlas.server.running import find
    except ModuleNotFoundError as error:  # the extra is not installed; the message names it
        raise CommandError(str(error)) from None
    directory = where.atlas_dir(arguments)
    server = find(directory)
    if server is None or not _accepts_connections(server.url):
        raise CommandError(f"no server of {directory} is running on this machine. Start one with: pytest-atlas serve")
    path = f"/runs/{quote(arguments.run, safe='')}" if arguments.run else "/"
    if server.requires_login:
        path = f"/open?code={one_time_code(server.key, time.time())}&next={quote(path)}"
    print(f"{server.url}{path}")
    return 0


def _accepts_connections(url: str) -> bool:
    address = urlsplit(url)
    try:
        socket.create_connection((address.hostname or "", address.port or 80), CONNECT_S).close()
    except OSError:
        return False
    return True
