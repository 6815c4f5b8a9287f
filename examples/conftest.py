"""Fixtures of the bench: a new bench with a fixed seed for each test, in the initial states of the tests; and its hooks."""

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from bench import Bench, CanLog, InstrumentError

from pytest_atlas import Atlas, CardMapping, Outcome

SAFE_VOLTS = 2.0
"""Highest voltage of a rail that may be touched, V."""

collect_ignore = ["over_http.py", "from_template.py"]
"""Programs, not modules of tests or of the bench. Their imports may be missing."""


@cache
def templates() -> dict[str, str]:
    """Return the template in Atlas of each card title: the table in the file that BENCH_TEMPLATES names."""
    table = os.environ.get("BENCH_TEMPLATES")
    return dict(json.loads(Path(table).read_text("utf-8"))) if table else {}


def pytest_atlas_card(item: pytest.Item) -> CardMapping | None:
    """Put the worked examples on a separate card. A card with a template in the table is made from it."""
    if isinstance(item, pytest.DoctestItem):
        return CardMapping("Worked examples", description="The formulas of the bench against values calculated by hand.")
    marker = item.get_closest_marker("atlas_card")
    return CardMapping(template=templates().get(marker.args[0])) if marker else None


def pytest_atlas_outcome(outcome: Outcome) -> str | None:
    """Mark failures of the bench: the reader repeats these tests, and analyses the other failures."""
    if any(report.failed and "InstrumentError" in report.longreprtext for report in outcome.reports):
        return "The bench failed, not the device. Repair the bench and repeat the test."
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
    """The bench, with a check at the end: 200 ms after switching off, the rail must be safe to touch."""
    yield bench
    bench.psu.off()
    bench.run(0.2)
    if not atlas.measure("rail 200 ms after switching off", round(bench.psu.volts, 2), unit="V", high=SAFE_VOLTS):
        atlas.note("Do not touch the bench: the rail is still charged.")


@pytest.fixture
def precision_shunt() -> float:
    """Resistance of shunt S2 in Ω, from its expired calibration certificate: each test with this fixture has an error."""
    raise InstrumentError("shunt S2: calibration expired on 2026-02-28; send it in, or measure with shunt S1 (0.5 %)")
