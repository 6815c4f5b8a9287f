"""Captured output as a terminal shows it, compared with a naive grid of cells."""

import re
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_atlas.base.control_sequences import remove_colours
from pytest_atlas.base.screen import CHUNK, SCREEN_LINES, Screen, render

WIDTH = 300


class Grid:
    """A terminal as a table of cells, which performs one action at a time."""

    def __init__(self) -> None:
        self.scrolled: list[list[str]] = []
        self.cells = [[" "] * WIDTH for _ in range(SCREEN_LINES)]
        self.row = self.column = 0

    def put(self, text: str) -> None:
        for character in text:
            self.cells[self.row][self.column] = character
            self.column += 1

    def line_feed(self) -> None:
        self.column = 0
        self.row += 1
        if self.row == SCREEN_LINES:
            self.row -= 1
            self.scrolled.append(self.cells.pop(0))
            self.cells.append([" "] * WIDTH)

    def erase_line(self, mode: int) -> None:
        start, end = ((self.column, WIDTH), (0, self.column + 1), (0, WIDTH))[mode]
        self.cells[self.row][start:end] = [" "] * (end - start)

    def erase_display(self, mode: int) -> None:
        for row in ((range(self.row + 1, SCREEN_LINES)), range(self.row), range(SCREEN_LINES))[mode]:
            self.cells[row] = [" "] * WIDTH
        if mode < 2:
            self.erase_line(mode)

    def to(self, row: int, column: int) -> None:
        self.row, self.column = min(max(row, 0), SCREEN_LINES - 1), max(column, 0)

    def clear_line(self) -> None:
        self.column = 0
        self.erase_line(2)

    def text(self) -> str:
        return "\n".join("".join(line).rstrip() for line in (*self.scrolled, *self.cells)).rstrip()


ACTIONS: dict[str, Callable[[Grid], None]] = {
    "\n": Grid.line_feed,
    "\r": lambda g: g.to(g.row, 0),
    "\x08": lambda g: g.to(g.row, g.column - 1),
    "\t": lambda g: g.to(g.row, (g.column // 8 + 1) * 8),
    "\x1b[K": lambda g: g.erase_line(0),
    "\x1b[1K": lambda g: g.erase_line(1),
    "\x1b[2K": lambda g: g.erase_line(2),
    "\x1b[J": lambda g: g.erase_display(0),
    "\x1b[1J": lambda g: g.erase_display(1),
    "\x1b[2J": lambda g: g.erase_display(2),
    "\x1b[A": lambda g: g.to(g.row - 1, g.column),
    "\x1b[2B": lambda g: g.to(g.row + 2, g.column),
    "\x1b[3C": lambda g: g.to(g.row, g.column + 3),
    "\x1b[2D": lambda g: g.to(g.row, g.column - 2),
    "\x1b[5G": lambda g: g.to(g.row, 4),
    "\x1b[H": lambda g: g.to(0, 0),
    "\x1b[3;4H": lambda g: g.to(2, 3),
    "\x1b[2E": lambda g: g.to(g.row + 2, 0),
    "\x1b[F": lambda g: g.to(g.row - 1, 0),
    "\x1b[38;5;1m": lambda _: None,
    "\x1b]0;title\x07": lambda _: None,
    "\x1b]8;;http://x\x1b\\": lambda _: None,
    "\x1b(B": lambda _: None,
    "\r\n": Grid.line_feed,
    "\r\x1b[K": lambda g: g.clear_line(),
}
WORDS = ("a", "word", "two words", " ", "ü")
PIECES = st.lists(st.sampled_from([*ACTIONS, *WORDS, "\n" * 9, "\n", "\r"]), max_size=40)


@given(PIECES)
def test_output_is_shown_as_by_a_terminal(pieces: list[str]) -> None:
    grid = Grid()
    for piece in pieces:
        if piece in ACTIONS:
            ACTIONS[piece](grid)
        elif piece == "\n" * 9:
            for _ in piece:
                grid.line_feed()
        else:
            grid.put(piece)
    assert render("".join(pieces)) == grid.text()


@given(PIECES, PIECES)
def test_output_in_two_parts_is_shown_as_in_one(before: list[str], after: list[str]) -> None:
    screen = Screen()
    screen.feed("".join(before))
    screen.feed("".join(after))
    if not (before and before[-1] == "\r" and after and after[0].startswith("\x1b")):
        assert screen.text() == render("".join(before + after))


@given(st.text(st.sampled_from("\x1b[]PX^_()0123;?=<>mKJHABCDGfdhlr\x07\\ab\n\r\t\x08\x9b\x9d\x9c\x90 "), max_size=60))
def test_random_sequences_are_removed(text: str) -> None:
    assert len(render(text)) < 60 * 5000
    assert "\x1b" not in render(text)


@pytest.mark.parametrize(
    "sequence", ["\x1b[999999999C", "\x1b[999999999;999999999H", "\x1b[999999999@", "\x1b[9999999999999999999999X"]
)
def test_large_numbers_in_a_sequence_allocate_no_memory(sequence: str) -> None:
    assert len(render(f"ab\r{sequence}x")) < 10_000


def test_progress_longer_than_a_chunk_is_reduced_to_its_last_state() -> None:
    text = "".join(f"\rWriting at 0x{n:08x} ({n} %)" for n in range(CHUNK // 20))
    assert render(text + "\ndone") == f"Writing at 0x{CHUNK // 20 - 1:08x} ({CHUNK // 20 - 1} %)\ndone"


COLOURS = [f"\x1b[{n}m" for n in range(12)]


@example(["\x1b[", "\x1b[0m", "3", "1m"])
@given(st.lists(st.sampled_from([*COLOURS, "\x1b[0;1:2m", "\x1b[", "3", "1m", "m", "\x1b", "\x1b[2K", "word\n"]), max_size=40))
def test_colours_are_removed_as_with_the_pattern(pieces: list[str]) -> None:
    """An incomplete colour around a complete one must not become complete."""
    text = "".join(pieces)
    assert remove_colours(text) == re.sub(r"\x1b\[[0-9;:]*m", "", text)
