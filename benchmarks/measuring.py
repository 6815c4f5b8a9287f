"""Time processes in interleaved rounds, and print medians as Markdown. Knows nothing of pytest or Atlas."""

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
    """A process that has ended. Processor time and memory are 0 where the system does not tell them (Windows)."""

    code: int
    wall_s: float
    cpu_s: float  # with the children that it waited for
    peak_mib: float
    output: str


def run(command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], stdin: bytes = b"") -> Ended:
    """Run `command` to its own end, whatever its children do; standard error is part of the output."""
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
    """Each case `count` times, turn by turn, and each round begins with another: what else the machine does meets all alike."""
    names = list(cases)
    figures: dict[str, list[T]] = {name: [] for name in names}
    for number in range(count):
        start = number % len(names)
        for name in names[start:] + names[:start]:
            figures[name].append(cases[name]())
    return figures


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was measured, each round's value, and what it should be."""

    what: str
    values: tuple[float, ...]
    unit: str
    goal: str = ""  # "≤ 2" or "≥ 2,000"; empty: for comparison only
    remark: str = ""

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def is_good(self) -> bool:
        """Whether the median keeps the goal."""
        if not self.goal:
            return True
        sign, limit = self.goal.split()
        bound = float(limit.replace(",", ""))
        return self.median <= bound if sign == "≤" else self.median >= bound


HEADING = "| what | median | min – max | goal | |\n| --- | ---: | ---: | ---: | --- |"


def line(row: Row) -> str:
    """The row in Markdown."""
    span = f"{number(min(row.values))} – {number(max(row.values))}"
    verdict = "" if not row.goal else "kept" if row.is_good else "**missed**"
    goal = f"{row.goal} {row.unit}" if row.goal else ""
    return (
        f"| {row.what} | {number(row.median)} {row.unit} | {span} | {goal} | {'; '.join(filter(None, (verdict, row.remark)))} |"
    )


def number(value: float) -> str:
    """A figure with as many digits as it is worth."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def show(rows: Iterable[Row]) -> None:
    """Print a table, row by row as they come."""
    print(HEADING, flush=True)
    for row in rows:
        print(line(row), flush=True)


def apart(server: int) -> None:
    """Give the process `server` and ours (with our children) different processors, where the system lets us (Linux)."""
    if sys.platform == "linux" and len(processors := sorted(os.sched_getaffinity(0))) > 1:
        os.sched_setaffinity(server, {processors[-1]})
        os.sched_setaffinity(0, set(processors[:-1]))
