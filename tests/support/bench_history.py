"""Runs of one bench in a local Atlas, as after a campaign: measurements, traces, failures, times.

with LocalAtlas(path, create=True) as atlas:
    bench = Bench(atlas, directory)
    bench.run("Nightly", [Card("Overvoltage", [Test("test_trip[13.0]", [Measured("trip time", (88.2,), "ms", high=100)])])])

`fifteen_runs(bench)` records a history with a drift, an outlier and a new failure in its last run.
"""

import csv
import io
import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

from pytest_atlas.atlas import CreateCard, CreateRun, CreateStep, RegisterDataFile, UpdateStep
from pytest_atlas.atlas.operations import Association
from pytest_atlas.local import LocalAtlas

BEGIN = datetime(2026, 3, 1, 22, 0, tzinfo=UTC)
COLUMNS = ("test", "name", "value", "unit", "low", "high", "verdict", "time")


@dataclass(frozen=True)
class Measured:
    """Values of one measurement, as `atlas.measure` records them."""

    name: str
    values: Sequence[float | str]
    unit: str = ""
    low: float | None = None
    high: float | None = None
    waived: bool = False

    def rows(self, test: str) -> Iterable[list[str]]:
        limits = ["" if limit is None else repr(limit) for limit in (self.low, self.high)]
        for value in self.values:
            shown = value if isinstance(value, str) else repr(value)
            yield [test, self.name, shown, self.unit, *limits, self._verdict(value), BEGIN.isoformat()]

    def _verdict(self, value: float | str) -> str:
        if isinstance(value, str) or (self.low is None and self.high is None):
            return "none"
        inside = (self.low is None or value >= self.low) and (self.high is None or value <= self.high)
        return "pass" if inside and math.isfinite(value) else "waived" if self.waived else "fail"

    @property
    def complaint(self) -> str:
        numbers = [value for value in self.values if not isinstance(value, str)]
        assert self.high is not None
        over = f"{max(numbers) - self.high:.9g} {self.unit} above the high limit of {self.high} {self.unit}"
        return f"{self.name}: {max(numbers)} {self.unit} is {over}"

    @property
    def fails(self) -> bool:
        return any(self._verdict(value) == "fail" for value in self.values)


@dataclass(frozen=True)
class Test:
    """The step of a test. `failure` is its message; a measurement out of limits fails it, too."""

    __test__ = False

    name: str
    measured: Sequence[Measured] = ()
    failure: str = ""
    exception: str = ""
    seconds: float = 1.0
    files: dict[str, bytes] = field(default_factory=dict)
    status: str = ""


@dataclass(frozen=True)
class Card:
    title: str
    tests: Sequence[Test]


class Bench:
    """Records runs of one system, a day apart."""

    def __init__(self, atlas: LocalAtlas, directory: Path, system: UUID | None = None) -> None:
        self.atlas = atlas
        self.system = system or uuid4()
        self._folder = directory
        self._files = 0

    def run(self, title: str, cards: Sequence[Card]) -> UUID:
        run_id = UUID(self.atlas.send(CreateRun(title=title, system_id=self.system)).uuid)
        for card in cards:
            self._card(run_id, card)
        return run_id

    def _card(self, run_id: UUID, card: Card) -> None:
        card_id = UUID(self.atlas.send(CreateCard(run_id=run_id, title=card.title)).uuid)
        for test in card.tests:
            self._step(run_id, card_id, test)
        rows = [row for test in card.tests for measured in test.measured for row in measured.rows(node(test))]
        if rows:
            place = Association(test_card_id=card_id)
            self.register(run_id, "measurements.csv", csv_bytes(COLUMNS, rows), place)

    def _step(self, run_id: UUID, card_id: UUID, test: Test) -> None:
        step_id = UUID(self.atlas.send(CreateStep(run_id=run_id, card_id=card_id, title=test.name)).uuid)
        violated = [m for m in test.measured if m.fails]
        out = f"{len(violated)} measurement{'s'[: len(violated) > 1]} out of limits:"
        message = test.failure or (f"{out}\n  {violated[0].complaint}" if violated else "")
        status = test.status or ("failed" if message else "passed_with_exception" if test.exception else "passed")
        failure = f"Failed in call at tests/test_trip.py:17:\n{message}\n\n" if message else ""
        ids = {"run_id": run_id, "card_id": card_id, "step_id": step_id}
        changes = {"execution_status": status, "description": f"{failure}pytest: {node(test)}"}
        if status != "todo":
            changes |= {"started_at": BEGIN, "ended_at": BEGIN + timedelta(seconds=test.seconds)}  # type: ignore[dict-item]
        if status == "passed_with_exception":
            changes["exception"] = test.exception
        self.atlas.send(UpdateStep.model_validate(ids | changes))
        for name, content in test.files.items():
            self.register(run_id, name, content, Association(test_step_id=step_id))

    def register(self, run_id: UUID, name: str, content: bytes, place: Association | None = None) -> str:
        self._files += 1
        path = self._folder / f"{self._files}"
        path.write_bytes(content)
        url = self.atlas.objects.put(path, f"{run_id}/{self._files}-{name}")
        path.unlink()
        op = RegisterDataFile(run_id=run_id, file_name=name, s3_url=url, file_size=len(content), associate_with=place)
        self.atlas.send(op)
        return url


def node(test: Test) -> str:
    return f"tests/test_trip.py::{test.name}"


def csv_bytes(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([header, *rows])
    return text.getvalue().encode()


def trace(seed: int, *, rows: int = 2000, gap_at: int = 0, clip_v: float = math.inf) -> bytes:
    """A rail at 1 kHz that steps up and rings, and its current."""
    noise = random.Random(seed)
    lines = []
    for n in range(rows):
        t = n / 1000 + (0.0123 if gap_at and n >= gap_at else 0.0)
        volts = 12.5 + 2.0 * math.exp(-t * 4) * math.sin(40 * t) + noise.gauss(0, 0.01)
        lines.append((f"{t:.4f}", f"{min(volts, clip_v):.4f}", f"{0.8 + noise.gauss(0, 0.02):.4f}"))
    return csv_bytes(("t [s]", "rail [V]", "current [A]"), lines)


def fifteen_runs(bench: Bench) -> UUID:
    """Record 15 nightly runs; return the id of the last one. They have a trip time that drifts to its limit of 100 ms, a
    quiescent current that jumps in the last run, a ripple out of limits, a newly failing test, and one that became slow.
    """
    chance = random.Random(7)
    last = None
    for n in range(15):
        now = n == 14
        trip = [
            Test(
                f"test_trip[{volts}]",
                [
                    Measured("trip time", (round(80 + drift * n + chance.gauss(0, 0.4), 2),), "ms", high=100),
                    Measured("rail", (round(volts + chance.gauss(0, 0.004), 4),), "V", volts - 0.05, volts + 0.05),
                ],
                seconds=1.2 + chance.random() / 10,
                files={"rail.csv": trace(n, gap_at=900 if now else 0, clip_v=13.5 if now else math.inf)}
                if volts == 14.0
                else {},
            )
            for volts, drift in ((12.5, 0.0), (13.0, 0.02), (14.0, 1.1))
        ]
        supply = [
            Test(
                "test_quiescent_current",
                [Measured("quiescent current", (round((2.9 if now else 2.1) + chance.gauss(0, 0.02), 3),), "mA", 0.5, 5)],
            ),
            Test(
                "test_ripple",
                [
                    Measured(
                        "ripple",
                        [round(chance.gauss(31, 2) + (14 if now and k == 3 else 0), 2) for k in range(25)],
                        "mV",
                        high=40,
                    )
                ],
                seconds=9.8 if now else 3.1 + chance.random() / 5,
            ),
            Test("test_restart_after_brownout", failure="AssertionError: restart took 412 ms, allowed 300 ms" if now else ""),
            Test("test_derating", exception="derates at 84 °C; accepted by ECR-118"),
        ]
        can = [
            Test(f"test_answers[{node:#x}]", failure=f"TimeoutError: no answer from node {node:#x} within 0.5 s" if now else "")
            for node in (0x10, 0x11, 0x12)
        ]
        extra = {"bus.blf": b"LOGG", "scope.mf4": b"MDF     "} if now else {}
        can[0] = Test(can[0].name, failure=can[0].failure, files=extra)
        last = bench.run(
            "Nightly bench 3", [Card("Overvoltage protection", trip), Card("Supply", supply), Card("CAN nodes", can)]
        )
    assert last
    return last
