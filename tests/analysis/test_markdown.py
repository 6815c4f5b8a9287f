import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.analysis.markdown import LONGEST, capped, count, limits, listed, number, percent, quantity, table, text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("plain words, 5 V", "plain words, 5 V"),
        ("test_trip", "test_trip"),
        ("_private and __init__", r"\_private and \_\_init\_\_"),
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("a|b", r"a\|b"),
        ("*bold* `code` ~x~", r"\*bold\* \`code\` \~x\~"),
        ("[text](javascript:x)", r"\[text](javascript:x)"),
        ("![image](x)", r"!\[image](x)"),
        ("back\\slash", r"back\\slash"),
        ("# heading", r"\# heading"),
        ("> quote", r"\> quote"),
        ("- item", r"\- item"),
        ("1. item", r"1\. item"),
        ("112 > 100", "112 > 100"),
        ("two\nlines\r\n\tand more", "two lines and more"),
        ("bell\x07 nul\0 turn\u202e", "bell\ufffd nul\ufffd turn\ufffd"),
        ("&lt;", "&amp;lt;"),
        ("", ""),
    ],
)
def test_a_text_from_outside_stays_what_it_is(words: str, expected: str) -> None:
    assert text(words) == expected


@given(st.text(), st.text())
def test_no_text_breaks_a_table(one: str, other: str) -> None:
    lines = table(("a", "b"), [[text(one) or "x", text(other) or "x"]]).split("\n")
    assert len(lines) == 3
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", lines[2])) == 3
    assert "<" not in lines[2]


@given(st.text(min_size=LONGEST))
def test_a_long_text_is_cut_in_its_middle(words: str) -> None:
    assert len(text("a" + words + "z", 40)) <= 40 * 5  # `&` becomes five characters
    assert text("begin " + "x" * 5000 + " end", 40).startswith("begin x")
    assert text("begin " + "x" * 5000 + " end", 40).endswith("x end")


@pytest.mark.parametrize(
    ("value", "digits", "expected"),
    [
        (0.0, 6, "0"),
        (-0.0, 6, "0"),
        (12.5, 6, "12.5"),
        (12.50000001, 6, "12.5"),
        (111.6, 6, "111.6"),
        (0.00012345678, 6, "0.000123457"),
        (1234567.0, 6, "1234567"),
        (1e12, 6, "1e+12"),
        (-1.5e-9, 6, "-1.5e-09"),
        (5.04, 3, "5.04"),
        (19.71, 3, "19.7"),
        (9.9999, 3, "10"),
        (100.0, 3, "100"),
        (math.nan, 6, "nan"),
        (-math.inf, 6, "-inf"),
    ],
)
def test_numbers_have_the_digits_that_mean_something(value: float, digits: int, expected: str) -> None:
    assert number(value, digits) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_what_it_is(value: float) -> None:
    assert float(number(value, 6)) == pytest.approx(value, rel=1e-5, abs=1e-320)


def test_quantities_limits_counts_and_shares_are_words() -> None:
    assert quantity(12.5, "V") == "12.5 V"
    assert quantity(3, "") == "3"
    assert quantity(3, "|") == r"3 \|"
    assert limits(5, 5, "V") == "= 5 V"
    assert [limits(95, 105, "ms"), limits(None, 100, "ms"), limits(1, None, "V"), limits(None, None, "V")] == [
        "95 … 105 ms",
        "≤ 100 ms",
        "≥ 1 V",
        "",
    ]
    assert [count(1, "step"), count(0, "step"), count(12345, "step"), count(2, "file of x", "files of x")] == [
        "1 step",
        "0 steps",
        "12,345 steps",
        "2 files of x",
    ]
    assert [percent(0.05042), percent(-0.134), percent(None)] == ["5.04 %", "-13.4 %", ""]
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"


def test_columns_without_any_cell_are_left_out() -> None:
    assert table(("a", "b", "c"), [["1", "", "3"], ["4", "", ""]]) == "| a | c |\n| --- | --- |\n| 1 | 3 |\n| 4 |  |"


def test_a_long_list_says_how_much_is_missing() -> None:
    assert capped(["a", "b", "c"], 2, ",".join, "of them") == "a,b\n\n… and 1 more of them"
    assert capped(["a", "b"], 2, ",".join, "of them") == "a,b"
