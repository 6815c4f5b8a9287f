"""The session model: events of all journals, folded into the cards, tests and files of a session.

Pure: no file, no clock, no Atlas. The cost of an event does not depend on the number of earlier events. `take_changed`
returns the keys of the entities that may have changed, so that the publisher does not compare all of them.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from pytest_atlas.descriptions import MAX_PLACE, one_line
from pytest_atlas.journal import events as ev

from .choice import JOURNAL, Choice
from .crashes import Crashes
from .keys import RUN, card_key, collection_key, file_key, inner_key, test_key
from .model import STEP, Card, Collection, Execution, File, InnerStep, Inside, Test, measurements_file, subtest_title
from .trace_limits import limits_file

__all__ = ["LONG_RUNNING_S", "MAX_DEPTH", "RUN", "SessionState"]

LONG_RUNNING_S = 1.0
"""A test that runs for longer shows its start in Atlas while it runs."""

MAX_DEPTH = 100
"""Maximum number of titles of enclosing steps in the identity line of an inner step."""

TestEvent = (
    ev.TestStarted
    | ev.TestEnded
    | ev.PhaseReported
    | ev.SubtestReported
    | ev.StepOpened
    | ev.StepClosed
    | ev.Measured
    | ev.Noted
    | ev.FileKept
    | ev.AttemptEnded
)


@dataclass(slots=True)
class _Plan:
    """The plan in one journal."""

    cards: list[ev.PlannedCard] = field(default_factory=list)
    tests: list[tuple[ev.PlannedTest, str]] = field(default_factory=list)  # with its docstring
    index: dict[tuple[str, int], int] = field(default_factory=dict)  # by nodeid and occurrence


class SessionState:
    """The state of a session after the events that were applied."""

    def __init__(self) -> None:
        self._recorded: ev.SessionStarted | None = None
        self._choice: Choice = JOURNAL
        self.session: ev.SessionStarted | None = None
        self.ended: ev.SessionEnded | None = None
        self.interrupted: ev.SessionInterrupted | None = None
        self.gone = False  # pytest has ended or died: none of its processes runs
        self.version = ev.VERSION
        self.cards: dict[str, Card] = {}
        self.steps: dict[str, Test | InnerStep | Collection] = {}
        self.files: dict[str, File] = {}
        self.files_stay = False  # data files stay in the session directory, because no bucket is set
        self.mismatches: list[ev.CollectionFailed] = []
        self.late: list[ev.Measured | ev.Noted] = []  # recorded after the end of their test
        self._workers: dict[str, str] = {}  # journal -> worker
        self._hosts: dict[str, str] = {}  # journal -> host
        self._last_at = 0.0  # the time of the newest event
        self._plans: dict[str, _Plan] = {}
        self._planned_by = ""
        self._collections: dict[str, ev.CollectionFailed] = {}
        self._crashes = Crashes()
        self._running: dict[str, float] = {}
        self._long: set[str] = set()
        self._changed: dict[str, None] = {}
        self._measured: dict[str, dict[str, None]] = {}  # card -> its tests with measurements

    # ── queries ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def has_run(self) -> bool:
        """Whether the session has a run. A session that collected nothing has none."""
        return self.session is not None and bool(self.steps or self._collections or self.mismatches)

    @property
    def shares_run(self) -> bool:
        """Whether another session or a person may have created the run: it was named, or its key is not the session id."""
        return self.session is not None and (bool(self.session.run) or self.session.key != self.session.session)

    @property
    def may_meet_others(self) -> bool:
        """Whether the run can contain cards and steps of others: it is shared, or it uses templates."""
        templates = self.session is not None and bool(self.session.template_ids)
        return self.shares_run or templates or any(card.planned.template for card in self.cards.values())

    @property
    def recorded(self) -> ev.SessionStarted | None:
        """The session as recorded in its journal, without the choice of the person who publishes it."""
        return self._recorded

    @property
    def died(self) -> bool:
        """Whether pytest ended without its last hooks."""
        return self.gone and self.ended is None

    @property
    def first_source(self) -> str:
        """The name of the journal that was read first."""
        return next(iter(self._hosts), "")

    def tests(self) -> Iterator[Test]:
        """Yield every test in the order of the plan."""
        return (step for step in self.steps.values() if isinstance(step, Test))

    def measured_tests(self, card: str) -> list[Test]:
        """Return the tests of the card with this key that have measurements, in the order of their steps."""
        found = (self.steps[key] for key in self._measured.get(card, ()))
        return sorted((test for test in found if isinstance(test, Test)), key=lambda test: test.order)

    def is_long_running(self, test: Test) -> bool:
        """Return whether the test ran for longer than LONG_RUNNING_S before its end was known."""
        return test.key in self._long

    def has_died(self, test: Test, execution: Execution) -> bool:
        """Return whether the process of an execution ended before the test: its worker crashed, or pytest died."""
        if execution.ended is not None or test.last_in(execution.source) is not execution:
            return False
        return self.died or self._crash(test, execution) is not None

    def is_replaced(self, test: Test, execution: Execution) -> bool:
        """Return whether the worker of an execution crashed and a plugin runs the test again instead of counting a failure."""
        crash = self._crash(test, execution)
        return crash is not None and crash.outcome == "rerun"

    def end_of(self, test: Test, execution: Execution) -> float | None:
        """Return the end of an execution in Unix seconds; None while it runs. If its process died, it is the last event."""
        if execution.ended is not None:
            return execution.ended
        if (crash := self._crash(test, execution)) is not None:
            return max(execution.started, crash.at)
        if self.gone or test.last_in(execution.source) is not execution:
            return max(execution.started, self.ended.at if self.ended else self._last_at)
        return None

    def place(self, execution: Execution) -> str:
        """Return where an execution ran: the CI job or the host, and the xdist worker."""
        host = self._hosts.get(execution.source, "")
        job = self.session.job if self.session else ""
        where = host if not job or job.endswith(f" on {host}") else job
        return f"{one_line(where, MAX_PLACE - len(execution.worker) - 1)} {execution.worker}".strip()

    def _crash(self, test: Test, execution: Execution) -> ev.TestCrashed | None:
        if execution.ended is not None or not self._crashes:
            return None
        return self._crashes.find(execution.worker, test.nodeid)

    # ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def take_changed(self) -> list[str]:
        """Return the keys of the entities that may have changed since the last call, parents first."""
        if not self.has_run:
            return []
        self._touch(*self._crashed_tests())
        changed, self._changed = list(self._changed), {}
        return changed

    def choose(self, choice: Choice) -> None:
        """Replace the run, the run key and `overwrite` of the journal."""
        self._choice = choice
        self.session = choice.applied(self._recorded) if self._recorded else None

    def keep_files(self, keep: bool) -> None:
        """Set whether data files stay in the session directory."""
        self.files_stay = keep

    def for_target(self, choice: Choice, *, files_stay: bool) -> "SessionState":
        """Return this state as it is published with `choice`. The copy shares all entities: apply no events to it."""
        published = copy.copy(self)
        published.choose(choice)
        published.keep_files(files_stay)
        return published

    def apply(self, source: str, event: ev.Event) -> None:
        """Apply one event of the journal file `source`."""
        self._last_at = max(self._last_at, getattr(event, "at", 0.0))
        match event:
            case ev.JournalOpened():
                self._workers[source] = event.worker
                self._hosts[source] = event.host
                self.version = max(self.version, event.version)
            case ev.SessionStarted():
                self._recorded, self.session = event, self._choice.applied(event)
                self._touch(RUN)
            case ev.Planned():
                self._apply_plan_part(source, event)
            case ev.PlanCompleted():
                self._apply_plan(source)
            case ev.CollectionFailed():
                self._apply_collection(source, event)
            case ev.TestCrashed():
                self._apply_crash(event)
            case ev.SessionInterrupted():
                self.interrupted = event
            case ev.SessionEnded():
                self.ended = event
                self._add_collections()
                self._touch(RUN)
            case ev.WorkerDown():
                pass  # TestCrashed has the consequence for a test
            case _:
                self._apply_test_event(source, event)

    def tick(self, now: float) -> None:
        """Note the tests that have been running for longer than LONG_RUNNING_S at `now`, in Unix seconds."""
        for key, started in list(self._running.items()):
            if now - started > LONG_RUNNING_S:
                del self._running[key]
                self._long.add(key)
                self._touch(key)

    def pytest_is_gone(self) -> None:
        """Note that no more events will follow: tests that were running have died, unless the session ended regularly."""
        self.gone = True
        self._add_collections()
        self._touch(RUN)
        for test in self.tests():
            if any(e.ended is None for e in test.executions):
                self._touch(test.key)
        for card in self.cards:
            if card in self._measured:
                self._add_file(card, measurements_file(card), "measurements")

    # ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _apply_plan_part(self, source: str, part: ev.Planned) -> None:
        plan = self._plans.setdefault(source, _Plan())
        plan.cards += part.cards
        for test in part.tests:
            plan.index[test.nodeid, test.occurrence] = len(plan.tests)
            plan.tests.append((test, part.docs[test.doc] if 0 <= test.doc < len(part.docs) else ""))

    def _apply_plan(self, source: str) -> None:
        if self._planned_by:
            return
        self._planned_by = source
        plan = self._plans.setdefault(source, _Plan())
        for planned, doc in plan.tests:
            self._add_test(planned, doc, self._card_of(plan, planned))
        self._add_collections()
        self._plans = {source: _Plan(plan.cards)}  # its tests are in `steps`; the plans of the other workers are the same

    def _card_of(self, plan: _Plan, planned: ev.PlannedTest) -> Card:
        if 0 <= planned.card < len(plan.cards):
            return self._card(plan.cards[planned.card])
        return self._card(ev.PlannedCard("module", planned.nodeid.partition("::")[0]))

    def _card(self, planned: ev.PlannedCard) -> Card:
        key = card_key(planned)
        if key not in self.cards:
            self.cards[key] = Card(key, planned, STEP * (len(self.cards) + 1))
            self._touch(RUN, key)
        return self.cards[key]

    def _add_test(self, planned: ev.PlannedTest, doc: str, card: Card) -> Test:
        test = Test(planned, card.key, doc, card.take_order())
        self.steps[test.key] = test
        self._touch(test.key)
        return test

    # ── collection ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _apply_collection(self, source: str, event: ev.CollectionFailed) -> None:
        if self.session and self.session.dist != "no" and not self._workers.get(source):
            self.mismatches.append(event)  # from the controller: a worker collected other tests than the others
        else:
            self._collections.setdefault(event.nodeid, event)
        self._touch(RUN)
        if self._planned_by:
            self._add_collections()

    def _add_collections(self) -> None:
        """Add the steps of failed collections, after the planned steps, because an order can't be changed later."""
        for nodeid, event in self._collections.items():
            key = collection_key(nodeid)
            if key not in self.steps:
                card = self._card(ev.PlannedCard("module", nodeid.partition("::")[0]))
                self.steps[key] = Collection(key, card.key, event, card.take_order())
                self._touch(key)

    # ── tests ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _apply_test_event(self, source: str, event: TestEvent) -> None:
        if isinstance(event, ev.FileKept) and not event.nodeid:
            self._add_file(self._card(event.card).key if event.card else RUN, event)
            return
        if isinstance(event, ev.FixtureEvent) and event.late:
            self._apply_late(event)
            return
        test = self._test(source, event.nodeid, event.occurrence)
        if isinstance(event, ev.TestStarted):
            test.add(Execution(source, self._workers.get(source, ""), event.at))
            self._running[test.key] = event.at
            if self._crashes:  # the controller's event about a crash can be read before the worker's event about the start
                self._touch(test.key)
            return
        # If the line of the start was damaged, the other events are applied all the same.
        execution = test.last_in(source)
        if execution is None:
            execution = Execution(source, self._workers.get(source, ""), getattr(event, "at", 0.0))
            test.add(execution)
        match event:
            case ev.PhaseReported() | ev.AttemptEnded():
                execution.apply(event)
            case ev.SubtestReported():
                execution.apply(event)
                self._touch(self._inner(test, execution, event.ordinal, subtest_title(event)).key)
            case ev.TestEnded():
                has_ended = execution.ended is not None
                execution.apply(event)
                self._running.pop(test.key, None)
                self._touch(test.key, *(() if has_ended else _inner_keys(test, execution)))
            case _:
                self._apply_inside(test, execution, event)

    def _apply_late(self, event: ev.FixtureEvent) -> None:
        """Add an event after the end of a test to the run."""
        if isinstance(event, ev.FileKept):
            self._add_file(RUN, event)
        else:
            self.late.append(event)
            self._touch(RUN)

    def _apply_inside(self, test: Test, execution: Execution, event: ev.StepOpened | ev.StepClosed | ev.FixtureEvent) -> None:
        if isinstance(event, ev.FileKept):
            step = execution.opened(event.attempt, event.step)
            self._add_file(inner_key(test.key, step.ordinal, step.title) if step else test.key, event)
            return
        inside = execution.apply_inside(event)
        if isinstance(event, ev.Measured):
            self._measured.setdefault(test.card, {})[test.key] = None
        if isinstance(event, ev.StepOpened):
            self._touch(self._inner(test, execution, event.ordinal, event.title, _enclosing_titles(inside, event)).key)
        elif isinstance(event, ev.StepClosed):
            opened = execution.opened(event.attempt, event.ordinal)
            if opened is not None:
                self._touch(inner_key(test.key, opened.ordinal, opened.title))

    def _add_file(self, owner: str, event: ev.FileKept, made_from: Literal["", "measurements", "limits"] = "") -> None:
        key = file_key(owner, event)
        self.files[key] = File(key, owner, event, made_from)
        self._touch(key)
        if not made_from and event.columns and (event.limits or event.marks):
            self._add_file(owner, limits_file(event), "limits")

    def _test(self, source: str, nodeid: str, occurrence: int) -> Test:
        test = self.steps.get(test_key(nodeid, occurrence))
        return test if isinstance(test, Test) else self._unplanned(source, nodeid, occurrence)

    def _unplanned(self, source: str, nodeid: str, occurrence: int) -> Test:
        """Add a test that the chosen plan does not have. Its card is in the plan of its worker, or it is the module."""
        plan = self._plans.get(source, _Plan())
        at = plan.index.get((nodeid, occurrence))
        name = nodeid.partition("::")[2] or nodeid
        planned, doc = (ev.PlannedTest(nodeid, name, -1, occurrence=occurrence), "") if at is None else plan.tests[at]
        return self._add_test(planned, doc, self._card_of(plan, planned))

    def _inner(self, test: Test, execution: Execution, ordinal: int, title: str, outer: tuple[str, ...] = ()) -> InnerStep:
        key = inner_key(test.key, ordinal, title)
        inner = self.steps.get(key)
        if not isinstance(inner, InnerStep):
            inner = self.steps[key] = InnerStep(key, test, ordinal, title, outer)
        inner.executions[execution] = None
        return inner

    def _apply_crash(self, event: ev.TestCrashed) -> None:
        if self.interrupted is None:  # while a session is stopped, a crash is not a failure of a test
            self._crashes.add(event)

    def _crashed_tests(self) -> Iterator[str]:
        """Yield the key of each test that a new crash can mean. xdist does not report the occurrence."""
        for nodeid in self._crashes.take_new():
            occurrence = 0
            while (key := test_key(nodeid, occurrence)) in self.steps:
                yield key
                occurrence += 1

    def _touch(self, *keys: str) -> None:
        for key in keys:
            self._changed[key] = None


def _inner_keys(test: Test, execution: Execution) -> list[str]:
    """Return the keys of the steps that the test opened in this execution."""
    inside = execution.reported.inside
    return [inner_key(test.key, ordinal, title) for ordinal, title in inside.steps] if inside else []


def _enclosing_titles(inside: Inside, step: ev.StepOpened) -> tuple[str, ...]:
    """Return the titles of the steps that enclose `step`, the outermost first; of more than MAX_DEPTH, the innermost ones.

    Each of n nested steps has the titles of all steps around it, so the size of all texts would grow with n².
    """
    titles: list[str] = []
    while (outer := _enclosing(inside, step)) and len(titles) <= MAX_DEPTH:
        titles.append(outer.title)
        step = outer
    if len(titles) > MAX_DEPTH:
        titles[MAX_DEPTH] = "…"
    return tuple(reversed(titles))


def _enclosing(inside: Inside, step: ev.StepOpened) -> ev.StepOpened | None:
    """Return the step that encloses `step`. A journal from elsewhere can contain a step that encloses itself."""
    return inside.opened.get((step.attempt, step.inside)) if 0 < step.inside < step.ordinal else None
