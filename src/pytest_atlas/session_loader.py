"""Load a recorded session from its directory: all journals, read once."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path

from pytest_atlas.base.liveness import Liveness, Writer, liveness
from pytest_atlas.base.records import dataclass
from pytest_atlas.journal import decode
from pytest_atlas.journal.events import JournalOpened
from pytest_atlas.journal.follower import READ_TIMEOUT_S, JournalFollower, in_time
from pytest_atlas.session.state import SessionState


@dataclass(frozen=True, slots=True)
class Record:
    """A session directory and the content of its journals."""

    path: Path
    model: SessionState
    liveness: Liveness  # of its pytest
    hosts: frozenset[str] = frozenset()  # the hosts in its journals
    unreadable: int = 0  # number of unreadable lines and files of its journals

    @property
    def problem(self) -> str:
        """The number of unreadable lines and files, in words; empty if all are readable."""
        parts = "1 line or file" if self.unreadable == 1 else f"{self.unreadable} lines or files"
        return f"{parts} of the journal can't be read" if self.unreadable else ""

    @property
    def is_lost(self) -> bool:
        """Whether the first line of the session is unreadable, so that the session can't be published."""
        return self.model.session is None and self.unreadable > 0

    @property
    def may_run(self) -> bool:
        """Whether its pytest may still run. Until it has ended, no test has died."""
        return self.liveness != "ended"

    @property
    def state(self) -> str:
        """The end of the session in one or two words."""
        if self.is_lost:
            return "unreadable"
        if self.may_run:
            return "running" if self.liveness == "running" else "may be running"
        if self.model.ended is None:
            return "died"
        return "interrupted" if self.model.interrupted else f"exit {self.model.ended.exit_status}"


def read(session: Path, *, has_ended: bool = False, timeout_s: float = READ_TIMEOUT_S) -> Record:
    """Read the session in the directory `session`. `has_ended`: assume that its pytest has ended if this is unknown.

    Raises OSError if the directory can't be read, or reading takes longer than `timeout_s` seconds.
    """
    model, opened, unreadable = SessionState(), dict[str, JournalOpened](), 0
    journal = JournalFollower(session)
    for source, line in in_time(journal.new_lines(), session, timeout_s):
        event = decode.event(line) if line else None
        if isinstance(event, JournalOpened):
            opened.setdefault(source, event)
        if event is not None:
            model.apply(source, event)
        elif line:
            unreadable += 1
    found: Liveness = "ended" if model.ended else find_liveness(session, opened)
    found = "ended" if found == "unknown" and has_ended else found
    if found == "ended":
        model.pytest_is_gone()
        unreadable += journal.torn()
    unreadable += journal.overlong + journal.no_files()
    return Record(session, model, found, frozenset(event.host for event in opened.values()), unreadable)


def find_liveness(session: Path, opened: Mapping[str, JournalOpened]) -> Liveness:
    """Return the liveness of all processes of a session. A worker can finish its test after the controller was killed.

    `opened`: the first event of each journal, by the name of its file.
    """
    found = {liveness(session / source, _writer(event)) for source, event in opened.items()}
    return "running" if "running" in found else "unknown" if "unknown" in found else "ended"


def _writer(event: JournalOpened) -> Writer:
    return Writer(**{field.name: getattr(event, field.name) for field in fields(Writer)})
