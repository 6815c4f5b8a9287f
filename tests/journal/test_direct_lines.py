"""The direct lines of frequent events are those of the general encoder."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.decoded_text import ESCAPE_SIGNS
from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.direct_lines import _is_undecoded, direct_line
from pytest_atlas.journal.schema import LAST_S, misfit
from pytest_atlas.journal.writer import encode

SECRET = "hunter2-is-the-password"
CLEANERS = [Cleaner({}), Cleaner({"DB_PASSWORD": SECRET, "ATLAS_TOKEN": "12345678.25"})]
KINDS = [ev.TestStarted, ev.TestEnded, ev.Measured, ev.StepOpened, ev.StepClosed]

UNUSUAL = [
    "",
    "rail",
    "12.5",
    "nan",
    "°C",
    "%31",
    "%ff",
    "12345678.25",
    SECRET,
    f"a{SECRET}",
    "hunter2-is-",
    f"%68{SECRET[1:]}",
]
texts = st.text(max_size=6) | st.sampled_from(UNUSUAL)
parts = st.text(alphabet="hunter2-is-the-password 12345678.25", max_size=12)
USUAL: dict[str, st.SearchStrategy[Any]] = {
    "nodeid": texts | st.just("test_a.py::test[12345678.25]"),
    "occurrence": st.integers(0, 2),
    "at": st.floats(0, LAST_S),
    "attempt": st.integers(1, 3),
    "ordinal": st.integers(1, 3),
    "inside": st.integers(0, 2),
    "step": st.integers(0, 2),
    "name": texts | parts,
    "title": texts,
    "message": texts,
    "outcome": st.sampled_from(["passed", "failed", "skipped"]),
    "values": st.tuples(texts | parts),
    "unit": texts,
    "low": texts | parts,
    "high": texts | parts,
    "equal": texts | parts,
    "verdict": st.sampled_from(["pass", "fail", "waived", "none"]),
}
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats()
    | texts
    | st.just(())
    | st.tuples(texts, texts)
    | st.sampled_from([ev.Points(worst=(), count=1), ev.EachLimits(), ev.Acceptance(uncertainty="1", k="2", rule="guard")])
)


def usual(kind: Any) -> st.SearchStrategy[Any]:
    """Return events with usual values. A field that no test sets has its default."""
    return st.builds(kind, **{f.name: USUAL[f.name] for f in fields(kind) if f.name in USUAL})


@pytest.mark.parametrize("clean", CLEANERS, ids=["no secrets", "secrets"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_a_direct_line_is_that_of_the_general_encoder(data: st.DataObject, kind: Any, clean: Cleaner) -> None:
    event = data.draw(usual(kind))
    line = direct_line(event, clean)
    assert line.encode() == encode(event, clean) or (not line and kind in (ev.TestStarted, ev.TestEnded))
    changed = replace(event, **{data.draw(st.sampled_from([f.name for f in fields(kind) if f.name != "e"])): data.draw(values)})
    if line := direct_line(changed, clean):
        assert line.encode() == encode(changed, clean)
        assert not misfit(changed)


def test_a_text_with_an_escape_is_cleaned_as_it_is() -> None:
    assert not any(_is_undecoded(f"rail {sign}") for sign in ESCAPE_SIGNS)
    assert _is_undecoded("rail")


def test_other_events_have_no_direct_line() -> None:
    assert direct_line(ev.SessionInterrupted(at=1.0, reason="Ctrl-C"), CLEANERS[0]) == ""


@pytest.mark.parametrize("field", ["name", "unit", "low", "high", "equal"])
def test_a_secret_in_any_text_of_a_measurement_is_redacted(field: str) -> None:
    texts_of: dict[str, Any] = {"name": "rail", field: SECRET}
    event = ev.Measured(nodeid="test_a.py::test", values=("1",), verdict="pass", at=1.0, **texts_of)
    assert SECRET not in direct_line(event, CLEANERS[1])
