"""Writer and reader accept the same events."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.journal.schema import misfit
from pytest_atlas.journal.writer import JournalWriter, encode

CLEANER = Cleaner({})
KINDS = get_args(ev.Event)
SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
USUAL = {"system_id": st.just(SYSTEM), "run": st.just("")}
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["call", "passed", "rerun", "unknown", "fail", "note", "marker", "todo"])
    | st.just(())
    | st.tuples(st.text(max_size=3))
    | st.just(ev.PlannedCard("module", "a.py"))
    | st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2)
)


def built(kind: Any) -> st.SearchStrategy[Any]:
    kinds: dict[str, Any] = {f.name: f.type for f in fields(kind) if f.name != "e"}
    return st.builds(kind, **{name: USUAL.get(name, st.from_type(of)) for name, of in kinds.items()})


@given(st.data(), st.sampled_from(KINDS))
def test_an_event_that_the_writer_accepts_is_accepted_by_the_reader(data: st.DataObject, kind: Any) -> None:
    event = data.draw(built(kind))
    name = data.draw(st.sampled_from([f.name for f in fields(kind) if f.name not in ("e", *USUAL)]))
    changed = replace(event, **{name: data.draw(values)})
    if not misfit(changed):
        assert decode.event(encode(changed, CLEANER)) is not None, changed


@pytest.mark.parametrize("given", [{"outcome": "retried"}, {"at": "yesterday"}, {"message": 7}, {"attempt": 0}])
def test_an_event_that_the_reader_rejects_is_counted_and_not_written(tmp_path: Path, given: dict[str, Any]) -> None:
    journal = JournalWriter(tmp_path / "journal.jsonl", CLEANER)
    fields_of: dict[str, Any] = {"nodeid": "a", "attempt": 1}
    if "at" in given:
        journal.write(ev.TestEnded(**{**fields_of, **given}))
    else:
        journal.write(ev.PhaseReported(**{**fields_of, "when": "call", "outcome": "failed", **given}))
    journal.close()
    assert journal.lost == 1
    assert next(iter(given)) in journal.problem or "number" in journal.problem
    lines = (tmp_path / "journal.jsonl").read_bytes().splitlines()
    assert [type(decode.event(line)) for line in lines] == [ev.JournalOpened]


def test_a_too_long_line_is_counted_and_not_written(tmp_path: Path) -> None:
    journal = JournalWriter(tmp_path / "journal.jsonl", CLEANER)
    journal.write(ev.Noted(nodeid="a", kind="note", text="x" * (17 << 20)))
    journal.close()
    assert journal.lost == 1
    assert (tmp_path / "journal.jsonl").stat().st_size < 10_000
