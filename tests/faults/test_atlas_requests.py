"""Inject every fault into the requests to Atlas, on a socket. After a push without faults, Atlas has each entity once."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support import acts
from tests.support import events as f
from tests.support.atlases import every_run
from tests.support.proxy import EXPIRED, FAULTS, REJECTED, Fault, Proxy, proxy
from tests.support.served_atlas import ServedAtlas
from tests.support.totals import give
from tests.support.truth import Verdict, compare, lines_of, truth

from pytest_atlas.atlas.operations import DeleteRun
from pytest_atlas.journal.status import Status
from pytest_atlas.publisher import reports, targets
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.reconcile import pace

# asyncio before 3.12.8 and 3.13.1 loses a connected socket if its happy eyeballs are cancelled at this moment.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RUN, CARD, STEP = "/test-runs$", "/cards$", "/steps$"
GET_RUN = "/test-runs/[^/]+$"
CALLS = {
    "the search": ("GET", RUN),
    "the run": ("POST", RUN),
    "a card": ("POST", CARD),
    "a step": ("POST", STEP),
    "an outcome": ("PATCH", "/steps/[^/]+$"),
    "the run summary": ("PATCH", GET_RUN),
    "a data file": ("POST", "/data$"),
    "the report": ("POST", "/reports$"),
}
FIRST = ("the search", "the run", "a card", "a step", "an outcome", "a data file")
"""The requests of a push of half a session."""
SECOND = ("an outcome", "the run summary", "a step", "a data file", "the report")
"""The possible requests of a push of the other half."""
TIMEOUT_S = 0.5
"""Timeout of the client. It is short, so that requests without a response end soon."""
PATIENCE_S = 20.0


class Bench:
    """A session, a served Atlas, and a proxy between them."""

    def __init__(self, directory: Path, served: ServedAtlas, way: Proxy) -> None:
        self.session = directory / "sessions" / directory.name
        self.served = served
        self.way = way
        self.totals = Counter(rounds=1, sessions=1)
        self._facts = acts.everything(self.session, report="run")
        self.write(len(self._facts) // 2)

    def write(self, count: int | None = None) -> None:
        """Write the next events, or all remaining ones, which end the session."""
        f.write_journal(self.session, *self._facts[:count])
        del self._facts[:count]

    def push(self, patience_s: float = PATIENCE_S) -> Status:
        self.totals["publishers"] += 1
        return asyncio.run(self._publish(patience_s))

    async def _publish(self, patience_s: float) -> Status:
        assert self.served.token
        async with targets.remote(self.way.url, self.served.token, timeout_s=TIMEOUT_S) as opened:
            target = replace(opened, objects=targets.LocalPlace(self.served.atlas.objects))
            return await publish(
                self.session, target, started_by_pytest=False, pytest_may_run=bool(self._facts), patience_s=patience_s
            )

    def verdict(self) -> Verdict:
        """Compare the run in Atlas with the journals."""
        lines = lines_of(self.session)
        want = truth(lines, self.session)
        assert want
        verdict = compare(want, every_run(self.served.atlas), self._content)
        self.totals += verdict.totals
        self.totals["events recorded"] += len(lines)
        return verdict

    def _content(self, url: str) -> bytes:
        with self.served.atlas.objects.open(url) as stream:
            return stream.read()

    def run(self) -> Any:
        (run,) = [run for run in every_run(self.served.atlas) if run.description.endswith(f": {self.session.name}")]
        return run


@pytest.fixture(scope="module")
def the_way(served: ServedAtlas) -> Iterator[Proxy]:
    with proxy(served.url) as way:
        yield way


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "POLL_S", (0.01, 0.02, 0.05, 0.1, 0.2))
    monkeypatch.setattr(pace, "FIRST_PAUSE_S", 0.02)


@pytest.fixture
def bench(
    tmp_path: Path, served: ServedAtlas, the_way: Proxy, record_property: Callable[[str, object], None]
) -> Iterator[Bench]:
    the_way.happened.clear()
    the_way.requests.clear()
    bench = Bench(tmp_path, served, the_way)
    try:
        yield bench
    finally:
        the_way.healthy()
        bench.totals["faults"] += the_way.happened.total()
        give(record_property, bench.totals)
        with suppress(ValueError):
            served.atlas.send(DeleteRun(run_id=bench.run().uuid))


def assert_each_entity_exists_once(bench: Bench, *, is_report_lost: bool = False) -> None:
    bench.way.healthy()
    status = bench.push()
    verdict = bench.verdict()
    assert verdict.problems == (["report 'in all': 0 in Atlas, 1 recorded"] if is_report_lost else [])
    assert (status.state, verdict.twins) == ("incomplete" if is_report_lost else "done", 0), status
    assert (verdict.recorded, verdict.there) == (31, 30 if is_report_lost else 31)


def loses_the_report(fault: Fault) -> bool:
    """Return whether a report that meets this fault never appears: a report is requested at most once (C5)."""
    is_confirmed = fault.sees == "given" and fault.status in (307, 425, 429)  # the response proves that the server did nothing
    return fault.reaches == "never" and not is_confirmed


def spread(name: str, calls: Iterable[str], bench: Bench) -> None:
    """Let one request of each kind fail; only two if the fault takes a second each time."""
    for call in list(calls)[: 2 if FAULTS[name].retry_after_is_date else None]:
        bench.way.fail(FAULTS[name], *CALLS[call])


@pytest.mark.parametrize("name", FAULTS)
def test_publisher_recovers_from_a_transient_fault_of_each_request(bench: Bench, name: str) -> None:
    spread(name, FIRST, bench)
    bench.push()
    assert bench.way.left == 0
    bench.write()
    spread(name, SECOND, bench)
    bench.push()
    assert bench.way.left == 0
    assert bench.way.happened[name] > 3
    bench.totals["late effects"] += bench.way.release()
    assert_each_entity_exists_once(bench, is_report_lost=loses_the_report(FAULTS[name]))


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.reaches == "later"])
def test_request_that_takes_effect_after_its_lookup_leaves_no_duplicate(bench: Bench, name: str) -> None:
    bench.write()
    for call in ("the run", "a card", "a step", "an outcome", "a data file"):
        bench.way.fail(FAULTS[name], *CALLS[call])
        bench.way.release_after("GET", GET_RUN)
    assert bench.push().state == "done"
    bench.totals["late effects"] += bench.way.release()
    assert_each_entity_exists_once(bench)


@pytest.mark.parametrize("status", EXPIRED)
@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"the run summary"}))
def test_expired_token_ends_the_push_and_a_later_push_completes_it(bench: Bench, call: str, status: int) -> None:
    bench.write()
    bench.way.fail(EXPIRED[status], *CALLS[call])
    ended = bench.push()
    assert "token expired" in " ".join((ended.problem, *ended.remarks))
    assert ended.state in ("stopped", "incomplete")
    assert_each_entity_exists_once(bench)


@pytest.mark.parametrize("call", sorted(CALLS.keys() - {"the run summary", "the run", "the search"}))
def test_rejected_request_is_named_and_the_others_are_published(bench: Bench, call: str) -> None:
    bench.write()
    bench.way.fail(REJECTED, *CALLS[call], times=2 if call in ("an outcome", "a data file") else 1)
    incomplete = bench.push()
    assert incomplete.state == "incomplete"
    assert "invalid text" in " ".join(incomplete.remarks)
    assert incomplete.in_place > 5
    assert_each_entity_exists_once(bench)


def test_deleted_run_ends_the_push_with_a_message(bench: Bench) -> None:
    bench.push()
    bench.served.atlas.send(DeleteRun(run_id=bench.run().uuid))
    bench.write()
    stopped = bench.push()
    assert stopped.state == "stopped"
    assert "404" in stopped.problem


def test_404_for_an_existing_entity_is_verified(bench: Bench) -> None:
    bench.push()
    bench.write()
    for call in ("a step", "an outcome", "a data file"):
        bench.way.fail(Fault("404", status=404), *CALLS[call])
    bench.push()
    assert_each_entity_exists_once(bench)


@pytest.mark.parametrize("silent", [True, False], ids=["no response", "connection refused"])
def test_push_to_an_unreachable_atlas_ends_and_a_later_push_completes_it(bench: Bench, silent: bool) -> None:
    bench.push()
    bench.write()
    if silent:
        bench.way.choose = lambda _: FAULTS["hangs before"]
    else:
        bench.way.go_away()
    stopped = bench.push(patience_s=1.0)
    assert stopped.state == "stopped"
    assert ("no response before the timeout" if silent else "can't connect") in stopped.problem
    if not silent:
        bench.way.come_back()
    assert_each_entity_exists_once(bench)


def test_endless_response_ends_the_push_after_its_patience(bench: Bench) -> None:
    bench.push()
    bench.write()
    bench.way.choose = lambda _: Fault("endless drip", "at once", "drip", delay_s=TIMEOUT_S / 2)
    assert bench.push(patience_s=1.0).state == "stopped"
    assert_each_entity_exists_once(bench)


@pytest.mark.parametrize("date", [True, False], ids=["date", "seconds"])
def test_push_does_not_wait_for_a_retry_after_beyond_its_patience(bench: Bench, date: bool) -> None:
    bench.way.fail(Fault("429", status=429, retry_after_s=3600, retry_after_is_date=date), *CALLS["a step"])
    assert bench.push(patience_s=0.5).state == "stopped"
    bench.write()
    assert_each_entity_exists_once(bench)
