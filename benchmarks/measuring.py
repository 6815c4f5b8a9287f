"""Measure processes in interleaved rounds, and print medians as Markdown. Independent of pytest and Atlas."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that has ended. Processor time and memory are 0 if the system does not report them (Windows)."""

    code: int
    wall_s: float
    cpu_s: float  # including the children that it waited for
    peak_mib: float
    output: str


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], stdin: bytes = b"") -> Ended:
    """Run `command` until it ends, without waiting for its children; the output includes standard error."""
    with tempfile.TemporaryFile() as output:
        begin = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)), cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=output, stderr=subprocess.STDOUT
        )
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.flush()
        cpu_s = peak_mib = 0.0
        if sys.platform == "win32":
            process.wait()
        else:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            cpu_s = usage.ru_utime + usage.ru_stime
            peak_mib = usage.ru_maxrss / (MIB if sys.platform == "darwin" else 1024)
        wall_s = time.perf_counter() - begin
        process.stdin.close()
        output.seek(0)
        return Ended(process.returncode, wall_s, cpu_s, peak_mib, output.read().decode("utf-8", "replace"))


def rounds(cases: Mapping[str, Callable[[], T]], count: int) -> dict[str, list[T]]:
    """Run each case `count` times, interleaved and with a rotated order, so that other load affects all cases equally."""
    names = list(cases)
    figures: dict[str, list[T]] = {name: [] for name in names}
    for number in range(count):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            figures[name].append(cases[name]())
    return figures


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: the name of the figure, its value in each round, and the goal."""

    what: str
    values: tuple[float, ...]
    unit: str
    goal: str = ""  # "≤ 2" or "≥ 2,000"; empty: for comparison only
    remark: str = ""

    @property
    def median(self) -> float:
        """The median of the values."""
        return statistics.median(self.values)

    @property
    def is_good(self) -> bool:
        """Whether the median meets the goal."""
        if not self.goal:
            return True
        sign, limit = self.goal.split()
        bound = float(limit.replace(",", ""))
        return self.median <= bound if sign == "≤" else self.median >= bound


HEADING = "| what | median | min – max | goal | |\n| --- | ---: | ---: | ---: | --- |"


def line(row: Row) -> str:
    """Return the row in Markdown."""
    span = f"{number(min(row.values))} – {number(max(row.values))}"
    verdict = "" if not row.goal else "kept" if row.is_good else "**missed**"
    goal = f"{row.goal} {row.unit}" if row.goal else ""
    return (
        f"| {row.what} | {number(row.median)} {row.unit} | {span} | {goal} | {'; '.join(filter(None, (verdict, row.remark)))} |"
    )


def number(value: float) -> str:
    """Return a figure with about three significant digits."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def show(rows: Iterable[Row]) -> None:
    """Print a table; each row is printed when it is measured."""
    print(HEADING, flush=True)
    for row in rows:
        print(line(row), flush=True)


def apart(server: int) -> None:
    """Assign different processors to the process `server` and to this one with its children, if supported (Linux)."""
    if sys.platform == "linux" and len(processors := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(server, {processors[-1]})
        os.sched_setaffinity(0, set(processors[:-1]))
