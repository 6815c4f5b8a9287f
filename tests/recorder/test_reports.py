"""Messages, locations and titles from reports, in every form of pytest."""

from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.recorder.reports import MESSAGE_LIMIT, Reader, subtest_title

SECRET = "tok-3f2a9c81"
READER = Reader(PurePosixPath("/bench"), Cleaner({"ATLAS_TOKEN": SECRET}))


def crash(message: str, path: str = "/bench/tests/test_trip.py", line: int = 42) -> Any:
    return SimpleNamespace(reprcrash=SimpleNamespace(message=message, path=path, lineno=line))


DOCTEST = "001 >>> 1 + 1\nExpected:\n    3\nGot:\n    2\n\n/bench/docs/trip.md:1: DocTestFailure\n"

FIXTURE = """file /bench/tests/test_trip.py, line 1
  def test_trip(psu): pass
E       fixture 'psu' not found
>       available fixtures: cache, capfd
>       use 'pytest --fixtures [testpath]' for help on them.

/bench/tests/test_trip.py:1
"""

SHAPES = {
    "crash": (crash("AssertionError: slow\nassert 1 == 2"), ("AssertionError: slow\nassert 1 == 2", "tests/test_trip.py:42")),
    "crash in a library": (crash("boom", "/usr/lib/scope.py"), ("boom", "/usr/lib/scope.py:42")),
    "crash in a directory with the prefix of the root": (crash("boom", "/bench2/x.py"), ("boom", "/bench2/x.py:42")),
    "skip": (("/bench/tests/test_trip.py", 7, "Skipped: no scope"), ("no scope", "tests/test_trip.py:7")),
    "skip with an odd reason": (("/bench/t.py", 7, "Skipped: Skipped: twice"), ("Skipped: twice", "t.py:7")),
    "strict xpass": ("[XPASS(strict)] must fail", ("[XPASS(strict)] must fail", "")),
    "doctest": (DOCTEST, ("001 >>> 1 + 1\nExpected:\n    3\nGot:\n    2\n", "docs/trip.md:1")),
    "missing fixture": (FIXTURE, ("fixture 'psu' not found", "")),
    "nothing": (None, ("", "")),
    "empty": ("", ("", "")),
}


@pytest.mark.parametrize(("longrepr", "expected"), SHAPES.values(), ids=SHAPES)
def test_each_form_has_its_message_and_location(longrepr: Any, expected: tuple[str, str]) -> None:
    assert READER.failure_text(longrepr) == expected


def test_a_long_message_keeps_its_beginning() -> None:
    message, _ = READER.failure_text(crash("begin" + "x" * 2 * MESSAGE_LIMIT))
    assert len(message) == MESSAGE_LIMIT
    assert message.startswith("beginx")


def test_a_cut_message_has_no_part_of_a_secret() -> None:
    message, _ = READER.failure_text(crash("x" * (MESSAGE_LIMIT - 6) + SECRET))
    assert SECRET[:4] not in message


@pytest.mark.parametrize(
    ("msg", "kwargs", "title"),
    [
        ("rail", {}, "rail"),
        ("", {"volts": 12}, ""),
        (None, {"volts": 12, "load": "full"}, "volts=12, load=full"),
        (None, {"load": "'full'"}, "load=full"),
        (None, {"load": "\"'full'\""}, "load=full"),
        (None, {"load": '"it\'s"'}, "load=it's"),
        (None, {"load": "'a' and 'b'"}, "load='a' and 'b'"),
        (None, {"n": "'5'"}, "n=5"),
        (None, {"psu": "<bench.Psu object at 0x7f3a2b>"}, "psu=<bench.Psu object>"),
        (None, {}, ""),
    ],
)
def test_the_title_of_a_subtest(msg: str | None, kwargs: dict[str, Any], title: str) -> None:
    assert subtest_title(SimpleNamespace(msg=msg, kwargs=kwargs)) == title


def test_a_parameter_with_a_repr_that_raises_has_a_title() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError("no words")

    assert subtest_title(SimpleNamespace(msg=None, kwargs={"psu": Odd()})).startswith("psu=<Odd instance")
