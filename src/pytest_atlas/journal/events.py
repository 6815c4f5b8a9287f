"""The facts of a session, one class for each kind: the schema of the journal (contract C3).

Facts, not decisions: what a report said, never which status follows from it. One event is one line of JSON; a field that
has its default is left out. Times are Unix seconds, UTC. Standard library only: this is imported inside pytest.

A test is named by `nodeid` and `occurrence` (stacked parametrizations can give one nodeid twice, counted from 0). The
writer stamps every fact with them; nothing is recomputed from the order in which facts arrive.

VERSION changes when an old reader would misread a new journal. New optional fields and new events do not change it:
readers ignore what they do not know.
"""

from builtins import bool, dict, float, getattr, hasattr, int, isinstance, str, tuple, type
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from json.encoder import encode_basestring_ascii as quoted
from math import isfinite
from typing import Any, Literal, NamedTuple, Protocol, get_origin

from .schema import LAST_S

VERSION = 1

When = Literal["setup", "call", "teardown"]
ALL_PASSED: tuple[When, ...] = ("setup", "call", "teardown")
Outcome = Literal["passed", "failed", "skipped", "rerun", "unknown"]
"""Outcomes of a report. "rerun": the plugin runs the test again; "unknown": none of pytest's, see the field `reported`."""


class Identity(NamedTuple):
    """Who a test is."""

    nodeid: str
    occurrence: int = 0


class AttemptIdentity(NamedTuple):
    """A test and one of its attempts, counted from 1."""

    nodeid: str
    occurrence: int = 0
    attempt: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalOpened:
    """The first line of every journal file: who writes it."""

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
    """What the session is, as the user asked for it. Written once, by the controller or the only process."""

    e: Literal["session"] = "session"
    at: float
    session: str  # the name of the session's directory
    key: str  # the run's key (C1): the session's name unless the user gives one
    system_id: str
    run: str = ""  # uuid or reference of an existing run to record into; "auto": the one with this key, if there is one
    overwrite: bool = False  # outcomes of steps that are a person's, too
    job: str = ""  # what runs again and again: sessions of one job are compared with each other
    summary: bool = False  # a job summary is wanted: it compares with the job's last run
    title: str
    description: str = ""
    asset_ids: tuple[str, ...] = ()
    issue_ids: tuple[str, ...] = ()
    template_ids: tuple[str, ...] = ()
    skipped: Literal["todo", "exception"] = "todo"
    report: Literal["", "run", "card", "step"] = ""  # the scope of the analysis to ask for at the end; empty: none
    report_context: str = ""  # free text for it
    dist: str = "no"  # xdist's --dist; "no" where there is only one process
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
    nodeid: str  # a module's path, or a worker's name where workers collected different tests
    message: str
    place: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestStarted:
    """A test's protocol begins. Written before its set-up, so that a crash leaves a trace."""

    __test__ = False

    e: Literal["start"] = "start"
    nodeid: str
    occurrence: int = 0
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseReported:
    """A phase that has something to say. Phases that simply pass are named by TestEnded alone."""

    e: Literal["phase"] = "phase"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    when: When
    outcome: Outcome
    reported: str = ""  # the report's outcome if it is none of pytest's: "retried" of pytest-retry, any text of a plugin
    hidden: bool = False  # a plugin ran this phase and discarded its report: pytest did not count it
    xfail: str | None = None  # the report's `wasxfail`: not None says xfail or xpass, and "" is a reason
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
    title: str = ""  # its message, else its parameters; empty: it has neither
    outcome: Outcome
    reported: str = ""  # the report's outcome if it is none of pytest's
    xfail: str | None = None
    message: str = ""
    place: str = ""
    started: float | None = None  # unittest's subTest gives no times
    ended: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOpened:
    """A step inside a test begins. `ordinal` counts steps and subtests of one attempt together, from 1."""

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
    """A step inside a test is over. A measurement in it that is out of limits has failed it, too."""

    e: Literal["step end"] = "step end"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    ordinal: int
    outcome: Outcome = "passed"
    message: str = ""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A measurement with the limits and the verdict that held when it was made.

    Values and limits are texts as Python's `repr` has them, which keeps every digit, and has words for NaN and infinity.
    """

    e: Literal["measure"] = "measure"
    nodeid: str
    occurrence: int = 0
    attempt: int = 1
    step: int = 0  # the ordinal of the step that it was made in
    name: str
    values: tuple[str, ...]
    unit: str = ""
    low: str = ""
    high: str = ""
    equal: str = ""
    one_of: tuple[str, ...] = ()  # the allowed values, if there are several
    verdict: Literal["pass", "fail", "waived", "none"]
    waived: str = ""  # why a violation is accepted
    late: bool = False  # recorded after the end of the test, or without its protocol: it belongs to the session
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """The test says something for its step; an `exception` is what it passes in spite of."""

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
    swapped: bool = False  # stored in the other byte order than the system's that wrote it
    little: bool = True  # the byte order of that system


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKept:
    """A file of the session belongs to a test or a step inside it; without a nodeid to `card`, or to the run.

    With `columns` it is a raw trace: its columns stand one after the other, and Atlas gets a CSV of them.
    """

    e: Literal["file"] = "file"
    nodeid: str = ""
    occurrence: int = 0
    attempt: int = 1
    step: int = 0
    card: PlannedCard | None = None
    name: str  # as Atlas shows it
    path: str  # inside the session's folder, with slashes
    size: int  # bytes
    sha256: str = ""  # empty: the publisher finds it
    content_type: str = ""  # empty: the name says it
    columns: tuple[TraceColumn, ...] = ()
    rate: float = 0.0  # samples a second, where no column is the time
    late: bool = False  # recorded after the end of the test, or without its protocol: it belongs to the session
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptEnded:
    """The next attempt of a test begins in the same protocol. `passed` are the phases of this attempt that simply passed."""

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
    """The controller says that a worker died while it ran a test. xdist gives no index, only the nodeid."""

    __test__ = False

    e: Literal["crash"] = "crash"
    at: float
    worker: str
    nodeid: str  # as xdist knows it: with `@group` under loadgroup
    message: str = ""
    outcome: Literal["failed", "rerun"] = "failed"  # "rerun": a plugin replaced the crashed attempt and runs the test again


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerDown:
    """An xdist worker ended; `error` says why where it did not end by itself."""

    e: Literal["down"] = "down"
    at: float
    worker: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionInterrupted:
    """Ctrl-C, pytest.exit or the like, with its words."""

    e: Literal["interrupted"] = "interrupted"
    at: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionEnded:
    """The session's hooks are over: what runs no more will not run."""

    e: Literal["finish"] = "finish"
    at: float
    exit_status: int
    lost: int = 0  # facts that could not be written, say for a full disk


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
"""The fields that are written even where they have their default: the kind of an event or receipt, and the schema's version."""


IDENTITIES = frozenset({"nodeid", "key", "session", "path", "sha256"})
"""The fields that identify something, in every event: they don't depend on the environment, so they are not redacted (C1)."""
IDENTITY_TITLES = {"PlannedTest": "name", "SubtestReported": "title", "StepOpened": "title"}
"""The titles that are a part of identity lines, or of a nodeid."""


class Clean(Protocol):
    """Makes texts that may be written."""

    def __call__(self, text: str, /) -> str:
        """A text."""
        ...

    def identity(self, text: str, /) -> str:
        """A text that identifies something."""
        ...


class Unchanged:
    """Leaves texts as they are, if they are clean already."""

    def __call__(self, text: str, /) -> str:
        """The text."""
        return text

    identity = __call__


UNCHANGED = Unchanged()


_OTHER, _TEXT, _IDENTITY, _PLACE, _FIXED = range(5)
"""How a field is written: by its value; a text; a text that identifies something; a card's name; unchanged."""


def as_json(event: Any, clean: Clean = UNCHANGED) -> dict[str, Any]:
    """`event` as json.dumps takes it, every text cleaned, without the fields that have their default."""
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
        return value if isfinite(value) else str(value)  # JSON has no number for it; pydantic reads the word
    return as_json(value, clean) if hasattr(value, "__dataclass_fields__") else value


def line_by_hand(event: Any, clean: Clean) -> str:
    """The line of a start, or of an end after three passed phases, as json.dumps writes `as_json(event, clean)`.

    Empty for any other event, and for one that the reader would reject. Most tests have these two events only, and
    this way takes a tenth of the time.
    """
    kind = type(event)
    if kind is TestEnded:
        if event.passed != ALL_PASSED or event.interrupted != "" or type(event.attempt) is not int or event.attempt != 1:
            return ""
    elif kind is not TestStarted:
        return ""
    if type(event.nodeid) is not str or type(event.occurrence) is not int or event.occurrence:
        return ""
    if type(event.at) is not float or not 0 <= event.at <= LAST_S:
        return ""
    return f'{{"e":"{event.e}","nodeid":{quoted(clean.identity(event.nodeid))},"at":{event.at!r}}}\n'
