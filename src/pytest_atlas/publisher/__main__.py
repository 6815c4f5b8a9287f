"""The publisher's process begins and ends here, as fast as possible: pytest calls `main` in it, people `python -m`.

A session of one test waits for nearly all of it. Importing makes many objects and no garbage, so the collector rests until
that is done; and what the interpreter would tear down piece by piece at its end, the system takes back at once.
"""

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pytest_atlas.base import requirements
from pytest_atlas.journal import status as st


def main() -> NoReturn:
    """Publish, and end the process."""
    code = _publish()
    sys.stdout.close()
    sys.stderr.close()
    os._exit(code)


def _publish() -> int:
    gc.disable()
    # pydantic would read what every installed package says of itself, in search of plugins that nobody here needs.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        requirements.check("pydantic")
    except requirements.UnsupportedVersion as error:
        return _could_not_start(str(error))
    from .main import main

    gc.freeze()
    gc.enable()
    return main()


def _could_not_start(problem: str) -> int:
    """Write the problem to the log and into a status, which pytest prints."""
    print(problem, file=sys.stderr)
    status = st.Status(pid=os.getpid(), state="stopped", target="unsupported", atlas="Atlas", problem=problem)
    with suppress(OSError):  # of a full disk: pytest finds that the publisher has exited, and refers to the log
        st.write(Path(sys.argv[1]) / f"status-unsupported-{os.getpid()}.json", status)
    return 1


if __name__ == "__main__":
    main()
