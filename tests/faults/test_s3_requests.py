"""Inject every fault into the requests to S3, on a socket. Each data file arrives unchanged and is registered once."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support import acts
from tests.support import events as f
from tests.support.atlases import every_run
from tests.support.proxy import FAULTS, Fault, Proxy, proxy
from tests.support.s3 import CREDENTIALS, ServedS3
from tests.support.served_atlas import ServedAtlas
from tests.support.totals import give
from tests.support.truth import compare, lines_of, truth

from pytest_atlas.journal.status import Status
from pytest_atlas.publisher import targets
from pytest_atlas.publisher.files import s3_transfer
from pytest_atlas.publisher.files.bucket import Bucket
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.reconcile import pace

PUT = ("PUT", "^/bench/")
HEAD = ("HEAD", "^/bench/")
XML = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Reduce your request rate</Message></Error>"
LATE = {name for name, fault in FAULTS.items() if fault.reaches == "later"}
S3_FAULTS = {
    **{name: fault for name, fault in FAULTS.items() if name not in LATE | {"html", "html after", "empty", "redirect"}},
    "503 SlowDown": Fault("503 SlowDown", status=503, body=XML, content_type="application/xml"),
    "400 RequestTimeout": Fault("400 RequestTimeout", status=400, body=XML.replace(b"SlowDown", b"RequestTimeout")),
}
"""Transient faults. tests/publisher/files/test_s3_errors.py covers HTML and redirects."""


@pytest.fixture(scope="module")
def the_way(s3: ServedS3) -> Iterator[Proxy]:
    with proxy(s3.url) as way:
        yield way


class Bench:
    """A session with data files, an Atlas, and a proxy in front of S3."""

    def __init__(self, directory: Path, s3: ServedS3, served: ServedAtlas, way: Proxy) -> None:
        self.session = directory / "sessions" / directory.name
        self.s3, self.served, self.way = s3, served, way
        self.totals = Counter(rounds=1, sessions=1)
        f.write_journal(self.session, *acts.everything(self.session))

    def push(self, patience_s: float = 20.0) -> Status:
        self.totals["publishers"] += 1
        return asyncio.run(self._publish(patience_s))

    async def _publish(self, patience_s: float) -> Status:
        assert self.served.token
        async with targets.remote(self.served.url, self.served.token, Bucket("bench", "hil")) as target:
            return await publish(self.session, target, started_by_pytest=False, patience_s=patience_s)

    def assert_each_entity_exists_once(self) -> None:
        self.way.healthy()
        status = self.push()
        lines = lines_of(self.session)
        want = truth(lines, self.session)
        assert want
        verdict = compare(want, every_run(self.served.atlas), self.s3.content)
        self.totals += verdict.totals
        self.totals["events recorded"] += len(lines)
        assert verdict.problems == []
        assert (status.state, verdict.there) == ("done", verdict.recorded)
        assert len(want.files) > 5


@pytest.fixture
def bench(
    tmp_path: Path,
    s3: ServedS3,
    served: ServedAtlas,
    the_way: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> Iterator[Bench]:
    for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL_S3": the_way.url, "AWS_MAX_ATTEMPTS": "2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(pace, "FIRST_PAUSE_S", 0.02)
    monkeypatch.setattr(s3_transfer, "READ_TIMEOUT_S", 0.5)
    the_way.happened.clear()
    bench = Bench(tmp_path, s3, served, the_way)
    yield bench
    the_way.healthy()
    bench.totals["faults"] += the_way.happened.total()
    give(record_property, bench.totals)


@pytest.mark.parametrize("name", S3_FAULTS)
def test_publisher_recovers_from_a_transient_fault_of_s3(bench: Bench, name: str) -> None:
    bench.way.fail(S3_FAULTS[name], *PUT, times=3)
    bench.way.fail(S3_FAULTS[name], *HEAD)
    assert bench.push().state == "done"
    assert bench.way.left == 0
    bench.assert_each_entity_exists_once()


def test_push_with_an_unreachable_s3_ends_and_a_later_push_completes_it(bench: Bench) -> None:
    bench.way.go_away()
    stopped = bench.push(patience_s=0.5)
    assert stopped.state == "stopped"
    assert "no connection to" in stopped.problem
    assert stopped.in_place > 20, "entities without files are published"
    bench.way.come_back()
    bench.assert_each_entity_exists_once()


@pytest.mark.parametrize("code", ["ExpiredToken", "AccessDenied"])
def test_expired_credentials_are_named_and_a_later_push_completes_it(bench: Bench, code: str) -> None:
    refusal = Fault(code, status=403, body=XML.replace(b"SlowDown", code.encode()), content_type="application/xml")
    bench.way.fail(refusal, *PUT)
    incomplete = bench.push()
    assert incomplete.state == "incomplete"
    assert incomplete.in_place > 20
    assert code in " ".join(incomplete.remarks)
    bench.assert_each_entity_exists_once()
