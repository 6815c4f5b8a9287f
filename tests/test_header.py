"""Each session with a setting of Atlas prints where its record goes, or why it is not recorded. One row is one situation.

Settings that can't be right are in tests/test_settings.py; here, real sessions show that the line reaches the user.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project
from tests.support.stand_in import ALONE

from pytest_atlas.journal import session_dir

ON = f"--atlas-system={SYSTEM}"
TOKEN = "a-token-of-sufficient-length"
NO_SYSTEM = "not recorded: no system is set"
UNUSED = f"{NO_SYSTEM}, so these settings have no effect"
OLD_PYTEST = "import pytest\npytest.__version__ = '8.3.5'\n"
"""A plugin that is loaded before ours."""
OLD = "pytest 8.3.5 is not supported; pytest-atlas needs pytest>=8.4. Run: pip install 'pytest>=8.4'"


class Situation(NamedTuple):
    """A session, and the lines with `atlas:` that it prints; {dir} is its --atlas-dir directory."""

    arguments: tuple[str, ...]
    line: str = ""
    env: Mapping[str, str] = {}
    ini: str = ""
    records: bool = False
    code: int = 0


NOT_SENT = "ATLAS_TOKEN is not sent to the URL of atlas_url (ini file). To publish, set ATLAS_URL to the origin of your Atlas"
SITUATIONS = {
    "nothing is set": Situation(()),
    "a variable of another program": Situation((), env={"ATLAS_REGION": "eu-central-1"}),
    "local Atlas": Situation((ON,), "local Atlas {dir}; system", records=True),
    "offline": Situation((ON, "--atlas-offline"), "recording only (--atlas-offline); system", records=True),
    "url without a token": Situation(
        (ON,), "recording only (ATLAS_URL is set, but ATLAS_TOKEN is not)", {"ATLAS_URL": "https://atlas.invalid"}, records=True
    ),
    "token, url of an ini file": Situation(
        (ON,), f"recording only ({NOT_SENT})", {"ATLAS_TOKEN": TOKEN}, "atlas_url = http://127.0.0.1:1", records=True
    ),
    "token, url of -o": Situation(
        (ON, "-o", "atlas_url=http://127.0.0.1:1"), f"recording only ({NOT_SENT})", {"ATLAS_TOKEN": TOKEN}, records=True
    ),
    "token, url of -o in addopts": Situation(
        (ON,), f"recording only ({NOT_SENT})", {"ATLAS_TOKEN": TOKEN}, "addopts = -o atlas_url=http://127.0.0.1:1", records=True
    ),
    "token, url of an ini file, strict": Situation(
        (ON, "--atlas-strict"), f"--atlas-strict: {NOT_SENT}", {"ATLAS_TOKEN": TOKEN}, "atlas_url = http://127.0.0.1:1", code=4
    ),
    "remote Atlas": Situation(
        (ON, "--atlas-timeout=0"), "http://127.0.0.1:1; system",
        {"ATLAS_TOKEN": TOKEN, "ATLAS_URL": "http://127.0.0.1:1"}, records=True,
    ),
    "run without a system": Situation(("--atlas-run=auto",), f"{UNUSED}: --atlas-run."),
    "report without a system": Situation(("--atlas-report",), f"{UNUSED}: --atlas-report."),
    "url and token without a system": Situation(
        (), f"{UNUSED}: ATLAS_URL, ATLAS_TOKEN.",
        {"ATLAS_URL": "https://atlas.invalid", "ATLAS_TOKEN": TOKEN},
    ),
    "ini key without a system": Situation((), f"{NO_SYSTEM}, so these", ini="atlas_title = Acceptance"),
    "misspelt variable": Situation((), "is ATLAS_SYSTEM_ID meant?", {"ATLAS_SYSTM_ID": SYSTEM}),
    "misspelt ini key": Situation((), "is atlas_system meant?", ini=f"atlas_sistem = {SYSTEM}"),
    "misspelt variable, -q": Situation(("-q",), "is ATLAS_SYSTEM_ID meant?", {"ATLAS_SYSTM_ID": SYSTEM}),
    "misspelt variable, strict": Situation(
        ("--atlas-strict",), "is ATLAS_SYSTEM_ID meant?", {"ATLAS_SYSTM_ID": SYSTEM}, code=4
    ),
    "misspelt variable, strict by ini": Situation(
        (), "atlas_strict (ini file): the session is not recorded: no system is set", {"ATLAS_SYSTM_ID": SYSTEM},
        "atlas_strict = true", code=4,
    ),
    "off": Situation((ON, "--no-atlas"), "not recorded: --no-atlas is set"),
    "off and strict": Situation((ON, "--no-atlas", "--atlas-strict"), "not recorded: --no-atlas is set"),
    "no test runs": Situation((ON, "--collect-only")),
    "an old pytest": Situation(("-p", "old", ON), f"not recorded: {OLD}"),
    "an old pytest, -q": Situation(("-p", "old", ON, "-q"), f"not recorded: {OLD}"),
    "an old pytest, strict": Situation(
        ("-p", "old", ON, "--atlas-strict"), f"--atlas-strict: the session is not recorded: {OLD}", code=4
    ),
    "an old pytest without Atlas": Situation(("-p", "old")),
}  # fmt: skip

if pytest.version_tuple < (9, 1):  # it ignores -o in addopts, so no URL is set
    del SITUATIONS["token, url of -o in addopts"]


def run(tmp_path: Path, situation: Situation) -> Ended:
    project = Project(tmp_path / "bench").write("test_trip.py", "def test_trips(): pass").write("old.py", OLD_PYTEST)
    if situation.ini:
        project.write("pytest.ini", f"[pytest]\n{situation.ini}\n")
    env = {**ALONE, "PYTHONPATH": str(project.root), **situation.env}
    return project.pytest("-p", "no:cacheprovider", *situation.arguments, env=env)


@pytest.mark.parametrize("situation", SITUATIONS.values(), ids=SITUATIONS)
def test_a_session_prints_where_its_record_goes_or_why_it_is_not_recorded(tmp_path: Path, situation: Situation) -> None:
    ended = run(tmp_path, situation)
    assert ended.code == situation.code
    assert bool(session_dir.sessions(ended.atlas_dir)) is situation.records
    said = [line for line in (ended.out + ended.err).splitlines() if line.startswith(("atlas: ", "ERROR: "))]
    if situation.line:
        assert situation.line.replace("{dir}", str(ended.atlas_dir)) in said[0]
        assert len(said) == 1
    else:
        assert said == []
    assert TOKEN not in ended.out + ended.err


INNER = """
    import subprocess, sys
    def test_inner(tmp_path):
        (tmp_path / "test_a.py").write_text("def test_a(): pass")
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_a.py", *{arguments!r}]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, {line!r} in done.stdout + done.stderr) == ({code}, True), done.stdout + done.stderr
        assert ("atlas: " in done.stdout) is {explains}
"""


@pytest.mark.parametrize(
    ("arguments", "line", "code"),
    [
        ((), "1 passed", 0),
        (("--atlas-run=auto",), "atlas: not recorded: it runs inside a test. Add --atlas-system=UUID to its command line", 0),
        (("--atlas-strict",), "--atlas-strict: the session is not recorded: it runs inside a test", 4),
    ],
    ids=["inherits", "has an option", "is strict"],
)
def test_a_session_inside_a_test_explains_itself_if_its_own_command_line_has_an_option(
    tmp_path: Path, arguments: tuple[str, ...], line: str, code: int
) -> None:
    text = INNER.format(arguments=arguments, line=line, code=code, explains=line.startswith("atlas: "))
    ended = Project(tmp_path / "bench").write("test_outer.py", text).record(env={**ALONE, "ATLAS_SYSTEM_ID": SYSTEM})
    assert ended.code == 0, ended.out


def test_a_fixture_fails_with_the_required_version_if_pytest_is_too_old(tmp_path: Path) -> None:
    project = Project(tmp_path).write("old.py", OLD_PYTEST).write("test_a.py", "def test_a(atlas): pass")
    ended = project.pytest("-p", "old", env={**ALONE, "PYTHONPATH": str(project.root)})
    assert ended.code == 1
    assert f"\n{OLD}\n" in ended.out
    assert "Traceback" not in ended.out
