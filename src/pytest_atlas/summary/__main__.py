"""`python -P -m pytest_atlas.summary SESSION [TARGET]`: what pytest calls at its end, since no part of this may run inside it.

Its input is what the closing section says of what is not in Atlas, line by line; its output the page, both in UTF-8.
"""

import os
import sys
from pathlib import Path

from pytest_atlas.base import requirements


def main(session: str, target: str = "") -> None:
    """Print the page."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # see the publisher's __main__
    try:
        requirements.check("pydantic")
    except requirements.UnsupportedVersion as error:
        sys.exit(str(error))
    from .session import last_word, summary

    pending = sys.stdin.buffer.read().decode("utf-8", "replace").splitlines()
    status = last_word(Path(session), target) if target else None
    sys.stdout.buffer.write(summary(Path(session), status, pending).encode("utf-8", "replace"))


def run() -> None:
    """Call `main` with the arguments of the command line."""
    main(*sys.argv[1:])


if __name__ == "__main__":
    run()
