"""Start and end the publisher process as fast as possible: a session of one test waits for most of its lifetime.

Imports create many objects and no garbage, so the garbage collector is off until they are done. The process ends without the
clean-up of the interpreter.
"""

import gc
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from pytest_atlas.atlas import building
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
    # Otherwise pydantic reads the metadata of all installed packages in search of plugins.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    try:
        requirements.check("pydantic")
    except requirements.UnsupportedVersion as error:
        return _could_not_start(str(error))
    building.defer()
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
