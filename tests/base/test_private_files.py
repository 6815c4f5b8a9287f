"""Files below `.atlas`: links, special files and files of other users are rejected, and no other module opens files there."""

import ast
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pytest_atlas
from pytest_atlas.base import atlas_directory, path_checks
from pytest_atlas.base import private_files as pf

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX links, FIFOs and owners")
as_root = pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files to another user")
OTHER = 54321


@pytest.fixture(params=["openat", "checked walk"])
def each_branch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Linux opens directories one after the other; other systems check the path."""
    if request.param == "checked walk":
        monkeypatch.setattr(path_checks, "_PATH_ONLY", 0)
    return str(request.param)


def replace(path: Path) -> None:
    with pf.Replacement(path) as file:
        file.write("new")


def append(path: Path) -> None:
    os.close(pf.open_to_append(path))


def content(path: Path) -> bytes:
    with pf.open_to_read(path) as file:
        return file.read()


OPENS: dict[str, Callable[[Path], object]] = {
    "read": pf.open_to_read,
    "append": append,
    "replace": replace,
    "create": pf.create,
    "delete": pf.delete,
    "make a directory": pf.make_directory,
    "list": lambda path: pf.list_names(path.parent),
    "verify": pf.verify_own,
    "move": lambda path: pf.move(path, path.with_name("b")),
    "time": pf.modified_at,
    "sync": lambda path: pf.sync_directory(path.parent),
}


@posix
@pytest.mark.parametrize("name", OPENS)
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.usefixtures("each_branch")
def test_no_operation_follows_a_linked_directory(tmp_path: Path, name: str, depth: int) -> None:
    outside = tmp_path / "outside" / "deep"
    outside.mkdir(parents=True)
    (outside / "a").write_text("precious")
    (tmp_path / "link").symlink_to(outside if depth == 1 else outside.parent)
    path = tmp_path / "link" / "a" if depth == 1 else tmp_path / "link" / "deep" / "a"
    with pytest.raises(OSError, match="is a link"):
        OPENS[name](path)
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("a", "precious")]


@posix
@pytest.mark.parametrize("name", ["read", "append", "verify", "time"])
@pytest.mark.parametrize("kind", ["link", "FIFO", "directory", "device"])
@pytest.mark.usefixtures("each_branch")
def test_only_regular_files_are_opened(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / "a"
    (tmp_path / "outside").write_text("precious")
    match kind:
        case "link":
            path.symlink_to(tmp_path / "outside")
        case "FIFO":
            os.mkfifo(path)
        case "directory":
            path.mkdir()
        case "device":
            path = Path("/dev/null")
    with pytest.raises(OSError, match=r"is a link|not a regular file"):
        OPENS[name](path)
    assert (tmp_path / "outside").read_text() == "precious"


@posix
@pytest.mark.usefixtures("each_branch")
def test_a_link_is_replaced_and_its_target_is_unchanged(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("precious")
    for name in ("a", "a.new"):
        (tmp_path / name).symlink_to(tmp_path / "outside")
    replace(tmp_path / "a")
    assert not (tmp_path / "a").is_symlink()
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "outside").read_text() == "precious"


@pytest.mark.usefixtures("each_branch")
def test_a_file_with_a_second_name_is_not_appended_to(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("precious")
    os.link(tmp_path / "outside", tmp_path / "a")
    for name in ("append", "verify"):
        with pytest.raises(OSError, match="hard link"):
            OPENS[name](tmp_path / "a")
    assert content(tmp_path / "a") == b"precious"


@as_root
@pytest.mark.usefixtures("each_branch")
def test_a_file_of_another_user_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("foreign")
    os.chown(path, OTHER, OTHER)
    for name in ("append", "verify"):
        with pytest.raises(PermissionError, match=f"belongs to user id {OTHER}"):
            OPENS[name](path)
    assert content(path) == b"foreign"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"], "the probe is deleted"


def test_a_file_system_that_gives_each_file_the_same_owner_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(tmp_path / "a")
    monkeypatch.setattr(path_checks, "_OWNER", lambda: OTHER)  # as on a CIFS mount: the files have the owner of the mount
    append(tmp_path / "a")
    pf.verify_own(tmp_path / "a")


@posix
def test_new_files_and_directories_are_private_with_any_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        append(tmp_path / "a")
        replace(tmp_path / "b")
        pf.make_directory(tmp_path / "c")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "abc"] == [0o600, 0o600, 0o700]


# ── the .atlas directory ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_directory_or_one_with_the_name_atlas_gets_a_gitignore(tmp_path: Path) -> None:
    (tmp_path / ".atlas").mkdir()
    (tmp_path / "checkout").mkdir()
    for name in (".atlas", "checkout", "new/records"):
        atlas_directory.make(tmp_path / name)
    assert [(tmp_path / name / ".gitignore").exists() for name in (".atlas", "checkout", "new/records")] == [True, False, True]


@posix
@pytest.mark.parametrize(
    ("mode", "part", "count"), [(0o777, "", 1), (0o1777, "", 1), (0o700, "", 0), (0o755, "", 0), (0o702, "sessions", 1)]
)
def test_a_directory_that_others_can_change_is_reported(tmp_path: Path, mode: int, part: str, count: int) -> None:
    atlas_directory.make(tmp_path / ".atlas")
    (tmp_path / ".atlas" / "sessions").mkdir()
    (tmp_path / ".atlas" / part).chmod(mode)
    found = list(atlas_directory.warnings(tmp_path / ".atlas"))
    assert len(found) == count
    assert all(f"(mode {mode:o}). Run chmod go-w {tmp_path / '.atlas' / part}" in line for line in found)


@as_root
def test_a_group_other_than_the_private_group_of_the_user_counts_as_others(tmp_path: Path) -> None:
    for group, count in ((0, 0), (OTHER, 1)):
        os.chown(tmp_path, 0, group)
        tmp_path.chmod(0o770)
        assert len(list(atlas_directory.warnings(tmp_path))) == count


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_the_temporary_directory_is_private_and_the_same_each_time(temporary: Path) -> None:
    first = atlas_directory.temporary()
    assert first == atlas_directory.temporary()
    assert first.parent == temporary
    if os.name != "nt":
        assert first.stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("trick", ["link", "open to all", "file", pytest.param("of another user", marks=as_root)])
def test_a_temporary_directory_that_another_user_has_prepared_is_not_used(temporary: Path, trick: str) -> None:
    prepared = temporary / f"pytest-atlas-{os.geteuid()}"
    (temporary / "elsewhere").mkdir()
    match trick:
        case "link":
            prepared.symlink_to(temporary / "elsewhere")
        case "file":
            prepared.touch()
        case "open to all":
            prepared.mkdir()
            prepared.chmod(0o777)
        case "of another user":
            prepared.mkdir(mode=0o700)
            os.chown(prepared, OTHER, OTHER)
    found = atlas_directory.temporary()
    assert found.name.startswith("pytest-atlas-")
    assert found != prepared
    assert found.stat().st_mode & 0o777 == 0o700


# ── the source ───────────────────────────────────────────────────────────────────────────────────────────────────────────

ROOT = Path(pytest_atlas.__file__).parent
FILE_CALLS = {
    *("open", "unlink", "rmtree", "rmdir", "read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "makedirs"),
    *("rename", "replace", "iterdir", "glob", "rglob", "scandir", "listdir", "connect", "move"),
}
ELSEWHERE = {
    "atlas/downloads.py": "into a directory that the user names",
    "base/private_files.py": "opens these files",
    "base/path_checks.py": "opens their directories",
    "base/liveness.py": "reads /proc",
    "cli/doctor.py": "a temporary file that shows whether the directory can be written",
    "cli/git_index.py": "the index of git",
    "collection.py": "lists names and reads .gitignore, to recognize our directories; it opens nothing else",
    "recorder/job_summary.py": "the job summary, at a path of the user",
    "cli/summary.py": "the job summary, at a path of the user",
}
"""Modules that may open files, with the reason."""
CALLS = {
    "journal/writer.py": {"write_bytes"},  # os.write to a descriptor of private_files
    "recorder/session.py": {"rmdir"},  # the empty session directory of this process
    "publisher/reconcile/observed.py": {"replace"},  # of dataclasses
    "cli/origin.py": {"glob"},  # owners of journals; opens nothing
    "analysis/reading.py": {"open"},  # LocalObjects.open
    "publisher/main.py": {"open"},  # standard input
    "base/atlas_directory.py": {"makedirs"},  # the directories above it
    "fixture/formats.py": {"open", "write_text"},  # at a new path that the spool has reserved
    "fixture/traces.py": {"open"},  # the same
    "journal/spool.py": {"open", "read_bytes", "move", "rename", "unlink"},  # files of the test, and incomplete copies of it
    "local/store.py": {"connect"},  # after verify_own of all files that SQLite opens
    "local/objects.py": {"move"},  # private_files.move
    "recorder/artifacts.py": {"rglob"},  # the test's tmp_path
    "cli/entry.py": {"open"},  # /dev/null
    "analysis/findings.py": {"open"},  # LocalObjects.open
    "server/pages/file.py": {"open"},  # the same
    "server/pages/step.py": {"open"},  # the same
    "server/pages/trace.py": {"open"},  # the same
    "server/pages/static.py": {"rglob", "read_bytes"},  # files of the package
    "server/traces/build.py": {"open"},  # a descriptor of private_files.create
    "server/traces/cache.py": {"rename", "rmdir"},  # directories that private_files has made
}


def calls(path: Path) -> Iterator[str]:
    """Yield names of called functions that can open a file, but not `text.replace(a, b)` and `replace(data, field=…)`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            is_text = name == "replace" and (len(node.args) != 1 or node.keywords)
            if name in FILE_CALLS and not is_text:
                yield name


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_other_module_opens_or_deletes_files_below_the_directory(path: Path) -> None:
    name = path.relative_to(ROOT).as_posix()
    if name not in ELSEWHERE:
        assert set(calls(path)) <= CALLS.get(name, set())


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_fails_for_a_user_without_a_home(path: Path) -> None:
    """`Path.home` and `Path.expanduser` raise RuntimeError for such a user; `os.path.expanduser` returns its argument."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Attribute) and node.attr in ("home", "expanduser"):
            assert ast.unparse(node.value) == "os.path", ast.unparse(node)
