"""The sessions on this machine that record into a run: is pytest alive, which tests run, what have they measured.

While a session runs, its `measurements.csv` does not exist, so its values come from the journal. It is read incrementally: each
call continues where the last one stopped, for at most READ_S seconds, and keeps a limited number of values.
"""

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pytest_atlas.base.liveness import Liveness
from pytest_atlas.base.private_files import list_names
from pytest_atlas.base.quantities import from_exact
from pytest_atlas.journal import decode, status
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.follower import JournalFollower
from pytest_atlas.journal.session_dir import NAME, SESSIONS
from pytest_atlas.session_loader import find_liveness

READ_S = 0.3
"""Longest time in seconds that one call reads."""
MAX_SESSIONS = 50
"""Number of session directories, the newest ones, that are searched for those of a run."""
MAX_FOLLOWED = 8
"""Number of sessions that are followed at once."""
MAX_VALUES = 20_000
"""Most measurements of a session that are kept, the newest ones."""


@dataclass(frozen=True, slots=True)
class RunningTest:
    """A test that has started and not ended."""

    nodeid: str
    worker: str  # empty without xdist
    started: float  # Unix seconds
    steps: tuple[str, ...] = ()  # titles of the open inner steps, the outermost first


@dataclass(frozen=True, slots=True)
class Value:
    """A measurement of the session. One with several values has the last one."""

    nodeid: str
    name: str
    text: str  # as recorded
    number: float | None
    unit: str
    low: float | None
    high: float | None
    verdict: str
    at: float  # Unix seconds
    attempt: int
    count: int  # number of values


@dataclass(frozen=True, slots=True)
class Recording:
    """A session on this machine."""

    session: str
    liveness: Liveness  # of its pytest
    is_complete: bool = True  # False: the next call has more
    running: tuple[RunningTest, ...] = ()
    values: tuple[Value, ...] = ()  # oldest first

    def of_test(self, nodeid: str) -> tuple[Value, ...]:
        """Return the values of one test."""
        return tuple(value for value in self.values if value.nodeid == nodeid)


class Recordings:
    """The sessions in an Atlas directory. Safe for threads."""

    def __init__(self, atlas_dir: Path) -> None:
        self._sessions = atlas_dir / SESSIONS
        self._lock = threading.Lock()
        self._followed: OrderedDict[str, _Follower] = OrderedDict()
        self._runs: dict[str, frozenset[str]] = {}  # session -> uuids of its runs, once they are known

    def __repr__(self) -> str:
        return f"<Recordings {self._sessions} followed={len(self._followed)}>"

    def of_run(self, run: str) -> tuple[Recording, ...]:
        """Return the sessions of the run with this UUID, the newest first; none if they are on other machines.

        Call it for a run that is shown as running only: it reads the whole journal of a session that has ended, too.
        """
        with self._lock:
            return tuple(self._follower(name).recording() for name in self._names(run))

    def _names(self, run: str) -> list[str]:
        try:
            names = sorted(filter(NAME.fullmatch, list_names(self._sessions)), reverse=True)[:MAX_SESSIONS]
        except OSError:
            return []
        return [name for name in names if run in self._runs_of(name)]

    def _runs_of(self, session: str) -> frozenset[str]:
        """Return the UUIDs of the runs of a session, one in each Atlas; empty as long as it has none."""
        if not self._runs.get(session):
            with suppress(OSError):
                found = status.read_all(self._sessions / session)
                self._runs[session] = frozenset(each.run_id for each in found if each.run_id)
        return self._runs.get(session, frozenset())

    def _follower(self, session: str) -> "_Follower":
        found = self._followed.pop(session, None) or _Follower(self._sessions / session)
        self._followed[session] = found  # the last one in the order
        while len(self._followed) > MAX_FOLLOWED:
            self._followed.popitem(last=False)
        return found


@dataclass(slots=True)
class _Open:
    """A running test and its open inner steps, by ordinal."""

    test: ev.TestStarted
    steps: dict[int, str] = field(default_factory=dict)


class _Follower:
    """Reads the journals of one session, and keeps what the pages show."""

    def __init__(self, session: Path) -> None:
        self._session = session
        self._journal = JournalFollower(session)
        self._lines: Iterator[tuple[str, bytes]] | None = None
        self._opened: dict[str, ev.JournalOpened] = {}
        self._running: dict[str, _Open] = {}  # by journal: a process runs one test at a time
        self._values: deque[Value] = deque(maxlen=MAX_VALUES)
        self._has_ended = False
        self._is_read = False  # whether it has ended, and everything was read

    def recording(self) -> Recording:
        """Read on, and return the present state."""
        is_complete = self._is_read or self._read(time.monotonic() + READ_S)
        self._is_read = is_complete and self._has_ended
        found: Liveness = "ended" if self._has_ended else find_liveness(self._session, self._opened)
        return Recording(
            self._session.name,
            found,
            is_complete,
            () if found == "ended" else tuple(self._tests()),
            tuple(self._values),
        )

    def _read(self, deadline: float) -> bool:
        """Apply new events until `deadline`. Return whether all were read."""
        if self._lines is None:
            self._lines = self._journal.new_lines()
        # The iterator is kept: a new one would skip the lines of the chunk that this one has read.
        with suppress(OSError):
            for source, line in self._lines:
                if line and (event := decode.event(line)) is not None:
                    self._apply(source, event)
                if time.monotonic() > deadline:
                    return False
        self._lines = None
        return True

    def _apply(self, source: str, event: ev.Event) -> None:
        match event:
            case ev.JournalOpened():
                self._opened.setdefault(source, event)
            case ev.SessionEnded():
                self._has_ended = True
            case ev.TestStarted():
                self._running[source] = _Open(event)
            case ev.TestEnded():
                self._running.pop(source, None)
            case ev.StepOpened() if source in self._running:
                self._running[source].steps[event.ordinal] = event.title
            case ev.StepClosed() if source in self._running:
                self._running[source].steps.pop(event.ordinal, None)
            case ev.Measured() if event.values and not event.late:
                self._values.append(_value(event))

    def _tests(self) -> Iterator[RunningTest]:
        for source, running in self._running.items():
            opened = self._opened.get(source)
            test = running.test
            yield RunningTest(test.nodeid, opened.worker if opened else "", test.at, tuple(running.steps.values()))


def _value(event: ev.Measured) -> Value:
    return Value(
        nodeid=event.nodeid,
        name=event.name,
        text=event.values[-1],
        number=_number(event.values[-1]),
        unit=event.unit,
        low=_number(event.low),
        high=_number(event.high),
        verdict=event.verdict,
        at=event.at,
        attempt=event.attempt,
        count=len(event.values),
    )


def _number(text: str) -> float | None:
    value = from_exact(text)
    if value is None or isinstance(value, bool | str):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
