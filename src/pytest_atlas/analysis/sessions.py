"""Which measurements of a run count, if several sessions recorded into it: those of the newest that executed the test. Pure.

A file of measurements is registered once and never changes, so that its column `valid` holds within its session only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pytest_atlas.descriptions import NOT_EXECUTED, parse_attempts, session_id

from .material import Step
from .measurements import Key, Row, Series

Newest = Mapping[str, frozenset[str]]
"""The newest sessions that executed each test, by the test's id: several if it is in the run several times."""


def newest_sessions(steps: Iterable[Step]) -> Newest:
    """Return the newest session of each test whose step lists attempts."""
    found: dict[str, frozenset[str]] = {}
    for step in steps:
        attempts = parse_attempts(step.description) if step.mark else None
        executed = [a.session for a in attempts.attempts if a.outcome not in NOT_EXECUTED] if attempts else []
        if executed:
            found[step.mark] = found.get(step.mark, frozenset()) | {executed[0]}
    return found


@dataclass(slots=True)
class Collected:
    """Measurements by session, until it is known which session counts."""

    superseded: int = 0
    """Rows that don't count: of attempts that a later attempt or session superseded."""
    _series: dict[Key, dict[str, Series]] = field(default_factory=dict)
    _last: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """The time of the last row by card and test, then by session."""
    _ids: dict[str, str] = field(default_factory=dict)

    def add(self, rows: Iterable[Row], card: str) -> None:
        """Add rows of a file of this card."""
        for row in rows:
            session = self._ids.get(row.session)
            if session is None:
                session = self._ids[row.session] = session_id(row.session) if row.session else ""
            if not row.is_valid:
                self.superseded += 1
                continue
            self._series.setdefault(Key(card, row.test, row.name), {}).setdefault(session, Series()).add(row)
            last = self._last.setdefault((card, row.test), {})
            last[session] = max(last.get(session, ""), row.at)

    def valid(self, newest: Newest) -> dict[Key, Series]:
        """Return the values that count, and add the others to `superseded`.

        Of a test that `newest` does not have, those of the session with the last row count. Values without a session always do.
        """
        found: dict[Key, Series] = {}
        for key, by_session in self._series.items():
            sessions = newest.get(key.test) or {self._newest(key)}
            for session, series in by_session.items():
                if session and session not in sessions:
                    self.superseded += series.rows
                elif key in found:
                    found[key].join(series)
                else:
                    found[key] = series
        return found

    def _newest(self, key: Key) -> str:
        last = self._last[key.card, key.test]
        return max(last, key=lambda session: (bool(session), last[session]))
