"""Format a test run as lines of text. Pure, except for the width and the colours of the terminal.

A step description has the docstring of the test, an empty line, and the result that the publisher wrote. A description that a
person wrote is shown unchanged.
"""

import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pytest_atlas.atlas.library import in_order
from pytest_atlas.atlas.models import Card, DataFile, Run, Step
from pytest_atlas.atlas.statuses import COUNTED, label
from pytest_atlas.descriptions import (
    identity_line_of,
    is_inside,
    parse_attempts,
    parse_measurements,
    render_attempts,
    render_measurement,
    set_by_hand_line,
    split_result,
    without_attempts,
    without_identity,
)

from .terminal import Style, Terminal, cells, local_time, pad


class Mark(NamedTuple):
    """The symbol and the style of a status."""

    sign: str
    style: Style


MARKS = {
    "passed": Mark("✓", "green"),
    "done": Mark("✔", "green"),
    "passed_with_exception": Mark("!", "yellow"),
    "failed": Mark("✗", "red"),
    "todo": Mark("·", "dim"),
}

UNREMARKABLE = ("passed", "done")
MAX_FAILURE_LINES = 24
"""The largest number of lines of one failure. The step description has the whole text."""
WIDTH_OF_TIME = 9


@dataclass(frozen=True, slots=True)
class Row:
    """A step with its enclosing steps, outermost first."""

    step: Step
    outer: tuple["Row", ...] = ()

    @property
    def indent(self) -> int:
        """The number of columns before the symbol."""
        return 2 + 2 * len(self.outer)


class Page:
    """The page of one run."""

    def __init__(
        self,
        run: Run,
        label: str,
        terminal: Terminal,
        *,
        failed_only: bool = False,
        locate: Callable[[str], str] | None = None,  # the URL of a data file -> its location
    ) -> None:
        self._run = run
        self._label = label
        self._paint = terminal.paint
        self._width = terminal.width
        self._failed_only = failed_only
        self._locate = locate
        self._cards = [(card, _rows(card)) for card in in_order(run.test_cards)]
        titles = (row.indent + 2 + cells(row.step.title) for _, rows in self._cards for row in rows)
        self._times_at = min(max(titles, default=0) + 2, self._width - WIDTH_OF_TIME)
        self._shown_files: set[str] = set()

    def lines(self) -> Iterator[str]:
        """Yield all lines of the page."""
        yield from self._header()
        for card, rows in self._cards:
            if shown := self._chosen(rows):
                yield ""
                yield from self._card(card, shown)
        if self._failed_only:
            yield ""
            yield self._paint("dim", self._left_out())
            return
        yield from self._rest()

    def _header(self) -> Iterator[str]:
        run = self._run
        yield self._paint("bold", f"{run.test_run_id or run.uuid}  {run.title}")
        details = (run.system_name or run.system_id, local_time(run.created_at), run.created_by, self._label)
        yield from self._text(" · ".join(filter(None, details)), 0, "dim")
        yield self._counts(Counter(row.step.execution_status for _, rows in self._cards for row in rows))

    def _counts(self, counts: Counter[str]) -> str:
        total = counts.total()
        if not total:
            return "no steps"
        complete = 100 * (total - counts["todo"]) // total
        parts = (self._paint(_mark(status).style, f"{counts[status]} {label(status)}") for status in _known(counts))
        return f"{total} step{'s' * (total != 1)}, {complete} % complete: {', '.join(parts)}"

    # ── cards and steps ──────────────────────────────────────────────────────────────────────────────────────────────

    def _chosen(self, rows: Sequence[Row]) -> list[Row | None]:
        """Return the steps to show, with the enclosing steps of each inner step; `[None]` for a card without steps."""
        if not self._failed_only:
            return [*rows] or [None]
        remarkable = [row for row in rows if row.step.execution_status not in UNREMARKABLE]
        shown = {id(shown) for row in remarkable for shown in (*row.outer, row)}
        return [row for row in rows if id(row) in shown]

    def _card(self, card: Card, rows: Sequence[Row | None]) -> Iterator[str]:
        yield self._paint("bold", card.title)
        yield from self._text(_first_paragraph(card.description), 2, "dim")
        for row in rows:
            yield from self._step(row) if row else ["  no steps"]
        yield from self._files(card.test_data, 2)

    def _step(self, row: Row) -> Iterator[str]:
        step, mark = row.step, _mark(row.step.execution_status)
        title = self._paint(mark.style, f"{' ' * row.indent}{mark.sign} ") + (
            self._paint("bold", step.title) if step.execution_status == "failed" else step.title
        )
        took = _duration(step.started_at, step.ended_at)
        room = self._times_at - row.indent - 2 - cells(step.title)
        yield f"{title}{' ' * max(room, 2)}{self._paint('dim', pad_left(took, WIDTH_OF_TIME - 2))}" if took else title
        yield from self._told(step, row.indent + 4)
        yield from self._files(step.test_data, row.indent + 4)

    def _told(self, step: Step, indent: int) -> Iterator[str]:
        if step.execution_status != "failed":  # in the outcome of a failed step, the line is shown with the rest
            yield from self._text(set_by_hand_line(step.description), indent, "yellow")
        doc, outcome = split_result(_without_only_attempt(step.description))
        match step.execution_status:
            case "failed":
                yield from self._text(_first_paragraph(doc), indent, "dim")
                yield from self._beside_a_bar(_cut(outcome, MAX_FAILURE_LINES), indent)
            case "passed_with_exception":
                yield from self._text(step.exception or "no note", indent, "yellow")
                yield from self._text(_measured(step.description), indent, "dim")
                yield from self._text(_several_attempts(step.description), indent, "dim")
            case "passed" | "done":
                yield from self._text(_measured(step.description), indent, "dim")
                if set_by_hand_line(step.description):
                    yield from self._text(_several_attempts(step.description), indent, "dim")
            case "todo":
                yield from self._text(_first_paragraph(outcome).partition("\n")[0], indent, "dim")

    # ── data files, reports, description ─────────────────────────────────────────────────────────────────────────────

    def _files(self, files: Iterable[DataFile], indent: int) -> Iterator[str]:
        for file in files:
            self._shown_files.add(file.uuid)
            place = f"  {self._locate(file.s3_url)}" if self._locate else ""
            yield self._paint("dim", f"{' ' * indent}file: {file.file_name} ({_size(file.file_size)}){place}")

    def _rest(self) -> Iterator[str]:
        """Yield the data files, reports and description of the run."""
        files = [file for file in self._run.test_data if file.uuid not in self._shown_files]
        if files:
            yield from ("", self._paint("bold", "Data files of the run"), *self._files(files, 2))
        for report in self._run.reports:
            yield from ("", self._paint("bold", f"{report.title or 'Report'} ({report.status})"))
            yield from self._text(report.summary, 2)
        if description := without_identity(self._run.description):
            yield from ("", *self._text(description, 0, "dim"))

    def _left_out(self) -> str:
        passed = sum(row.step.execution_status in UNREMARKABLE for _, rows in self._cards for row in rows)
        return f"{passed} passed step{'s' * (passed != 1)} not shown"

    def _beside_a_bar(self, text: str, indent: int) -> Iterator[str]:
        """Yield `text` next to a vertical bar, so that it is noticed without colours too."""
        bar = " " * indent + self._paint("red", "│") + " "
        for line in self._text(text, 0, room=self._width - indent - 2):
            yield (bar + line).rstrip()

    def _text(self, text: str, indent: int, style: Style | None = None, room: int = 0) -> Iterator[str]:
        """Yield the lines of `text`, wrapped if they have more than `room` columns (default: the width of the page)."""
        room = room or self._width
        for line in text.expandtabs(4).splitlines():
            own = len(line) - len(line.lstrip())
            start = " " * (indent + min(own, room // 4))
            wrapped = textwrap.wrap(
                line.strip(),
                max(room, len(start) + 20),
                initial_indent=start,
                subsequent_indent=f"{start}  " if own else start,
                break_long_words=False,
                break_on_hyphens=False,
            )
            yield from (self._paint(style, part) if style else part for part in wrapped or [""])


def pad_left(text: str, width: int) -> str:
    """Return `text` right-aligned in `width` columns."""
    return pad("", width - cells(text)) + text


def _mark(status: str) -> Mark:
    return MARKS.get(status) or Mark("?", "yellow")


def _known(counts: Counter[str]) -> list[str]:
    """Return the statuses that occur, in the order of COUNTED; unknown statuses follow."""
    return [status for status in dict.fromkeys([*COUNTED, *counts]) if counts[status]]


def _rows(card: Card) -> list[Row]:
    """Return the steps in their order. A step is inside an earlier one if its identity line (C1) continues that one's line."""
    rows: list[Row] = []
    around: list[tuple[str, Row]] = []
    for step in in_order(card.test_steps):
        mark = identity_line_of(step.description)
        while around and not is_inside(mark, around[-1][0]):
            around.pop()
        rows.append(Row(step, tuple(row for _, row in around)))
        if mark:
            around.append((mark, rows[-1]))
    return rows


def _without_only_attempt(description: str) -> str:
    """Return `description` without the list of attempts if it has only one: it repeats the result."""
    found = parse_attempts(description)
    return without_attempts(description) if found and len(found.attempts) <= 1 and not found.more else description


def _measured(description: str) -> str:
    """Return the lines of the measurements with limits."""
    return "\n".join(map(render_measurement, parse_measurements(description)))


def _several_attempts(description: str) -> str:
    """Return the list of attempts if there are several."""
    found = parse_attempts(description)
    return render_attempts(found) if found and len(found.attempts) > 1 else ""


def _first_paragraph(text: str) -> str:
    return re.split(r"\n\s*\n", text.strip(), maxsplit=1)[0]


def _cut(text: str, most: int) -> str:
    lines = text.splitlines()
    if len(lines) <= most + 1:
        return text
    return "\n".join([*lines[:most], f"… {len(lines) - most} more lines"])


def _duration(started: datetime | None, ended: datetime | None) -> str:
    if started is None or ended is None:
        return "running" if started else ""
    seconds = (ended - started).total_seconds()
    if seconds < 0.9995:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min {rest:02d} s"


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.3g} {unit}" if unit != "bytes" else f"{count} bytes"
        count = count / 1000  # type: ignore[assignment]  # a float from here on
    return f"{count:.3g} GB"
