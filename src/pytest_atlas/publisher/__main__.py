"""The publisher's process begins and ends here, as fast as possible: pytest calls `main` in it, people `python -m`.

A session of one test waits for nearly all of it. Importing makes many objects and no garbage, so the collector rests until
that is done; and what the interpreter would tear down piece by piece at its end, the system takes back at once.
"""

import gc
import os
import sys
from typing import NoReturn


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
    from .process import main

    gc.freeze()
    gc.enable()
    return main()


if __name__ == "__main__":
    main()
