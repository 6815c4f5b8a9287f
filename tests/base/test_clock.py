"""The recorder's clock runs while a test stops other clocks."""

import sys
import time
from typing import Any

import pytest

from pytest_atlas.base import clock


def test_the_clock_has_the_time_of_the_machine() -> None:
    assert abs(clock.now() - time.time()) < 5


def test_no_module_has_a_clock_that_freezegun_replaces() -> None:
    clocks: set[Any] = {time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns}
    ours = [
        m
        for name, m in sys.modules.items()
        if name.startswith(("pytest_atlas.recorder", "pytest_atlas.journal", "pytest_atlas.base", "pytest_atlas.fixture"))
    ]
    assert ours
    held = [f"{m.__name__}.{name}" for m in ours for name, value in vars(m).items() if any(value is c for c in clocks)]
    assert held == []


def test_the_clock_does_not_use_a_patched_module(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("time", "monotonic", "perf_counter"):
        monkeypatch.setattr(time, name, lambda: 0.0)
    assert clock.now() > 1_700_000_000
    assert clock.monotonic() < clock.monotonic()
