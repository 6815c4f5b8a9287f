"""The run summary at the end of a run description: counts, end of the session, CI job and environment. Pure.

3 tests: 2 passed, 1 failed
Started: 2026-11-26 15:52:40 UTC
Exit status 1 (some tests failed), took 60.0 s
Job: nightly on bench-7
Host: bench-7
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Literal

from pytest_atlas.base.records import dataclass

from .identity import block_texts, run_key, without_identity
from .texts import one_line, stripped_lines

EXIT_STATUS = {
    0: "all passed",
    1: "some tests failed",
    2: "interrupted",
    3: "internal error of pytest",
    4: "usage error",
    5: "no tests ran",
}
"""The exit statuses of pytest: https://docs.pytest.org/en/stable/reference/exit-codes.html"""

_DIED = "pytest died: it was killed, or crashed"
_NO_TESTS = "No tests"
_FILES = "Data files kept in the session directory, because no bucket is set (--atlas-bucket): "
_LOST = " events could not be recorded: the disk rejected them"
_ANY_TEST = "any test"
_TIME = "%Y-%m-%d %H:%M:%S"

SessionEnd = Literal["running", "ended", "died", "interrupted"]


@dataclass(frozen=True, slots=True)
class RunSummary:
    """The result of a session."""

    counts: tuple[tuple[str, int], ...] | None = None  # number of tests by result; None while the session runs
    started_at: int | None = None  # Unix seconds, UTC; None in the text of an older version
    exit_status: int | None = None
    duration_s: float | None = None
    lost: int = 0  # events that could not be recorded
    has_died: bool = False
    interrupted: str | None = None  # the reason
    kept_files: int = 0  # data files that stay in the session directory
    mismatches: tuple[tuple[str, str], ...] = ()  # workers that collected different tests, with the message
    late: tuple[tuple[str, str], ...] = ()  # nodeid and text of measurements and notes after the end of their tests
    more_late: int = 0  # others that are not listed
    job: str = ""
    environment: tuple[tuple[str, str], ...] = ()  # label and text

    def __post_init__(self) -> None:
        object.__setattr__(self, "job", one_line(self.job))

    @property
    def end(self) -> SessionEnd:
        """How the session ended, or that it runs."""
        if self.counts is None:
            return "running"
        if self.has_died:
            return "died"
        return "ended" if self.interrupted is None else "interrupted"


def render_run_summary(summary: RunSummary) -> Iterator[str]:
    """Yield the lines of a run summary."""
    yield from _end(summary)
    if summary.kept_files:
        yield f"{_FILES}{summary.kept_files}"
    for worker, message in summary.mismatches:
        yield f"Worker {worker} collected different tests: {message}"
    for nodeid, text in summary.late:
        yield f"Recorded outside of {nodeid or _ANY_TEST}: {text}"
    if summary.more_late:
        yield f"… and {summary.more_late} more, recorded outside of tests"
    if summary.job:
        yield job_line(summary.job)
    yield from (f"{label}: {text}" for label, text in summary.environment)


def _end(summary: RunSummary) -> Iterator[str]:
    if summary.counts is not None:
        total = sum(number for _, number in summary.counts)
        counts = ", ".join(f"{number} {result}" for result, number in summary.counts)
        yield f"{total} test{'' if total == 1 else 's'}: {counts}" if summary.counts else _NO_TESTS
    if summary.started_at is not None:
        yield f"Started: {datetime.fromtimestamp(summary.started_at, UTC).strftime(_TIME)} UTC"
    if summary.exit_status is not None:
        took = "" if summary.duration_s is None else f", took {summary.duration_s:.1f} s"
        yield f"Exit status {summary.exit_status} ({EXIT_STATUS.get(summary.exit_status, 'set by a plugin')}){took}"
    if summary.lost:
        yield f"{summary.lost}{_LOST}"
    if summary.has_died:
        yield _DIED
    if summary.interrupted is not None:
        yield f"Interrupted: {summary.interrupted}"


def job_line(job: str) -> str:
    """Return the line by which later sessions of the same CI job find the run."""
    return f"Job: {one_line(job)}"


def has_job(description: str, job: str) -> bool:
    """Return whether a run description has the line of this CI job."""
    return job_line(job) in stripped_lines(description)


def parse_run_summary(description: str) -> RunSummary:
    """Return the run summary of a run description. Lines above the summary are ignored."""
    return _parsed(without_identity(description))


def parse_run_summaries(description: str) -> list[RunSummary]:
    """Return the run summary of each session in a run description: of the session that created the run, and of each block."""
    own, *blocks = block_texts(description)
    found = map(_parsed, [own, *blocks] if run_key(description) else blocks)  # without the key, a person wrote the text
    return [summary for summary in found if summary != RunSummary()]


def parse_git(text: str) -> tuple[str, str]:
    """Return the branch and the commit of the line `Git: main@1f0c9e2b4d (modified)`; empty if unknown."""
    branch, _, commit = text.removesuffix(" (modified)").rpartition("@")
    if not branch and not re.fullmatch("[0-9a-f]{10}", commit):  # only one of them is known
        return commit, ""
    return branch, commit


def _parsed(text: str) -> RunSummary:
    summary = RunSummary()
    for line in stripped_lines(text):
        summary = _with_line(summary, line)
    return summary


def _with_start(summary: RunSummary, time: str) -> RunSummary:
    try:
        at = datetime.strptime(time, _TIME).replace(tzinfo=UTC)
    except ValueError:  # a date such as 31 November, which a person wrote
        return summary
    return replace(summary, started_at=int(at.timestamp()))


def _with_line(summary: RunSummary, line: str) -> RunSummary:
    for pattern, add in _LINES:
        if found := pattern.fullmatch(line):
            return add(summary, *found.groups())
    label, colon, text = line.partition(": ")
    if colon and summary != RunSummary():
        return replace(summary, environment=(*summary.environment, (label, text)))
    return summary


def _counts(text: str) -> tuple[tuple[str, int], ...]:
    parts = (part.partition(" ") for part in text.split(", "))
    return tuple((result, int(number)) for number, _, result in parts if number.isdecimal())


_Add = Callable[..., RunSummary]
_LINES: tuple[tuple[re.Pattern[str], _Add], ...] = (
    (re.compile(_NO_TESTS), lambda s: replace(s, counts=())),
    (re.compile(r"\d+ tests?: (.+)", re.ASCII), lambda s, text: replace(s, counts=_counts(text))),
    (re.compile(r"Started: (\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) UTC", re.ASCII), _with_start),
    (
        re.compile(r"Exit status (-?\d+) \([^)]*\)(?:, took (-?\d+\.\d) s)?", re.ASCII),
        lambda s, status, took: replace(s, exit_status=int(status), duration_s=float(took) if took else None),
    ),
    (re.compile(r"(\d+)" + re.escape(_LOST), re.ASCII), lambda s, number: replace(s, lost=int(number))),
    (re.compile(re.escape(_DIED)), lambda s: replace(s, has_died=True)),
    (re.compile(r"Interrupted: ?(.*)"), lambda s, reason: replace(s, interrupted=reason)),
    (re.compile(re.escape(_FILES) + r"(\d+)", re.ASCII), lambda s, number: replace(s, kept_files=int(number))),
    (
        re.compile(r"Worker (.+?) collected different tests: ?(.*)"),
        lambda s, worker, message: replace(s, mismatches=(*s.mismatches, (worker, message))),
    ),
    (
        re.compile(r"Recorded outside of (any test|.+?::(?:[^\[]+?|.+?\[.*\])): ?(.*)"),
        lambda s, nodeid, text: replace(s, late=(*s.late, ("" if nodeid == _ANY_TEST else nodeid, text))),
    ),
    (re.compile(r"… and (\d+) more, recorded outside of tests", re.ASCII), lambda s, number: replace(s, more_late=int(number))),
    (re.compile(r"Job: (.+)"), lambda s, job: replace(s, job=job)),
)
"""The pattern of each line, and a function that adds its values to a summary."""
