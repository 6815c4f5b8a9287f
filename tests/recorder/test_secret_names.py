"""Nodeids that contain the token are a usage error before the first test."""

from pathlib import Path

import pytest
from tests.support.inner import Project

TOKEN = "tok-3f2a9c81bd77aa01"
ENV = {"ATLAS_TOKEN": TOKEN, "ATLAS_URL": "https://atlas.invalid"}

LEAKS = """
import os, pytest
from pathlib import Path
def test_first(): Path("ran").touch()
@pytest.mark.parametrize("x", ["a", os.environ["ATLAS_TOKEN"] + "x"])
def test_x(x): Path("ran").touch()
"""


@pytest.mark.parametrize("options", [(), ("-n1",)], ids=["alone", "distributed"])
def test_a_token_in_a_nodeid_is_a_usage_error(tmp_path: Path, options: tuple[str, ...]) -> None:
    project = Project(tmp_path).write("tests/test_a.py", "def test_a(): pass").write("tests/test_x.py", LEAKS)
    ended = project.record(*options, env=ENV)
    assert ended.code == pytest.ExitCode.USAGE_ERROR, ended.out + ended.err
    assert not (tmp_path / "ran").exists()
    assert "tests/test_x.py" in ended.err + ended.out
    assert "test number 3 contains a secret" in ended.err + ended.out
    assert TOKEN not in ended.out + ended.err
    for path in ended.atlas_dir.rglob("*"):
        assert not path.is_file() or TOKEN not in path.read_text("utf-8", "replace"), path


def test_other_secrets_stay_in_identities(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_x.py",
        """
        import os, pytest
        SECRET = os.environ["BENCH_PASSWORD"]
        @pytest.mark.parametrize("x", [SECRET])
        def test_x(x, subtests, atlas):
            with subtests.test(SECRET): pass
            with atlas.step("step " + SECRET): pass
            assert 0, SECRET
        """,
    )
    ended = project.record(env={"BENCH_PASSWORD": "trip-9-volts"})
    assert [*ended.steps] == [
        "test_x[trip-9-volts]",
        "test_x[trip-9-volts] > trip-9-volts",
        "test_x[trip-9-volts] > step trip-9-volts",
    ]
    assert "Failed in call at test_x.py:8:\nAssertionError: [redacted]" in ended.steps["test_x[trip-9-volts]"].text
    assert ended.steps["test_x[trip-9-volts]"].text.endswith("pytest: test_x.py::test_x[trip-9-volts]")


@pytest.mark.parametrize("token", ["t", "fifteen-letters"])
def test_a_short_token_is_a_usage_error(tmp_path: Path, token: str) -> None:
    ended = Project(tmp_path).write("test_a.py", "def test_a(): pass").record(env={**ENV, "ATLAS_TOKEN": token})
    assert ended.code == pytest.ExitCode.USAGE_ERROR
    assert "ATLAS_TOKEN: the token has fewer than 16 characters" in ended.err
