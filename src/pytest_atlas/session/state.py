"""The journals of a session, folded: what is known of its cards, its tests and how it went.

Pure: takes events, knows no file, no clock and no Atlas. Each event costs the same however many came before it, and names
the entities that it may change, so that nobody has to compare all of them again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from pytest_atlas.journal import events as ev

from .choice import JOURNAL, Choice
from .model import STEP, Card, Collection, Execution, File, InnerStep, Inside, Test, measurements_file, subtest_title, test_key

LONG_RUNNING_S = 1.0
"""A test that has been running for longer shows its start in Atlas while it runs."""

MAX_GROUPS = 20
"""Most `@` in a nodeid of xdist, counted from its end, that may begin the name of a group."""

MAX_DEPTH = 100
"""Most titles of enclosing steps in the identity line of an inner step."""

RUN = "run"
"""The key of the run."""

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
    cards: list[ev.PlannedCard] = field(default_factory=list)
    tests: list[tuple[ev.PlannedTest, str]] = field(default_factory=list)  # with its doc
    index: dict[tuple[str, int], int] = field(default_factory=dict)


class SessionState:
    """All that the journals of one session say, up to now."""

    def __init__(self) -> None:
        self._told: ev.SessionStarted | None = None  # the session as its journal has it
        self._choice: Choice = JOURNAL
        self.session: ev.SessionStarted | None = None
        self.ended: ev.SessionEnded | None = None
        self.interrupted: ev.SessionInterrupted | None = None
        self.gone = False  # pytest is over, by its end or by its death: no process of it runs any more
        self.version = ev.VERSION
        self.cards: dict[str, Card] = {}
        self.steps: dict[str, Test | InnerStep | Collection] = {}
        self.files: dict[str, File] = {}
        self.files_stay = False  # there is no place to publish data files to
        self.mismatches: list[ev.CollectionFailed] = []
        self.late: list[ev.Measured | ev.Noted] = []  # recorded after the end of their test
        self._workers: dict[str, str] = {}  # source -> worker
        self._hosts: dict[str, str] = {}  # source -> host
        self._last_at = 0.0  # the time of the newest event
        self._plans: dict[str, _Plan] = {}
        self._planned_by = ""
        self._collections: dict[str, ev.CollectionFailed] = {}
        self._crashes: dict[tuple[str, int], ev.TestCrashed] = {}  # by worker, and the hash of each nodeid that it may mean
        self._crashed: dict[str, None] = {}  # nodeids of crashes since the last `take_changed`, as xdist knows them
        self._running: dict[str, float] = {}
        self._long: set[str] = set()
        self._changed: dict[str, None] = {}
        self._measured: dict[str, dict[str, None]] = {}  # card -> its tests with measurements

    # ── what is known ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def has_run(self) -> bool:
        """Whether there is anything to make a run of: a session that collected nothing makes none."""
        return self.session is not None and bool(self.steps or self._collections or self.mismatches)

    @property
    def shares_run(self) -> bool:
        """Whether the run may be there already, made by another session or a person: it was named, or has a key of its own."""
        return self.session is not None and (bool(self.session.run) or self.session.key != self.session.session)

    @property
    def may_meet_others(self) -> bool:
        """Whether cards and steps may stand in the run that are not of this session: others' in a shared one, a template's."""
        templates = self.session is not None and bool(self.session.template_ids)
        return self.shares_run or templates or any(card.planned.template for card in self.cards.values())

    @property
    def recorded(self) -> ev.SessionStarted | None:
        """The session as its journal has it, without the choice of the person who publishes."""
        return self._told

    @property
    def died(self) -> bool:
        """Whether pytest ended without its own hooks."""
        return self.gone and self.ended is None

    def tests(self) -> Iterator[Test]:
        """Every test, in the order of the plan."""
        return (step for step in self.steps.values() if isinstance(step, Test))

    def measured_tests(self, card: str) -> list[Test]:
        """Return the tests of the card with this key that have measurements, in the order of their steps."""
        found = (self.steps[key] for key in self._measured.get(card, ()))
        return sorted((test for test in found if isinstance(test, Test)), key=lambda test: test.order)

    def is_long_running(self, test: Test) -> bool:
        """Whether the test was still running when it had been for a second."""
        return test.key in self._long

    def has_died(self, test: Test, execution: Execution) -> bool:
        """Whether the process that ran `test` ended without ending it: its worker crashed, or pytest itself died."""
        if execution.ended is not None or test.last_in(execution.source) is not execution:
            return False
        return self.died or self._crash(test, execution) is not None

    def is_replaced(self, test: Test, execution: Execution) -> bool:
        """Whether the worker of an execution crashed, and a plugin runs the test again instead of counting a failure."""
        crash = self._crash(test, execution)
        return crash is not None and crash.outcome == "rerun"

    def _crash(self, test: Test, execution: Execution) -> ev.TestCrashed | None:
        if execution.ended is not None or not self._crashes:
            return None
        nodeid = test.nodeid
        crash = self._crashes.get((execution.worker, hash(nodeid)))
        return crash if crash and (crash.nodeid == nodeid or crash.nodeid.startswith(f"{nodeid}@")) else None

    def end_of(self, test: Test, execution: Execution) -> float | None:
        """When an execution ended, in Unix seconds; None while it runs. If its process died, the time of the last event."""
        if execution.ended is not None:
            return execution.ended
        if (crash := self._crash(test, execution)) is not None:
            return max(execution.started, crash.at)
        if self.gone or test.last_in(execution.source) is not execution:
            return max(execution.started, self.ended.at if self.ended else self._last_at)
        return None

    @property
    def first_source(self) -> str:
        """The journal that was read first."""
        return next(iter(self._hosts), "")

    def place(self, execution: Execution) -> str:
        """Where an execution ran: the CI job, else the host; with the xdist worker."""
        host = self._hosts.get(execution.source, "")
        job = self.session.job if self.session else ""
        return f"{host if not job or job.endswith(f' on {host}') else job} {execution.worker}".strip()

    def take_changed(self) -> list[str]:
        """The keys of what may have changed since the last call, parents first."""
        if not self.has_run:
            return []
        self._touch(*self._crashed_tests())
        changed, self._changed = list(self._changed), {}
        return changed

    def choose(self, choice: Choice) -> None:
        """Replace the run, the run key and `overwrite` of the journal."""
        self._choice = choice
        self.session = choice.applied(self._told) if self._told else None

    # ── what comes in ────────────────────────────────────────────────────────────────────────────────────────────────

    def apply(self, source: str, event: ev.Event) -> None:
        """Take one fact from the journal file named `source`."""
        self._last_at = max(self._last_at, getattr(event, "at", 0.0))
        match event:
            case ev.JournalOpened():
                self._workers[source] = event.worker
                self._hosts[source] = event.host
                self.version = max(self.version, event.version)
            case ev.SessionStarted():
                self._told, self.session = event, self._choice.applied(event)
                self._touch(RUN)
            case ev.Planned():
                self._take_plan_part(source, event)
            case ev.PlanCompleted():
                self._take_plan(source)
            case ev.CollectionFailed():
                self._take_collection(source, event)
            case ev.TestCrashed():
                self._take_crash(event)
            case ev.SessionInterrupted():
                self.interrupted = event
            case ev.SessionEnded():
                self.ended = event
                self._settle_collections()
                self._touch(RUN)
            case ev.WorkerDown():
                pass  # a crash tells what follows for a test
            case _:
                self._take_test_event(source, event)

    def tick(self, now: float) -> None:
        """Let time pass: which tests have been running for over a second?"""
        for key, started in list(self._running.items()):
            if now - started > LONG_RUNNING_S:
                del self._running[key]
                self._long.add(key)
                self._touch(key)

    def pytest_is_gone(self) -> None:
        """No more facts come: what was running has died, unless the session was ended in order."""
        self.gone = True
        self._settle_collections()
        self._touch(RUN)
        for test in self.tests():
            if any(e.ended is None for e in test.executions):
                self._touch(test.key)
        for card in self.cards:
            if card in self._measured:
                self._add_file(card, measurements_file(card), is_measurements=True)

    # ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_plan_part(self, source: str, part: ev.Planned) -> None:
        plan = self._plans.setdefault(source, _Plan())
        plan.cards += part.cards
        for test in part.tests:
            plan.index[test.nodeid, test.occurrence] = len(plan.tests)
            plan.tests.append((test, part.docs[test.doc] if 0 <= test.doc < len(part.docs) else ""))

    def _take_plan(self, source: str) -> None:
        if self._planned_by:
            return
        self._planned_by = source
        plan = self._plans.setdefault(source, _Plan())
        for planned, doc in plan.tests:
            self._add_test(planned, doc, self._card_of(plan, planned))
        self._settle_collections()
        self._plans = {source: _Plan(plan.cards)}  # its tests are in `steps`; the other workers' plans say the same

    def _card_of(self, plan: _Plan, planned: ev.PlannedTest) -> Card:
        if 0 <= planned.card < len(plan.cards):
            return self._card(plan.cards[planned.card])
        return self._card(ev.PlannedCard("module", planned.nodeid.partition("::")[0]))

    def _card(self, planned: ev.PlannedCard) -> Card:
        key = f"card:{planned.kind}:{planned.name}"
        if key not in self.cards:
            self.cards[key] = Card(key, planned, STEP * (len(self.cards) + 1))
            self._touch(RUN, key)
        return self.cards[key]

    def _add_test(self, planned: ev.PlannedTest, doc: str, card: Card) -> Test:
        test = Test(planned, card.key, doc, self._next_order(card))
        self.steps[test.key] = test
        self._touch(test.key)
        return test

    def _next_order(self, card: Card) -> int:
        order, card.next_step = card.next_step, card.next_step + STEP
        return order

    # ── collection ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_collection(self, source: str, event: ev.CollectionFailed) -> None:
        if self.session and self.session.dist != "no" and not self._workers.get(source):
            self.mismatches.append(event)  # the controller's: a worker collected something else than the others
        else:
            self._collections.setdefault(event.nodeid, event)
        self._touch(RUN)
        if self._planned_by:
            self._settle_collections()

    def _settle_collections(self) -> None:
        """Give failed collectors their steps: behind the planned ones, since an order can't be changed later."""
        for nodeid, event in self._collections.items():
            key = f"collection:{nodeid}"
            if key not in self.steps:
                card = self._card(ev.PlannedCard("module", nodeid.partition("::")[0]))
                self.steps[key] = Collection(key, card.key, event, self._next_order(card))
                self._touch(key)

    # ── tests ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _take_test_event(self, source: str, event: TestEvent) -> None:
        if isinstance(event, ev.FileKept) and not event.nodeid:
            self._add_file(self._card(event.card).key if event.card else RUN, event)
            return
        if isinstance(event, ev.Measured | ev.Noted | ev.FileKept) and event.late:
            self._take_late(event)
            return
        test = self._test(source, event.nodeid, event.occurrence)
        if isinstance(event, ev.TestStarted):
            test.add(Execution(source, self._workers.get(source, ""), event.at))
            self._running[test.key] = event.at
            if self._crashes:  # the controller's word of a crash may be read before the worker's of the start
                self._touch(test.key)
            return
        # A journal whose "start" line was torn still tells how the test ended.
        execution = test.last_in(source)
        if execution is None:
            execution = Execution(source, self._workers.get(source, ""), getattr(event, "at", 0.0))
            test.add(execution)
        match event:
            case ev.PhaseReported() | ev.AttemptEnded():
                execution.take(event)
            case ev.SubtestReported():
                execution.take(event)
                self._touch(self._inner(test, execution, event.ordinal, subtest_title(event)).key)
            case ev.TestEnded():
                has_ended = execution.ended is not None
                execution.take(event)
                self._running.pop(test.key, None)
                self._touch(test.key, *(() if has_ended else _inner_keys(test, execution)))
            case _:
                self._take_inside(test, execution, event)

    def _take_late(self, event: ev.Measured | ev.Noted | ev.FileKept) -> None:
        """What was recorded after the end of a test belongs to the session."""
        if isinstance(event, ev.FileKept):
            self._add_file(RUN, event)
        else:
            self.late.append(event)
            self._touch(RUN)

    def _take_inside(
        self, test: Test, execution: Execution, event: ev.StepOpened | ev.StepClosed | ev.Measured | ev.Noted | ev.FileKept
    ) -> None:
        if isinstance(event, ev.FileKept):
            step = execution.opened(event.attempt, event.step)
            self._add_file(_inner_key(test, step.ordinal, step.title) if step else test.key, event)
            return
        inside = execution.take_inside(event)
        if isinstance(event, ev.Measured):
            self._measured.setdefault(test.card, {})[test.key] = None
        if isinstance(event, ev.StepOpened):
            self._touch(self._inner(test, execution, event.ordinal, event.title, _titles_around(inside, event)).key)
        elif isinstance(event, ev.StepClosed):
            opened = execution.opened(event.attempt, event.ordinal)
            if opened is not None:
                self._touch(_inner_key(test, opened.ordinal, opened.title))

    def _add_file(self, owner: str, event: ev.FileKept, *, is_measurements: bool = False) -> None:
        key = f"file:{owner}:{event.path}:{event.name}"
        self.files[key] = File(key, owner, event, is_measurements)
        self._touch(key)

    def _test(self, source: str, nodeid: str, occurrence: int) -> Test:
        test = self.steps.get(test_key(nodeid, occurrence))
        return test if isinstance(test, Test) else self._unplanned(source, nodeid, occurrence)

    def _unplanned(self, source: str, nodeid: str, occurrence: int) -> Test:
        """A test that the chosen plan does not have: its own worker's plan may, else its nodeid says the module."""
        plan = self._plans.get(source, _Plan())
        at = plan.index.get((nodeid, occurrence))
        name = nodeid.partition("::")[2] or nodeid
        planned, doc = (ev.PlannedTest(nodeid, name, -1, occurrence=occurrence), "") if at is None else plan.tests[at]
        return self._add_test(planned, doc, self._card_of(plan, planned))

    def _inner(self, test: Test, execution: Execution, ordinal: int, title: str, outer: tuple[str, ...] = ()) -> InnerStep:
        key = _inner_key(test, ordinal, title)
        inner = self.steps.get(key)
        if not isinstance(inner, InnerStep):
            inner = self.steps[key] = InnerStep(key, test, ordinal, title, outer)
        inner.executions[execution] = None
        return inner

    def _take_crash(self, event: ev.TestCrashed) -> None:
        """Remember that a worker died. While a session is being stopped that is no failure of a test."""
        if self.interrupted is None:
            self._crashed[event.nodeid] = None
            for name in _names(event.nodeid):
                known = self._crashes.setdefault((event.worker, hash(name)), event)
                if known.nodeid == event.nodeid:
                    self._crashes[event.worker, hash(name)] = event

    def _crashed_tests(self) -> Iterator[str]:
        """Yield the key of each test that xdist may mean, once: it knows no occurrence."""
        seen: set[int] = set()
        for nodeid in self._crashed:
            for name in _names(nodeid):
                occurrence = 0
                while hash(name) not in seen and (key := test_key(name, occurrence)) in self.steps:
                    yield key
                    occurrence += 1
                seen.add(hash(name))
        self._crashed = {}

    def _touch(self, *keys: str) -> None:
        for key in keys:
            self._changed[key] = None


def _names(nodeid: str) -> list[str]:
    """What test the controller may mean: loadgroup adds `@group` to the nodeid, and either may have an `@` of its own."""
    parts = nodeid.split("@")
    least = max(0, len(parts) - MAX_GROUPS)  # each costs a copy of the nodeid
    return ["@".join(parts[:count]) for count in range(len(parts), least, -1)]


def _inner_keys(test: Test, execution: Execution) -> list[str]:
    """The keys of the steps that the test opened in this execution."""
    inside = execution.reported.inside
    return [_inner_key(test, ordinal, title) for ordinal, title in inside.steps] if inside else []


def _inner_key(test: Test, ordinal: int, title: str) -> str:
    return f"{test.key}/{ordinal}:{title}"


def _titles_around(inside: Inside, step: ev.StepOpened) -> tuple[str, ...]:
    """The titles of the steps around `step`, the outermost first; of more than MAX_DEPTH the innermost, behind an ellipsis.

    Each of n nested steps names all steps around it, so without a limit their texts grow with n².
    """
    titles: list[str] = []
    while (outer := _around(inside, step)) and len(titles) <= MAX_DEPTH:
        titles.append(outer.title)
        step = outer
    if len(titles) > MAX_DEPTH:
        titles[MAX_DEPTH] = "…"
    return tuple(reversed(titles))


def _around(inside: Inside, step: ev.StepOpened) -> ev.StepOpened | None:
    """The step around `step`; a journal from elsewhere may claim one that is around itself."""
    return inside.opened.get((step.attempt, step.inside)) if 0 < step.inside < step.ordinal else None
