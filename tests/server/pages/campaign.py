"""Runs of one system with measurements, for the pages of numbers."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from tests.support.bench_history import BEGIN, Bench, Card, Test, csv_bytes, node

from pytest_atlas.atlas import GetRun
from pytest_atlas.atlas.operations import Association
from pytest_atlas.local import LocalAtlas

SYSTEM = UUID("5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11")
HEADER = ("test", "name", "value", "unit", "low", "high", "verdict", "time", "dut", "firmware", "bench")


@dataclass(frozen=True)
class Measured:
    """Values of a measurement of a test, in one run."""

    test: str
    name: str
    values: tuple[float | str, ...]
    unit: str = "ms"
    low: float | None = None
    high: float | None = None


@dataclass
class Campaign:
    """Records runs a day apart."""

    atlas: LocalAtlas
    directory: Path
    runs: list[UUID] = field(default_factory=list)

    def run(
        self,
        *measured: Measured,
        device: str = "",
        firmware: str = "",
        bench: str = "",
        card: str = "Trip",
        tests: tuple[Test, ...] = (),
    ) -> UUID:
        made = Bench(self.atlas, self.directory, SYSTEM)
        names = dict.fromkeys(one.test for one in measured)
        failed = {one.test for one in measured for value in one.values if _verdict(one, value) == "fail"}
        steps = [Test(name, failure="out of limits" if name in failed else "") for name in names]
        run = made.run(f"Nightly {len(self.runs) + 1}", [Card(card, [*steps, *tests])])
        at = (BEGIN + timedelta(days=len(self.runs))).isoformat()
        rows = [
            (node(Test(one.test)), one.name, value, one.unit, _cell(one.low), _cell(one.high), _verdict(one, value), at,
             device, firmware, bench)
            for one in measured for value in one.values
        ]  # fmt: skip
        if rows:
            place = Association(test_card_id=UUID(self.atlas.send(GetRun(run_id=run)).test_cards[0].uuid))
            made.register(run, "measurements.csv", csv_bytes(HEADER, rows), place)
        self.runs.append(run)
        return run


def _cell(limit: float | None) -> str:
    return "" if limit is None else repr(limit)


def _verdict(one: Measured, value: float | str) -> str:
    if isinstance(value, str) or (one.low, one.high) == (None, None):
        return "none"
    is_in = (one.low is None or value >= one.low) and (one.high is None or value <= one.high)
    return "pass" if is_in else "fail"
