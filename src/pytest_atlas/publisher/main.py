"""The process that pytest starts beside itself: chooses the Atlas, listens to pytest, publishes.

Its standard input is a pipe from pytest: the line `begin` says that there is a session, `end` that the last fact is written,
`stop` that nobody waits any more; its end without either, that pytest died. Its output is publisher.log.
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
    """Publish until the session is in Atlas or pytest says stop. The exit code is 0 when all is there."""
    arguments = _arguments()
    if arguments.wait and not _may_begin():
        return 0
    token = os.environ.get("ATLAS_TOKEN", "")
    log_to_stderr(Cleaner(os.environ))
    _step_back()
    opening = remote(arguments.url, token, arguments.bucket) if arguments.url else local(arguments.atlas_dir)
    try:
        status = threads.run(_publish(arguments, opening))
    except (AlreadyPublishing, UnsupportedVersion) as error:
        return _could_not(arguments, str(error))
    except (StoreError, ValueError, OSError) as error:
        return _could_not(arguments, f"{type(error).__name__}: {error}")
    return 0 if status.state == "done" else 1


async def _publish(arguments: argparse.Namespace, opening: AbstractAsyncContextManager[Target]) -> st.Status:
    loop = asyncio.get_running_loop()

    def begun(publisher: Publisher) -> None:
        listen = threading.Thread(target=_listen, args=(publisher, loop.call_soon_threadsafe), daemon=True)
        listen.start()

    async with opening as target:
        log.info("publishing %s to %s", arguments.session, target.label)
        status = await publish(arguments.session, target, started_by_pytest=True, patience_s=arguments.patience, begun=begun)
        log.info("%s: %d of %d in place %s", status.state, status.in_place, status.total, status.problem)
        return status


def _may_begin() -> bool:
    """Wait for the first line of standard input: whether pytest has begun the session."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(sys.stdin.fileno(), 1)  # unbuffered: the rest is for `_listen`
        if not byte:
            return False
        line += byte
    return line == b"begin\n"


def _listen(publisher: Publisher, call: Callable[..., object]) -> None:
    """Hand on what pytest says. A thread, since a pipe can't be waited for in the loop on every system."""
    words = {b"end": publisher.pytest_ended, b"stop": publisher.stop}
    try:
        # Unbuffered: the interpreter, when it ends, aborts where a thread still waits in a buffered read.
        with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as pipe:
            for line in pipe:
                if line.strip() in words:
                    call(words[line.strip()])
        call(publisher.pytest_left)
    except RuntimeError:
        pass  # the loop is over, and with it everything that could be told


def _step_back() -> None:
    """Lower the priority of this process: the tests go first. On Windows it was started with a lower one.

    A batch process never interrupts another one that wakes up, and inherits no real-time policy of pytest. At nice 10 it gets
    a tenth of a processor on which a test computes all the time; less would starve it.
    """
    if sys.platform != "win32":
        os.nice(NICE)
    if sys.platform == "linux":
        with suppress(OSError):  # a container may forbid it
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))


def _could_not(arguments: argparse.Namespace, why: str) -> int:
    log.error("%s", why)
    name = remote_name(arguments.url) if arguments.url else "local"
    label = origin(arguments.url) if arguments.url else f"local Atlas {arguments.atlas_dir}"
    status = st.Status(pid=os.getpid(), state="stopped", target=name, atlas=label, problem=Cleaner(os.environ)(why))
    with suppress(OSError):  # of a full disk; pytest finds the process gone, and the log says why
        st.write(arguments.session / f"status-{name}-{os.getpid()}.json", status)
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="pytest_atlas.publisher")
    parser.add_argument("session", type=Path)
    parser.add_argument("--wait", action="store_true", help="begin when the line `begin` arrives, or end without it")
    parser.add_argument("--atlas-dir", type=Path, required=True)
    parser.add_argument("--url", default="")
    parser.add_argument("--bucket", type=Bucket.parse)
    parser.add_argument("--patience", type=float, default=60.0, help="seconds to go on without an answer when pytest has died")
    return parser.parse_args()
