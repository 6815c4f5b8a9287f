"""What the README says is so. What holds for every page is in tests/docs/test_pages.py."""

import re
from pathlib import Path

from tests.support import pages
from tests.support.facts import SYSTEM

TEXT = (pages.ROOT / "README.md").read_text("utf-8")
SCREEN = 48
"""Lines that a reader sees at once."""


def test_it_has_at_most_two_screens() -> None:
    assert len(TEXT.splitlines()) <= 2 * SCREEN


def test_its_test_makes_the_cards_and_steps_that_it_says(tmp_path: Path) -> None:
    assert len(pages.blocks(TEXT, "python")) == 1
    ended = pages.project(TEXT, tmp_path).write("bench.py", pages.BENCH).record("-p", "bench", "--strict-markers")
    assert [card.planned.name for card in ended.facts.cards.values()] == ["Overvoltage protection"]
    assert set(ended.statuses()) == {
        title
        for volts in (12.5, 13.0, 14.0)
        for title in (f"Apply {volts} V to input rail", f"Apply {volts} V to input rail > Arm the scope")
    }
    assert "trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS" in ended.steps["Apply 14.0 V to input rail"].text


def test_it_leads_to_all_of_the_documentation() -> None:
    linked = {link.partition("#")[0] for link in pages.links(TEXT)}
    assert {f"docs/{page.name}" for page in pages.DOCS.glob("*.md")} <= linked


def test_its_system_is_an_example_that_is_taken() -> None:
    assert set(re.findall(r"--atlas-system=(\S+)", TEXT)) == {SYSTEM, "UUID`"}
