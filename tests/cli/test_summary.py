"""`pytest-atlas summary`: write the job summary of a session again."""

import json
import os
from pathlib import Path

import pytest
from tests.support import events as f

from pytest_atlas.cli import main
from pytest_atlas.journal import status as st


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An atlas dir with two sessions; the newer one failed and is in no Atlas."""
    for name, events in (("20260101T000000Z-0a", f.passes("test_a")), ("20260102T000000Z-0b", f.fails("test_a"))):
        f.write_journal(
            tmp_path / "sessions" / name, f.opened(), f.session(session=name), *f.plan("test_a"), *events, f.finish()
        )
    return tmp_path


def summary(home: Path, *arguments: str) -> int:
    return main(["--atlas-dir", str(home), "summary", *arguments])


def newest(home: Path) -> Path:
    return home / "sessions" / "20260102T000000Z-0b"


def say(session: Path, target: str, **more: object) -> None:
    lines = {
        "state": "done",
        "run_id": "u",
        "run_ref": "TR-0042",
        "atlas": "https://a.example",
        "total": 3,
        "in_place": 3,
        **more,
    }
    st.write(session / f"status-{target}.json", st.Status(pid=1, target=target, **lines))  # type: ignore[arg-type]


def test_the_newest_session_is_shown_with_the_command_that_publishes_it(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summary(home) == 0
    out = capsys.readouterr().out
    assert out.startswith("## ❌ 1 of 1 test failed · Acceptance\n")
    assert f"> ⚠️ recorded only; publish with: <code>pytest-atlas --atlas-dir {home} push {newest(home)}</code>\n" in out


def test_a_session_is_chosen_by_its_name(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summary(home, "0a") == 0
    assert capsys.readouterr().out.startswith("## ✅ 1 test passed · Acceptance\n")


def test_a_published_session_has_the_run_of_the_last_status(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(newest(home), "old", run_ref="TR-0001")
    earlier = newest(home) / "status-old.json"
    say(newest(home), "new")
    os.utime(earlier, (1, 1))
    assert summary(home) == 0
    out = capsys.readouterr().out
    assert "Run **TR-0042** in <https://a.example>" in out
    assert "⚠️" not in out


def test_pending_results_have_the_reason(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    say(
        newest(home),
        "t",
        state="stopped",
        in_place=1,
        problem="connection refused",
        files_kept=1,
        remarks=("step 'a' was refused",),
    )
    assert summary(home) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("> ")]
    assert lines == [
        "> ⚠️ step 'a' was refused",
        "> ⚠️ 1 data file stays in the session directory: no bucket is set",
        "> ⚠️ 2 pending: connection refused",
        f"> ⚠️ finish with: <code>pytest-atlas --atlas-dir {home} push {newest(home)}</code>",
    ]


def test_the_summary_is_written_to_a_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summary(home, "--output", str(home / "out.md")) == 0
    assert capsys.readouterr().out == ""
    assert (home / "out.md").read_bytes().startswith("## ❌".encode())


def test_a_file_that_cannot_be_written_is_one_line(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summary(home, "--output", str(home / "nowhere" / "out.md")) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "nowhere" in err


def test_a_missing_session_is_a_usage_error(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert summary(tmp_path / "nothing") == 2
    assert summary(home, "zz") == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize("field", ["run_ref", "reports", "state", "pid", "remarks"])
def test_an_invalid_status_is_ignored(home: Path, capsys: pytest.CaptureFixture[str], field: str) -> None:
    say(newest(home), "t")
    path = newest(home) / "status-t.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: {"a": 1}}))
    assert summary(home) == 0
    assert "recorded only" in capsys.readouterr().out


def test_a_secret_of_the_environment_is_not_shown(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATLAS_TOKEN", "correct-horse-battery")
    say(newest(home), "t", state="stopped", problem="who is correct-horse-battery?")
    assert summary(home) == 0
    assert "who is [redacted]?" in capsys.readouterr().out
