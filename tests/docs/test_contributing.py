"""The page for those who carry the project on: its table of rooms is the one that the imports are held to."""

import re

import dev
from tests import test_imports
from tests.support import pages

import pytest_atlas

TEXT = (pages.DOCS / "contributing.md").read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| [^|]+ \| ?([^|]*) \|$", re.MULTILINE)


def test_the_table_of_rooms_says_who_may_import_whom() -> None:
    rooms = {room: allowed for room, allowed in test_imports.ROOMS.items() if "." not in room}
    told = {room: set(re.findall(r"`([\w.]+)`", words.partition(";")[0])) for room, words in ROW.findall(TEXT)}
    told["cli"] = set(rooms) - told["cli"] - {"cli"}  # the only row that says what it may not
    assert told == rooms


def test_what_runs_inside_pytest_is_named() -> None:
    (names,) = re.findall(r"^\* (.*?) run \*\*inside pytest\*\*", TEXT, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", names)) == set(test_imports.INSIDE_PYTEST)


def test_each_chore_has_its_row() -> None:
    assert set(re.findall(r"^\| `python3 dev\.py (\w+)` \|", TEXT, re.MULTILINE)) == set(dev.CHORES)


def test_each_room_of_the_package_has_its_row() -> None:
    package = pages.ROOT / "src" / pytest_atlas.__name__
    rooms = {path.stem for path in package.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert rooms - {"__init__", "__pycache__"} == {room for room, _ in ROW.findall(TEXT)}


def test_the_tables_that_one_adds_to_are_where_the_page_says() -> None:
    for name, where in re.findall(r"`([A-Z]+)` (?:in )?\(?(?:in )?`([\w/]+\.py)`", TEXT):
        file = pages.ROOT / "src" / "pytest_atlas" / where
        assert re.search(rf"^{name}\b", file.read_text("utf-8"), re.MULTILINE), name
    assert len(re.findall(r"`([A-Z]+)` (?:in )?\(?(?:in )?`([\w/]+\.py)`", TEXT)) >= 5
