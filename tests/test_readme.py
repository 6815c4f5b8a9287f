"""README.md: its length, its example and its links. Rules for all pages are in tests/docs/test_pages.py."""

import re
from pathlib import Path

from tests.support import pages
from tests.support.events import SYSTEM

TEXT = (pages.ROOT / "README.md").read_text("utf-8")
SCREEN = 48
"""Lines of one screen."""


def test_the_readme_has_at_most_two_screens() -> None:
    assert len(TEXT.splitlines()) <= 2 * SCREEN


def test_the_example_records_its_card_and_steps(tmp_path: Path) -> None:
    assert len(pages.blocks(TEXT, "python")) == 1
    ended = pages.project(TEXT, tmp_path).write("bench.py", pages.BENCH).record("-p", "bench", "--strict-markers")
    assert [card.planned.name for card in ended.state.cards.values()] == ["Overvoltage protection"]
    assert set(ended.statuses()) == {
        title
        for volts in (12.5, 13.0, 14.0)
        for title in (f"Apply {volts} V to input rail", f"Apply {volts} V to input rail > Arm the scope")
    }
    assert "trip time: 111.6 ms (≤ 100 ms) OUT OF LIMITS" in ended.steps["Apply 14.0 V to input rail"].text


def test_the_readme_links_each_page_of_the_documentation() -> None:
    linked = {link.partition("#")[0] for link in pages.links(TEXT)}
    assert {f"docs/{page.name}" for page in pages.DOCS.glob("*.md")} <= linked


def test_the_system_of_the_commands_is_that_of_the_tests() -> None:
    assert set(re.findall(r"--atlas-system=(\S+)", TEXT)) == {SYSTEM, "UUID`"}
