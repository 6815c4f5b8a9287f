"""Conversion between multiples of one unit."""

import sys
from collections.abc import Iterator

import pytest

from pytest_atlas.analysis import units
from pytest_atlas.analysis.units import converted, factor, groups


@pytest.fixture
def forgotten() -> Iterator[None]:
    """Pint and the factors are loaded again, in this test and after it."""
    for cached in (units._factor, units._registry):
        cached.cache_clear()
    yield
    for cached in (units._factor, units._registry):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("unit", "other", "expected"),
    [("mV", "V", 1e-3), ("V", "mV", 1e3), ("µs", "ms", 1e-3), ("kΩ", "Ω", 1e3), ("V/s", "V/ms", 1e-3), ("m^2", "cm^2", 1e4)],
)
def test_multiples_of_one_unit_have_a_factor(unit: str, other: str, expected: float) -> None:
    pytest.importorskip("pint")
    assert factor(unit, other) == pytest.approx(expected, rel=1e-12)
    assert converted(5, unit, other) == pytest.approx(5 * expected, rel=1e-12)


@pytest.mark.parametrize(
    ("unit", "other"),
    [
        ("V", "A"),
        ("°C", "K"),
        ("degC", "K"),
        ("dBm", "mW"),
        ("V", ""),
        ("V", "furlongs per banana"),
        ("V", "zorkmid"),
        ("m", "m**9**9**9**9"),
        ("m", "__import__('os')"),
        ("V", "V" * 1000),
    ],
)
def test_other_units_have_none(unit: str, other: str) -> None:
    assert factor(unit, other) is None
    assert factor(other, unit) is None
    assert converted(1, unit, other) is None


def test_equal_texts_are_the_same_unit_even_if_it_is_unknown() -> None:
    assert factor("LSB", "LSB") == 1


@pytest.mark.usefixtures("forgotten")
def test_without_pint_only_equal_texts_are_the_same_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pint", None)
    assert factor("mV", "V") is None
    assert factor("V", "V") == 1


def test_units_are_grouped_by_the_first_one_of_which_they_are_a_multiple() -> None:
    pytest.importorskip("pint")
    assert groups(("V", "mV", "A", "", "kV", "mA")) == {"V": "V", "mV": "V", "A": "A", "": "", "kV": "V", "mA": "A"}
