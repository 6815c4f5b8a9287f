"""Read the data files of a run, and compute all findings about it. Renderers only format them.

A data file that can't be read is a finding too; its content never raises an exception.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pytest_atlas.descriptions import TraceLimits, is_inside, is_trace_limits, parse_trace_limits

from .failures import FailureGroup, exceptions, failures, group
from .history import MeasurementHistory, histories, read_past
from .inputs import MEASUREMENTS_FILE, REQUIRED_PPK, File, ReportInput, Step, outer_steps
from .measurements import RunMeasurements, newest_sessions, read_rows
from .outcome_history import OutcomeChanges, outcome_changes, step_histories
from .reading import MAX_REPORT_BYTES, Budget, Reader, UnreadableError, open_table
from .traces import TraceFile, summarize

MAX_TRACES = 500
"""Most traces of one report."""
MAX_LIMITS_BYTES = 1 << 20
"""Most bytes of a file with the limits of a trace."""
TABLE_SUFFIXES = (".csv", ".tsv")
"""Suffixes of the files that are read, also with `.gz`."""


@dataclass(slots=True)
class DataFiles:
    """The content of the data files, and the files that were not read."""

    registered: int = 0  # number of registered files
    measurements: RunMeasurements = field(default_factory=RunMeasurements)
    traces: list[TraceFile] = field(default_factory=list)
    measurement_files: int = 0  # number of files of measurements
    elsewhere: list[File] = field(default_factory=list)  # not available to the reader
    other: list[File] = field(default_factory=list)  # not tables
    problems: list[tuple[File, str]] = field(default_factory=list)
    limits: dict[tuple[str, str, str], list[TraceLimits]] = field(default_factory=dict)
    """Limits of traces by card, step and file name, in the order of the files."""
    past_problems: list[str] = field(default_factory=list)  # of the files of earlier runs


@dataclass(frozen=True, slots=True)
class Findings:
    """All findings about a run, a card or a step."""

    steps: tuple[Step, ...]
    failures: tuple[FailureGroup, ...]  # the largest group first
    exceptions: tuple[Step, ...]  # tests that passed with an exception
    changes: OutcomeChanges
    measurements: tuple[MeasurementHistory, ...]  # the most urgent one first
    superseded: int  # number of values that are not counted
    traces: tuple[TraceFile, ...]
    files: DataFiles
    required_ppk: float = REQUIRED_PPK


def analyse(source: ReportInput, reader: Reader) -> Findings:
    """Read the data files with `reader` and return the findings."""
    files = _read(source, reader)
    measured = files.measurements.valid(newest_sessions(source.steps))
    past, files.past_problems = read_past(source.past_files, measured, reader)
    tests = list(outer_steps(source.steps))
    return Findings(
        steps=source.steps,
        failures=tuple(group(failures(tests))),
        exceptions=tuple(exceptions(tests)),
        changes=_changes(source, tests),
        measurements=tuple(histories(measured, past)),
        superseded=files.measurements.superseded,
        traces=tuple(files.traces),
        files=files,
        required_ppk=source.required_ppk,
    )


def _changes(source: ReportInput, tests: Iterable[Step]) -> OutcomeChanges:
    """The differences from earlier runs. Inner steps are matched by their order too, but not reported."""
    reported = {id(step) for step in tests}
    found = step_histories(source.steps, source.past_steps)
    return outcome_changes(history for history in found if id(history.step) in reported)


def _read(source: ReportInput, reader: Reader) -> DataFiles:
    files, budget, seen = DataFiles(len(source.files)), Budget(MAX_REPORT_BYTES), set[str]()
    tests = [step.nodeid for step in source.steps if step.nodeid] if source.scope == "step" else None
    for file in source.files:
        if is_trace_limits(file.name) and reader.exists(file.url):
            _read_limits(files, file, reader)
    for file in source.files:
        name = file.name.lower().removesuffix(".gz")
        if is_trace_limits(file.name):
            continue
        if not name.endswith(TABLE_SUFFIXES):
            files.other.append(file)
        elif not reader.exists(file.url):
            files.elsewhere.append(file)
        elif file.url not in seen:  # the same content can be registered for several entities
            seen.add(file.url)
            try:
                _read_file(files, file, reader, budget, tests)
            except UnreadableError as error:
                files.problems.append((file, str(error)))
    return files


def _read_file(files: DataFiles, file: File, reader: Reader, budget: Budget, tests: Sequence[str] | None) -> None:
    """Add the content of a file to `files`. `tests`: the nodeids whose measurements are read; None for all."""
    name = file.name.lower()
    with open_table(reader, file.url, is_gzip=name.endswith(".gz"), budget=budget) as table:
        if name.removesuffix(".gz") == MEASUREMENTS_FILE:
            rows = (row for row in read_rows(table) if tests is None or _belongs_to(row.test, tests))
            files.measurements.add(rows, file.card)
            files.measurement_files += 1
        elif len(files.traces) >= MAX_TRACES:
            raise UnreadableError(f"skipped: a report reads at most {MAX_TRACES} traces")
        else:
            waiting = files.limits.get((file.card, file.step, file.name), [])
            files.traces.append(TraceFile(file, summarize(table), take_limits(waiting)))


def take_limits(waiting: list[TraceLimits]) -> TraceLimits:
    """Return the limits of the next trace with this name, and remove them from `waiting` unless they are the last ones.

    Each attempt of a test can record a trace with the same name.
    """
    if not waiting:
        return TraceLimits()
    return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def _read_limits(files: DataFiles, file: File, reader: Reader) -> None:
    """Add the limits in a file to `files`, or the problem of the file."""
    try:
        with reader.open(file.url) as opened:
            found = parse_trace_limits(opened.read(MAX_LIMITS_BYTES))
    except OSError as error:
        files.problems.append((file, f"unreadable: {error}"))
        return
    if found is None:
        files.problems.append((file, "unreadable: not the limits of a trace"))
    else:
        files.limits.setdefault((file.card, file.step, found.trace), []).append(found)


def _belongs_to(test: str, nodeids: Sequence[str]) -> bool:
    """Return whether a measurement is of one of these tests or of an inner step of one."""
    return any(test == nodeid or is_inside(test, nodeid) for nodeid in nodeids)
