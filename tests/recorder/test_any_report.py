"""Reports with any content of plugins: recording never raises, and the reader accepts every line of the journal."""

import string
from pathlib import PurePath
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.writer import encode
from pytest_atlas.recorder.output import output_file
from pytest_atlas.recorder.reports import Reader, attribute, known_outcome


class Hostile:
    """Raises at every use but identity."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __str__(self) -> str:
        raise RuntimeError("str")

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    def __hash__(self) -> int:
        raise RuntimeError("hash")

    def __bool__(self) -> bool:
        raise RuntimeError("bool")

    def __float__(self) -> float:
        raise RuntimeError("float")

    def __iter__(self) -> Any:
        raise RuntimeError("iter")


class Text(str):
    """A text of a plugin's class."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("str")


CLEANER = Cleaner({"ATLAS_TOKEN": "a-token-as-long-as-they-are"})
READER = Reader(PurePath("/bench/tests"), CLEANER)
TEST = ev.Identity("tests/test_a.py::test_\ud800\x00", 3)

numbers = st.integers() | st.floats() | st.just(10**400) | st.complex_numbers()
plain = st.none() | st.booleans() | numbers | st.text() | st.binary() | st.builds(Hostile) | st.builds(Text, st.text())
anything = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner, inner) | st.dictionaries(st.text(), inner, max_size=2),
)
usual = st.sampled_from(["passed", "failed", "skipped", "rerun", "retried", "error", "setup", "call", "teardown", "???"])
crashes = st.builds(SimpleNamespace, reprcrash=st.builds(SimpleNamespace, path=anything, lineno=anything, message=anything))
names = (
    "outcome",
    "when",
    "longrepr",
    "wasxfail",
    "sections",
    "duration",
    "start",
    "stop",
    "keywords",
    "user_properties",
    "nodeid",
    "location",
)
reports = st.fixed_dictionaries({}, optional=dict.fromkeys(names, usual | crashes | anything)).map(
    lambda a: SimpleNamespace(**a)
)
contexts = (
    st.builds(SimpleNamespace, msg=anything, kwargs=st.dictionaries(st.text(string.ascii_letters), anything, max_size=2))
    | anything
)


def read_back(event: Any) -> Any:
    line = encode(event, CLEANER)
    found = decode.event(line)
    assert found is not None, line
    return found


@settings(deadline=None)  # the machine can be busy
@given(reports, st.sampled_from(["setup", "call", "teardown"]), st.integers(1, 100_000))
def test_a_report_of_a_phase_is_read_back(report: Any, running: ev.When, attempt: int) -> None:
    when = READER.when(report, running)
    known, _ = known_outcome(attribute(report, "outcome"))
    found = read_back(READER.phase(report, TEST, attempt, when))
    assert isinstance(found, ev.PhaseReported)
    assert (found.occurrence, found.attempt, found.when, found.outcome) == (3, attempt, when, known or "unknown")
    assert isinstance(output_file([report], CLEANER, 1000), bytes)


@settings(deadline=None)  # the machine can be busy
@given(reports, contexts)
def test_a_report_of_a_subtest_is_read_back(report: Any, context: Any) -> None:
    report.context = context
    found = read_back(READER.subtest(report, TEST, 1, 7))
    assert isinstance(found, ev.SubtestReported)
    assert found.ended is None or (found.started is not None and 0 <= found.started <= found.ended)


@given(anything)
def test_only_the_outcomes_of_pytest_and_its_rerun_plugins_are_known(outcome: Any) -> None:
    known, reported = known_outcome(outcome)
    assert known in (None, "passed", "failed", "skipped", "rerun", "unknown")
    assert known != "unknown" or reported


@pytest.mark.parametrize(
    ("outcome", "known"), [("retried", ("rerun", "retried")), ("rerun", ("rerun", "")), (None, (None, ""))]
)
def test_an_outcome_of_pytest_retry_is_a_rerun_with_its_own_name(outcome: Any, known: Any) -> None:
    assert known_outcome(outcome) == known
