"""The end of a session: wait for the publisher, and say what came of it."""

import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pytest_atlas.journal.status import Status

LOOK_EVERY_S = 0.01
SILENT_S = 5.0
"""An Atlas that has not answered at all so far is not waited for longer."""
QUIET_S = 0.3
"""A wait that is over sooner shows no progress."""
MOST_REMARKS = 5

_sleep, _clock = time.sleep, time.monotonic
"""Bound at import: a test may freeze time and forget to let it go."""


class Publisher(Protocol):
    """What is waited for."""

    @property
    def gone(self) -> bool: ...  # noqa: D102
    def status(self) -> Status | None: ...  # noqa: D102


def wait(publisher: Publisher, timeout_s: float, show: Callable[[str], None]) -> Status | None:
    """Wait until the publisher has ended its work, at most `timeout_s`; its last word.

    `show` is given a line of progress now and then. KeyboardInterrupt goes through.
    """
    begin = _clock()
    while True:
        gone = publisher.gone  # asked before its word: what it said last counts
        status = publisher.status()
        waited = _clock() - begin
        if gone or (status is not None and status.state != "working"):
            return status
        if waited >= timeout_s or (waited >= SILENT_S and not (status and status.answered)):
            return status
        if waited > QUIET_S:
            show(progress(status, waited))
        _sleep(LOOK_EVERY_S)


def progress(status: Status | None, waited_s: float) -> str:
    """One line for the wait."""
    if status is None or not status.answered:
        return f"atlas: waiting for an answer, {waited_s:.0f} s"
    return f"atlas: {status.in_place} of {status.total} in place, {waited_s:.0f} s"


@dataclass(frozen=True, slots=True)
class Closing:
    """What the closing section has to tell of."""

    session: str  # the folder, as the user would name it
    status: Status | None = None
    why_not_sent: str = ""  # why the session was only recorded
    faults: tuple[str, ...] = ()
    unwritten: str = ""  # facts that the disk refused
    interrupted: bool = False  # Ctrl-C ended the wait

    @property
    def complete(self) -> bool:
        """Whether all of the session is recorded and in Atlas."""
        return self.status is not None and self.status.state == "done" and not self.unwritten and not self.faults

    def lines(self) -> list[str]:
        """The section, without its heading."""
        told = self._told()
        return [*told, *self.faults, *([self.unwritten] if self.unwritten else [])]

    def _told(self) -> list[str]:
        finish = f"pytest-atlas push {shlex.quote(self.session)}"
        if self.why_not_sent:
            return [f"recorded only: {self.why_not_sent}", f"publish with: {finish}"]
        status = self.status
        if status is None:
            return ["the publisher did not answer; publisher.log in the session's folder may say why", f"finish with: {finish}"]
        if status.state == "done" and not status.total:
            return ["nothing was collected, so there is no run"]
        lines = [f"{status.run_ref or status.run_id} {status.run_title}".strip()] if status.run_id else []
        lines[:1] = [f"run {line}: {status.in_place} of {status.total} in place in {status.atlas}" for line in lines]
        if status.look:
            lines.append(f"see it with: {status.look}")
        lines += status.remarks[:MOST_REMARKS]
        if len(status.remarks) > MOST_REMARKS:
            lines.append(f"… and {len(status.remarks) - MOST_REMARKS} more; see publisher.log in the session's folder")
        if status.state != "done":
            lines += [self._why_pending(status), f"finish with: {finish}"]
        return lines

    def _why_pending(self, status: Status) -> str:
        what = f"{status.pending} pending" if status.run_id else "nothing is in Atlas yet"
        if status.problem:
            return f"{what}: {status.problem}"
        if status.state == "incomplete":
            return f"{status.refused} refused, {status.pending} not in place"
        why = "the wait was interrupted" if self.interrupted else "the time to wait was over (--atlas-timeout)"
        return f"{what}: {why}"
