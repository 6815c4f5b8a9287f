"""Data files of a session in the local Atlas and, through S3, in a served one: same content, same steps."""

import subprocess
import sys
from pathlib import Path

from tests.support import mirror
from tests.support.atlases import every_run
from tests.support.events import SYSTEM
from tests.support.inner import Project
from tests.support.inner import environment as inner_environment
from tests.support.s3 import KEY_ID, SECRET, ServedS3
from tests.support.served_atlas import ServedAtlas, served_atlas

from pytest_atlas.atlas import DataFile, Run
from pytest_atlas.local import LocalAtlas
from pytest_atlas.publisher import targets

ON = ("--atlas-system", SYSTEM)
BENCH = """
    import pytest

    @pytest.fixture(scope="session")
    def calibration(atlas_session):
        atlas_session.attach(b"calibrated", name="calibration.txt")

    @pytest.mark.atlas_card("Overvoltage")
    def test_trip(atlas, calibration):
        atlas.measure("trip time", 111.6, unit="ms", high=100)
        atlas.measure("rail", [12.0, float("nan")], unit="V", low=11)
        atlas.trace("rail", t=[0.0, 0.5], volts=[12.0, 8.0], units={"t": "s", "volts": "V"},
                    limits={"volts": (7.5, None)}, marks={"trip": 0.25})
        atlas.attach(b"\\x00png", name="scope.png")
        with atlas.step("Read the log"):
            atlas.path("bus.blf").write_bytes(b"LOGG" * 1000)
        print("noise")
"""


def environment(served: ServedAtlas, s3: ServedS3) -> dict[str, str]:
    assert served.token
    return {
        "ATLAS_URL": served.url,
        "ATLAS_TOKEN": served.token,
        "AWS_ENDPOINT_URL_S3": s3.url,
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }


def files(run: Run) -> dict[tuple[str, str], DataFile]:
    """Return every data file by the title of its entity and its name."""
    places = {card.title: card.test_data for card in run.test_cards}
    places |= {step.title: step.test_data for card in run.test_cards for step in card.test_steps}
    below = {file.uuid for listed in places.values() for file in listed}
    places["the run"] = [file for file in run.test_data if file.uuid not in below]
    return {(place, file.file_name): file for place, listed in places.items() for file in listed}


def test_local_and_remote_atlas_have_the_same_files(tmp_path: Path, s3: ServedS3, served: ServedAtlas) -> None:
    project = Project(tmp_path / "bench").write("test_it.py", BENCH)
    ended = project.pytest(*ON, "--atlas-bucket=s3://bench/hil", "--atlas-report", env=environment(served, s3))
    assert ended.code == 1
    (remote,) = every_run(served.atlas)
    assert mirror.push(ended.session, targets.local(tmp_path / "again")).state == "done"
    with LocalAtlas(tmp_path / "again" / "atlas.db", create=True) as atlas:
        (local,) = every_run(atlas)
        by_s3 = {place: s3.content(file.s3_url) for place, file in files(remote).items()}
        paths = {place: atlas.objects.path(file.s3_url) for place, file in files(local).items()}
        by_disk = {place: path.read_bytes() for place, path in paths.items() if path}
    assert by_s3 == by_disk
    assert set(by_s3) == {
        ("the run", "calibration.txt"),
        ("Overvoltage", "measurements.csv"),
        ("test_trip", "rail.csv"),
        ("test_trip", "rail.csv.limits.json"),
        ("test_trip", "scope.png"),
        ("test_trip", "bus.blf"),
        ("test_trip", "output.txt"),
    }
    assert by_s3["test_trip", "rail.csv"] == b"t [s],volts [V]\n0.0,12.0\n0.5,8.0\n"
    assert by_s3["test_trip", "bus.blf"] == b"LOGG" * 1000
    assert b"rail,nan,V,11.0,,fail," in by_s3["Overvoltage", "measurements.csv"]
    assert all(file.s3_url.startswith(f"s3://bench/hil/{remote.uuid}/") for file in files(remote).values())
    assert [line for line in ended.terminal_summary if line.startswith("report ")] != []


def test_files_are_kept_without_a_bucket_and_a_later_push_uploads_them(tmp_path: Path, s3: ServedS3) -> None:
    with served_atlas(tmp_path / "served") as served:
        env = environment(served, s3)
        ended = Project(tmp_path / "bench").write("test_it.py", BENCH).pytest(*ON, env=env)
        assert any(
            "7 data files kept in the session directory, because no bucket is set" in line for line in ended.terminal_summary
        )
        (run,) = every_run(served.atlas)
        assert files(run) == {}
        assert "because no bucket is set (--atlas-bucket): 7" in run.description
        push = [sys.executable, "-m", "pytest_atlas.cli", "push", str(ended.session)]
        with_bucket = inner_environment(**env, ATLAS_BUCKET="s3://bench")
        done = subprocess.run(push, env=with_bucket, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        (run,) = every_run(served.atlas)
        assert len(files(run)) == 7
        assert "because no bucket is set" not in run.description
        assert SECRET not in "".join(path.read_text("utf-8", "replace") for path in ended.session.rglob("*") if path.is_file())
