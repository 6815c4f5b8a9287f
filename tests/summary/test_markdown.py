"""Text from outside stays text: whatever stands in it, the page around it is rendered as it was meant."""

from functools import cache

import pytest
from hypothesis import given, settings
from tests.support.rendering import HOSTILE, rendered

from pytest_atlas.summary import markdown as md


def seen(text: str) -> str:
    """What is to be read of `text`: in one line, without spaces of no width."""
    return md.clip(text, 10_000)


def unseen(text: str) -> str:
    return " ".join(text.replace("\u200b", "").split())


def template(inside: str, code: str, block: str) -> str:
    """Every place of a page where a text from outside may stand."""
    return "\n\n".join(
        [
            f"## ❌ {inside}",
            f"Run {md.bold(inside)} in {inside}",
            f"{md.head(['a', inside])}\n{md.row([f'{md.bold(inside)} <br>{inside}', code])}\n{md.row(['b', 'c'])}",
            md.details(inside, f"Test {code}\n\n{block}"),
            f"* {md.bold(inside)} ({inside}): {inside}\n* next",
            f"> ⚠️ {inside}",
            "the end",
        ]
    )


@cache
def calm() -> list[str]:
    return rendered(template(md.prose("word"), md.code("word"), md.fence("word"))).tags


@settings(deadline=None)
@given(HOSTILE.filter(lambda text: seen(text) != ""))
def test_no_text_changes_what_the_page_is_made_of(text: str) -> None:
    page = rendered(template(md.prose(text), md.code(text), md.fence(text)))
    assert page.tags == calm()
    assert page.comments == 0


@settings(deadline=None)
@given(HOSTILE)
def test_prose_and_code_are_read_as_they_were_written(text: str) -> None:
    assert unseen(rendered(f"x {md.prose(text)} x").text) == f"x {seen(text)} x".replace("  ", " ")
    assert unseen(rendered(f"x {md.code(text)} x").text) == unseen(f"x {seen(text)} x")


@settings(deadline=None)
@given(HOSTILE.map(lambda text: text.replace("\t", " ").replace("\r", "")))
def test_a_fence_holds_its_text(text: str) -> None:
    page = rendered(f"{md.fence(text)}\n\nafter")
    assert page.tags == ["pre", "code", "/code", "/pre", "p", "/p"]
    assert page.text.endswith("\nafter\n")


@pytest.mark.parametrize("ticks", ["`", "```", "````", "~~~"])
def test_a_fence_in_a_fence_does_not_end_it(ticks: str) -> None:
    page = rendered(f"{md.fence(f'{ticks}{chr(10)}# no heading{chr(10)}{ticks}')}\n\nafter")
    assert page.tags == ["pre", "code", "/code", "/pre", "p", "/p"]
    assert page.text == f"{ticks}\n# no heading\n{ticks}\n\nafter\n"


QUIET = {
    "a person": "@team",
    "an address": "a@b.example",
    "a link": "see https://a.example/b or www.a.example",
    "a linked text": "[here](http://a.example) ![here](b)",
    "a reference": "#12",
    "a tag": "<b>bold</b>",
    "strong": "__init__ **x** *y* _z_ ~~w~~",
}


@pytest.mark.parametrize("text", QUIET.values(), ids=QUIET)
def test_prose_links_nothing_and_emphasises_nothing(text: str) -> None:
    page = rendered(f"x {md.prose(text)}")
    assert page.tags == ["p", "/p"]
    assert unseen(page.text) == f"x {text}"


@pytest.mark.parametrize("text", ["@team", "#12", "!12", "GH-12", ":bug:", "~label", "%12"])
def test_what_a_site_reads_as_a_reference_has_a_space_of_no_width_in_it(text: str) -> None:
    assert "\u200b" in rendered(f"x {md.prose(text)} x").text


@pytest.mark.parametrize(
    "text", ["test_trip[12.5-cold]", "tests/a.py::TestTrip::test_time", "Drop to 8 V at -40 °C (fast)", "5 % + 3"]
)
def test_ordinary_names_can_be_read_in_the_source_too(text: str) -> None:
    assert md.prose(text) == text
    assert md.code(text) == f"<code>{text}</code>"


def test_a_long_text_is_cut_and_so_is_a_long_block() -> None:
    assert md.prose("x" * 300, 100) == "x" * 99 + "…"
    assert md.fence("x" * 3000, 100).endswith("\n\n… and 2900 more characters")
    assert md.fence("x\n" * 100).count("\n") < 40
    assert "… and 140 more characters" in md.fence("x\n" * 100)


def test_a_part_shows_whole_items_and_counts_the_others() -> None:
    part = md.Part(items=["é" * 10] * 5, what="steps", most=70, above="### Head")
    assert str(part) == "\n".join(["### Head", *["é" * 10] * 2]) + "\n\n… and 3 more steps"
    assert str(md.Part(items=[], what="steps", most=70, above="### Head")) == ""
