"""Wait for the publisher after the tests, until it has finished or the time is over."""

from builtins import max
from collections.abc import Callable
from time import sleep
from typing import Literal, NamedTuple, Protocol

from pytest_atlas.base.clock import monotonic
from pytest_atlas.journal.status import Status

POLL_S = 0.01
NO_RESPONSE_S = 5.0
"""Longest wait if Atlas has not sent any response."""
MIB = 1 << 20
QUIET_S = 0.3
"""Shortest wait that shows progress."""

Show = Callable[[str], None]
Why = Literal["ended", "exited", "time", "silent", "interrupted"]


class Publisher(Protocol):
    """The publisher, as far as `wait` needs it."""

    @property
    def has_exited(self) -> bool: ...  # noqa: D102
    def status(self) -> Status | None: ...  # noqa: D102


class Waited(NamedTuple):
    """The last status of the publisher, and the reason for the end of the wait."""

    status: Status | None
    why: Why


def wait(publisher: Publisher, timeout_s: float, show: Show) -> Waited:
    """Wait until the publisher has finished, at most `timeout_s`.

    `show` receives a progress line every 10 ms. Raises KeyboardInterrupt on Ctrl-C.
    """
    begin = monotonic()
    while True:
        has_exited = publisher.has_exited  # read before the status, so that the last status is not missed
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
    """Return the progress line."""
    if status is None or not status.answered:
        return f"atlas: waiting for a response, {waited_s:.0f} s"
    files = ""
    if status.files_sent < status.files:
        sent, rate = status.bytes_sent / MIB, status.bytes_sent / MIB / max(waited_s, 1.0)
        files = f", files {status.files_sent} of {status.files}" + (f" ({sent:.1f} MiB, {rate:.1f} MiB/s)" if sent else "")
    return f"atlas: {status.in_place} of {status.total} published{files}, {waited_s:.0f} s"
