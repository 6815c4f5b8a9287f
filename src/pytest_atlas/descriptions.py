"""The list of attempts in the description of a step: rendered here, and parsed here when a later session merges it. Pure.

    Attempts (automated result: passed_with_exception):
    2026-11-26 15:52:40 UTC, bench-3, session 6f2d8c1e: passed: trip time: 93 ms (≤ 110 ms) ok
    2026-11-26 15:40:12 UTC, bench-3, session 1bcc88b6: failed: trip time: 120 ms is 10 ms above the high limit of 110 ms
    … and 2 more, session 1bcc88b6: 1 passed, 1 failed

The header has the status that pytest-atlas set last. If Atlas shows another one, a person set it. The session tells attempts of
different sessions apart: a session that is published twice replaces its own lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, get_args

AttemptOutcome = Literal["passed", "failed", "died", "skipped", "xfailed", "xpassed", "unfinished", "unreported", "unknown"]
"""`died`: its process died; `unreported`: pytest got no result; `unknown`: an outcome that Atlas does not have."""

MAX_ATTEMPTS = 10
"""Most attempts that are listed, one per line. Of the others, the number is shown."""
MAX_MESSAGE = 300
"""Most characters of the message of one attempt."""
MAX_PLACE = 80

_HEADER = re.compile(r"Attempts \(automated result: (\w+)\):")
_OUTCOMES = "|".join(get_args(AttemptOutcome))
_LINE = re.compile(
    rf"(\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d) UTC, ([^,]+), session ([\w.-]+): ({_OUTCOMES})(?:: (.+))?", re.ASCII | re.DOTALL
)
_MORE = re.compile(r"… and \d+ more, (?:session ([\w.-]+)|earlier sessions): (.+)", re.ASCII)
_COUNT = re.compile(rf"(\d+) ({_OUTCOMES})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One execution of a test. Texts are made one line each, without what would end them when they are parsed."""

    at: int  # its start, Unix seconds, UTC
    place: str  # host or CI job, with the xdist worker
    session: str  # tells the attempts of different sessions apart
    outcome: AttemptOutcome
    message: str = ""  # the decisive value or message

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", _one_line(self.place.replace(",", ";"), MAX_PLACE) or "unknown host")
        object.__setattr__(self, "session", session_id(self.session))
        object.__setattr__(self, "message", _one_line(self.message, MAX_MESSAGE))


@dataclass(frozen=True, slots=True)
class MoreAttempts:
    """How many attempts of one session are not listed. An empty session stands for several old ones."""

    session: str
    counts: tuple[tuple[AttemptOutcome, int], ...]


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts of a step, newest first, and the status that pytest-atlas set."""

    status: str
    attempts: tuple[Attempt, ...] = ()
    more: tuple[MoreAttempts, ...] = ()


def session_id(name: str) -> str:
    """Return the part of a session's name that identifies it: the 8 hexadecimal digits at its end, else the whole name."""
    name = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII) or "-"
    found = re.fullmatch(r"\d{8}T\d{6}Z-([0-9a-f]{8})", name, re.ASCII)
    return found[1] if found else name


def limited(status: str, attempts: Iterable[Attempt], more: Iterable[MoreAttempts] = ()) -> Attempts:
    """Return the newest MAX_ATTEMPTS of `attempts`, with the first failure among them, and the number of the others.

    `more`: attempts of other sessions that earlier descriptions already only counted.
    """
    ordered = sorted(attempts, key=lambda a: a.at, reverse=True)  # stable: equal times keep their order
    listed, rest = ordered[:MAX_ATTEMPTS], ordered[MAX_ATTEMPTS:]
    failures = [attempt for attempt in rest if attempt.outcome in ("failed", "died")]
    if failures and not any(a.outcome in ("failed", "died") for a in listed):
        rest = [listed.pop(), *(attempt for attempt in rest if attempt is not failures[-1])]
        listed.append(failures[-1])
    counts: dict[str, Counter[AttemptOutcome]] = {}
    for attempt in rest:
        counts.setdefault(attempt.session, Counter())[attempt.outcome] += 1
    for other in more:
        counts.setdefault(other.session, Counter()).update(dict(other.counts))
    return Attempts(status, tuple(listed), tuple(_more(counts)))


def merged(old: Attempts, new: Attempts) -> Attempts:
    """Return the attempts of a step with those of a session added. `new` replaces what `old` has of the same session."""
    sessions = {attempt.session for attempt in new.attempts} | {other.session for other in new.more}
    return limited(
        new.status,
        (*new.attempts, *(attempt for attempt in old.attempts if attempt.session not in sessions)),
        (*new.more, *(other for other in old.more if other.session not in sessions)),
    )


def render_attempts(attempts: Attempts) -> str:
    """Return the lines of the list, for the end of a description before its identity line."""
    return "\n".join(_rendered(attempts))


def parse_attempts(description: str) -> Attempts | None:
    """Return the attempts that a description lists; None if it has no such list. The last list counts."""
    found = _find(_lines(description))
    return found[0] if found else None


def without_attempts(description: str) -> str:
    """Return a description without its list of attempts."""
    lines = _lines(description)
    if (found := _find(lines)) is None:
        return description
    _, start, end = found
    return "\n".join([*lines[:start], *lines[end:]])


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")]


def _find(lines: list[str]) -> tuple[Attempts, int, int] | None:
    """The list with the numbers of its first line and of the line after it."""
    headers = [number for number, line in enumerate(lines) if _HEADER.fullmatch(line.strip())]
    if not headers:
        return None
    start = headers[-1]
    header = _HEADER.fullmatch(lines[start].strip())
    assert header
    result, end = Attempts(header[1]), start + 1
    for line in lines[end:]:
        if (attempt := _attempt(line.strip())) is not None:
            result = replace(result, attempts=(*result.attempts, attempt))
        elif (more := _more_of(line.strip())) is not None:
            result = replace(result, more=(*result.more, more))
        else:
            break
        end += 1
    return result, start, end


def _attempt(line: str) -> Attempt | None:
    if not (found := _LINE.fullmatch(line)):
        return None
    try:
        at = datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:  # the 31st of November: a person changed it
        return None
    return Attempt(int(at.timestamp()), found[2], found[3], found[4], found[5] or "")  # type: ignore[arg-type]  # checked above


def _more_of(line: str) -> MoreAttempts | None:
    if not (found := _MORE.fullmatch(line)):
        return None
    counts = tuple((outcome, int(number)) for number, outcome in _COUNT.findall(found[2]))
    return MoreAttempts(found[1] or "", counts)


def _rendered(attempts: Attempts) -> Iterator[str]:
    yield f"Attempts (automated result: {attempts.status}):"
    for attempt in attempts.attempts:
        time = datetime.fromtimestamp(attempt.at, UTC).isoformat(" ", "seconds").removesuffix("+00:00")
        message = f": {attempt.message}" if attempt.message else ""
        yield f"{time} UTC, {attempt.place}, session {attempt.session}: {attempt.outcome}{message}"
    for more in attempts.more:
        number = sum(count for _, count in more.counts)
        session = f"session {more.session}" if more.session else "earlier sessions"
        yield f"… and {number} more, {session}: {', '.join(f'{count} {outcome}' for outcome, count in more.counts)}"


def _more(counts: dict[str, Counter[AttemptOutcome]]) -> Iterator[MoreAttempts]:
    """One entry for each session; of more than MAX_ATTEMPTS sessions, the last ones are one entry."""
    entries = [(session, counted) for session, counted in counts.items() if session]
    old = counts.get("", Counter())
    for _, counted in entries[MAX_ATTEMPTS:]:
        old.update(counted)
    for session, counted in [*entries[:MAX_ATTEMPTS], *([("", old)] if old else [])]:
        yield MoreAttempts(session, tuple((outcome, n) for outcome in get_args(AttemptOutcome) if (n := counted[outcome])))


def _one_line(text: str, limit: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"
