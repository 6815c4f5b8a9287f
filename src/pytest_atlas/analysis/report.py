"""Render the findings about a run as a report: a summary in one line, and Markdown. Computes nothing."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from pytest_atlas.atlas.statuses import SEVERITY

from .capability import capability_section
from .drift_section import changes_section
from .failures import exceptions_section, failures_section
from .findings import DataFiles, Findings, analyse
from .inputs import File, ReportInput, ReportText, Step
from .markdown import MAX_ROWS, Section, bullets, capped, count, names, prose
from .outcome_history import outcome_changes_section
from .outliers import outliers_section
from .reading import Reader
from .soak import soak_section
from .traces import traces_section
from .worst_cases import margins_section

MAX_HIGHLIGHTS = 8
ORIGIN = "*Statistics by the local Atlas over the data that is registered in it, without AI.*"


def write_report(source: ReportInput, reader: Reader) -> ReportText:
    """Analyse a run, a card or a step, and return the report."""
    return render(source, analyse(source, reader))


def render(source: ReportInput, findings: Findings) -> ReportText:
    """Return the report about these findings."""
    sections = [section for section in _sections(findings) if section]
    summary = _summary(findings.steps, sections)
    parts = [
        f"# {prose(source.title)}",
        ORIGIN,
        _guidance(source.context),
        summary,
        *_highlights(sections),
        *map(str, sections),
    ]
    if methods := [section.method for section in sections if section.method]:
        parts += ["## Method", bullets(methods)]
    return ReportText(summary, "\n\n".join(filter(None, parts)) + "\n")


def _sections(findings: Findings) -> Iterator[Section | None]:
    yield failures_section(findings.failures)
    yield exceptions_section(findings.exceptions)
    yield outcome_changes_section(findings.changes)
    yield margins_section(findings.measurements, findings.superseded)
    yield soak_section(findings.measurements)
    yield changes_section(findings.measurements)
    yield outliers_section(findings.measurements)
    yield capability_section(findings.measurements, findings.required_ppk)
    yield traces_section(findings.traces)
    yield _files_section(findings.files)


def _guidance(context: str) -> str:
    guidance = prose(context, 2000)
    return f"> Guidance: {guidance}\n\n(The guidance is quoted only; statistics cannot follow it.)" if guidance else ""


def _summary(steps: Sequence[Step], sections: Sequence[Section]) -> str:
    counts = Counter(step.status for step in steps)
    outcomes = ", ".join(f"{counts[status]} {status.replace('_', ' ')}" for status in reversed(SEVERITY) if counts[status])
    first = f"{count(len(steps), 'step')}: {outcomes}." if steps else "No steps."
    return " ".join(
        [first, *(f"{section.summary[0].upper()}{section.summary[1:]}." for section in sections if section.summary)]
    )


def _highlights(sections: Sequence[Section]) -> Iterator[str]:
    found = sorted((highlight for section in sections for highlight in section.highlights), key=lambda one: one.rank)
    if found:
        yield "## Look at this first"
        yield bullets(highlight.text for highlight in found[:MAX_HIGHLIGHTS])


def _files_section(files: DataFiles) -> Section | None:
    """The files that were read, and the reason for each that was not."""
    if not files.registered:
        return None
    read = [count(files.measurement_files, "file of measurements", "files of measurements")] * bool(files.measurement_files)
    read += [count(len(files.traces), "trace")] * bool(files.traces)
    lines = [f"Read: {', '.join(read)}."] if read else []
    lines += [f"Not analysed (only CSV and TSV files are): {_by_suffix(files.other)}."] if files.other else []
    if files.elsewhere:
        lines.append(f"Not read, because they are not stored here but in S3: {names([f.name for f in files.elsewhere])}.")
    if files.past_problems:
        reasons = "; ".join(prose(problem) for problem in sorted(set(files.past_problems))[:3])
        lines.append(f"Of earlier runs, {count(len(files.past_problems), 'file')} could not be compared: {reasons}.")
    lines += [f"**{prose(file.name, 80)}**: {prose(problem, 120)}." for file, problem in files.problems]
    return Section(f"Data files ({files.registered})", capped(lines, MAX_ROWS, bullets, ""))


def _by_suffix(files: Sequence[File]) -> str:
    """`3 × .mf4 (a.mf4, b.mf4, c.mf4)`, for the most frequent suffixes."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in files:
        stem, dot, suffix = file.name.rpartition(".")
        found[dot + suffix.lower() if stem else "no suffix"].append(file.name)
    suffixes = sorted(found.items(), key=lambda kind: -len(kind[1]))
    more = f" and {count(len(suffixes) - 8, 'more kind')}" if len(suffixes) > 8 else ""
    return ", ".join(f"{len(some)} × {prose(suffix, 20)} ({names(some, 3)})" for suffix, some in suffixes[:8]) + more
