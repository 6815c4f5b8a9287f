"""Values as texts: exact in the journal, as cells in a CSV file, and in lines for people."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.quantities import Scalar, allowed, exact, from_cell, limit_cells, number_text, read, to_cell

texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    [
        "",
        "'",
        '"',
        "\\",
        "\\n",
        "0012",
        "1_000",
        "nan",
        "True",
        "one of 1",
        'it\'s "so"',
        "a\r\nb",
        "\ud800",
        "\0",
        " 12 ",
        "'a'",
    ]
)
scalars = st.booleans() | st.integers() | st.floats() | texts


def same(one: Scalar | None, other: Scalar) -> bool:
    both_nan = isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    return both_nan or (type(one) is type(other) and one == other and math.copysign(1, _number(one)) == math.copysign(1, other)
                        if isinstance(other, float) else type(one) is type(other) and one == other)  # fmt: skip


def _number(value: Scalar | None) -> float:
    assert isinstance(value, float)
    return value


@given(scalars)
def test_a_value_is_read_back_exactly(value: Scalar) -> None:
    assert same(read(exact(value)), value)


@given(scalars)
def test_a_cell_is_read_back_exactly_and_is_one_printable_line(value: Scalar) -> None:
    cell = to_cell(exact(value))
    assert same(from_cell(cell), value)
    assert cell.isprintable()


@pytest.mark.parametrize(
    ("value", "cell"), [("CC", "CC"), (0.1, "0.1"), (7, "7"), (True, "True"), ("7", "'7'"), ("a\nb", r"'a\nb'"), ("µ", "µ")]
)
def test_a_cell_is_plain_where_it_can_be(value: Scalar, cell: str) -> None:
    assert to_cell(exact(value)) == cell


@pytest.mark.parametrize("text", ["np.float64(1.5)", "'open", "'", "'a' 'b'", r"'\x'", "armed"])
def test_a_text_from_elsewhere_stays_a_text(text: str) -> None:
    assert isinstance(read(text), str)


def test_numbers_that_look_alike_are_shown_with_every_digit() -> None:
    assert number_text(0.1 + 0.2) == "0.3"
    assert number_text(0.1 + 0.2, [0.3]) == "0.30000000000000004"
    assert number_text(0.25, [0.3]) == "0.25"


def test_limits_have_words_and_cells() -> None:
    assert allowed(None, None, None, "", ("CC", "CV")) == "one of 'CC', 'CV'"
    assert allowed(None, None, None, "V", (1, 2.5)) == "one of 1, 2.5 V"
    assert limit_cells("", "", "", ("'CC'", "'CV'")) == ("one of 'CC', 'CV'",) * 2
    assert limit_cells("", "", "'one of us'", ()) == ("'one of us'",) * 2
    assert limit_cells("1.0", "", "", ()) == ("1.0", "")
