"""The page about how it works: its figures are the code's, and its pictures are what is there."""

import asyncio
import re
from collections import Counter
from pathlib import Path

import pytest
from tests.support import pages
from tests.support.atlases import FaultyAtlas
from tests.support.facts import SYSTEM
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
from pytest_atlas.settings import Settings

TEXT = (pages.DOCS / "how-it-works.md").read_text("utf-8")

TESTS = """
    def test_trip(atlas):
        with atlas.step("Arm the scope"): pass
        atlas.attach("words", name="log.txt")

    def test_recovery(): pass
"""


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A distributed session into the local Atlas."""
    project = Project(tmp_path_factory.mktemp("folder")).write("test_trip.py", TESTS)
    return project.pytest(f"--atlas-system={SYSTEM}", "-n1")


class Place:
    """Takes data files and forgets them."""

    async def put(self, path: Path, *, run_id: str, name: str, sha256: str, content_type: str) -> str:
        return f"s3://bench/{sha256}-{name}"

    def is_own(self, url: str, *, run_id: str) -> bool:
        return url.startswith("s3://bench/")

    async def copy(self, url: str, *, place: str) -> str:
        return f"{url}-{place}"


def test_a_session_s_folder_has_the_files_that_the_page_lists(ended: Ended) -> None:
    listed = re.findall(r"^      (\S+\.\w+|files/)  ", TEXT, re.MULTILINE)
    patterns = [re.sub(r"<\w+>|gw0-\w{8}", "*", name).rstrip("/") for name in listed]
    assert len(patterns) == 6
    unlisted = [path.name for path in ended.session.iterdir() if not any(path.match(pattern) for pattern in patterns)]
    assert unlisted == []
    assert [pattern for pattern in patterns if not [*ended.session.glob(pattern)]] == []


def test_what_is_sent_is_what_the_table_says(ended: Ended, tmp_path: Path) -> None:
    atlas, place = FaultyAtlas(tmp_path / "atlas.db"), Place()
    objects: Objects = place
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


def test_its_figures_are_the_code_s() -> None:
    for words in (
        f"At most {targets.REMOTE_LIMIT} requests are under way",
        f"({pace.FIRST_PAUSE_S} s, doubled up to {pace.LONGEST_PAUSE_S:.0f} s,",
        f"at most ({Settings(SYSTEM).timeout_s:.0f}), or for {NO_RESPONSE_S:.0f} if Atlas",
    ):
        assert words in TEXT
    assert LONG_RUNNING_S == 1 and "runs for more than a second" in TEXT  # noqa: PT018 - the two belong together
    assert run_reader.FRESH_S == 5 and "within five\nseconds" in TEXT  # noqa: PT018 - as above


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [((408, 425, 429, 500, 503), Unavailable), ((401, 403), Unauthorized), ((404,), NotFound), ((400, 409, 422), Invalid)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_table_of_failures_sorts_as_the_code_does(statuses: tuple[int, ...], kind: type) -> None:
    operation = GetRun(run_id=SYSTEM)
    assert all(type(error_response(operation, status, "")) is kind for status in statuses)
    for row in (
        "| no answer, 408, 425, 429, 5xx |",
        "| 401, 403; the run",
        "| 404 of a card",
        "| any other 4xx of one thing |",
    ):
        assert f"\n{row}" in TEXT


def test_the_block_in_somebody_s_text_looks_like_that() -> None:
    (shown,) = pages.blocks(TEXT, "text")
    mark = step_identity_line("tests/test_trip.py::test_trip")
    ours = join_description("", ["trip time: 96 ms (≤ 100 ms) ok"], mark)
    assert with_block("Hold 13 V for one second.", mark, ours) == shown.strip()
