"""The section about traces: what is odd in them first, then their columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .markdown import capped, count, quantity, table, text
from .material import File
from .section import MOST_ROWS, Finding, Section
from .traces import FLAT, GAP, LEVELS, Clock, Column, Trace

MOST_TRACE_ROWS = 30


@dataclass(frozen=True, slots=True)
class Traced:
    """A file and what is in it."""

    file: File
    trace: Trace

    @property
    def name(self) -> str:
        """The file, and the step or card that it belongs to."""
        return " > ".join(text(part, 60) for part in (self.file.step or self.file.card, self.file.name) if part)


def sections(traced: Sequence[Traced]) -> Iterator[Section]:
    """What there is to say."""
    if not traced:
        return
    files = sorted(traced, key=lambda t: not _odd_file(t.trace))
    columns = sorted(((t, c) for t in traced for c in t.trace.columns), key=lambda pair: not _odd(pair[1]))
    files_table = table(("trace", "rows", "duration", "rate", "remarks"), [_file_row(t) for t in files[:MOST_ROWS]])
    body = capped(
        columns,
        MOST_TRACE_ROWS,
        lambda some: table(("trace", "column", "min", "mean", "max", "RMS", "n", "remarks"), [_row(t, c) for t, c in some]),
        "columns without remarks" if not any(_odd(c) for _, c in columns[MOST_TRACE_ROWS:]) else "columns",
    )
    more = f"\n\n… and {len(files) - MOST_ROWS:,} more files" if len(files) > MOST_ROWS else ""
    odd = [t for t in traced if _odd_file(t.trace) or any(map(_odd, t.trace.columns))]
    findings = tuple(Finding(50, f"**Trace:** {t.name}: {'; '.join(_remarks(t.trace))}.") for t in odd[:3])
    news = f"{count(len(odd), 'trace')} with gaps, flat tops or missing values" if odd else ""
    yield Section(f"Traces ({len(traced)})", f"{files_table}{more}\n\n{body}", findings, news, _METHOD)


def _remarks(trace: Trace) -> list[str]:
    odd = [(c, _odd(c)) for c in trace.columns]
    return [*([_odd_file(trace)] if _odd_file(trace) else []), *(f"{text(c.name, 40)} {words}" for c, words in odd if words)]


def _file_row(traced: Traced) -> list[str]:
    trace, clock = traced.trace, traced.trace.clock
    duration = quantity(clock.last - clock.first, "s", 4) if clock else ""
    return [traced.name, f"{trace.rows:,}", duration, _rate(clock), _odd_file(trace)]


def _rate(clock: Clock | None) -> str:
    if clock is None or clock.rate is None:
        return ""
    scale, unit = next((s, u) for s, u in ((1e6, "MHz"), (1e3, "kHz"), (1, "Hz")) if clock.rate >= 0.9995 * s or s == 1)
    return quantity(clock.rate / scale, unit, 4)


def _odd_file(trace: Trace) -> str:
    """What is wrong with its rows and times; empty if nothing is."""
    said = []
    if trace.clock and trace.clock.gaps:
        longest = f"{quantity(trace.clock.longest, 's', 3)} at t = {quantity(trace.clock.longest_at, 's')}"
        said.append(f"{count(trace.clock.gaps, 'gap')}, the longest {longest}")
    if trace.clock and trace.clock.backwards:
        said.append(f"time does not advance {count(trace.clock.backwards, 'time')}")
    if trace.remark:
        said.append(text(trace.remark, 120))
    if trace.ragged:
        said.append(f"{count(trace.ragged, 'row')} of another length left out")
    if trace.ignored:
        said.append(f"{count(trace.ignored, 'column')} not looked at")
    return ", ".join(said)


def _odd(column: Column) -> str:
    """What is wrong with its values; empty if nothing is."""
    said = []
    if column.flat:
        where, samples = column.flat
        said.append(f"flat at its {where} for {samples:,} samples, perhaps clipped")
    said += [f"{column.not_finite:,} × NaN or infinite"] * bool(column.not_finite)
    said += [f"{column.missing:,} × empty"] * bool(column.missing)
    said += [f"{column.texts:,} × no number"] * bool(column.texts)
    return ", ".join(said)


def _row(traced: Traced, column: Column) -> list[str]:
    found = column.moments
    values = (found.low, found.mean, found.high, found.rms) if found.n else ()
    shown = [quantity(value, column.unit, 4) for value in values] or [""] * 4
    return [traced.name, text(column.name, 40), *shown, f"{found.n:,}", _odd(column)]


_METHOD = (
    f"Gap: longer than {GAP} median sample intervals. Flat: {FLAT} equal samples in a row or more at the extreme of a column "
    f"with more than {LEVELS} different values."
)
