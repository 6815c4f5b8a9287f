"""The bench's fixtures: a fresh, seeded bench for each test, in the states that the tests start from."""

from collections.abc import Iterator

import pytest
from bench import Bench, CanLog, InstrumentError

from pytest_atlas import Atlas

SAFE_VOLTS = 2.0
"""A rail may be touched below this, V."""

collect_ignore = ["over_http.py"]
"""A program, not a module of tests or of the bench: what it imports need not be installed."""


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
