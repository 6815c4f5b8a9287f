"""The events that the recorder writes for each kind of test: one function per kind."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support import events as f

from pytest_atlas.journal import events as ev

MODULES = ("tests/test_trip.py", "tests/test_boot.py", "tests/test_bus.py")


class Bench:
    """Creates the events of one test: names, times and files."""

    def __init__(self, session: Path, name: str, module: str, number: int) -> None:
        self.session = session
        self.name = name
        self.nodeid = f.nodeid(name, module)
        self.module = module
        self.number = number
        self.begin = f.BEGIN + 10 * number

    def say(self, what: Any, **given: Any) -> Any:
        """Return an event of this test."""
        return what(nodeid=self.nodeid, **given)

    def start(self) -> Any:
        return self.say(ev.TestStarted, at=self.begin)

    def end(self, **given: Any) -> Any:
        return self.say(ev.TestEnded, at=self.begin + 2.5, **given)

    def phase(self, when: ev.When, outcome: ev.Outcome, **given: Any) -> Any:
        return self.say(ev.PhaseReported, when=when, outcome=outcome, **given)

    def file(self, name: str, content: bytes, **given: Any) -> Any:
        """Write a file to the session directory and return its event. Each test has its own paths."""
        path = f"files/{self.number}-{given.get('step', 0)}-{given.get('attempt', 1)}-{name}"
        target = self.session / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return self.say(ev.FileKept, name=name, path=path, size=len(content), at=self.begin + 1, **given)

    def measure(self, name: str, *values: str, verdict: str = "pass", **given: Any) -> Any:
        return self.say(ev.Measured, name=name, values=values, verdict=verdict, unit="V", at=self.begin + 1, **given)

    def step(
        self, ordinal: int, title: str, *inside: ev.Event, around: int = 0, outcome: ev.Outcome = "passed"
    ) -> list[ev.Event]:
        opened = self.say(ev.StepOpened, ordinal=ordinal, title=title, inside=around, at=self.begin + 1)
        return [opened, *inside, self.say(ev.StepClosed, ordinal=ordinal, outcome=outcome, at=self.begin + 2)]


def passes(b: Bench) -> list[ev.Event]:
    return [b.start(), b.end()]


def fails(b: Bench) -> list[ev.Event]:
    failed = b.phase("call", "failed", message=f"assert {b.number} <= 0", place=f"{b.module}:7")
    text = b.file("output.txt", f"output of {b.nodeid}".encode())
    return [b.start(), failed, text, b.end(passed=("setup", "teardown"))]


def errs(b: Bench) -> list[ev.Event]:
    return [b.start(), b.phase("setup", "failed", message="no supply"), b.end(passed=("teardown",))]


def skips(b: Bench) -> list[ev.Event]:
    return [b.start(), b.phase("setup", "skipped", message="no scope"), b.end(passed=("teardown",))]


def xfails(b: Bench) -> list[ev.Event]:
    return [b.start(), b.phase("call", "skipped", xfail="ECR-118"), b.end(passed=("setup", "teardown"))]


def xpasses(b: Bench) -> list[ev.Event]:
    return [b.start(), b.phase("call", "passed", xfail=""), b.end(passed=("setup", "teardown"))]


def reruns(b: Bench) -> list[ev.Event]:
    first = [b.phase("call", "rerun", message="too slow"), b.measure("rail", "11.0", verdict="none")]
    return [b.start(), *first, b.measure("rail", "12.0", attempt=2), b.end(attempt=2)]


def has_subtests(b: Bench) -> list[ev.Event]:
    outcomes: tuple[ev.Outcome, ...] = ("passed", "failed", "passed")
    titles = ("rail=1", "rail=2", "rail=1")
    events = [
        b.say(ev.SubtestReported, ordinal=n, title=title, outcome=outcome, message="" if outcome == "passed" else "low")
        for n, (title, outcome) in enumerate(zip(titles, outcomes, strict=True), 1)
    ]
    return [b.start(), *events, b.end()]


def has_steps(b: Bench) -> list[ev.Event]:
    inner = b.step(2, "Trigger", b.file("scope.csv", f"t,v\n0,{b.number}\n".encode(), step=2), around=1)
    return [b.start(), *b.step(1, "Arm the scope", b.measure("rail", "12.5", step=1), *inner), *b.step(3, "Read"), b.end()]


def measures(b: Bench) -> list[ev.Event]:
    return [b.start(), b.measure("rail", "12.5", "12.6"), b.measure("trip", "111.6", verdict="fail"), b.end()]


def waives(b: Bench) -> list[ev.Event]:
    waived = b.measure("trip", "112", verdict="waived", waived="ECR-9")
    note = b.say(ev.Noted, kind="exception", text="accepted")
    return [b.start(), waived, note, b.end()]


def attaches(b: Bench) -> list[ev.Event]:
    files = [b.file("a.csv", f"a{b.number}".encode()), b.file("same.bin", b"the same for all")]
    card = ev.FileKept(name="card.log", path=f"files/{b.number}-card.log", size=1, at=b.begin, card=card_of(b.module))
    run = ev.FileKept(name="run.log", path=f"files/{b.number}-run.log", size=1, at=b.begin)
    for event in (card, run):
        (b.session / event.path).write_bytes(f"{event.name} of {b.nodeid}".encode())
    return [b.start(), *files, card, run, b.end()]


def hangs(b: Bench) -> list[ev.Event]:
    """The test does not end: pytest died or was stopped."""
    return [b.start()]


def never_runs(b: Bench) -> list[ev.Event]:
    return []


ACTS: dict[str, Callable[[Bench], list[ev.Event]]] = {
    act.__name__: act
    for act in (
        passes, fails, errs, skips, xfails, xpasses, reruns, has_subtests, has_steps, measures, waives, attaches, never_runs,
    )
}  # fmt: skip
"""All kinds of tests that end, by name."""


def card_of(module: str) -> ev.PlannedCard:
    return ev.PlannedCard("module", module, f"What {module} is for.")


def opening(key: str, names: list[tuple[str, str]], **given: Any) -> list[ev.Event]:
    """Return the first events of a session and its plan. `names`: name and module of each test."""
    modules = list(dict.fromkeys(module for _, module in names))
    tests = tuple(ev.PlannedTest(f.nodeid(name, module), name, modules.index(module)) for name, module in names)
    plan = ev.Planned(cards=tuple(map(card_of, modules)), tests=tests)
    return [f.session(session=key, key=key, **given), plan, ev.PlanCompleted(at=f.BEGIN, count=len(names))]


def everything(session: Path, **given: Any) -> list[ev.Event]:
    """Return the events of a session that runs each kind of test once."""
    names = [(f"test_{name}", MODULES[n % 2]) for n, name in enumerate(ACTS)]
    events = opening(session.name, names, **given)
    for n, ((name, module), act) in enumerate(zip(names, ACTS.values(), strict=True)):
        events += act(Bench(session, name, module, n))
    return [f.opened(), *events, f.finish(1)]
