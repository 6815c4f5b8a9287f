"""A session with the real publisher and a real Atlas: the run has the reported outcomes."""

from pathlib import Path

from tests.support import mirror
from tests.support.atlases import every_run
from tests.support.events import SYSTEM
from tests.support.inner import Project
from tests.support.served_atlas import ServedAtlas
from tests.support.shapes import RERUNS, SHAPES

from pytest_atlas.publisher import targets

ON = f"--atlas-system={SYSTEM}"


def shapes(root: Path) -> Project:
    return Project(root).write("test_shapes.py", SHAPES).write("sub/test_more.py", RERUNS)


def over_http(served: ServedAtlas) -> dict[str, str]:
    assert served.token
    return {"ATLAS_URL": served.url, "ATLAS_TOKEN": served.token}


def test_runs_are_equal_in_a_remote_and_in_the_local_atlas(tmp_path: Path, served: ServedAtlas) -> None:
    # Without data files, because a remote Atlas reads them from a bucket only.
    ended = shapes(tmp_path).pytest(ON, "-n2", "--atlas-attach=none", env=over_http(served))
    assert served.url in ended.terminal_summary[0]
    (remote,) = every_run(served.atlas)
    status = mirror.push(ended.session, targets.local(tmp_path / "again"))
    (local,) = mirror.runs(tmp_path / "again")
    assert status.state == "done"
    assert mirror.without_ids(local) == mirror.without_ids(remote)
    assert len(mirror.statuses(local)) > 40


def test_header_names_the_atlas_and_terminal_summary_the_run(tmp_path: Path) -> None:
    ended = Project(tmp_path).write("test_a.py", "def test_a(): pass\n").pytest(ON, "--atlas-title=Acceptance of rev B")
    header = next(line for line in ended.out.splitlines() if line.startswith("atlas: "))
    assert header == f"atlas: local Atlas {tmp_path / '.atlas'}; system {SYSTEM}; session {ended.session.name}"
    assert ended.terminal_summary == [
        f"run TR-0001 Acceptance of rev B: 3 of 3 published to local Atlas {tmp_path / '.atlas' / 'atlas.db'}",
        "show it with: pytest-atlas show TR-0001",
    ]
