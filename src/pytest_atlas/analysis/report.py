"""A report, put together: what the files hold is read, computed and said; what could not be read is named.

The only module that knows all others of this package.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pytest_atlas.atlas.statuses import SEVERITY

from . import measurement_sections, outcome_sections, trace_sections
from .history import compare, read_past
from .markdown import bullets, capped, count, listed, text
from .material import MEASUREMENTS, Analysis, File, Material
from .measurements import read_rows
from .reading import MOST_BYTES_IN_ALL, Budget, Objects, UnreadableError, opened
from .section import MOST_FINDINGS, MOST_ROWS, Section
from .sessions import Collected, newest_sessions
from .trace_sections import Traced
from .traces import summarize

MOST_TRACES = 500
"""Most traces of one report."""

TABLES = (".csv", ".tsv")
"""What is read, packed with gzip too."""

HONEST = "*Statistics by the local Atlas over what is registered in it; no AI took part.*"


@dataclass(slots=True)
class _Data:
    """What was in the data files, and what became of each."""

    collected: Collected = field(default_factory=Collected)
    traced: list[Traced] = field(default_factory=list)
    measured: int = 0  # files of measurements
    elsewhere: list[File] = field(default_factory=list)
    other: list[File] = field(default_factory=list)
    problems: list[tuple[File, str]] = field(default_factory=list)


def analyse(material: Material, objects: Objects) -> Analysis:
    """Write the report. What can't be read is named in it; nothing that a data file holds raises an error."""
    data = _read(material, objects)
    measured = data.collected.valid(newest_sessions(material.steps))
    past, problems = read_past(material.past_files, measured, objects)
    compared = [compare(key, series, past.get(key, ())) for key, series in measured.items()]
    sections = [
        *outcome_sections.sections(material),
        *measurement_sections.sections(compared, data.collected.superseded),
        *trace_sections.sections(data.traced),
        *_files(material, data, problems),
    ]
    summary = _summary(material, sections)
    parts = [f"# {text(material.title)}", HONEST, _asked(material.context), summary, *_first(sections), *map(str, sections)]
    parts += ["## Method", bullets(methods)] if (methods := [s.method for s in sections if s.method]) else []
    return Analysis(summary, "\n\n".join(filter(None, parts)) + "\n")


def _asked(context: str) -> str:
    said = text(context, 2000)
    return f"> {said}\n\n(The guidance is quoted for the reader; statistics cannot follow it.)" if said else ""


def _summary(material: Material, sections: Sequence[Section]) -> str:
    counts = Counter(step.status for step in material.steps)
    said = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in reversed(SEVERITY) if counts[status])
    outcome = f"{count(len(material.steps), 'step')}: {said}." if material.steps else "No steps."
    return " ".join([outcome, *(f"{section.news[0].upper()}{section.news[1:]}." for section in sections if section.news)])


def _first(sections: Sequence[Section]) -> Iterator[str]:
    found = sorted((finding for section in sections for finding in section.findings), key=lambda finding: finding.rank)
    if found:
        yield "## Look at this first"
        yield bullets(finding.words for finding in found[:MOST_FINDINGS])


def _read(material: Material, objects: Objects) -> _Data:
    data, budget, seen = _Data(), Budget(MOST_BYTES_IN_ALL), set[str]()
    tests = {step.mark for step in material.steps if step.mark} if material.scope == "step" else None
    for file in material.files:
        name = file.name.lower().removesuffix(".gz")
        if not name.endswith(TABLES):
            data.other.append(file)
        elif not objects.exists(file.url):
            data.elsewhere.append(file)
        elif file.url not in seen:  # the same content may be registered for several places
            seen.add(file.url)
            try:
                _take(data, file, objects, budget, tests if name == MEASUREMENTS else None)
            except UnreadableError as error:
                data.problems.append((file, str(error)))
    return data


def _take(data: _Data, file: File, objects: Objects, budget: Budget, tests: set[str] | None) -> None:
    """Read a file into `data`; of measurements only those of `tests`, where that is given."""
    name = file.name.lower()
    with opened(objects, file.url, packed=name.endswith(".gz"), budget=budget) as table:
        if name.removesuffix(".gz") == MEASUREMENTS:
            rows = (row for row in read_rows(table) if tests is None or _is_of(row.test, tests))
            data.collected.add(rows, file.card)
            data.measured += 1
        elif len(data.traced) >= MOST_TRACES:
            raise UnreadableError(f"skipped: a report looks at {MOST_TRACES} traces")
        else:
            data.traced.append(Traced(file, summarize(table)))


def _is_of(test: str, tests: set[str]) -> bool:
    """Whether a measurement is one of these tests', or of a step inside of one."""
    return any(test == outer or test.startswith(outer + " > ") for outer in tests)


def _files(material: Material, data: _Data, past_problems: Sequence[str]) -> Iterator[Section]:
    """What was read, and what was not and why."""
    if not material.files:
        return
    read = [count(data.measured, "file of measurements", "files of measurements")] * bool(data.measured)
    read += [count(len(data.traced), "trace")] * bool(data.traced)
    said = [f"Read: {', '.join(read)}."] if read else []
    said += [f"Not analysed, since only CSV and TSV are: {_by_suffix(data.other)}."] if data.other else []
    said += (
        [f"Not here but somewhere in S3, so not read: {listed([f.name for f in data.elsewhere])}."] if data.elsewhere else []
    )
    if past_problems:
        reasons = "; ".join(text(problem) for problem in sorted(set(past_problems))[:3])
        said.append(f"Of earlier runs, {count(len(past_problems), 'file')} could not be compared: {reasons}.")
    said += [f"**{text(file.name, 80)}**: {text(problem, 120)}." for file, problem in data.problems]
    yield Section(f"Data files ({len(material.files)})", capped(said, MOST_ROWS, bullets, ""))


def _by_suffix(files: Sequence[File]) -> str:
    """`3 × .mf4 (a.mf4, b.mf4, c.mf4)`, for the most frequent kinds."""
    names: dict[str, list[str]] = defaultdict(list)
    for file in files:
        stem, dot, suffix = file.name.rpartition(".")
        names[dot + suffix.lower() if stem else "no suffix"].append(file.name)
    kinds = sorted(names.items(), key=lambda kind: -len(kind[1]))
    more = f" and {count(len(kinds) - 8, 'more kind')}" if len(kinds) > 8 else ""
    return ", ".join(f"{len(some)} × {text(kind, 20)} ({listed(some, 3)})" for kind, some in kinds[:8]) + more
