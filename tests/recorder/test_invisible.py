"""The publisher doesn't affect the suite: it is not a child of pytest, and only a Python interpreter starts it.

It finds the packages that pytest finds, and nothing that the parent's environment adds to each Python affects it.
"""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Project, environment
from tests.support.stand_in import ALONE, in_place

import pytest_atlas

ON = f"--atlas-system={SYSTEM}"
PATIENCE_S = 60
ROOT = Path(pytest_atlas.__file__).parent.parent
SITE = Path(sysconfig.get_path("purelib"))

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX's child processes")
needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to list processes")

CHILDREN = """
    import os, pathlib, signal, subprocess, sys
    import pytest

    calls = []
    signal.signal(signal.SIGCHLD, lambda *_: calls.append(1))

    def parents():
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                text = stat.read_text()
            except OSError:
                continue
            yield int(stat.parent.name), int(text.rpartition(")")[2].split()[1])

    def descendants(pid):
        found = [child for child, parent in parents() if parent == pid]
        return found + [further for child in found for further in descendants(child)]

    @pytest.fixture(autouse=True, scope="session")
    def no_process_is_left():
        assert descendants(os.getpid()) == []
        yield
        assert descendants(os.getpid()) == []

    def test_there_is_nothing_to_wait_for():
        for wait in (os.wait, lambda: os.waitpid(-1, os.WNOHANG), lambda: os.waitpid(0, 0)):
            with pytest.raises(ChildProcessError):
                wait()

    def test_waits_for_all_its_children():
        for _ in range(2):
            if not os.fork(): os._exit(0)
        ended = 0
        while True:
            try: os.wait()
            except ChildProcessError: break
            ended += 1
        assert ended == 2
        calls.clear()

    def test_ends_all_its_group():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)

    def test_no_child_has_ended():
        assert calls == []
"""


@posix
@needs_proc
def test_the_publisher_is_not_a_child_of_pytest(tmp_path: Path) -> None:
    ended = Project(tmp_path).write("test_children.py", CHILDREN).start(ON, "--atlas-strict").end()
    assert ended.code == 0, ended.out
    assert "6 of 6 published" in ended.terminal_summary[0]


@posix
@needs_proc
def test_a_signal_handler_that_reaps_every_child_has_no_effect(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_trip.py", "def test_passes(): pass")
    for handler in ("signal.SIG_IGN", "lambda *_: [os.waitpid(-1, os.WNOHANG)]"):
        project.write("conftest.py", f"import os, signal\nsignal.signal(signal.SIGCHLD, {handler})")
        ended = project.pytest(ON, "--atlas-strict", f"--atlas-dir=records-{len(handler)}")
        assert ended.code == 0, ended.out


# ── the executable ──────────────────────────────────────────────────────────────────────────────────────────────────

STATION = """
    import os, sys
    {frozen}
    import pytest
    sys.exit(pytest.main(sys.argv[1:]))
"""
FROZEN = {
    "PyInstaller": "sys.frozen, sys._MEIPASS = True, os.getcwd()",
    "cx_Freeze": "sys.frozen = True",
    "PyOxidizer": "sys.oxidized = True",
    "Nuitka": "__compiled__ = ('nuitka', 2)",
    "embedded, no executable": "sys.executable = ''",
    "embedded, none": "sys.executable = None",
    "a program that contains Python": "sys.executable = os.path.abspath('station')",
    "an executable that was removed": "sys.executable = os.path.abspath('python3')",
}


@pytest.mark.parametrize("frozen", FROZEN.values(), ids=FROZEN)
def test_a_program_that_contains_python_is_never_started_again(tmp_path: Path, frozen: str) -> None:
    project = Project(tmp_path / "bench").write("test_relay.py", "def test_relay(): open('clicks', 'a').write('click ')")
    project.write("station.py", STATION.format(frozen=frozen))
    station = project.root / "station"
    station.write_text("#!/bin/sh\ntouch started-again\n")
    station.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "station.py", ON, "--atlas-summary=summary.md", "-p", "no:cacheprovider"],
        cwd=project.root,
        env=environment(**ALONE),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stdout
    assert (project.root / "clicks").read_text() == "click "
    assert not list(project.root.rglob("started-again"))
    (session,) = (project.root / ".atlas" / "sessions").iterdir()
    assert not (session / "publisher.log").exists()
    assert "1 test recorded only (" in done.stdout
    assert f"publish with: pytest-atlas push {session.relative_to(project.root)}" in done.stdout
    assert "the job summary could not be written: " in done.stdout


def test_a_program_that_contains_python_fails_a_strict_session(tmp_path: Path) -> None:
    project = Project(tmp_path).write("conftest.py", "import sys\nsys.frozen = True").write("test_a.py", "def test_a(): pass")
    assert project.pytest(ON, "--atlas-strict", env=ALONE).code == 1


def test_a_pytest_that_was_started_as_publisher_runs_no_test(tmp_path: Path) -> None:
    """Second protection: a program named python that runs the tests with any arguments."""
    project = Project(tmp_path).write("test_relay.py", "def test_relay(): open('clicks', 'a').write('click ')")
    ended = project.pytest(env={**ALONE, "PYTEST_ATLAS_STARTED": "1"})
    assert ended.code == 4
    assert "was started as the publisher of pytest-atlas" in ended.err
    assert not (tmp_path / "clicks").exists()


@posix
@pytest.mark.parametrize("name", ["bench-python", "python3.12-dbg", "pypy3.11", "python3.14t"])
def test_an_interpreter_under_another_name_starts_it(tmp_path: Path, name: str) -> None:
    """By its name, or by the name of the target of a link."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / name).symlink_to(sys.executable)
    project = Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass")
    project.write("conftest.py", f"{in_place()}\nsys.executable = {str(tmp_path / 'bin' / name)!r}")
    assert "9 of 9 published" in project.pytest(ON, env={**ALONE, "STAND_IN": "done"}).terminal_summary[0]


# ── the packages ───────────────────────────────────────────────────────────────────────────────────────────────────

BOOTSTRAP = """
    import sys
    sys.path[1:1] = {paths!r}
    import pytest
    sys.exit(pytest.main(sys.argv[1:]))
"""


def bundled(project: Project, *command: str, **env: str) -> str:
    """Return the output of a session with packages that the parent's `site` does not add."""
    done = subprocess.run(
        [*command, "test_a.py", "-p", "pytest_atlas.plugin", "-p", "no:cacheprovider", ON, "--atlas-strict"],
        cwd=project.root,
        env={**environment(**ALONE, **env), "PYTEST_PLUGINS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    logs = "".join(log.read_text() for log in project.root.glob(".atlas/sessions/*/publisher.log"))
    assert done.returncode == 0, done.stdout + done.stderr + logs
    return done.stdout


@pytest.fixture
def bundle(tmp_path: Path) -> Project:
    """Packages in a directory that only `sys.path` of pytest names."""
    project = Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass")
    (project.root / "bundle").symlink_to(SITE, target_is_directory=True)
    return project


@posix
def test_packages_that_a_bootstrap_adds_to_the_path_of_its_process_are_found(bundle: Project) -> None:
    bundle.write("run_tests.py", BOOTSTRAP.format(paths=[str(bundle.root / "bundle"), str(ROOT)]))
    assert "3 of 3 published" in bundled(bundle, sys.executable, "-I", "-S", "run_tests.py")


@posix
def test_relative_entries_of_the_path_are_found(bundle: Project) -> None:
    path = os.pathsep.join(["bundle", os.path.relpath(ROOT, bundle.root)])
    assert "3 of 3 published" in bundled(bundle, sys.executable, "-S", "-m", "pytest", PYTHONPATH=path)
    bundle.write("run_tests.py", BOOTSTRAP.format(paths=["bundle", os.path.relpath(ROOT, bundle.root)]))
    assert "3 of 3 published" in bundled(bundle, sys.executable, "-S", "run_tests.py")


@posix
def test_a_zip_file_can_contain_the_plugin(bundle: Project) -> None:
    archive = bundle.root / "app.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        for path in (ROOT / "pytest_atlas").rglob("*.py"):
            file.write(path, path.relative_to(ROOT))
    bundle.write("run_tests.py", BOOTSTRAP.format(paths=[str(archive), str(bundle.root / "bundle")]))
    assert "3 of 3 published" in bundled(bundle, sys.executable, "-I", "-S", "run_tests.py")


def test_a_projects_modules_shadow_neither_the_standard_library_nor_installed_packages(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_a.py", "def test_a(): pass")
    for name in ("json", "asyncio", "sqlite3", "pydantic", "pytest_atlas"):
        project.write(f"late/{name}.py", "raise RuntimeError('not this one')")
    project.write("conftest.py", "import sys\nsys.path.insert(0, 'late')")
    ended = project.pytest(ON, "--atlas-strict")
    assert ended.code == 0, ended.out + (ended.session / "publisher.log").read_text()


# ── the environment ──────────────────────────────────────────────────────────────────────────────────────────────────

REPORTS = """
    import json, os, pathlib, sys
    def main():
        observed = {"env": dict(os.environ), "modules": sorted(sys.modules), "argv": sys.orig_argv, "path": sys.path,
                "flags": [sys.flags.optimize, sys.flags.dev_mode, sys.flags.inspect, sys.warnoptions]}
        session = pathlib.Path(sys.argv[1])
        (session / "new").write_text(json.dumps(observed))
        (session / "new").rename(session / "observed")
        sys.stdin.read()
"""
HARMLESS = {
    "HTTPS_PROXY": "http://proxy.example.com:3128",
    "SSL_CERT_FILE": "/etc/ca.pem",
    "REQUESTS_CA_BUNDLE": "/etc/ca.pem",
    "AWS_PROFILE": "bench",
    "LC_TIME": "de_DE.UTF-8",
    "TZ": "Europe/Berlin",
    "LD_LIBRARY_PATH": "/opt/bench/lib",
    "PYTHONDONTWRITEBYTECODE": "1",
}
HARMFUL = {
    "COVERAGE_PROCESS_START": "coveragerc",
    "COVERAGE_PROCESS_CONFIG": "x",
    "COV_CORE_SOURCE": ".",
    "COV_CORE_CONFIG": ".coveragerc",
    "COV_CORE_DATAFILE": ".coverage",
    "PYDEVD_USE_FRAME_EVAL": "NO",
    "DEBUGPY_PROCESS_SPAWN_TIMEOUT": "1",
    "PYCHARM_DEBUG": "True",
    "PYTHONSTARTUP": "startup.py",
    "PYTHONINSPECT": "1",
    "PYTHONWARNINGS": "error",
    "PYTHONBREAKPOINT": "startup.hook",
    "PYTHONPROFILEIMPORTTIME": "1",
    "PYTHONDEVMODE": "1",
    "PYTHONOPTIMIZE": "2",
    "PYTHONUNBUFFERED": "1",
    "PYTHONTRACEMALLOC": "5",
    "PYTHONASYNCIODEBUG": "1",
    "PYTHONVERBOSE": "",
    "PYTHONHASHSEED": "0",
}


def test_nothing_that_the_environment_adds_to_each_python_affects_the_publisher(tmp_path: Path) -> None:
    project = Project(tmp_path / "bench").write("reports.py", REPORTS).write("test_a.py", "def test_a(): pass")
    project.write("conftest.py", in_place(str(project.root / "reports.py")))
    project.write("added/sitecustomize.py", "import os, json\nopen('started', 'a').write(f'{os.getpid()}\\n')\nimport colorsys")
    project.write("startup.py", "open('started-up', 'w')")
    project.pytest(ON, "--atlas-timeout=0.5", env={**ALONE, **HARMLESS, **HARMFUL, "PYTHONPATH": str(project.root / "added")})
    (session,) = (project.root / ".atlas" / "sessions").iterdir()
    observed = json.loads((session / "observed").read_text())
    assert {name: observed["env"].get(name) for name in HARMLESS} == HARMLESS
    assert not {*HARMFUL, "PYTHONPATH"} & set(observed["env"])
    assert observed["flags"] == [0, False, 0, []]
    assert not {"sitecustomize", "colorsys", "coverage", "site"} & set(observed["modules"])
    assert (session / "publisher.log").read_text() == ""
    assert list(project.root.rglob("started")) == [project.root / "started"]
    assert len((project.root / "started").read_text().split()) == 1  # pytest itself
    assert not list(project.root.rglob("started-up"))


def test_a_debugger_does_not_put_itself_into_the_publisher(tmp_path: Path) -> None:
    """Like pydevd in debugpy and PyCharm, it replaces the function that starts processes."""
    project = Project(tmp_path / "bench").write("test_a.py", "def test_a(): pass").write("reports.py", REPORTS)
    project.write("_pydev_bundle/__init__.py", "").write(
        "_pydev_bundle/pydev_monkey.py",
        """
        import contextlib, subprocess, sys
        active = True
        @contextlib.contextmanager
        def skip_subprocess_arg_patch():
            global active
            active = False
            yield
            active = True
        start = subprocess.Popen
        class Popen(start):
            def __init__(self, command, **more):
                patched = [command[0], "-c", "raise SystemExit('debugged')", *command[1:]] if active else command
                super().__init__(patched, **more)
        subprocess.Popen = Popen
        """,
    )
    project.write("conftest.py", in_place(str(project.root / "reports.py")) + "import _pydev_bundle.pydev_monkey")
    ended = project.pytest(ON, "--atlas-timeout=0.5", env=ALONE)
    assert (ended.session / "observed").exists(), ended.out
