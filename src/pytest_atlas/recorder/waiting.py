"""Wait for the publisher when the tests are over: until it has ended its work, or for as long as the user wants."""

from builtins import max
from collections.abc import Callable
from time import sleep
from typing import Literal, NamedTuple, Protocol

from pytest_atlas.base.clock import monotonic
from pytest_atlas.journal.status import Status

POLL_S = 0.01
NO_RESPONSE_S = 5.0
"""An Atlas that has not answered at all so far is not waited for longer."""
MIB = 1 << 20
QUIET_S = 0.3
"""A wait that is over sooner shows no progress."""

Show = Callable[[str], None]
Why = Literal["ended", "exited", "time", "silent", "interrupted"]


class Publisher(Protocol):
    """What is waited for."""

    @property
    def has_exited(self) -> bool: ...  # noqa: D102
    def status(self) -> Status | None: ...  # noqa: D102


class Waited(NamedTuple):
    """The publisher's last word, and why the wait was over."""

    status: Status | None
    why: Why


def wait(publisher: Publisher, timeout_s: float, show: Show) -> Waited:
    """Wait until the publisher has ended its work, at most `timeout_s`.

    `show` is given a line of progress now and then. KeyboardInterrupt goes through.
    """
    begin = monotonic()
    while True:
        has_exited = publisher.has_exited  # asked before its word: what it said last counts
        status = publisher.status()
        waited = monotonic() - begin
        if status is not None and status.state != "working":
            return Waited(status, "ended")
        if has_exited:
            return Waited(status, "exited")
        if waited >= timeout_s:
            return Waited(status, "time")
        if waited >= NO_RESPONSE_S and not (status and status.answered):
            return Waited(status, "silent")
        if waited > QUIET_S:
            show(progress(status, waited))
        sleep(POLL_S)


def progress(status: Status | None, waited_s: float) -> str:
    """One line for the wait."""
    if status is None or not status.answered:
        return f"atlas: waiting for an answer, {waited_s:.0f} s"
    files = ""
    if status.files_sent < status.files:
        sent, rate = status.bytes_sent / MIB, status.bytes_sent / MIB / max(waited_s, 1.0)
        files = f", files {status.files_sent} of {status.files}" + (f" ({sent:.1f} MiB, {rate:.1f} MiB/s)" if sent else "")
    return f"atlas: {status.in_place} of {status.total} in place{files}, {waited_s:.0f} s"
