"""The page of a run: failures first, then the smallest margins, cards and steps, timeline, reports, files, environment."""

import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from pytest_atlas.analysis.comparison import change_of
from pytest_atlas.analysis.drift import drift
from pytest_atlas.analysis.figures import STRIP_RUNS, Bar, Spark, Strip, bar, spark, stack, strip
from pytest_atlas.analysis.margins import margin
from pytest_atlas.analysis.outcome_history import failing_runs
from pytest_atlas.analysis.readings import Judged, by_urgency, judged_in
from pytest_atlas.analysis.timeline import Timed, Timeline, timeline
from pytest_atlas.atlas.statuses import GOOD
from pytest_atlas.base.quantities import limits_text, quantity
from pytest_atlas.descriptions import failure_reason, parse_attempts, parse_failures, split_result, test_of, without_identity
from pytest_atlas.local.views import run as view
from pytest_atlas.local.views.connection import TooSlow
from pytest_atlas.local.views.runs import read_failing
from pytest_atlas.server.recordings import Recording, RunningTest

from .formats import CLASSES, status_class
from .frame import NotFound, PageError, Pages, render, route

T = TypeVar("T")

MAX_FAILURES = 50
"""Most failures that are shown first. The others are in their cards."""
LONG_HISTORY, LONG_HISTORY_TESTS = 100, 20
"""Runs in which the start of a failure is looked up, and the largest number of failures for which it is worth the time."""
MAX_MARGINS, ALL_MARGINS = 6, 500
MAX_FILES, ALL_FILES = 8, 2000
PAGE_STEPS = 500
"""Steps of a card on one page."""
OPEN_STEPS, MAX_OPEN_STEPS = 150, 2000
"""Steps of all cards that are open at first, and with `?open=all`: more would make the page slow."""
MAX_LIVE_STEPS = 2000
"""While a session runs, the margins of this number of steps are read from their descriptions."""
MAX_REPEATED = 50
MAX_TIMED = 20_000
"""Most tests of the timeline, those that started last."""

_BY_CLASS = {name: status for status, name in CLASSES.items()}


def find_run(db: sqlite3.Connection, reference: str) -> view.RunHead:
    """Return the run that a part of a URL names. Raises NotFound or PageError."""
    try:
        run = view.find_run(db, reference)
    except view.AmbiguousRun:
        raise PageError("Several runs have a UUID with this start", reference, "Use more of it, or TR-…", 404) from None
    head = view.read_head(db, run) if run is not None else None
    if head is None:
        remedy = "It may have been deleted. The first page lists all runs; pytest --atlas-system=UUID creates one."
        raise NotFound("There is no such run", reference, remedy)
    return head


def run_url(reference: str) -> str:
    """Return the path of the page of a run."""
    return f"/runs/{reference}"


# ── steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class StepLine:
    """A step in a list: its decisive measurement and the reason of its status."""

    step: view.StepRow
    url: str

    @cached_property
    def judged(self) -> Judged | None:
        """The most urgent measurement of the step."""
        return next(iter(judged_in(self.step.description)), None)

    @cached_property
    def bar(self) -> Bar | None:
        """The figure of the measurement."""
        return bar_of(self.judged)

    @cached_property
    def why(self) -> str:
        """One line: why the step failed, was not run, or passed with an exception."""
        match self.step.status:
            case "failed":
                return failure_reason(self.step.description)
            case "passed_with_exception":
                return self.step.exception
            case "todo":
                return _first_line(split_result(self.step.description)[1]) if "Skipped" in self.step.description else ""
        return ""


def step_line(head: view.RunHead, step: view.StepRow) -> StepLine:
    """Return the line of a step of this run."""
    return StepLine(step, f"{run_url(head.reference)}/steps/{step.uuid}")


def bar_of(judged: Judged | None) -> Bar | None:
    """Return the bar of a measurement."""
    if judged is None:
        return None
    reading = judged.reading
    return bar(judged.value, reading.low, reading.high, is_waived=reading.verdict == "waived")


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def docstring(description: str) -> str:
    """Return the text of a card without our lines: its first paragraph."""
    return without_identity(description).strip().partition("\n\n")[0] if description else ""


# ── failures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Failure:
    """A failed test: by how much, and since which run."""

    line: StepLine
    card: str
    judged: Judged | None
    place: str
    runs: int  # number of runs in which it has failed until now
    since: str  # the first of them; empty if it is older than the history that was read
    is_new: bool  # whether it did not fail before
    strip: Strip | None

    @property
    def bar(self) -> Bar | None:
        """The figure of the decisive measurement."""
        return bar_of(self.judged)


def read_failures(db: sqlite3.Connection, head: view.RunHead, cards: Mapping[int, view.CardRow]) -> list[Failure]:
    """Return the failed tests, new ones first, without the inner steps of these tests."""
    steps = view.read_failed_steps(db, head.id, limit=4 * MAX_FAILURES)
    tests = [step for step in steps if not step.depth][:MAX_FAILURES]
    names = {step.test for step in tests if step.test}
    inner: dict[str, list[view.StepRow]] = {}
    for step in steps:
        if step.depth and test_of(step.test) in names:
            inner.setdefault(test_of(step.test), []).append(step)
        elif step.depth:
            tests.append(step)
    limit = LONG_HISTORY if len(tests) <= LONG_HISTORY_TESTS else STRIP_RUNS
    past = view.read_past(db, head.system_id, head.id, (step.test for step in tests if step.test), limit=limit)
    found = [
        _failure(head, step, inner.get(step.test, []), past.get(step.test, []), limit=limit, card=cards[step.card].title)
        for step in tests
    ]
    return sorted(found, key=lambda failure: (not failure.is_new, failure.runs))


def _failure(
    head: view.RunHead, step: view.StepRow, inner: Sequence[view.StepRow], past: Sequence[view.Past], *, limit: int, card: str
) -> Failure:
    statuses = [one.status for one in past]
    runs = failing_runs(statuses)
    ran = [one for one in past if one.status not in ("todo", "running")]
    failures = parse_failures(step.description)
    judged = by_urgency(one for some in (step, *inner) for one in judged_in(some.description))
    return Failure(
        line=step_line(head, step),
        card=card,
        judged=judged[0] if judged and judged[0].reading.verdict == "fail" else None,
        place=failures[-1].place if failures else "",
        runs=runs,
        since=ran[runs - 1].run if runs and (runs < len(ran) or len(past) < limit) else "",
        is_new=runs == 1 and len(ran) > 1,
        strip=strip(statuses[::-1]) if len(past) > 1 else None,
    )


# ── margins ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class MarginLine:
    """A measurement with its margin."""

    name: str
    where: str  # title of the step
    url: str  # its history; empty while the session runs
    value_text: str
    limits_text: str
    distance_text: str  # "-10.8 ms": negative beyond the limit
    share: float | None
    is_out: bool
    bar: Bar | None
    spark: Spark | None = None
    trend: str = ""  # "+0.24 ms a run"


def read_margins(db: sqlite3.Connection, head: view.RunHead, limit: int) -> tuple[list[MarginLine], int]:
    """Return the measurements with the smallest margins, and the number of all.

    They come from the registered files, or from the descriptions of the steps while there are none.
    """
    if number := view.count_margins(db, head.id):
        return [_margin_line(db, head, row) for row in view.read_margins(db, head.id, limit=limit)], number
    steps = view.read_measured_steps(db, head.id, limit=MAX_LIVE_STEPS)
    titles = {id(judged): step for step in steps for judged in judged_in(step.description)}
    found = by_urgency(judged for step in steps for judged in judged_in(step.description))
    return [_line_of_description(head, judged, titles[id(judged)]) for judged in found[:limit]], len(found)


def _margin_line(db: sqlite3.Connection, head: view.RunHead, row: view.MarginRow) -> MarginLine:
    found = margin(row.value, row.low, row.high)
    values = view.read_values(db, row.quantity, head.id, runs=STRIP_RUNS)
    return MarginLine(
        row.name,
        row.step_title,
        measurement_url(head.system_id, row.test, row.name),
        quantity(row.value, row.unit, (row.low, row.high)),
        limits_text(row.low, row.high, None, row.unit),
        quantity(found.distance, row.unit) if found else "",
        found.share if found else None,
        found is not None and found.distance < 0,
        bar(row.value, row.low, row.high, is_waived=row.verdict == "waived"),
        spark(values, row.low, row.high),
        f"{quantity(float(f'{found_drift.slope:+.2g}'), row.unit)} a run" if (found_drift := drift(values)) else "",
    )


def _line_of_description(head: view.RunHead, judged: Judged, step: view.StepRow) -> MarginLine:
    reading = judged.reading
    return MarginLine(
        reading.name,
        step.title,
        step_line(head, step).url,
        judged.value_text,
        reading.limits_text,
        quantity(judged.margin.distance, reading.unit),
        judged.margin.share,
        judged.margin.distance < 0,
        bar_of(judged),
    )


def measurement_url(system_id: str, test: str, name: str) -> str:
    """Return the URL of the history of a measurement."""
    return f"/systems/{system_id}/measurement?{urlencode({'test': test, 'name': name})}"


# ── cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class CardPage:
    """A card, and a page of its steps if it is open."""

    card: view.CardRow
    n: int
    status: str
    counts: tuple[tuple[str, int], ...]
    steps: tuple[StepLine, ...] | None  # None: loaded when the card is opened
    start: int = 0
    total: int = 0  # number of steps that match the filter

    @property
    def next_start(self) -> int | None:
        """The first step of the next page; None on the last one."""
        end = self.start + len(self.steps or ())
        return end if end < self.total else None


def in_order(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return the statuses that occur with their number, the most urgent first."""
    return tuple((status, counts[status]) for status in dict.fromkeys([*CLASSES, *counts]) if counts.get(status))


def card_page(
    db: sqlite3.Connection,
    head: view.RunHead,
    n: int,
    card: view.CardRow,
    *,
    is_open: bool,
    start: int = 0,
    limit: int = PAGE_STEPS,
    statuses: Sequence[str] = (),
) -> CardPage:
    """Return a card with a page of its steps if it is open."""
    counts = in_order(card.counts)
    total = sum(number for status, number in counts if not statuses or status in statuses)
    steps = view.read_steps(db, card.id, limit=limit, offset=start, statuses=statuses) if is_open else None
    lines = None if steps is None else tuple(step_line(head, step) for step in steps)
    return CardPage(card, n, counts[0][0] if counts else "todo", counts, lines, start, total)


def read_card_pages(
    db: sqlite3.Connection, head: view.RunHead, cards: Sequence[view.CardRow], statuses: Sequence[str], *, most: int
) -> list[CardPage]:
    """Return all cards. Those with a failure or a running step are open, up to `most` steps in all."""
    left, open_all = most, most > PAGE_STEPS
    found = []
    for n, card in enumerate(cards, 1):
        if statuses and not any(card.counts.get(status) for status in statuses):
            continue
        is_urgent = bool(statuses) or open_all or bool(card.counts.get("failed") or card.counts.get("running"))
        page = card_page(
            db, head, n, card, is_open=is_urgent and left > 0, limit=min(PAGE_STEPS, max(left, 1)), statuses=statuses
        )
        left -= len(page.steps or ())
        found.append(page)
    return found


def _most_open(request: Request, statuses: Sequence[str]) -> int:
    return MAX_OPEN_STEPS if request.query_params.get("open") == "all" else PAGE_STEPS if statuses else OPEN_STEPS


# ── what runs now ────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Now:
    """A test that runs."""

    title: str  # with the open inner steps
    url: str
    worker: str
    elapsed_us: int
    value: str = ""  # the newest measurement


def sessions_of(pages: Pages, head: view.RunHead) -> tuple[Recording, ...]:
    """Return the sessions on this machine that record into a running run; none if they are on other machines."""
    return pages.recordings.of_run(head.uuid) if head.is_running and pages.recordings else ()


def have_ended(sessions: Sequence[Recording]) -> bool:
    """Return whether no pytest runs any more, although the run in the store does: it was killed, or is not published yet."""
    return bool(sessions) and all(session.liveness == "ended" for session in sessions)


def running_tests(
    head: view.RunHead,
    sessions: Sequence[Recording],
    steps: Mapping[str, tuple[str, str]],
    started: Sequence[Timed],
    now: int,
) -> list[Now]:
    """Return the running tests: from the journals of the sessions, or from the store if they are on other machines."""
    if not sessions:
        return [
            Now(one.title, f"{run_url(head.reference)}/steps/{one.key}", one.worker, now - one.started_at)
            for one in started
            if one.status == "running"
        ]
    found = []
    for session in sessions:
        for test in session.running if session.liveness != "ended" else ():
            uuid, title = steps.get(test.nodeid, ("", test.nodeid))
            url = f"{run_url(head.reference)}/steps/{uuid}" if uuid else ""
            elapsed, value = now - int(test.started * 1e6), _newest_value(session, test)
            found.append(Now(" › ".join([title, *test.steps]), url, test.worker, elapsed, value))
    return found


def _newest_value(session: Recording, test: RunningTest) -> str:
    values = session.of_test(test.nodeid)
    if not values or values[-1].number is None:
        return ""
    return f"{values[-1].name}: {quantity(values[-1].number, values[-1].unit)}"


# ── the page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_context(pages: Pages, request: Request, *, with_steps: bool = True) -> dict[str, Any]:
    """Return all that the page of a run shows. Live updates render parts of the same page, `with_steps=False`."""
    query = request.query_params
    statuses = tuple(_BY_CLASS[name] for name in query.getlist("status") if name in _BY_CLASS)
    with pages.views.read() as db:  # it has a time limit: the rest is computed outside of it
        head = find_run(db, request.path_params["run"])
        cards = view.read_cards(db, head.id)
        failures = read_failures(db, head, {card.id: card for card in cards}) if head.counts.get("failed") else []
        previous, following = view.neighbours(db, head)
        against = compare_with(db, head, previous)
        card_pages = read_card_pages(db, head, cards, statuses, most=_most_open(request, statuses) if with_steps else 0)
        reports, earlier_report = view.read_reports(db, head)
        files = view.read_files(db, head.id, limit=ALL_FILES if query.get("files") == "all" else MAX_FILES)
        sessions = sessions_of(pages, head)
        steps = view.find_steps(db, head.id, (test.nodeid for session in sessions for test in session.running))
    most = ALL_MARGINS if query.get("margins") == "all" else MAX_MARGINS
    found_margins = _in_time(pages, lambda db: read_margins(db, head, most))
    margins, number_of_margins = found_margins or ([], 0)
    found_tests = _in_time(pages, lambda db: view.read_timeline(db, head.id, limit=MAX_TIMED))
    started = found_tests or []
    repeated = _in_time(pages, lambda db: view.read_repeated_steps(db, head.id, limit=MAX_REPEATED))
    now = time.time_ns() // 1000
    running = [test for test in started if test.status == "running"]
    counts = _with_running(head.counts, len(running))
    return {
        "page": "runs",
        "head": head,
        "url": run_url(head.reference),
        "counts": in_order(counts),
        "shares": stack(counts, CLASSES),
        "statuses": [status_class(status) for status in statuses],
        "complete": 1 - head.counts.get("todo", 0) / head.steps if head.steps else 0.0,
        "elapsed_us": now - head.began_at,
        "running": running_tests(head, sessions, steps, started, now),
        "has_ended": have_ended(sessions),
        "previous": previous,
        "following": following,
        "against": against,
        "failures": failures,
        "margins": margins,
        "number_of_margins": number_of_margins,
        "cards": card_pages,
        "card_query": f"?{urlencode([('status', status_class(status)) for status in statuses])}" if statuses else "",
        "docs": {card.id: docstring(card.description) for card in cards},
        "left_out": [
            name
            for name, part in (("the margins", found_margins), ("the timeline", found_tests), ("the attempts", repeated))
            if part is None
        ],
        "timeline": _timeline(started, head, now),
        "repeated": [(step_line(head, step), parse_attempts(step.description)) for step in repeated or ()],
        "reports": reports,
        "earlier_report": earlier_report,
        "files": files,
    }


def _in_time(pages: Pages, read: Callable[[sqlite3.Connection], T]) -> T | None:
    """Return the result of queries; None if they take too long: the page is shown without this part."""
    try:
        with pages.views.read() as db:
            return read(db)
    except TooSlow:
        return None


def _with_running(counts: Mapping[str, int], running: int) -> dict[str, int]:
    """Return the counts with the running steps, which are `todo` in the store."""
    return {**counts, "running": running, "todo": max(counts.get("todo", 0) - running, 0)} if running else dict(counts)


def _timeline(started: Sequence[Timed], head: view.RunHead, now: int) -> Timeline | None:
    """Return the timeline. A test without an end lasts as long as its session."""
    return timeline(started, now if head.is_running else head.ended_at or max((t.ended_at or 0 for t in started), default=0))


@dataclass(frozen=True, slots=True)
class Against:
    """The differences from the previous run."""

    newly_failing: int
    fixed: int


def compare_with(db: sqlite3.Connection, head: view.RunHead, previous: str | None) -> Against | None:
    """Return the differences from the previous run of the system; None without one."""
    earlier = view.find_run(db, previous) if previous else None
    if earlier is None:
        return None
    now = [change_of("failed", one.before) for one in read_failing(db, head.id, earlier)]
    fixed = [one for one in read_failing(db, earlier, head.id) if one.before in GOOD]
    return Against(sum(kind != "still failing" for kind in now), len(fixed))


def run_page(request: Request, pages: Pages) -> Response:
    """Show a run."""
    return render(request, "run.html", **run_context(pages, request))


def card(request: Request, pages: Pages) -> Response:
    """Show a page of the steps of a card: for a script only these, otherwise a page with the card."""
    start = _number(request.query_params.get("from", "0"))
    statuses = tuple(_BY_CLASS[name] for name in request.query_params.getlist("status") if name in _BY_CLASS)
    with pages.views.read() as db:
        head = find_run(db, request.path_params["run"])
        found = next(
            ((n, c) for n, c in enumerate(view.read_cards(db, head.id), 1) if c.uuid == request.path_params["card"]), None
        )
        if found is None:
            remedy = "It may have been deleted. The page of the run has all cards."
            raise NotFound("There is no such card in this run", request.path_params["card"], remedy)
        shown = card_page(db, head, *found, is_open=True, start=start, statuses=statuses)
    template = "_steps.html" if "hx-request" in request.headers else "card.html"
    context: dict[str, Any] = {"statuses": [status_class(status) for status in statuses], "page": "runs"}
    return render(request, template, head=head, url=run_url(head.reference), shown=shown, **context)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


ROUTES = [route("/runs/{run}", run_page), route("/runs/{run}/cards/{card}", card)]
