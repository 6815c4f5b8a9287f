"""The run, cards, steps and data files that Atlas should have for a session.

Pure: `entity(state, key)` returns equal values for equal states.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar, Literal

from pytest_atlas.atlas.statuses import ExecutionStatus
from pytest_atlas.base.records import dataclass
from pytest_atlas.descriptions import (
    Attempts,
    collection_identity_line,
    join_description,
    render_attempts,
    render_collection_failure,
    render_run_summary,
    run_identity_line,
    shorten,
    step_identity_line,
    step_title,
)

from . import attempt_list, result_lines
from .history import history_of
from .inner_steps import inner_per_execution, inner_reports
from .model import Card, Collection, File, InnerStep, Test
from .outcomes import outcome, worst
from .run_summary import run_summary
from .state import RUN, SessionState

Kind = Literal["run", "card", "step", "file"]


@dataclass(frozen=True, slots=True)
class DesiredRun:
    """The run of a session."""

    kind: ClassVar[Kind] = "run"
    key: ClassVar[str] = RUN
    parent: ClassVar[str] = ""
    title: str
    description: str
    identity_line: str  # contract C1
    system_id: str
    asset_ids: tuple[str, ...] = ()
    issue_ids: tuple[str, ...] = ()
    template_ids: tuple[str, ...] = ()

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the API that an update can change."""
        return {"title": self.title, "description": self.description}

    @property
    def creation_fields(self) -> dict[str, object]:
        """The fields of the API that only a create request has, without empty lists."""
        links = {"asset_ids": self.asset_ids, "issue_ids": self.issue_ids, "template_ids": self.template_ids}
        return {"system_id": self.system_id, **{name: ids for name, ids in links.items() if ids}}


@dataclass(frozen=True, slots=True)
class DesiredCard:
    """A card of the run."""

    kind: ClassVar[Kind] = "card"
    parent: ClassVar[str] = RUN
    identity_line: ClassVar[str] = ""  # a card is found by its title
    key: str
    title: str
    description: str
    order: int  # sent at creation only
    template_id: str = ""

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the API that an update can change."""
        return _without_empty({"title": self.title, "description": self.description})


@dataclass(frozen=True, slots=True)
class DesiredStep:
    """The step of a test, of an inner step or of a failed collection."""

    kind: ClassVar[Kind] = "step"
    key: str
    parent: str  # the key of its card
    title: str
    description: str
    identity_line: str  # contract C1
    order: int  # sent at creation only
    status: ExecutionStatus = "todo"
    exception: str = ""  # the note of `passed_with_exception`
    started_at: str = ""  # ISO 8601
    ended_at: str = ""
    step_type: str = ""  # sent at creation only
    attempts: Attempts | None = None  # of this session; None if it did not execute the step
    overwrite: bool = False  # replace a status that a person set

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the API that an update can change; the times of a step without an outcome are in `late_times`."""
        times = {} if self.late_times else _without_empty({"started_at": self.started_at, "ended_at": self.ended_at})
        outcome = {"execution_status": self.status, **_without_empty({"exception": self.exception})}
        return {"title": self.title, "description": self.description, **outcome, **times}

    @property
    def late_times(self) -> dict[str, str]:
        """The times of an executed step without an outcome: sent only if Atlas has its start and so shows it as running."""
        if self.status != "todo" or not self.ended_at:
            return {}
        return {"started_at": self.started_at, "ended_at": self.ended_at}


@dataclass(frozen=True, slots=True)
class DesiredFile:
    """A data file of the run, a card or a step."""

    kind: ClassVar[Kind] = "file"
    key: str
    parent: str  # the key of the run, the card or the step
    file_name: str
    content_type: str

    @property
    def title(self) -> str:
        """The name of the file, for messages."""
        return self.file_name

    @property
    def fields(self) -> dict[str, str]:
        """Empty: an update can change nothing of a data file."""
        return {}


Desired = DesiredRun | DesiredCard | DesiredStep | DesiredFile


def entity(state: SessionState, key: str) -> Desired:
    """Return the entity with this key. Raises KeyError if the session has none."""
    if key == RUN:
        return run(state)
    if key in state.cards:
        return card(state, key)
    if key in state.files:
        return _file(state.files[key])
    return step(state, key)


def run(state: SessionState) -> DesiredRun:
    """Return the run of the session."""
    session = state.session
    assert session is not None, "the run is desired only if the session is known"
    line = run_identity_line(session.key)
    return DesiredRun(
        title=session.title,
        description=join_description(session.description, render_run_summary(run_summary(state)), line),
        identity_line=line,
        system_id=session.system_id,
        asset_ids=session.asset_ids,
        issue_ids=session.issue_ids,
        template_ids=session.template_ids,
    )


def card(state: SessionState, key: str) -> DesiredCard:
    """Return the card with this key. Raises KeyError if the session has none."""
    found: Card = state.cards[key]
    planned = found.planned
    return DesiredCard(
        key=key,
        title=planned.name,
        description=shorten(planned.doc),
        order=found.order,
        template_id=planned.template,
    )


def step(state: SessionState, key: str) -> DesiredStep:
    """Return the step with this key. Raises KeyError if the session has none."""
    match state.steps[key]:
        case Test() as test:
            return _test(state, test)
        case InnerStep() as inner:
            return _inner(state, inner)
        case Collection() as collection:
            return _collection(state, collection)


def keys(state: SessionState) -> Iterator[str]:
    """Yield the key of every entity, parents first."""
    if state.has_run:
        yield RUN
        yield from state.cards
        yield from state.steps
        yield from state.files


def count(state: SessionState) -> int:
    """Return the number of entities."""
    return 1 + len(state.cards) + len(state.steps) + len(state.files) if state.has_run else 0


def parent(state: SessionState, key: str) -> str:
    """Return the key of the run, card or step that an entity belongs to; empty for the run."""
    if key == RUN:
        return ""
    if key in state.cards:
        return RUN
    if key in state.files:
        return state.files[key].owner
    found = state.steps[key]
    return found.test.card if isinstance(found, InnerStep) else found.card


def kind(state: SessionState, key: str) -> Kind:
    """Return the kind of the entity with this key."""
    if key == RUN:
        return "run"
    if key in state.cards:
        return "card"
    return "file" if key in state.files else "step"


def iso(seconds: float | None) -> str:
    """Return Unix seconds as ISO 8601 in UTC with microseconds and an offset; empty for None."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _test(state: SessionState, test: Test) -> DesiredStep:
    history = history_of(state, test)
    status, note = worst(map(outcome, history.per_execution))
    planned = test.planned
    line = step_identity_line(planned.nodeid)
    started_at, ended_at = _times(state, test, status)
    attempts = attempt_list.of_test(state, test, history, status)
    return DesiredStep(
        key=test.key,
        parent=test.card,
        title=step_title(planned.title or planned.name),
        description=join_description(test.doc, result_lines.of_test(state, test, history), line, _rendered(attempts)),
        identity_line=line,
        order=test.order,
        status=status,
        exception=note,
        started_at=started_at,
        ended_at=ended_at,
        step_type=planned.step_type,
        attempts=attempts,
        overwrite=_overwrites(state),
    )


def _times(state: SessionState, test: Test, status: str) -> tuple[str, str]:
    """Return start and end if the test has ended; only the start if it has run for long or has already failed."""
    executions = [e for e in test.executions if e.started]
    if not executions:
        return "", ""
    started = iso(min(e.started for e in executions))
    ends = [state.end_of(test, e) for e in executions]
    ended = [end for end in ends if end is not None]
    if len(ended) < len(ends):
        return started if status == "failed" or state.is_long_running(test) else "", ""
    return started, iso(max(ended))


def _inner(state: SessionState, inner: InnerStep) -> DesiredStep:
    reported = [(e, reports) for e in inner.executions if (reports := inner_reports(state, inner, e))]
    status, note = worst(map(outcome, inner_per_execution(state, inner, reported)))
    last = [reports[-1] for _, reports in reported]
    line = step_identity_line(inner.test.nodeid, *inner.outer, inner.title)
    attempts = attempt_list.of_inner(state, reported, status)
    timed = [r for r in last if r.started is not None and r.ended is not None] if status != "todo" else []
    return DesiredStep(
        key=inner.key,
        parent=inner.test.card,
        title=step_title(inner.title),
        description=join_description("", result_lines.of_inner(state, inner, last), line, _rendered(attempts)),
        identity_line=line,
        order=inner.order,
        status=status,
        exception=note,
        started_at=iso(min((r.started for r in timed if r.started is not None), default=None)),
        ended_at=iso(max((r.ended for r in timed if r.ended is not None), default=None)),
        attempts=attempts,
        overwrite=_overwrites(state),
    )


def _collection(state: SessionState, collection: Collection) -> DesiredStep:
    event = collection.event
    line = collection_identity_line(event.nodeid)
    failure = render_collection_failure(event.nodeid, event.message, event.place)
    attempts = attempt_list.of_collection(state, event)
    return DesiredStep(
        key=collection.key,
        parent=collection.card,
        title="collection",
        description=join_description("", [failure], line, _rendered(attempts)),
        identity_line=line,
        order=collection.order,
        status="failed",
        attempts=attempts,
        overwrite=_overwrites(state),
    )


def _file(file: File) -> DesiredFile:
    return DesiredFile(file.key, file.owner, file.event.name, file.content_type)


def _rendered(attempts: Attempts | None) -> str:
    return render_attempts(attempts) if attempts else ""


def _overwrites(state: SessionState) -> bool:
    return state.session is not None and state.session.overwrite


def _without_empty(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if value}
