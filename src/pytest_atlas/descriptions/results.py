"""The result of a test in a step description: failures, skips, measurements and notes, one entry per line. Pure.

    Failed in call at tests/test_trip.py:42:
    AssertionError: no trip
    trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS

A message can have several lines. `result` of a description is the text between the docstring and the list of attempts.
"""

import re
from collections.abc import Iterable
from typing import Literal

from pytest_atlas.base.records import dataclass

from .attempts import parse_attempts, set_by_hand_line, without_attempts
from .identity import STEP_PREFIX, without_identity
from .texts import one_line, with_reason

Verdict = Literal["pass", "marginal", "fail", "waived", "none"]
"""`marginal`: passed, but outside of the marginal limits."""

DIED = "pytest died while this test ran"
NO_RESULT = "The test ran, but pytest reported no result."
VIOLATED = "pytest_atlas.LimitViolatedError: "
"""The start of the message of a failure by violated limits, in a report of pytest."""

_VERDICTS: dict[Verdict, str] = {
    "pass": "ok",
    "marginal": "ok, marginal",
    "fail": "OUT OF LIMITS",
    "waived": "out of limits, waived",
    "none": "",
}
_MEASUREMENT = re.compile(r"(.+: .+) (ok|ok, marginal|OUT OF LIMITS|out of limits, waived)(?:: (.+))?")
_FAILURE = re.compile(r"Failed(?: in (\w+))?(?: \(attempt (\d+)\))?(?: at (.*))?:")
_DIED = re.compile(rf"{DIED}(?: on (.+))?\.")
_START = re.compile(
    r"^(Failed|Skipped|Workers: |pytest died|Outcome '|The test ran, but|Attempts \(|automated result: "
    r"|.* could not be collected)",
    re.MULTILINE,
)
"""A line of the result of a test that did not pass."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of a test or an inner step."""

    message: str  # can have several lines
    place: str = ""  # tests/test_trip.py:42
    phase: str = ""  # empty for an inner step
    attempt: int = 0  # 0: not shown

    @property
    def reason(self) -> str:
        """The first line of the message; with the second line if the first one ends with a colon."""
        first, *others = (line.strip() for line in self.message.strip().split("\n"))
        return f"{first} {others[0] if others else ''}".strip() if first.endswith(":") else first


@dataclass(frozen=True, slots=True)
class Measurement:
    """The line of a measurement. Without limits, the verdict is "none"."""

    text: str  # trip time: 111.6 ms (≤ 100 ms)
    verdict: Verdict = "none"
    waiver: str = ""  # why the violation was accepted


def measurement(name: str, values: str, limits: str, verdict: Verdict) -> Measurement:
    """Return the measurement with this name. `values` and `limits` have the unit."""
    return Measurement(one_line(f"{name}: {values}" + (f" ({limits})" if limits else "")), verdict)


def render_measurement(measured: Measurement) -> str:
    """Return the line: `trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS`."""
    return with_reason(f"{measured.text} {_VERDICTS[measured.verdict]}".rstrip(), measured.waiver)


def parse_measurement(line: str) -> Measurement | None:
    """Return the measurement with limits of a line; None for any other line."""
    if not (found := _MEASUREMENT.fullmatch(line.strip())):
        return None
    verdict: Verdict = next(verdict for verdict, words in _VERDICTS.items() if words == found[2])
    return Measurement(found[1], verdict, found[3] or "")


def parse_measurements(description: str) -> list[Measurement]:
    """Return the measurements with limits of a description."""
    return [found for line in without_attempts(description).splitlines() if (found := parse_measurement(line))]


def render_failure(failure: Failure) -> str:
    """Return a failure: a line with phase, attempt and place, and the message."""
    phase = f" in {failure.phase}" if failure.phase else ""
    attempt = f" (attempt {failure.attempt})" if failure.attempt else ""
    return f"Failed{phase}{attempt}{_at(failure.place)}:\n{without_exception_name(failure.message)}"


def render_died(worker: str = "") -> str:
    """Return the line of a test whose process died."""
    return f"{DIED}{f' on {worker}' if worker else ''}."


def parse_failures(description: str) -> list[Failure]:
    """Return the failures of a description. The message of the last one contains the lines that follow it in the result."""
    found: list[Failure] = []
    message: list[str] | None = None
    header: re.Match[str] | None = None

    def finish() -> None:
        if header and message and any(line.strip() for line in message):
            text = "\n".join(message).rstrip()
            found.append(Failure(text, header[3] or "", header[1] or "", int(header[2] or 0)))

    for line in without_attempts(description).split("\n"):
        if match := _FAILURE.fullmatch(line):
            finish()
            header, message = match, []
        elif _DIED.fullmatch(line):
            finish()
            header, message = None, None
            found.append(Failure(line))
        elif line.startswith(STEP_PREFIX):
            break
        elif message is not None:
            message.append(line)
    finish()
    return found


def failure_reason(description: str) -> str:
    """Return one line with the reason of a failed step: the line of a status set by hand, or the last failure.

    Without one, it is the message of the newest failed attempt, or the first line of the description.
    """
    if by_hand := set_by_hand_line(description):
        return by_hand
    if failures := parse_failures(description):
        return failures[-1].reason
    attempts = parse_attempts(description)
    newest = next((a for a in attempts.attempts if a.outcome in ("failed", "died") and a.message), None) if attempts else None
    if newest:
        return newest.message
    lines = (line.strip() for line in without_attempts(description).splitlines())
    return next((line for line in lines if line and not line.startswith(STEP_PREFIX)), "")


def render_skip(reason: str, place: str = "") -> str:
    """Return the reason of a skip, and its place on a second line."""
    return with_reason("Skipped", reason) + (f"\n(skipped{_at(place)})" if place else "")


def render_expected_failure(message: str, place: str) -> str:
    """Return the failure of a test that was expected to fail."""
    return f"Failed as expected{_at(place)}:\n{without_exception_name(message)}"


def render_unknown_outcome(outcome: str, message: str, place: str = "", *, phase: str = "", attempt: int = 0) -> str:
    """Return an outcome that has no Atlas status, with the message of its report."""
    where = (f" in {phase}" if phase else "") + (f" (attempt {attempt})" if attempt else "") + _at(place)
    text = f"Outcome {outcome!r}{where}, which is unknown to Atlas"
    return f"{text}:\n{without_exception_name(message)}" if message.strip() else f"{text}."


def render_collection_failure(nodeid: str, message: str, place: str) -> str:
    """Return the failure of a collector."""
    return f"{nodeid} could not be collected{_at(place)}:\n{message}"


def render_workers(results: Iterable[tuple[str, str]]) -> str:
    """Return the result of each xdist worker: pairs of worker and result."""
    return "Workers: " + ", ".join(f"{worker} {result}" for worker, result in results)


def render_failed_subtests(titles: Iterable[str]) -> str:
    """Return the titles of the failed subtests of a test."""
    return "Failed subtests: " + ", ".join(dict.fromkeys(titles))


def render_note(text: str, *, is_exception: bool = False) -> str:
    """Return a note of the test. `is_exception`: from `atlas.exception()`, in a test that did not pass."""
    return f"{'Exception' if is_exception else 'Note'}: {text}"


def without_exception_name(message: str) -> str:
    """Return a message without the name of LimitViolatedError, because the violated limits are sufficient."""
    return message.removeprefix(VIOLATED)


def limit_violations(message: str) -> list[str]:
    """Return the lines with the violated limits if LimitViolatedError raised this failure message, otherwise an empty list."""
    if not message.startswith(VIOLATED):
        return []
    head, *lines = (line.strip() for line in without_exception_name(message).splitlines() if line.strip())
    return lines if lines and head.endswith(":") else [head, *lines]


def split_result(description: str) -> tuple[str, str]:
    """Return the docstring and the result of a test that did not pass. If no result is found, the result is the whole text."""
    text = without_identity(description)
    paragraphs = re.split(r"\n\s*\n", text)
    for number, paragraph in enumerate(paragraphs):
        if _START.search(paragraph):
            return "\n\n".join(paragraphs[:number]), "\n\n".join(paragraphs[number:])
    return "", text


def _at(place: str) -> str:
    return f" at {place}" if place else ""
