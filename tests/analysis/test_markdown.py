"""Markdown: text can't change the structure around it, numbers, tables and lists."""

import math
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.rendering import HOSTILE, rendered

from pytest_atlas.analysis import markdown as md


def visible(text: str) -> str:
    """Return the text that a reader should see, on one line."""
    return md.one_line(text, 10_000)


def without_zero_width_spaces(text: str) -> str:
    return " ".join(text.replace("\u200b", "").split())


def template(prose: str, code: str, block: str) -> str:
    """Return Markdown with text in every place where a report or a job summary has it."""
    return "\n\n".join(
        [
            f"## ❌ {prose}",
            f"Run {md.bold(prose)} in {prose}",
            f"{md.table_head(['a', prose])}\n{md.row([f'{md.bold(prose)} <br>{prose}', code])}\n{md.row(['b', 'c'])}",
            md.details(prose, f"Test {code}\n\n{block}"),
            f"* {md.bold(prose)} ({prose}): {prose}\n* next",
            f"> ⚠️ {prose}",
            f"# {prose}",
            f"- 3 × {prose}\n  - {md.path([prose, prose])}",
            md.table(["a", "b"], [[prose, code]]),
            "the end",
        ]
    )


@cache
def tags_of_a_word() -> list[str]:
    return rendered(template(md.prose("word"), md.code("word"), md.code_block("word"))).tags


@settings(deadline=None)
@given(HOSTILE.filter(lambda text: visible(text) != ""))
def test_no_text_changes_the_structure(text: str) -> None:
    page = rendered(template(md.prose(text), md.code(text), md.code_block(text)))
    assert page.tags == tags_of_a_word()
    assert page.comments == 0


@settings(deadline=None)
@given(HOSTILE)
def test_prose_and_code_are_rendered_unchanged(text: str) -> None:
    assert without_zero_width_spaces(rendered(f"x {md.prose(text)} x").text) == f"x {visible(text)} x".replace("  ", " ")
    assert without_zero_width_spaces(rendered(f"x {md.code(text)} x").text) == without_zero_width_spaces(f"x {visible(text)} x")


@settings(deadline=None)
@given(HOSTILE.map(lambda text: text.replace("\t", " ").replace("\r", "")))
def test_a_code_block_is_rendered_unchanged(text: str) -> None:
    page = rendered(f"{md.code_block(text)}\n\nafter")
    assert page.tags == ["pre", "code", "/code", "/pre", "p", "/p"]
    assert page.text.endswith("\nafter\n")


@pytest.mark.parametrize("ticks", ["`", "```", "````", "~~~"])
def test_a_code_block_can_contain_a_code_block(ticks: str) -> None:
    page = rendered(f"{md.code_block(f'{ticks}{chr(10)}# no heading{chr(10)}{ticks}')}\n\nafter")
    assert page.tags == ["pre", "code", "/code", "/pre", "p", "/p"]
    assert page.text == f"{ticks}\n# no heading\n{ticks}\n\nafter\n"


NOT_LINKED = {
    "a person": "@team",
    "an address": "a@b.example",
    "a link": "see https://a.example/b or www.a.example",
    "a linked text": "[here](http://a.example) ![here](b)",
    "a reference": "#12",
    "a tag": "<b>bold</b>",
    "strong": "__init__ **x** *y* _z_ ~~w~~",
}


@pytest.mark.parametrize("text", NOT_LINKED.values(), ids=NOT_LINKED)
def test_prose_contains_no_link_and_no_emphasis(text: str) -> None:
    page = rendered(f"x {md.prose(text)}")
    assert page.tags == ["p", "/p"]
    assert without_zero_width_spaces(page.text) == f"x {text}"


@pytest.mark.parametrize("text", ["@team", "#12", "!12", "GH-12", ":bug:", "~label", "%12"])
def test_a_reference_contains_a_zero_width_space(text: str) -> None:
    assert "\u200b" in rendered(f"x {md.prose(text)} x").text


@pytest.mark.parametrize(
    "text", ["test_trip[12.5-cold]", "tests/a.py::TestTrip::test_time", "Drop to 8 V at -40 °C (fast)", "5 % + 3"]
)
def test_ordinary_names_are_readable_in_the_source(text: str) -> None:
    assert md.prose(text) == text
    assert md.code(text) == f"<code>{text}</code>"


def test_long_prose_loses_its_middle_and_a_long_code_block_its_end() -> None:
    assert md.prose("a" * 150 + "z" * 150, 100) == "a" * 50 + "…" + "z" * 49
    assert md.prose("x" * 100, 100) == "x" * 100
    assert md.code_block("x" * 3000, 100).endswith("\n\n… and 2900 more characters")
    assert md.code_block("x\n" * 100).count("\n") < 40
    assert "… and 140 more characters" in md.code_block("x\n" * 100)


def test_a_sized_list_shows_complete_items_and_the_number_of_the_others() -> None:
    part = md.SizedList(items=["é" * 10] * 5, noun="steps", max_bytes=70, head="### Head")
    assert str(part) == "\n".join(["### Head", *["é" * 10] * 2]) + "\n\n… and 3 more steps"
    assert str(md.SizedList(items=[], noun="steps", max_bytes=70, head="### Head")) == ""


@given(st.text(), st.text())
def test_no_text_changes_the_number_of_cells(one: str, other: str) -> None:
    lines = md.table(("a", "b"), [[md.prose(one) or "x", md.prose(other) or "x"]]).split("\n")
    assert len(lines) == 3
    assert lines[2].count("|") == 3
    assert "<" not in lines[2]


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
def test_numbers_have_their_significant_digits(value: float, digits: int, expected: str) -> None:
    assert md.number(value, digits) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_has_six_digits_of_precision(value: float) -> None:
    assert float(md.number(value, 6)) == pytest.approx(value, rel=1e-5, abs=1e-320)


def test_quantities_limits_counts_shares_and_names() -> None:
    assert md.quantity(12.5, "V") == "12.5 V"
    assert md.quantity(3, "") == "3"
    assert md.quantity(3, "|") == "3 &#124;"
    assert md.limits(5, 5, "V") == "= 5 V"
    assert [md.limits(95, 105, "ms"), md.limits(None, 100, "ms"), md.limits(1, None, "V"), md.limits(None, None, "V")] == [
        "95 … 105 ms",
        "≤ 100 ms",
        "≥ 1 V",
        "",
    ]
    assert [md.count(1, "step"), md.count(0, "step"), md.count(12345, "step"), md.count(2, "file of x", "files of x")] == [
        "1 step",
        "0 steps",
        "12,345 steps",
        "2 files of x",
    ]
    assert [md.percent(0.05042), md.percent(-0.134), md.percent(None)] == ["5.04 %", "-13.4 %", ""]
    assert md.names(["a", "b", "c"], 2) == "a, b and 1 more"


def test_empty_columns_are_left_out() -> None:
    assert md.table(("a", "b", "c"), [["1", "", "3"], ["4", "", ""]]) == "| a | c |\n| --- | --- |\n| 1 | 3 |\n| 4 |  |"


def test_a_capped_list_shows_the_number_of_the_others() -> None:
    assert md.capped(["a", "b", "c"], 2, ",".join, "of them") == "a,b\n\n… and 1 more of them"
    assert md.capped(["a", "b"], 2, ",".join, "of them") == "a,b"
