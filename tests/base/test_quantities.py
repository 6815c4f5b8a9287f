"""Text forms of values: exact in the journal, cells of a CSV file, and short texts for people."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.quantities import Scalar, from_cell, from_exact, limit_cells, limits_text, number_text, to_cell, to_exact

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
    assert same(from_exact(to_exact(value)), value)


@given(scalars)
def test_a_cell_is_read_back_exactly_and_is_one_printable_line(value: Scalar) -> None:
    cell = to_cell(to_exact(value))
    assert same(from_cell(cell), value)
    assert cell.isprintable()


@pytest.mark.parametrize(
    ("value", "cell"), [("CC", "CC"), (0.1, "0.1"), (7, "7"), (True, "True"), ("7", "'7'"), ("a\nb", r"'a\nb'"), ("µ", "µ")]
)
def test_a_cell_is_unquoted_if_possible(value: Scalar, cell: str) -> None:
    assert to_cell(to_exact(value)) == cell


@pytest.mark.parametrize("text", ["np.float64(1.5)", "'open", "'", "'a' 'b'", r"'\x'", "armed"])
def test_other_text_is_returned_unchanged(text: str) -> None:
    assert isinstance(from_exact(text), str)


def test_numbers_that_look_equal_are_shown_with_all_digits() -> None:
    assert number_text(0.1 + 0.2) == "0.3"
    assert number_text(0.1 + 0.2, [0.3]) == "0.30000000000000004"
    assert number_text(0.25, [0.3]) == "0.25"


@pytest.mark.parametrize(
    ("low", "high", "equal", "text"),
    [(95, 105, None, "95 … 105 ms"), (None, 100.0, None, "≤ 100 ms"), (0.5, None, None, "≥ 0.5 ms"), (None, None, 5, "= 5 ms"),
     (None, None, None, "")],
)  # fmt: skip
def test_limits_are_shown_with_their_unit(low: Scalar | None, high: Scalar | None, equal: Scalar | None, text: str) -> None:
    assert limits_text(low, high, equal, "ms") == text
    assert limits_text(low, high, equal, "ms", number=lambda n: f"*{n}*").count("*") == 2 * sum(
        v is not None for v in (low, high, equal)
    )


def test_several_allowed_values_have_a_text_and_cells() -> None:
    assert limits_text(None, None, None, "", ("CC", "CV")) == "one of 'CC', 'CV'"
    assert limits_text(None, None, None, "V", (1, 2.5)) == "one of 1, 2.5 V"
    assert limit_cells("", "", "", ("'CC'", "'CV'")) == ("one of 'CC', 'CV'",) * 2
    assert limit_cells("", "", "'one of us'", ()) == ("'one of us'",) * 2
    assert limit_cells("1.0", "", "", ()) == ("1.0", "")
