"""The list of attempts in a step description: rendered, parsed, and merged with that of another session. Pure.

    Attempts (automated result: passed_with_exception):
    2026-11-26 15:52:40 UTC, bench-3, session 6f2d8c1e: passed: trip time: 93 ms (≤ 110 ms) ok
    2026-11-26 15:40:12 UTC, bench-3, session 1bcc88b6: failed: trip time: 120 ms is 10 ms above the high limit of 110 ms
    … and 2 more, session 1bcc88b6: 1 passed, 1 failed

The header has the status that pytest-atlas set last. If Atlas shows another one, a person set it; then the line before the list
has the automated result. Each line names its session, because a session that is published again replaces its lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal, get_args

from pytest_atlas.base.records import dataclass

from .identity import STEP_PREFIX
from .texts import one_line

AttemptOutcome = Literal["passed", "failed", "died", "skipped", "xfailed", "xpassed", "unfinished", "unreported", "unknown"]
"""`died`: its process died; `unreported`: pytest received no result; `unknown`: an outcome that Atlas does not have."""

NOT_EXECUTED = ("skipped", "unfinished")
"""Outcomes of attempts that supersede no other attempt."""
DECISIVE = ("passed", "failed", "died", "xfailed", "xpassed")
"""Outcomes that give a step a status other than `todo`."""
FAILURES = ("failed", "died", "unknown")
"""Outcomes after which a pass is `passed_with_exception`."""

MAX_ATTEMPTS = 10
"""Maximum number of attempts that are listed, one per line. The others are counted."""
MAX_MESSAGE = 300
"""Maximum length of the message of one attempt, in characters."""
MAX_PLACE = 80
"""Maximum length of the place of one attempt, in characters."""

_HEADER_START = "Attempts (automated result: "
_HEADER = re.compile(r"Attempts \(automated result: (\w+)\):")
_OUTCOMES = "|".join(get_args(AttemptOutcome))
_LINE = re.compile(
    rf"(\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d) UTC, ([^,]+), session ([\w.-]+): ({_OUTCOMES})(?:: (.+))?", re.ASCII | re.DOTALL
)
_WORKER = re.compile(r"(?:^| )(gw\d+)$", re.ASCII)
_MORE = re.compile(r"… and \d+ more, (?:sessions? ([\w. -]+)|earlier sessions): (.+)", re.ASCII)
_COUNT = re.compile(rf"(\d+) ({_OUTCOMES})", re.ASCII)
_BY_HAND = re.compile(r"automated result: \w+; the status was set by hand", re.ASCII)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a test. Its texts are changed to one line each, without the separators of the list."""

    at: int  # its start, Unix seconds, UTC
    place: str  # host or CI job, with the xdist worker
    session: str  # distinguishes the attempts of different sessions
    outcome: AttemptOutcome
    message: str = ""  # the decisive value or message

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", one_line(self.place.replace(",", ";"), MAX_PLACE) or "unknown host")
        object.__setattr__(self, "session", session_id(self.session))
        object.__setattr__(self, "message", one_line(self.message, MAX_MESSAGE))

    @property
    def worker(self) -> str:
        """The xdist worker; empty without xdist."""
        found = _WORKER.search(self.place)
        return found[1] if found else ""


@dataclass(frozen=True, slots=True)
class MoreAttempts:
    """The number of attempts that are not listed, by outcome: of one session, or of all sessions before the newest ones."""

    sessions: tuple[str, ...]
    counts: tuple[tuple[AttemptOutcome, int], ...]


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts of a step, the newest first, and the status that pytest-atlas set."""

    status: str
    attempts: tuple[Attempt, ...] = ()
    more: tuple[MoreAttempts, ...] = ()

    @property
    def total(self) -> int:
        """The number of all attempts, listed or counted."""
        return len(self.attempts) + sum(count for more in self.more for _, count in more.counts)

    @property
    def sessions(self) -> frozenset[str]:
        """The sessions of all attempts, listed or counted."""
        return frozenset(a.session for a in self.attempts).union(*(more.sessions for more in self.more))

    @property
    def newest_executed(self) -> Attempt | None:
        """The newest attempt that was neither skipped nor stopped; None if there is none."""
        return next((attempt for attempt in self.attempts if attempt.outcome not in NOT_EXECUTED), None)

    @property
    def first_failure(self) -> Attempt | None:
        """The oldest attempt that failed; None if there is none."""
        return next((attempt for attempt in reversed(self.attempts) if attempt.outcome in FAILURES), None)


def session_id(name: str) -> str:
    """Return the part of a session name that identifies it: the 8 hexadecimal digits at its end, or else the whole name."""
    name = re.sub(r"[^\w.-]", "-", name, flags=re.ASCII) or "-"
    found = re.fullmatch(r"\d{8}T\d{6}Z-([0-9a-f]{8})", name, re.ASCII)
    return found[1] if found else name


def limit_attempts(status: str, attempts: Iterable[Attempt], more: Iterable[MoreAttempts] = ()) -> Attempts:
    """Return the newest MAX_ATTEMPTS of `attempts`, including the first failure of all, and the number of the others.

    `more`: attempts that are already counted only.
    """
    ordered = sorted(attempts, key=lambda a: a.at, reverse=True)  # stable: equal times keep their order
    listed, rest = ordered[:MAX_ATTEMPTS], ordered[MAX_ATTEMPTS:]
    failed = [place for place, attempt in enumerate(ordered) if attempt.outcome in FAILURES]
    if failed and failed[-1] >= MAX_ATTEMPTS:
        first = rest.pop(failed[-1] - MAX_ATTEMPTS)
        rest.insert(0, listed.pop())
        listed.append(first)
    more = tuple(more)
    known = {other.sessions for other in more}
    counts: dict[tuple[str, ...], Counter[AttemptOutcome]]
    counts = {(a.session,): Counter() for a in rest if (a.session,) not in known}
    for other in more:
        counts.setdefault(other.sessions, Counter()).update(dict(other.counts))
    for attempt in rest:
        counts[attempt.session,][attempt.outcome] += 1
    return Attempts(status, tuple(listed), tuple(_more(counts)))


def merge_attempts(old: Attempts, new: Attempts, *, is_newest: bool = True) -> Attempts:
    """Return the attempts of a step with those of a session added. `new` replaces the attempts of its session in `old`.

    `is_newest`: whether `new` is listed before attempts of the same second, if `old` has no attempt of its session.
    """
    own = new.sessions
    if any(len(more.sessions) > 1 and own & set(more.sessions) for more in old.more):
        return replace(old, status=new.status)  # its attempts are counted together with those of other sessions
    listed: list[Attempt] = []
    for attempt in old.attempts:
        if attempt.session not in own:
            listed.append(attempt)
        elif new.attempts[0] not in listed:
            listed += new.attempts
    if not own & old.sessions:
        listed = [*new.attempts, *listed] if is_newest else [*listed, *new.attempts]
    elif new.attempts and new.attempts[0] not in listed:  # only older attempts of its session were known, and they are counted
        listed += new.attempts
    counted = {more.sessions: more for more in new.more}
    kept = [counted.pop(more.sessions, replace(more, counts=()) if own & set(more.sessions) else more) for more in old.more]
    return limit_attempts(new.status, listed, (*counted.values(), *kept))


def flaky_note(number: int, first_failure: str) -> str:
    """Return the note of a step that passed after a failure. `number`: number of the attempt that passed, from 1."""
    failure = one_line(first_failure, MAX_MESSAGE)
    return f"passed at attempt {number}" + (f"; first failure: {failure}" if failure else "")


def is_passed_after(note: str) -> bool:
    """Return whether a note begins with the text of `flaky_note`."""
    return note.startswith("passed at attempt")


def without_passed_after(note: str, attempts: Attempts | None) -> str:
    """Return a note without the text of `flaky_note` at its start. `attempts`: the attempts that the note describes."""
    first = attempts.first_failure if attempts else None
    failure = f"; first failure: {re.escape(first.message)}" if first and first.message else ""
    return re.sub(rf"^passed at attempt \d+(?:{failure})(?:; |$)", "", note)


def render_attempts(attempts: Attempts) -> str:
    """Return the lines of the list, which precede the identity line of a description."""
    return "\n".join(_rendered(attempts))


def parse_attempts(description: str) -> Attempts | None:
    """Return the attempts in a description; None if it has no list of attempts. The last list counts."""
    found = _find(_lines(description)) if _HEADER_START in description else None
    return found[0] if found else None


def without_attempts(description: str) -> str:
    """Return a description without its list of attempts."""
    lines = _lines(description)
    if (found := _find(lines)) is None:
        return description
    _, start, end = found
    return "\n".join([*lines[:start], *lines[end:]])


def with_attempts(description: str, attempts: Attempts | None, *, by_hand: bool = False) -> str:
    """Return a step description with `attempts` instead of its present list, before the identity line.

    `by_hand`: a person set the status of the step. A line before the list has the automated result.
    """
    result = attempts.status if attempts else "none"
    parts = [f"automated result: {result}; the status was set by hand"] * by_hand
    parts += [render_attempts(attempts)] if attempts else []
    lines = [line for line in _lines(description) if not _BY_HAND.fullmatch(line.strip())]
    if found := _find(lines):
        _, start, end = found
    else:
        marks = [number for number, line in enumerate(lines) if line.strip().startswith(STEP_PREFIX)]
        start = end = marks[-1] if marks else len(lines)
    before, after = "\n".join(lines[:start]).rstrip(), "\n".join(lines[end:]).lstrip("\n")
    return "\n\n".join(part for part in (before, *parts, after) if part)


def set_by_hand_line(description: str) -> str:
    """Return the line with the automated result, which is present if a person set the status; empty if it is missing."""
    return next((line.strip() for line in _lines(description) if _BY_HAND.fullmatch(line.strip())), "")


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n")]


def _find(lines: list[str]) -> tuple[Attempts, int, int] | None:
    """Return the list, the number of its first line, and the number of the line after it."""
    headers = [n for n, line in enumerate(lines) if _HEADER_START in line and _HEADER.fullmatch(line.strip())]
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
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:  # a date such as 31 November, which a person wrote
        return None
    return Attempt(int(at.timestamp()), found[2], found[3], found[4], found[5] or "")  # type: ignore[arg-type]  # checked above


def _more_of(line: str) -> MoreAttempts | None:
    if not (found := _MORE.fullmatch(line)):
        return None
    counts = tuple((outcome, int(number)) for number, outcome in _COUNT.findall(found[2]))
    return MoreAttempts(tuple((found[1] or "").split()), counts)


def _rendered(attempts: Attempts) -> Iterator[str]:
    yield f"Attempts (automated result: {attempts.status}):"
    for attempt in attempts.attempts:
        time = datetime.fromtimestamp(attempt.at, UTC).isoformat(" ", "seconds").removesuffix("+00:00")
        message = f": {attempt.message}" if attempt.message else ""
        yield f"{time} UTC, {attempt.place}, session {attempt.session}: {attempt.outcome}{message}"
    for more in attempts.more:
        number = sum(count for _, count in more.counts)
        names = " ".join(more.sessions)
        session = f"session{'s' * (len(more.sessions) > 1)} {names}" if names else "earlier sessions"
        yield f"… and {number} more, {session}: {', '.join(f'{count} {outcome}' for outcome, count in more.counts)}"


def _more(counts: dict[tuple[str, ...], Counter[AttemptOutcome]]) -> Iterator[MoreAttempts]:
    """Yield one entry for each session. Of more than MAX_ATTEMPTS sessions, the oldest ones are one entry with their names."""
    entries = [names for names in counts if len(names) == 1 and counts[names].total()]
    together = [*entries[MAX_ATTEMPTS:], *(names for names in counts if len(names) != 1)]
    for names in entries[:MAX_ATTEMPTS]:
        yield MoreAttempts(names, _in_order(counts[names]))
    if together:
        everyone = dict.fromkeys(name for names in together for name in names)
        total = sum((counts[names] for names in together), Counter[AttemptOutcome]())
        yield MoreAttempts(tuple(everyone), _in_order(total))


def _in_order(counts: Counter[AttemptOutcome]) -> tuple[tuple[AttemptOutcome, int], ...]:
    return tuple((outcome, number) for outcome in get_args(AttemptOutcome) if (number := counts[outcome]))
