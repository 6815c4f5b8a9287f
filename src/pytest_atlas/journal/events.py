"""The events of a session, one class for each kind: the schema of the journal (contract C3).

Events are observations, for example the outcome of a report, not decisions such as the status of a step. One event is one line
of JSON; a field with its default value is omitted. Times are Unix seconds, UTC. Standard library only, for use inside pytest.

`nodeid` and `occurrence` identify a test (stacked parametrizations can produce one nodeid twice, counted from 0). Every event
of a test has both; no identity is computed from the order of events.

VERSION changes if an old reader would misread a new journal. New optional fields and new events do not change it, because
readers ignore unknown ones.
"""

from builtins import bool, dict, float, getattr, hasattr, int, isinstance, str, tuple, type
from dataclasses import MISSING, field, fields
from functools import cache
from math import isfinite
from typing import Any, Literal, NamedTuple, Protocol, get_origin

from pytest_atlas.base.records import dataclass

VERSION = 1

When = Literal["setup", "call", "teardown"]
ALL_PASSED: tuple[When, ...] = ("setup", "call", "teardown")
Outcome = Literal["passed", "failed", "skipped", "rerun", "unknown"]
"""Outcomes of a report. "rerun": a plugin runs the test again; "unknown": not one of pytest's, see the field `reported`."""


class Identity(NamedTuple):
    """The identity of a test."""

    nodeid: str
    occurrence: int = 0


class AttemptIdentity(NamedTuple):
    """A test and one of its attempts, counted from 1."""

    nodeid: str
    occurrence: int = 0
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOpened:
    """The first line of every journal file, with the process that writes it."""

    e: Literal["journal"] = "journal"
    version: int = VERSION
    at: float
    pid: int
    host: str
    worker: str = ""  # "gw0"; empty for the controller or the only process
    boot: str = ""  # this and the next: see base.liveness.Writer
    namespace: str = ""
    began: str = ""
    locked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    """The start of the session, with its settings. Written once, by the controller or the only process."""

    e: Literal["session"] = "session"
    at: float
    session: str  # the name of the session's directory
    key: str  # the run's key (C1): the session's name unless the user gives one
    system_id: str
    run: str = ""  # UUID or reference of an existing run; "auto": the run with this key, if it exists
    overwrite: bool = False  # also replace outcomes that a person set
    job: str = ""  # name of the job: its sessions are compared with each other
    summary: bool = False  # a job summary is written: it compares with the previous run of the job
    title: str
    description: str = ""
    asset_ids: tuple[str, ...] = ()
    issue_ids: tuple[str, ...] = ()
    template_ids: tuple[str, ...] = ()
    skipped: Literal["todo", "exception"] = "todo"
    report: Literal["", "run", "card", "step"] = ""  # the scope of the analysis report; empty: no report
    report_context: str = ""  # free text for it
    dist: str = "no"  # xdist's --dist; "no" with only one process
    environment: dict[str, str] = field(default_factory=dict)  # label -> text, in the order to be shown


@dataclass(frozen=True, slots=True)
class PlannedCard:
    """A card that tests of the plan belong to."""

    kind: Literal["marker", "class", "module"]
    name: str  # the marker's title, or the path inside the rootdir with its classes
    doc: str = ""
    template: str = ""  # uuid of a template in Atlas


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """A collected test. `title` and `step_type` are the atlas_step marker's, formatted; empty without one."""

    nodeid: str
    name: str  # the last part of the nodeid, with its parameter id
    card: int  # index into the cards of all plan parts of this journal, in their order
    doc: int = -1  # index into this part's docs; -1: none
    title: str = ""
    step_type: str = ""
    occurrence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A part of the plan, in collection order. Long plans come in several parts."""

    e: Literal["plan"] = "plan"
    cards: tuple[PlannedCard, ...] = ()
    docs: tuple[str, ...] = ()
    tests: tuple[PlannedTest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCompleted:
    """All parts of this journal's plan are written. The first complete plan of a session counts."""

    e: Literal["planned"] = "planned"
    at: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFailed:
    """A module (or another collector) could not be collected."""

    e: Literal["collection"] = "collection"
    at: float
    nodeid: str  # the path of a module, or the name of a worker if workers collected different tests
    message: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestStarted:
    """The protocol of a test starts. Written before its set-up, so that a crash can be attributed to it."""

    __test__ = False

    e: Literal["start"] = "start"
    nodeid: str
    occurrence: int = 0
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseReported:
    """A phase that did not simply pass. Phases that simply pass are in TestEnded."""

    e: Literal["phase"] = "phase"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    when: When
    outcome: Outcome
    reported: str = (
        ""  # the outcome of the report if it is not one of pytest's: "retried" of pytest-retry, any text of a plugin
    )
    hidden: bool = False  # a plugin ran this phase and discarded its report: pytest did not count it
    xfail: str | None = None  # the report's `wasxfail`: None unless xfail or xpass; "" is a valid reason
    message: str = ""  # the exception's message as pytest's crash line has it, or the skip reason; whole, bounded
    place: str = ""  # "tests/test_trip.py:42"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtestReported:
    """A subtest ended. `ordinal` counts a test's subtests from 1 within one attempt."""

    e: Literal["subtest"] = "subtest"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    ordinal: int
    title: str = ""  # its message, else its parameters; can be empty
    outcome: Outcome
    reported: str = ""  # the outcome of the report if it is not one of pytest's
    xfail: str | None = None
    message: str = ""
    place: str = ""
    started: float | None = None  # unittest's subTest gives no times
    ended: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOpened:
    """A step inside a test starts. `ordinal` counts steps and subtests of one attempt together, from 1."""

    e: Literal["step"] = "step"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    ordinal: int
    inside: int = 0  # the ordinal of the step around it
    title: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StepClosed:
    """A step inside a test ends. A measurement out of limits also makes it failed."""

    e: Literal["step end"] = "step end"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    ordinal: int
    outcome: Outcome = "passed"
    message: str = ""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The uncertainty of a measurement, and the acceptance limits that its values were compared with."""

    uncertainty: str  # expanded; empty if each value has its own
    k: str  # coverage factor
    rule: Literal["simple", "guard", "relaxed"]
    low: str = ""  # empty as in `Measured`
    high: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EachLimits:
    """Limits that are not the same for all values: each field is empty, or has a text for each value."""

    low: tuple[str, ...] = ()
    high: tuple[str, ...] = ()
    marginal_low: tuple[str, ...] = ()
    marginal_high: tuple[str, ...] = ()
    uncertainty: tuple[str, ...] = ()
    accepted_low: tuple[str, ...] = ()
    accepted_high: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Coordinate:
    """The position of a point on one axis."""

    axis: str
    value: str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """A measurement with axes. Its only value and its limits are those of the worst point; a data file has all points."""

    worst: tuple[Coordinate, ...]
    count: int
    out: int = 0  # number of points that are out of limits
    marginal: int = 0  # number of points that are marginal
    file: str = ""  # name of the data file


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measurement with its limits and its verdict at the time of the call.

    Values and limits are texts in the form of `repr`, which preserves every digit, NaN and infinity.
    """

    e: Literal["measure"] = "measure"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    step: int = 0  # the ordinal of the step that contains the call
    name: str
    values: tuple[str, ...]
    unit: str = ""
    low: str = ""
    high: str = ""
    equal: str = ""
    one_of: tuple[str, ...] = ()  # the allowed values, if there are several
    matches: str = ""  # the regular expression that texts match as a whole
    exclusive: Literal["", "low", "high", "both"] = ""  # the limits that are not allowed values
    marginal: tuple[str, ...] = ()  # low and high, either may be empty: values outside of them are marked
    acceptance: Acceptance | None = None  # None without an uncertainty
    each: EachLimits | None = None  # the limits that are empty in the other fields
    points: Points | None = None  # None without axes
    na: str = ""  # why the measurement is not applicable; it then has no values
    verdict: Literal["pass", "fail", "waived", "none"]
    waived: str = ""  # the reason for accepting a violation
    late: bool = False  # recorded after the end of the test, or without its protocol: it belongs to the session
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A note for the step description; or, with the kind `exception`, the note of a passed_with_exception step."""

    e: Literal["note"] = "note"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    step: int = 0
    kind: Literal["note", "exception"]
    text: str
    late: bool = False  # recorded after the end of the test, or without its protocol: it belongs to the session


@dataclass(frozen=True, slots=True)
class TraceColumn:
    """One column of a raw trace: `count` items of `kind`, one after the other."""

    name: str
    unit: str
    kind: str  # "f8", "i4", "u1", …: float, signed or unsigned, and the bytes of one item
    count: int
    swapped: bool = False  # stored in the other byte order than that of the recording system
    little: bool = True  # the byte order of that system


@dataclass(frozen=True, slots=True)
class TraceLimit:
    """The limits of one column of a trace, as texts in the form of `repr`. Empty: no limit on this side."""

    column: str
    low: str = ""
    high: str = ""


@dataclass(frozen=True, slots=True)
class TraceMark:
    """A marked time of a trace. `at` is in the unit of its time column, or in seconds with a rate, in the form of `repr`."""

    name: str
    at: str


class Trace(NamedTuple):
    """The fields of FileKept that describe a trace."""

    columns: tuple[TraceColumn, ...] = ()
    rate: float = 0.0  # samples per second, if no column is the time
    limits: tuple[TraceLimit, ...] = ()
    marks: tuple[TraceMark, ...] = ()


NO_TRACE = Trace()


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKept:
    """A file of the session belongs to a test or a step inside it; without a nodeid to `card`, or to the run.

    With `columns` it is a raw trace: one column after the other; Atlas gets a CSV file.
    """

    e: Literal["file"] = "file"
    nodeid: str = ""
    occurrence: int = 0
    attempt: int = 1
    step: int = 0
    card: PlannedCard | None = None
    name: str  # as Atlas shows it
    path: str  # relative to the session directory, with slashes
    size: int  # bytes
    sha256: str = ""  # empty: the publisher computes it
    content_type: str = ""  # empty: determined by the name
    columns: tuple[TraceColumn, ...] = ()
    rate: float = 0.0  # samples per second, if no column is the time
    limits: tuple[TraceLimit, ...] = ()
    marks: tuple[TraceMark, ...] = ()
    late: bool = False  # recorded after the end of the test, or without its protocol: it belongs to the session
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """The next attempt of a test starts in the same protocol. `passed` are the phases of this attempt that simply passed."""

    e: Literal["attempt"] = "attempt"
    nodeid: str
    occurrence: int = 0
    at: float
    attempt: int = 1  # the one that ended
    passed: tuple[When, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TestEnded:
    """A test's protocol is over. `passed` are the phases of its last attempt that simply passed."""

    __test__ = False

    e: Literal["end"] = "end"
    nodeid: str
    occurrence: int = 0
    at: float
    attempt: int = 1
    passed: tuple[When, ...] = ALL_PASSED
    interrupted: str = ""  # the exception that went through the protocol: KeyboardInterrupt, Exit, …


@dataclass(frozen=True, slots=True, kw_only=True)
class TestCrashed:
    """A worker crashed while it ran a test. Written by the controller; xdist reports only the nodeid."""

    __test__ = False

    e: Literal["crash"] = "crash"
    at: float
    worker: str
    nodeid: str  # as xdist knows it: with `@group` under loadgroup
    message: str = ""
    outcome: Literal["failed", "rerun"] = "failed"  # "rerun": a plugin replaced the crashed attempt and runs the test again


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDown:
    """An xdist worker ended; `error` has the reason if it crashed."""

    e: Literal["down"] = "down"
    at: float
    worker: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInterrupted:
    """The session was interrupted by Ctrl-C, pytest.exit or the like, with the reason."""

    e: Literal["interrupted"] = "interrupted"
    at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """The session has ended: tests that have not run will not run."""

    e: Literal["finish"] = "finish"
    at: float
    exit_status: int
    lost: int = 0  # events that could not be written, for example to a full disk


FixtureEvent = Measured | Noted | FileKept
"""The events that the `atlas` fixture records for a test, a card or the run. Inner steps are opened and closed separately."""

StepKey = tuple[int, int]
"""The attempt and the ordinal of an inner step."""

Event = (
    JournalOpened
    | SessionStarted
    | Planned
    | PlanCompleted
    | CollectionFailed
    | TestStarted
    | PhaseReported
    | SubtestReported
    | StepOpened
    | StepClosed
    | Measured
    | Noted
    | FileKept
    | AttemptEnded
    | TestEnded
    | TestCrashed
    | WorkerDown
    | SessionInterrupted
    | SessionEnded
)


ALWAYS = ("e", "r", "version")
"""Fields that are written even with their default: the kind of an event or receipt, and the version of the schema."""


IDENTITIES = frozenset({"nodeid", "key", "session", "path", "sha256"})
"""Identities in all events. They must not depend on the environment, so they are not redacted (C1)."""
IDENTITY_TITLES = {"PlannedTest": "name", "SubtestReported": "title", "StepOpened": "title"}
"""Titles that are part of an identity line or a nodeid."""


class Clean(Protocol):
    """Redacts texts before they are written."""

    def __call__(self, text: str, /) -> str:
        """Redact a text."""
        ...

    def identity(self, text: str, /) -> str:
        """Escape an identity."""
        ...

    def __hash__(self) -> int: ...


class Unchanged:
    """Returns texts unchanged, because they are redacted already."""

    def __call__(self, text: str, /) -> str:
        """Return the text."""
        return text

    identity = __call__


UNCHANGED = Unchanged()


_OTHER, _TEXT, _IDENTITY, _PLACE, _FIXED = range(5)
"""The treatment of a field: by its value; as a text; as an identity; as the name of a card; unchanged."""


def to_json_dict(event: Any, clean: Clean = UNCHANGED) -> dict[str, Any]:
    """Return `event` as a dict for JSON, with redacted texts and without fields that have their default."""
    made = {}
    for name, default, how in _fields(type(event)):  # type: ignore[arg-type]  # mypy: a type[Any] is unhashable
        value = getattr(event, name)
        if value is default or value == default:
            continue
        if how == _FIXED:
            made[name] = value
        elif how == _TEXT and type(value) is str:
            made[name] = clean(value)
        else:
            is_identity = how == _IDENTITY or (how == _PLACE and event.kind != "marker")  # the path of a class or module
            made[name] = _plain(value, clean, is_identity=is_identity)
    return made


@cache
def _fields(kind: Any) -> tuple[tuple[str, Any, int], ...]:
    return tuple((f.name, MISSING if f.name in ALWAYS else f.default, _how(kind, f.name, f.type)) for f in fields(kind))


def _how(kind: Any, name: str, annotation: Any) -> int:
    if name in IDENTITIES or name == IDENTITY_TITLES.get(kind.__name__):
        return _IDENTITY
    if kind is PlannedCard and name == "name":
        return _PLACE
    if annotation in (int, bool) or get_origin(annotation) is Literal:
        return _FIXED
    return _TEXT if annotation is str else _OTHER


def _plain(value: Any, clean: Clean, *, is_identity: bool = False) -> Any:
    if isinstance(value, str):
        return clean.identity(value) if is_identity else clean(value)
    if isinstance(value, tuple):
        return [_plain(item, clean) for item in value]
    if isinstance(value, dict):
        return {clean(name): _plain(item, clean) for name, item in value.items()}
    if isinstance(value, float):
        return value if isfinite(value) else str(value)  # JSON has no NaN and infinity; pydantic reads their names
    return to_json_dict(value, clean) if hasattr(value, "__dataclass_fields__") else value
