"""Sessions as another user, without a home and a passwd entry or with directories of root. Only root can change the user."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import events as f
from tests.support.events import SYSTEM
from tests.support.inner import environment, plugins

USER = 12345
ROOT = Path(__file__).parents[2]
PATHS = os.pathsep.join([str(ROOT / "src"), str(ROOT), sysconfig.get_path("purelib")])

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can run a process as another user"
)


def interpreter() -> str:
    """A Python of this version that the user can run, with packages that the user can read.

    The virtual environment can be below /root, or below a directory with mode 0700.
    """
    version = f"import sys, pytest, pytest_atlas; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    env = {"PYTHONPATH": PATHS}
    for candidate in (sys.executable, shutil.which("python3", path="/usr/local/bin:/usr/bin")):
        try:
            if (
                candidate
                and subprocess.run([candidate, "-B", "-c", version], user=USER, group=USER, env=env, check=False).returncode
                == 0
            ):
                return candidate
        except OSError:
            continue
    pytest.skip("another user can't run a Python of this version, or can't read its packages")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that all users can enter, unlike tmp_path."""
    place = Path(tempfile.mkdtemp(prefix="other-user-"))
    place.chmod(0o755)
    (place / "tmp").mkdir()
    (place / "tmp").chmod(0o1777)
    (place / "suite").mkdir()
    yield place
    shutil.rmtree(place)


def run(place: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run `python -m …` as the user, without HOME."""
    kept = {name: value for name, value in environment().items() if name in ("PATH", "LANG")}
    env = {**kept, **plugins("pytest_atlas.plugin", "xdist.plugin"), "PYTHONPATH": PATHS, "TMPDIR": str(place / "tmp"), **more}
    return subprocess.run(
        [interpreter(), "-B", "-m", *words],
        cwd=place / "suite",
        env=env,
        user=USER,
        group=USER,
        extra_groups=[],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


RECORD = ("pytest", "-p", "no:cacheprovider", f"--atlas-system={SYSTEM}")


@pytest.mark.parametrize(
    "more", [{}, {"HOME": "/nonexistent"}, {"HOME": ""}, {"HOME": "/"}], ids=["unset", "missing", "empty", "root"]
)
@pytest.mark.parametrize("arguments", [(), ("-n2",)], ids=["serial", "xdist"])
def test_without_a_home_and_a_writable_checkout_the_record_is_complete(
    place: Path, more: dict[str, str], arguments: tuple[str, ...]
) -> None:
    (place / "suite" / "test_a.py").write_text("def test_a(atlas):\n    atlas.attach(b'1', 'a.bin')\n")
    done = run(place, *RECORD, "--atlas-strict", *arguments, **more)
    directory = place / "tmp" / f"pytest-atlas-{USER}"
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"atlas: recording into {directory}, because the default directory fails" in done.stdout
    assert f"4 of 4 published to local Atlas {directory / 'atlas.db'}" in done.stdout
    assert directory.stat().st_mode & 0o777 == 0o700
    shown = run(place, "pytest_atlas.cli", "--atlas-dir", str(directory), "sessions", **more)
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"exit 0 +1 passed +local Atlas: published", shown.stdout)


def test_sessions_of_another_user_are_listed_as_such_and_the_others_are_published(place: Path) -> None:
    """As after `sudo pytest`."""
    sessions = place / "suite" / ".atlas" / "sessions"
    for number, name in enumerate(("20260101T000000Z-0000000a", "20260102T000000Z-0000000b", "20260103T000000Z-0000000c")):
        about = f.session(session=name, key=name, title=f"session {number}")
        f.write_journal(sessions / name, f.opened(), about, *f.plan("test_a"), *f.passes("test_a"), f.finish())
    for path in (place / "suite" / ".atlas", *(place / "suite" / ".atlas").rglob("*")):
        os.chown(path, USER, USER)
    os.chown(sessions / "20260102T000000Z-0000000b", 0, 0)
    (sessions / "20260102T000000Z-0000000b").chmod(0o700)
    os.chown(sessions / "20260103T000000Z-0000000c" / "journal.jsonl", 0, 0)
    listed = run(place, "pytest_atlas.cli", "sessions")
    assert listed.returncode == 0, listed.stderr
    first, second, third = listed.stdout.splitlines()[1:]
    assert "of root" not in first
    assert "20260102T000000Z-0000000b (of root)" in second
    assert "belongs to root" in second
    assert "1 passed" in third
    pushed = run(place, "pytest_atlas.cli", "push")
    assert pushed.returncode == 1
    assert pushed.stdout.count("3 of 3 published") == 2, pushed.stdout + pushed.stderr
    assert "belongs to root" in pushed.stdout
    for words in (("doctor",), ("summary",), ("show",), ("runs",), ("report",), ("search", "session")):
        done = run(place, "pytest_atlas.cli", *words)
        assert "Traceback" not in done.stderr
    assert "session 20260102T000000Z-0000000b can't be read: belongs to root" in run(place, "pytest_atlas.cli", "doctor").stdout


def test_an_atlas_directory_of_another_user_is_named(place: Path) -> None:
    (place / "suite" / ".atlas").mkdir(mode=0o700)
    done = run(place, "pytest_atlas.cli", "sessions")
    assert done.returncode == 1
    assert "Permission denied" in done.stderr
    assert str(place / "suite" / ".atlas") in done.stderr
