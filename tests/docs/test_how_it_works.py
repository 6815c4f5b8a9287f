"""docs/how-it-works.md: its figures, files, requests and failures are those of the code."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.support import pages
from tests.support.atlases import FaultyAtlas
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project

from pytest_atlas.atlas.errors import Invalid, NotFound, Unauthorized, Unavailable, error_response
from pytest_atlas.atlas.operations import GetRun
from pytest_atlas.descriptions import join_description, step_identity_line, with_block
from pytest_atlas.publisher import targets
from pytest_atlas.publisher.files.objects import Objects
from pytest_atlas.publisher.publish import publish
from pytest_atlas.publisher.reconcile import pace
from pytest_atlas.publisher.recovery import run_reader
from pytest_atlas.recorder.waiting import NO_RESPONSE_S
from pytest_atlas.session.state import LONG_RUNNING_S
from pytest_atlas.settings.parsed import Settings

TEXT = (pages.DOCS / "how-it-works.md").read_text("utf-8")
PROSE = " ".join(TEXT.split())

TESTS = """
    def test_trip(atlas):
        with atlas.step("Arm the scope"): pass
        atlas.attach("words", name="log.txt")

    def test_recovery(): pass
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A distributed session into the local Atlas."""
    project = Project(tmp_path_factory.mktemp("project")).write("test_trip.py", TESTS)
    return project.pytest(f"--atlas-system={SYSTEM}", "-n1")


class ForgetfulObjects:
    """A storage of data files that returns URLs and stores no content."""

    async def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:
        return f"s3://bench/{sha256}-{name}"

    def is_own(self, url: str, *, run_id: str) -> bool:
        return url.startswith("s3://bench/")

    async def copy(self, url: str, *, place: str) -> str:
        return f"{url}-{place}"


def test_a_session_directory_has_the_listed_files(ended: Ended) -> None:
    listed = re.findall(r"^      (\S+\.\w+|files/)  ", TEXT, re.MULTILINE)
    patterns = [re.sub(r"<\w+>|gw0-\w{8}", "*", name).rstrip("/") for name in listed]
    assert len(patterns) == 6
    unlisted = [path.name for path in ended.session.iterdir() if not any(path.match(pattern) for pattern in patterns)]
    assert unlisted == []
    assert [pattern for pattern in patterns if not [*ended.session.glob(pattern)]] == []


def test_a_session_sends_the_number_of_requests_in_the_table(ended: Ended, tmp_path: Path) -> None:
    atlas = FaultyAtlas(tmp_path / "atlas.db")
    objects: Objects = ForgetfulObjects()
    target = targets.Target(name="counted", label="a counting Atlas", limit=32, atlas=atlas, objects=objects)
    assert asyncio.run(publish(ended.session, target, started_by_pytest=False, patience_s=30.0)).state == "done"
    atlas.local.close()
    assert Counter(type(operation).__name__ for operation in atlas.sent) == {
        "ListRuns": 1,
        "CreateRun": 1,
        "CreateCard": 1,
        "CreateStep": 3,
        "UpdateStep": 3,
        "RegisterDataFile": 1,
    }


def test_the_figures_are_those_of_the_code() -> None:
    for words in (
        f"At most {targets.REMOTE_LIMIT} requests are in flight",
        f"({pace.FIRST_PAUSE_S} s, doubled up to {pace.LONGEST_PAUSE_S:.0f} s,",
        f"at most ({Settings(SYSTEM).timeout_s:.0f}), or for {NO_RESPONSE_S:.0f} if Atlas",
    ):
        assert words in PROSE
    assert LONG_RUNNING_S == 1 and "runs for more than a second" in PROSE  # noqa: PT018 - the text and its constant
    assert run_reader.FRESH_S == 5 and "within five seconds" in PROSE  # noqa: PT018 - as above


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [((408, 425, 429, 500, 503), Unavailable), ((401, 403), Unauthorized), ((404,), NotFound), ((400, 409, 422), Invalid)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_table_of_failures_has_the_classes_of_the_code(statuses: tuple[int, ...], kind: type) -> None:
    operation = GetRun(run_id=SYSTEM)
    assert all(type(error_response(operation, status, "")) is kind for status in statuses)
    for row in (
        "| no response, 408, 425, 429, 5xx |",
        "| 401, 403; the run",
        "| 404 of a card",
        "| any other 4xx of one entity |",
    ):
        assert f"\n{row}" in TEXT


def test_a_result_in_the_text_of_a_person_has_the_shown_block() -> None:
    (shown,) = pages.blocks(TEXT, "text")
    identity = step_identity_line("tests/test_trip.py::test_trip")
    result = join_description("", ["trip time: 96 ms (≤ 100 ms) ok"], identity)
    assert with_block("Hold 13 V for one second.", identity, result) == shown.strip()
