"""What Atlas should show, entity by entity, as far as the facts go.

Pure: `entity(facts, key)` always gives the same for the same facts, whoever asks and however often.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from . import digest, texts, told
from .facts import RUN, Facts
from .outcomes import outcome, worst
from .parts import Card, Collection, File, Inner, Test
from .stories import inner_reports, subtest_story, test_story

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


def entity(facts: Facts, key: str) -> Entity:
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
        case Inner() as inner:
            return _inner(facts, inner)
        case Collection() as collection:
            return _collection(collection)


def keys(facts: Facts) -> Iterator[str]:
    """Every entity's key, parents first."""
    if facts.has_run:
        yield RUN
        yield from facts.cards
        yield from facts.steps
        yield from facts.files


def parent(facts: Facts, key: str) -> str:
    """The key of what `key` belongs to; empty for the run."""
    if key == RUN:
        return ""
    if key in facts.cards:
        return RUN
    if key in facts.files:
        return facts.files[key].owner
    step = facts.steps[key]
    return step.test.card if isinstance(step, Inner) else step.card


def kind(facts: Facts, key: str) -> Kind:
    """What `key` names."""
    if key == RUN:
        return "run"
    if key in facts.cards:
        return "card"
    return "file" if key in facts.files else "step"


def iso(seconds: float | None) -> str:
    """Unix seconds as ISO 8601, UTC with microseconds and an offset; empty for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _run(facts: Facts) -> Entity:
    session = facts.session
    assert session is not None, "a run is wanted only when the session is known"
    mark = texts.run_mark(session.key)
    links = {"asset_ids": session.asset_ids, "issue_ids": session.issue_ids, "template_ids": session.template_ids}
    return Entity(
        key=RUN,
        kind="run",
        parent="",
        mark=mark,
        shows={"title": session.title, "description": texts.description(session.description, digest.lines(facts), mark)},
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


def _test(facts: Facts, test: Test) -> Entity:
    assert facts.session is not None
    executions = list(test.executions.values())
    stories = [test_story(facts, test, e) for e in executions]
    status, note = worst(map(outcome, stories))
    mark = texts.step_mark(test.planned.nodeid)
    return Entity(
        key=test.key,
        kind="step",
        parent=test.card,
        mark=mark,
        order=test.order,
        once={"step_type": test.planned.step_type} if test.planned.step_type else {},
        shows={
            "title": texts.step_title(test.planned.title or test.planned.name),
            "description": texts.description(test.doc, told.test(facts, test, stories), mark),
            "execution_status": status,
            **_present("exception", note),
            **_times(facts, test, status),
        },
    )


def _times(facts: Facts, test: Test, status: str) -> dict[str, str]:
    """Start and end, both sent together when the test is over; the start alone while it runs for long or when it died."""
    executions = [e for e in test.executions.values() if e.started]
    if not executions:
        return {}
    started = iso(min(e.started for e in executions))
    if any(e.end is None for e in executions):
        return {"started_at": started} if status == "failed" or facts.is_long_running(test) else {}
    if status == "todo":  # stopped, or skipped: nothing was executed
        return {}
    return {"started_at": started, "ended_at": iso(max(e.end.at for e in executions if e.end))}


def _inner(facts: Facts, inner: Inner) -> Entity:
    assert facts.session is not None
    skip_is_exception = facts.session.skipped == "exception"
    executions = list(inner.test.executions.values())
    seen = [reports for e in executions if (reports := inner_reports(facts, inner, e))]
    status, note = worst(outcome(subtest_story(reports, skip_is_exception=skip_is_exception)) for reports in seen)
    reports = [reports[-1] for reports in seen]
    mark = texts.step_mark(inner.test.planned.nodeid, *inner.outer, inner.title)
    timed = [r for r in reports if r.started is not None and r.ended is not None] if status != "todo" else []
    return Entity(
        key=inner.key,
        kind="step",
        parent=inner.test.card,
        mark=mark,
        order=inner.order,
        shows={
            "title": texts.step_title(inner.title),
            "description": texts.description("", told.inner(inner, reports), mark),
            "execution_status": status,
            **_present("exception", note),
            **_present("started_at", iso(min((r.started for r in timed if r.started is not None), default=None))),
            **_present("ended_at", iso(max((r.ended for r in timed if r.ended is not None), default=None))),
        },
    )


def _collection(collection: Collection) -> Entity:
    event = collection.event
    mark = texts.step_mark(event.nodeid, "collection")
    place = f" at {event.place}" if event.place else ""
    return Entity(
        key=collection.key,
        kind="step",
        parent=collection.card,
        mark=mark,
        order=collection.order,
        shows={
            "title": "collection",
            "description": texts.description("", [f"{event.nodeid} could not be collected{place}:\n{event.message}"], mark),
            "execution_status": "failed",
        },
    )


def _file(file: File) -> Entity:
    once: dict[str, object] = {"file_name": file.event.name, "content_type": file.content_type}
    return Entity(key=file.key, kind="file", parent=file.owner, shows={}, once=once)


def _present(name: str, value: str) -> dict[str, str]:
    return {name: value} if value else {}
