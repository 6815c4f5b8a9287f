"""What Atlas should show, entity by entity, as far as the facts go.

Pure: `entity(facts, key)` always gives the same for the same facts, whoever asks and however often.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from pytest_atlas.descriptions import Attempts, render_attempts

from . import attempt_list, measurement_texts, run_summary, texts
from .history import history_of, inner_reports, subtest_story
from .model import Card, Collection, File, InnerStep, Test
from .outcomes import outcome, worst
from .state import RUN, SessionState

Kind = Literal["run", "card", "step", "file"]


@dataclass(frozen=True, slots=True)
class Entity:
    """A run, a card or a step as Atlas should have it."""

    key: str
    kind: Kind
    parent: str  # the key of the run or the card; empty for the run
    shows: dict[str, str]  # what an update can change too: field of the API -> value
    mark: str = ""  # C1's line, by which it is found again
    order: int | None = None  # given at creation only
    once: dict[str, object] = field(default_factory=dict)  # other fields that only a creation takes
    times: dict[str, str] = field(default_factory=dict)
    """Start and end of a step without an outcome: sent only if Atlas has the start alone, and so shows it as running."""
    attempts: Attempts | None = None  # of a step: those of this session; None if the session did not execute it
    overwrite: bool = False  # of a step: whether a status that a person set is replaced


def entity(facts: SessionState, key: str) -> Entity:
    """The entity named `key`. Raises KeyError where the facts know none."""
    if key == RUN:
        return _run(facts)
    if key in facts.cards:
        return _card(facts.cards[key])
    if key in facts.files:
        return _file(facts.files[key])
    match facts.steps[key]:
        case Test() as test:
            return _test(facts, test)
        case InnerStep() as inner:
            return _inner(facts, inner)
        case Collection() as collection:
            return _collection(facts, collection)


def keys(facts: SessionState) -> Iterator[str]:
    """Every entity's key, parents first."""
    if facts.has_run:
        yield RUN
        yield from facts.cards
        yield from facts.steps
        yield from facts.files


def count(facts: SessionState) -> int:
    """The number of keys."""
    return 1 + len(facts.cards) + len(facts.steps) + len(facts.files) if facts.has_run else 0


def parent(facts: SessionState, key: str) -> str:
    """The key of what `key` belongs to; empty for the run."""
    if key == RUN:
        return ""
    if key in facts.cards:
        return RUN
    if key in facts.files:
        return facts.files[key].owner
    step = facts.steps[key]
    return step.test.card if isinstance(step, InnerStep) else step.card


def kind(facts: SessionState, key: str) -> Kind:
    """What `key` names."""
    if key == RUN:
        return "run"
    if key in facts.cards:
        return "card"
    return "file" if key in facts.files else "step"


def iso(seconds: float | None) -> str:
    """Unix seconds as ISO 8601, UTC with microseconds and an offset; empty for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _run(facts: SessionState) -> Entity:
    session = facts.session
    assert session is not None, "a run is wanted only when the session is known"
    mark = texts.run_mark(session.key)
    links = {"asset_ids": session.asset_ids, "issue_ids": session.issue_ids, "template_ids": session.template_ids}
    return Entity(
        key=RUN,
        kind="run",
        parent="",
        mark=mark,
        shows={"title": session.title, "description": texts.description(session.description, run_summary.lines(facts), mark)},
        once={"system_id": session.system_id, **{name: ids for name, ids in links.items() if ids}},
    )


def _card(card: Card) -> Entity:
    shows = {"title": card.planned.name, "description": texts.shorten(card.planned.doc)}
    return Entity(
        key=card.key,
        kind="card",
        parent=RUN,
        order=card.order,
        shows={name: text for name, text in shows.items() if text},
        once={"template_id": card.planned.template} if card.planned.template else {},
    )


def _test(facts: SessionState, test: Test) -> Entity:
    history = history_of(facts, test)
    status, note = worst(map(outcome, history.stories))
    planned = test.planned
    mark = texts.step_mark(planned.nodeid)
    times = _times(facts, test, status)
    tried = attempt_list.of_test(facts, test, history, status)
    is_over = "ended_at" in times
    return Entity(
        key=test.key,
        kind="step",
        parent=test.card,
        mark=mark,
        order=test.order,
        once={"step_type": planned.step_type} if planned.step_type else {},
        shows={
            "title": texts.step_title(planned.title or planned.name),
            "description": texts.description(test.doc, measurement_texts.test(facts, test, history), mark, _rendered(tried)),
            "execution_status": status,
            **_present("exception", note),
            **({} if status == "todo" and is_over else times),
        },
        times=times if status == "todo" and is_over else {},
        attempts=tried,
        overwrite=_overwrites(facts),
    )


def _times(facts: SessionState, test: Test, status: str) -> dict[str, str]:
    """Start and end, both when the test is over; the start alone while it runs for long or has failed already."""
    executions = [e for e in test.executions if e.started]
    if not executions:
        return {}
    started = iso(min(e.started for e in executions))
    ends = [facts.end_of(test, e) for e in executions]
    ended = [end for end in ends if end is not None]
    if len(ended) < len(ends):
        return {"started_at": started} if status == "failed" or facts.is_long_running(test) else {}
    return {"started_at": started, "ended_at": iso(max(ended))}


def _inner(facts: SessionState, inner: InnerStep) -> Entity:
    assert facts.session is not None
    skip_is_exception = facts.session.skipped == "exception"
    seen = [(e, reports) for e in inner.executions if (reports := inner_reports(facts, inner, e))]
    status, note = worst(outcome(subtest_story(e, reports, skip_is_exception=skip_is_exception)) for e, reports in seen)
    last = [reports[-1] for _, reports in seen]
    mark = texts.step_mark(inner.test.nodeid, *inner.outer, inner.title)
    tried = attempt_list.of_inner(facts, seen, status)
    timed = [r for r in last if r.started is not None and r.ended is not None] if status != "todo" else []
    return Entity(
        key=inner.key,
        kind="step",
        parent=inner.test.card,
        mark=mark,
        order=inner.order,
        shows={
            "title": texts.step_title(inner.title),
            "description": texts.description("", measurement_texts.inner(inner, last), mark, _rendered(tried)),
            "execution_status": status,
            **_present("exception", note),
            **_present("started_at", iso(min((r.started for r in timed if r.started is not None), default=None))),
            **_present("ended_at", iso(max((r.ended for r in timed if r.ended is not None), default=None))),
        },
        attempts=tried,
        overwrite=_overwrites(facts),
    )


def _collection(facts: SessionState, collection: Collection) -> Entity:
    event = collection.event
    mark = texts.step_mark(event.nodeid, "collection")
    place = f" at {event.place}" if event.place else ""
    told_lines = [f"{event.nodeid} could not be collected{place}:\n{event.message}"]
    tried = attempt_list.of_collection(facts, event)
    return Entity(
        key=collection.key,
        kind="step",
        parent=collection.card,
        mark=mark,
        order=collection.order,
        shows={
            "title": "collection",
            "description": texts.description("", told_lines, mark, _rendered(tried)),
            "execution_status": "failed",
        },
        attempts=tried,
        overwrite=_overwrites(facts),
    )


def _file(file: File) -> Entity:
    once: dict[str, object] = {"file_name": file.event.name, "content_type": file.content_type}
    return Entity(key=file.key, kind="file", parent=file.owner, shows={}, once=once)


def _rendered(tried: Attempts | None) -> str:
    return render_attempts(tried) if tried else ""


def _overwrites(facts: SessionState) -> bool:
    return facts.session is not None and facts.session.overwrite


def _present(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}
