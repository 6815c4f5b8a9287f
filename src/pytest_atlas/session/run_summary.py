"""The digest of a session that ends its run's description: how it went, how it ended, and what it ran on. Pure."""

from collections import Counter
from collections.abc import Iterator

from pytest_atlas.journal import events as ev
from pytest_atlas.session.attempts import Result

from .history import history_of
from .measurement_texts import measured
from .model import Test
from .outcomes import Story
from .state import SessionState
from .texts import first_line

EXIT_STATUS = {
    0: "all passed",
    1: "some tests failed",
    2: "interrupted",
    3: "internal error of pytest",
    4: "usage error",
    5: "no tests ran",
}
"""pytest's own exit statuses: https://docs.pytest.org/en/stable/reference/exit-codes.html"""

MOST_LATE = 20
"""Largest number of lines about events after the end of their tests."""

ORDER = (
    "passed",
    "failed",
    "died",
    "passed after a rerun",
    "xfailed",
    "xpassed",
    "skipped",
    "without a result",
    "with an unknown outcome",
    "not run",
)


def lines(facts: SessionState) -> Iterator[str]:
    """The digest, line by line; without counts as long as the session runs, since they would change with each test."""
    if facts.gone or facts.ended:
        yield from _ending(facts)
    if facts.files_stay and facts.files:
        yield f"Data files kept in the session's folder, for want of a bucket (--atlas-bucket): {len(facts.files)}"
    for mismatch in facts.mismatches:
        yield f"Worker {mismatch.nodeid} collected different tests: {first_line(mismatch.message)}"
    yield from _late(facts)
    if facts.session:
        if facts.session.job:
            yield job_line(facts.session.job)
        yield from (f"{label}: {text}" for label, text in facts.session.environment.items())


def _late(facts: SessionState) -> Iterator[str]:
    for event in facts.late[:MOST_LATE]:
        text = measured(event) if isinstance(event, ev.Measured) else event.text
        yield f"Recorded outside of {event.nodeid or 'any test'}: {text}"
    if len(facts.late) > MOST_LATE:
        yield f"… and {len(facts.late) - MOST_LATE} more, recorded outside of tests"


def job_line(job: str) -> str:
    """The line by which later sessions of the same job find this run."""
    return f"Job: {' '.join(job.split())}"


def _ending(facts: SessionState) -> Iterator[str]:
    counts = Counter(word(facts, test) for test in facts.tests())
    total = sum(counts.values())
    told = ", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name])
    yield f"{total} test{'' if total == 1 else 's'}: {told}" if total else "No tests"
    if facts.ended:
        status = facts.ended.exit_status
        took = f", took {facts.ended.at - facts.session.at:.1f} s" if facts.session else ""
        yield f"Exit status {status} ({EXIT_STATUS.get(status, 'set by a plugin')}){took}"
        if facts.ended.lost:
            yield f"{facts.ended.lost} facts could not be recorded: the disk refused them"
    elif facts.gone:
        yield "pytest died: it was killed, or crashed"
    if facts.interrupted:
        yield f"Interrupted: {facts.interrupted.reason}"


def word(facts: SessionState, test: Test) -> str:
    """What a person would say of a test's end; with several workers, of the one that saw most."""
    if facts.session is None:  # its line is lost or unreadable, and with it the rules for outcomes
        return "not run"
    found = history_of(facts, test)
    if any(attempt.died and not attempt.is_superseded for attempt in found.attempts):
        return "died"
    return max(map(_word, found.stories), key=WEIGHT.index, default="not run")


WEIGHT = (
    "not run",
    "skipped",
    "without a result",
    "with an unknown outcome",
    "passed",
    "xfailed",
    "xpassed",
    "passed after a rerun",
    "failed",
    "died",
)
WORDS: dict[Result, str] = {"unfinished": "not run", "unreported": "without a result", "unknown": "with an unknown outcome"}


def _word(story: Story) -> str:
    if story.is_counted:
        return "failed"
    if story.result == "passed" and story.was_flaky:
        return "passed after a rerun"
    return WORDS.get(story.result, story.result)
