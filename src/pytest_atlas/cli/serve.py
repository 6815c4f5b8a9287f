"""`pytest-atlas serve`: serve the local Atlas over HTTP."""

import os
from argparse import Namespace

from pytest_atlas.settings import token as checked_token

from . import where
from .problems import USAGE, CommandError

ANY = "any-token-is-accepted"
"""The token to use with a server that requires none: clients always send a token, and it has a minimum length."""


def run(arguments: Namespace) -> int:
    """Serve until Ctrl-C."""
    try:
        from pytest_atlas.server import ServeError, serve
    except ModuleNotFoundError as error:  # the extra is not installed; the message names it
        raise CommandError(str(error)) from None
    directory = where.atlas_dir(arguments)
    token = os.environ.get("ATLAS_TOKEN", "").strip() if arguments.token_from_env else ""
    if arguments.token_from_env and not token:
        raise CommandError("--token-from-env: ATLAS_TOKEN is not set. Set it to the token that clients must send", USAGE)
    try:
        token = checked_token(token) if token else ""
    except ValueError as error:
        raise CommandError(f"ATLAS_TOKEN: the token {error}", USAGE) from None

    def announce(url: str) -> None:
        print(f"serving the local Atlas of {directory} at {url} until Ctrl-C", flush=True)
        print(f"pages: {url}/" + ("  (log in with the token, or run pytest-atlas open)" if token else ""), flush=True)
        print("publish to it with:", flush=True)
        shown = "$ATLAS_TOKEN" if token else ANY
        print(f"  ATLAS_URL={url} ATLAS_TOKEN={shown} pytest --atlas-system=UUID", flush=True)

    try:
        serve(directory, arguments.host, arguments.port, token or None, announce, read_only=arguments.read_only)
    except ServeError as error:
        with_token = "" if arguments.token_from_env else ". Use the token in ATLAS_TOKEN with --token-from-env"
        raise CommandError(f"{error}{with_token if 'ATLAS_TOKEN' in str(error) else ''}") from None
    return 0
