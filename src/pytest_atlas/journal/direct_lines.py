"""Encode the most frequent events directly, several times as fast as `encode` in `writer`. Standard library only.

A line is the same as that of `encode`, and only events that `misfit` accepts have one; tests/journal/test_direct_lines.py
compares them. Other events, and events with unusual values, have no direct line. The first measurement or step of a journal
takes no longer than the others, because nothing is built at first use.
"""

from builtins import dict, float, int, len, str, tuple, type
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from .events import ALL_PASSED, Clean, Measured, StepClosed, StepOpened, TestEnded, TestStarted
from .schema import LAST_S, MAX_ATTEMPTS, MOST

_OUTCOMES = ("passed", "failed", "skipped", "rerun", "unknown")
_VERDICTS = ("pass", "fail", "none", "waived")


def direct_line(event: Any, clean: Clean) -> str:
    """Return the line of an event with a line feed; empty if it has no direct line."""
    line = _LINES.get(type(event))
    return line(event, clean) if line else ""


def _started(event: TestStarted, clean: Clean) -> str:
    return _identity_and_time(event, clean)


def _ended(event: TestEnded, clean: Clean) -> str:
    """Return the line of an end after three passed phases."""
    if event.passed != ALL_PASSED or event.interrupted != "" or type(event.attempt) is not int or event.attempt != 1:
        return ""
    return _identity_and_time(event, clean)


def _identity_and_time(event: TestStarted | TestEnded, clean: Clean) -> str:
    if type(event.nodeid) is not str or type(event.occurrence) is not int or event.occurrence or not _is_time(event.at):
        return ""
    return f'{{"e":"{event.e}","nodeid":{quoted(clean.identity(event.nodeid))},"at":{event.at!r}}}\n'


def _step_opened(event: StepOpened, clean: Clean) -> str:
    head = _head(event, clean)
    if not head or type(event.title) is not str or not _is_count(event.inside) or not _is_count(event.ordinal):
        return ""
    inside = f',"inside":{event.inside}' if event.inside else ""
    return f'{head},"ordinal":{event.ordinal}{inside},"title":{quoted(clean.identity(event.title))},"at":{event.at!r}}}\n'


def _step_closed(event: StepClosed, clean: Clean) -> str:
    head = _head(event, clean)
    if not head or event.outcome not in _OUTCOMES or type(event.outcome) is not str or not _is_count(event.ordinal):
        return ""
    if type(event.message) is not str:
        return ""
    outcome = f',"outcome":"{event.outcome}"' if event.outcome != "passed" else ""
    message = f',"message":{quoted(clean(event.message))}' if event.message else ""
    return f'{head},"ordinal":{event.ordinal}{outcome}{message},"at":{event.at!r}}}\n'


def _measured(event: Measured, clean: Clean) -> str:
    """Return the line of a measurement of one value, with or without the limits low and high or a value to equal."""
    head = _head(event, clean)
    if not head or not _is_count(event.step) or event.verdict not in _VERDICTS or type(event.verdict) is not str:
        return ""
    if type(event.values) is not tuple or len(event.values) != 1 or not _is_usual(event):
        return ""
    name, (value,), unit, low, high, equal = event.name, event.values, event.unit, event.low, event.high, event.equal
    if not (type(name) is type(value) is type(unit) is type(low) is type(high) is type(equal) is str):
        return ""
    # One search for secrets in all texts together: it finds a secret in one of them if none has to be decoded.
    together = f"{name} {value} {low} {high} {equal} {unit}"
    if not _is_undecoded(together) or clean(together) != together:
        name, value, unit, low, high, equal = (clean(text) for text in (name, value, unit, low, high, equal))
    step = f',"step":{event.step}' if event.step else ""
    unit = f',"unit":{quoted(unit)}' if event.unit else ""
    low = f',"low":{quoted(low)}' if event.low else ""
    high = f',"high":{quoted(high)}' if event.high else ""
    equal = f',"equal":{quoted(equal)}' if event.equal else ""
    return (
        f'{head}{step},"name":{quoted(name)},"values":[{quoted(value)}]{unit}{low}{high}{equal},'
        f'"verdict":"{event.verdict}","at":{event.at!r}}}\n'
    )


def _is_usual(event: Measured) -> bool:
    """Return whether all fields have their default that only some measurements need."""
    return (
        event.acceptance is None
        and event.each is None
        and event.points is None
        and event.late is False
        and "" == event.matches == event.exclusive == event.waived == event.na
        and () == event.one_of == event.marginal
    )


def _head(event: StepOpened | StepClosed | Measured, clean: Clean) -> str:
    """Return the start of the line, with the identity of the test; empty if a value is unusual."""
    if type(event.nodeid) is not str or not _is_count(event.occurrence) or not _is_time(event.at):
        return ""
    if type(event.attempt) is not int or not 1 <= event.attempt <= MAX_ATTEMPTS:
        return ""
    return _identity(event.e, event.nodeid, event.occurrence, event.attempt, clean)


@lru_cache(maxsize=16)
def _identity(kind: str, nodeid: str, occurrence: int, attempt: int, clean: Clean) -> str:
    """Return the kind and the identity, which is the same for all events of a test."""
    of_several = f',"occurrence":{occurrence}' if occurrence else ""
    of_attempt = f',"attempt":{attempt}' if attempt != 1 else ""
    return f'{{"e":"{kind}","nodeid":{quoted(clean.identity(nodeid))}{of_several}{of_attempt}'


def _is_undecoded(text: str) -> bool:
    """Return whether the redactor searches the text as it is."""
    return text.isascii() and text.isprintable() and not ("\\" in text or "%" in text or "&" in text)  # ESCAPE_SIGNS, faster


def _is_count(value: Any) -> bool:
    return type(value) is int and -MOST <= value <= MOST


def _is_time(at: Any) -> bool:
    return type(at) is float and 0 <= at <= LAST_S


_LINES: dict[Any, Callable[[Any, Clean], str]] = {
    TestStarted: _started,
    TestEnded: _ended,
    Measured: _measured,
    StepOpened: _step_opened,
    StepClosed: _step_closed,
}
