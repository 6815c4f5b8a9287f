"""The publisher process that pytest starts: chooses the Atlas, reads the messages of pytest, publishes.

Standard input is a pipe from pytest with the lines `begin` (the session has started), `end` (the last event is written) and
`stop` (pytest does not wait any longer). End-of-file without them means that pytest died. The output is publisher.log.
"""

import argparse
import asyncio
import os
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from pytest_atlas.base.requirements import UnsupportedVersion
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import status as st
from pytest_atlas.local import StoreError
from pytest_atlas.publisher.files.bucket import Bucket

from . import threads
from .log import log, log_to_stderr
from .loop import Publisher
from .publish import publish
from .receipts import AlreadyPublishing
from .targets import Target, local, origin, remote, remote_name

NICE = 10


def main() -> int:
    """Publish until the session is complete or pytest sends `stop`. The exit code is 0 if the session is complete."""
    arguments = _arguments()
    if arguments.wait and not _has_begun():
        return 0
    token = os.environ.get("ATLAS_TOKEN", "")
    log_to_stderr(Cleaner(os.environ))
    _lower_priority()
    opening = remote(arguments.url, token, arguments.bucket) if arguments.url else local(arguments.atlas_dir)
    try:
        status = threads.run(_publish(arguments, opening))
    except (AlreadyPublishing, UnsupportedVersion) as error:
        return _write_failure(arguments, str(error))
    except (StoreError, ValueError, OSError) as error:
        return _write_failure(arguments, f"{type(error).__name__}: {error}")
    return 0 if status.state == "done" else 1


async def _publish(arguments: argparse.Namespace, opening: AbstractAsyncContextManager[Target]) -> st.Status:
    loop = asyncio.get_running_loop()

    def begun(publisher: Publisher) -> None:
        listen = threading.Thread(target=_listen, args=(publisher, loop.call_soon_threadsafe), daemon=True)
        listen.start()

    async with opening as target:
        log.info("publishing %s to %s", arguments.session, target.label)
        status = await publish(arguments.session, target, started_by_pytest=True, patience_s=arguments.patience, begun=begun)
        log.info("%s: %d of %d published %s", status.state, status.in_place, status.total, status.problem)
        return status


def _has_begun() -> bool:
    """Wait for the first line of standard input, and return whether it is `begin`."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)  # unbuffered: the rest is for `_listen`
        if not byte:
            return False
        line += byte
    return line == b"begin\n"


def _listen(publisher: Publisher, call: Callable[..., object]) -> None:
    """Read the messages of pytest. A thread, because not every system can wait for a pipe in the event loop."""
    messages = {b"end": publisher.pytest_ended, b"stop": publisher.stop}
    try:
        # Unbuffered: the interpreter aborts at its end if a thread waits in a buffered read.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as pipe:
            for line in pipe:
                if line.strip() in messages:
                    call(messages[line.strip()])
        call(publisher.pytest_left)
    except RuntimeError:
        pass  # the event loop is closed


def _lower_priority() -> None:
    """Lower the priority of this process below the tests. On Windows, it is started with a lower priority.

    A batch process never interrupts a process that wakes up, and doesn't inherit a real-time policy of pytest. At nice 10, it
    gets a tenth of a processor on which a test computes continuously.
    """
    if sys.platform != "win32":
        os.nice(NICE)
    if sys.platform == "linux":
        with suppress(OSError):  # a container can forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _write_failure(arguments: argparse.Namespace, why: str) -> int:
    log.error("%s", why)
    name = remote_name(arguments.url) if arguments.url else "local"
    label = origin(arguments.url) if arguments.url else f"local Atlas {arguments.atlas_dir}"
    status = st.Status(pid=os.getpid(), state="stopped", target=name, atlas=label, problem=Cleaner(os.environ)(why))
    with suppress(OSError):  # for example a full disk; pytest finds that the publisher has exited, and refers to the log
        st.write(arguments.session / f"status-{name}-{os.getpid()}.json", status)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pytest_atlas.publisher")
    parser.add_argument("session", type=Path)
    parser.add_argument("--wait", action="store_true", help="start when standard input has the line `begin`, otherwise end")
    parser.add_argument("--atlas-dir", type=Path, required=True)
    parser.add_argument("--url", default="")
    parser.add_argument("--bucket", type=Bucket.parse)
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds without a success before it ends, if pytest has died"
    )
    return parser.parse_args()
