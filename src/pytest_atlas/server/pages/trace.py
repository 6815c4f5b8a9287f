"""The plot of a trace as a part of a page: its samples, its limits, or the problem of its file."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from pytest_atlas.analysis.findings import MAX_LIMITS_BYTES, take_limits
from pytest_atlas.analysis.inputs import MEASUREMENTS_FILE
from pytest_atlas.analysis.reading import UnreadableError
from pytest_atlas.descriptions import TraceLimits, parse_trace_limits, trace_limits_name
from pytest_atlas.local.views.files import DataFile
from pytest_atlas.server import previews
from pytest_atlas.server.traces.plot import MAX_PANELS, WIDTH, Plot, plot
from pytest_atlas.server.traces.pyramid import Description, Pyramid

from .frame import Pages

MAX_TRACE_BYTES = 4 << 20
"""A larger trace takes so long to read that the page does not wait for it."""
_RATES = ((1e9, "GHz"), (1e6, "MHz"), (1e3, "kHz"), (1, "Hz"), (1e-3, "mHz"), (0, ""))


@dataclass(frozen=True, slots=True)
class TraceView:
    """The plot of a trace on a page."""

    file: DataFile
    description: Description | None
    plot: Plot | None
    problem: str = ""
    has_more: bool = False  # more columns than are drawn
    is_large: bool = False  # reading it takes long, so that it is only plotted on its page
    is_being_read: bool = False

    @property
    def rate(self) -> str:
        """The sample rate as `10 kHz`; empty if it is unknown."""
        known = self.description
        if not known or not known.rate or not known.time or known.time.unit not in ("", "s"):
            return ""
        factor, unit = next(row for row in _RATES if known.rate >= row[0])
        return f"{known.rate / factor:.4g} {unit}" if factor else ""


def trace_view(
    pages: Pages,
    file: DataFile,
    limits: TraceLimits,
    *,
    period: tuple[float | None, float | None] = (None, None),
    starts: bool = False,
) -> TraceView:
    """Return the plot of a trace, or the problem of its file. A file over MAX_TRACE_BYTES is only plotted if it was read.

    `starts`: start to read it in a thread.
    """
    try:
        if file.size > MAX_TRACE_BYTES and not _is_read(pages, file):
            if starts:
                pages.traces.start(file.url, partial(pages.atlas.objects.open, file.url), is_gzip=_is_gzip(file))
            return TraceView(file, None, None, is_large=True, is_being_read=starts)
        pyramid = open_trace(pages, file)
    except UnreadableError as error:
        return TraceView(file, None, None, str(error))
    except OSError as error:
        return TraceView(file, None, None, f"The plot can't be made: {error}")
    columns = range(min(MAX_PANELS, len(pyramid.description.columns)))
    found = pyramid.window(columns, *period, WIDTH)
    made = plot(pyramid.description, columns, found, limits)
    return TraceView(file, pyramid.description, made, has_more=len(pyramid.description.columns) > MAX_PANELS)


def open_trace(pages: Pages, file: DataFile) -> Pyramid:
    """Return the trace in a file. Raises UnreadableError or OSError."""
    with pages.atlas.objects.open(file.url) as opened:
        return pages.traces.get(file.url, opened, is_gzip=_is_gzip(file))


def _is_gzip(file: DataFile) -> bool:
    return file.name.lower().endswith(".gz")


def _is_read(pages: Pages, file: DataFile) -> bool:
    with pages.atlas.objects.open(file.url) as opened:
        return pages.traces.is_ready(file.url, opened)


def is_trace(file: DataFile) -> bool:
    """Return whether a file may be a trace, by its name."""
    return previews.is_table(file.name) and file.name.lower() != MEASUREMENTS_FILE


def read_limits(pages: Pages, files: Sequence[DataFile], trace: DataFile) -> TraceLimits:
    """Return the limits of a trace, from the files with the same owner."""
    waiting = []
    for file in files:
        if file.name == trace_limits_name(trace.name):
            with suppress(OSError), pages.atlas.objects.open(file.url) as opened:
                if (found := parse_trace_limits(opened.read(MAX_LIMITS_BYTES))) is not None:
                    waiting.append(found)
    place = [file.uuid for file in files if file.name == trace.name].index(trace.uuid) if waiting else 0
    for _ in range(place):
        take_limits(waiting)
    return take_limits(waiting)
