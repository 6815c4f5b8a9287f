"""`pytest-atlas doctor`: a line for each check, with the remedy if there is a problem."""

from importlib import metadata
from pathlib import Path
from uuid import UUID

import pytest
from tests.cli.conftest import Command
from tests.support.events import SYSTEM
from tests.support.served_atlas import TOKEN, served_atlas

from pytest_atlas.atlas import CreateRun
from pytest_atlas.base.requirements import REQUIREMENTS, Requirement


def problems(out: str) -> list[str]:
    return [line.removeprefix("problem").strip() for line in out.splitlines() if line.startswith("problem")]


def test_a_machine_without_settings_has_no_problem(cli: Command, tmp_path: Path) -> None:
    result = cli("doctor")
    assert (result.code, result.err, problems(result.out)) == (0, "", [])
    assert f"ok       {tmp_path / '.atlas'} does not exist yet and can be created\n" in result.out
    assert list(tmp_path.iterdir()) == []


def test_the_versions_of_the_required_packages_are_listed(cli: Command) -> None:
    (line,) = (line for line in cli("doctor").out.splitlines() if "required packages" in line)
    assert line.startswith("ok ")
    assert all(f"{name} {metadata.version(name)}" in line for name in REQUIREMENTS)


def test_a_missing_package_is_a_problem(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REQUIREMENTS, "no-such-package", Requirement("no-such-package", "1.2"))
    result = cli("doctor")
    assert result.code == 1
    assert problems(result.out) == [
        "no-such-package is not installed; pytest-atlas needs no-such-package>=1.2. Run: pip install 'no-such-package>=1.2'"
    ]


def test_a_local_atlas_is_opened_and_counted(cli: Command, session: Path, atlas_dir: Path) -> None:
    cli("push")
    result = cli("doctor")
    assert result.code == 0
    assert f"ok       {atlas_dir} can be written and has 1 session\n" in result.out
    assert f"ok       the local Atlas {atlas_dir / 'atlas.db'} can be opened and has 1 run\n" in result.out


def test_a_local_atlas_that_cannot_be_opened_is_a_problem(cli: Command, atlas_dir: Path) -> None:
    (atlas_dir / "atlas.db").write_bytes(b"no database at all, but notes" * 100)
    result = cli("doctor")
    assert result.code == 1
    (problem,) = problems(result.out)
    assert "not a database" in problem


def test_a_directory_that_cannot_be_written_is_a_problem(cli: Command, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli("doctor", "--atlas-dir", tmp_path / "file")
    assert result.code == 1
    (problem,) = problems(result.out)
    assert problem.startswith(f"{tmp_path / 'file'} can't be written")
    assert "--atlas-dir" in problem


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"ATLAS_SYSTEM_ID": "bench-7"}, ["ATLAS_SYSTEM_ID: 'bench-7' is not a UUID"]),
        ({"ATLAS_TOKEN": TOKEN}, ["ATLAS_TOKEN is set, but ATLAS_URL is not"]),
        ({"ATLAS_URL": "https://atlas.example.com"}, ["ATLAS_URL names an Atlas, but ATLAS_TOKEN is not set"]),
        (
            {"ATLAS_URL": "atlas", "ATLAS_TOKEN": "a b"},
            ["ATLAS_URL: 'atlas' is not the URL", "ATLAS_TOKEN: the token has a character"],
        ),
        ({"ATLAS_SYSTM_ID": SYSTEM}, ["variable ATLAS_SYSTM_ID is unknown to pytest-atlas; is ATLAS_SYSTEM_ID meant?"]),
    ],
)
def test_each_invalid_setting_is_a_line(
    cli: Command, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], expected: list[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    result = cli("doctor")
    assert result.code == 1
    found = problems(result.out)
    assert len(found) == len(expected)
    assert all(line.startswith(start) for line, start in zip(found, expected, strict=True))


def test_a_remote_atlas_gets_a_request(cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
    monkeypatch.setenv("ATLAS_SYSTEM_ID", SYSTEM)
    with served_atlas(tmp_path / "server") as served:
        monkeypatch.setenv("ATLAS_URL", served.url)
        result = cli("doctor")
        assert result.code == 0
        assert f"ok       {served.url} responds and accepts the token\n" in result.out
        assert f"ok       Atlas has no runs of system {SYSTEM}; whether the system exists is known" in result.out
        served.atlas.send(CreateRun(title="First", system_id=UUID(SYSTEM)))
        assert f"ok       Atlas has system {SYSTEM}: System 5b0c0a52, 1 run\n" in cli("doctor").out
        monkeypatch.setenv("ATLAS_TOKEN", "wrong-token-wrong-token")
        result = cli("doctor")
    assert result.code == 1
    (problem,) = problems(result.out)
    assert "Check ATLAS_TOKEN and its rights" in problem
    assert "wrong-token-wrong-token" not in result.out


def test_an_unreachable_atlas_is_a_problem(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ATLAS_TOKEN", TOKEN)
    monkeypatch.setenv("ATLAS_URL", "http://127.0.0.1:1")
    result = cli("doctor")
    assert result.code == 1
    (problem,) = problems(result.out)
    assert "Check ATLAS_URL and the network" in problem
