"""The page that compares two runs: newly failing, fixed, moved measurements, slower steps, differences of the environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pytest_atlas.analysis.comparison import SLOWER_S, Change, Shift, changes_of, differences, pairs, shifts, slower
from pytest_atlas.analysis.figures import Bar, bar, stack
from pytest_atlas.analysis.inputs import Step
from pytest_atlas.analysis.measurements import Series, series_by_run
from pytest_atlas.descriptions import failure_reason, test_of
from pytest_atlas.local.views import compare as view
from pytest_atlas.local.views.measurements import Groups, LastRuns, read_titles, read_values, rows_of
from pytest_atlas.local.views.run import RunHead

from .formats import CLASSES
from .frame import NotFound, Pages, render, route
from .measured import RunLine, amount, limits, measurement_url
from .run import find_run

MAX_ROWS, ALL_ROWS = 15, 1000
"""Rows of a table, and rows with `?shifts=all` or `?slower=all`."""
KINDS = (
    ("new", "Newly failing", ("newly failing",)),
    ("first", "Failing, not run in A", ("failing for the first time",)),
    ("fixed", "Fixed", ("fixed",)),
    ("still", "Failing in both", ("still failing",)),
)
"""Anchor, heading and kinds of change of each section."""


@dataclass(frozen=True, slots=True)
class Line:
    """A step whose outcome is a failure in one of the runs."""

    change: Change
    before: Step | None
    url: str

    @property
    def why(self) -> str:
        """The reason of the failure, or of the earlier one."""
        if self.change.step.status == "failed":
            return failure_reason(self.change.step.description)
        return f"was: {failure_reason(self.before.description)}" if self.before else ""


@dataclass(frozen=True, slots=True)
class ShiftLine:
    """A measurement that moved."""

    shift: Shift
    title: str
    url: str

    @property
    def bar(self) -> Bar | None:
        """The value in B, and that in A."""
        now, before = self.shift.now.worst, self.shift.before.worst
        assert now is not None
        assert before is not None
        return bar(now.number, now.low, now.high, was=before.number, is_waived=now.verdict == "waived")

    @property
    def now(self) -> RunLine:
        """The value in B."""
        return RunLine(self.shift.now, None)

    @property
    def before(self) -> RunLine:
        """The value in A."""
        return RunLine(self.shift.before, None)


def page(request: Request, pages: Pages) -> Response:
    """Return the comparison of the runs `a` and `b`; without them, of the newest run and the one before it."""
    query = request.query_params
    with pages.views.read() as db:
        b = find_run(db, query.get("b") or "latest")
        if not query.get("a"):
            previous = view.previous_run(db, b.id)
            if not previous:
                raise NotFound(
                    "There is no earlier run to compare with", b.reference, "Give two runs: /compare?a=TR-0001&b=TR-0002"
                )
            return RedirectResponse(f"/compare?a={previous}&b={b.reference}", 303)
        a = find_run(db, query["a"])
        choices = list(dict.fromkeys([*view.read_choices(db, b.system_id), a.reference, b.reference]))
    # A block for each run, because the time limit is that of a block and a run can have 10,000 steps.
    now, before = (_read_steps(pages, run) for run in (b, a))
    values = [_read_values(pages, run) for run in (b, a)]
    moved = shifts(*map(_newest_series, values))
    matched = list(pairs(now, before))
    shown = moved[: _number_of_rows(request, "shifts")]
    with pages.views.read() as db:
        titles = read_titles(db, LastRuns((b.id,), (b.id,)), (test_of(shift.test) for shift in shown))
    earlier = {step.key: old for step, old in matched}
    lines = [
        Line(change, earlier.get(change.step.key), f"/runs/{b.reference}/steps/{change.step.key}")
        for change in changes_of(matched, before)
    ]
    sections = [(anchor, title, [line for line in lines if line.change.kind in kinds]) for anchor, title, kinds in KINDS]
    took_longer = slower(matched)
    return render(
        request,
        "compare.html",
        page="compare",
        a=a,
        b=b,
        choices=choices,
        sections=sections,
        shifts=[_shift_line(b, shift, titles) for shift in shown],
        number_of_shifts=len(moved),
        slower=took_longer[: _number_of_rows(request, "slower")],
        number_of_slower=len(took_longer),
        slower_ms=1000 * SLOWER_S,
        differences=differences(_properties(a), _properties(b)),
        only_a=len(before) - sum(old is not None for _, old in matched),
        only_b=sum(old is None for _, old in matched),
        stack=lambda run: stack(run.counts, CLASSES),
        counts=lambda run: [(status, run.counts[status]) for status in CLASSES if run.counts.get(status)],
        amount=amount,
        limits=limits,
        url=f"/compare?a={a.reference}&b={b.reference}",
    )


def _number_of_rows(request: Request, table: str) -> int:
    return ALL_ROWS if request.query_params.get(table) == "all" else MAX_ROWS


def _read_steps(pages: Pages, run: RunHead) -> list[Step]:
    with pages.views.read() as db:
        return view.read_steps(db, run.id)


def _read_values(pages: Pages, run: RunHead) -> Groups:
    with pages.views.read() as db:
        return read_values(db, (run.id,))


def _newest_series(groups: Groups) -> dict[tuple[str, str], Series]:
    return {key: series_by_run(rows_of(rows))[-1] for key, rows in groups.items()}


def _shift_line(b: RunHead, shift: Shift, titles: Mapping[str, tuple[str, str]]) -> ShiftLine:
    _, title = titles.get(test_of(shift.test), ("", shift.test))
    return ShiftLine(shift, title, measurement_url(b.system_id, shift.test, shift.name))


def _properties(run: RunHead) -> dict[str, str]:
    """Return the texts that are compared, by name."""
    known = {"Title": run.title, "System": run.system_name, "Job": run.job, "Device": run.device, "Firmware": run.firmware}
    known |= {"Bench": run.bench, "Host": run.host, **run.environment}
    return {name: text for name, text in known.items() if text and name != "CI job"}


ROUTES = [route("/compare", page)]
