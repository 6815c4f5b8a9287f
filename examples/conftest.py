"""The bench's fixtures: a fresh, seeded bench for each test, in the states that the tests start from; and the bench's hooks."""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from bench import Bench, CanLog, InstrumentError

from pytest_atlas import Atlas, CardMapping, Outcome

SAFE_VOLTS = 2.0
"""A rail may be touched below this, V."""

collect_ignore = ["over_http.py", "from_template.py"]
"""Programs, not modules of tests or of the bench: what they import need not be installed."""


@cache
def templates() -> dict[str, str]:
    """Title of a card -> the template in Atlas that it is made from: the table in the file that BENCH_TEMPLATES names."""
    table = os.environ.get("BENCH_TEMPLATES")
    return dict(json.loads(Path(table).read_text("utf-8"))) if table else {}


def pytest_atlas_card(item: pytest.Item) -> CardMapping | None:
    """The worked examples have a card of their own; a card that the campaign has a template for is made from it."""
    if isinstance(item, pytest.DoctestItem):
        return CardMapping("Worked examples", description="The formulas of the bench against figures worked out by hand.")
    marker = item.get_closest_marker("atlas_card")
    return CardMapping(template=templates().get(marker.args[0])) if marker else None


def pytest_atlas_outcome(outcome: Outcome) -> str | None:
    """Tell faults of the bench from those of the device: a reader repeats the ones, and analyses the others."""
    if any(report.failed and "InstrumentError" in report.longreprtext for report in outcome.reports):
        return "The bench could not measure: this says nothing of the device. Mend the bench, and repeat the test."
    return None


@pytest.fixture
def bench() -> Bench:
    """A bench at 25 °C with everything off."""
    return Bench(seed=20_26)


@pytest.fixture
def running(bench: Bench) -> Bench:
    """A bench with 12 V on the rail and the motor at full speed without a brake."""
    bench.power_up()
    bench.controller.drive(1.0)
    bench.run(0.3)
    return bench


@pytest.fixture
def loaded(bench: Bench) -> Bench:
    """A bench with 12 V on the rail, the output fully on, and the electronic load in place of the motor."""
    bench.motor.connected = False
    bench.power_up()
    bench.controller.drive(1.0)
    bench.run(0.22)
    return bench


@pytest.fixture
def can_log(bench: Bench, atlas: Atlas) -> Iterator[CanLog]:
    """The CAN bus from power-up to the end of the test, as `bus.asc`, which is complete only when the logger has stopped."""
    log = bench.can.record(atlas.path("bus.asc"))
    yield log
    log.stop()


@pytest.fixture
def safe_rail(bench: Bench, atlas: Atlas) -> Iterator[Bench]:
    """The bench, and a check at the end: 200 ms after switching off, the rail must be safe to touch."""
    yield bench
    bench.psu.off()
    bench.run(0.2)
    if not atlas.measure("rail 200 ms after switching off", round(bench.psu.volts, 2), unit="V", high=SAFE_VOLTS):
        atlas.note("Do not touch the bench: the rail is still charged.")


@pytest.fixture
def precision_shunt() -> float:
    """Resistance of shunt S2 in Ω, from its calibration certificate, which has expired: every test that asks for it errs."""
    raise InstrumentError("shunt S2: calibration expired on 2026-02-28; send it in, or measure with shunt S1 (0.5 %)")
