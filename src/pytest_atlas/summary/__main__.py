"""`python -P -m pytest_atlas.summary SESSION [TARGET]`: print the job summary of a session directory.

pytest runs this as a process at the end of a session, because it imports modules that must not be imported inside pytest. The
input contains the lines of the terminal summary about pending entities; the output is the job summary. Both are UTF-8.
"""

import os
import sys
from pathlib import Path

from pytest_atlas.base import requirements


def main(session: str, target: str = "") -> None:
    """Print the job summary."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # see the publisher's __main__
    try:
        requirements.check("pydantic")
    except requirements.UnsupportedVersion as error:
        sys.exit(str(error))
    from .session import job_summary, newest_status

    pending = sys.stdin.buffer.read().decode("utf-8", "replace").splitlines()
    status = newest_status(Path(session), target) if target else None
    sys.stdout.buffer.write(job_summary(Path(session), status, pending).encode("utf-8", "replace"))


def run() -> None:
    """Call `main` with the arguments of the command line."""
    main(*sys.argv[1:])


if __name__ == "__main__":
    run()
