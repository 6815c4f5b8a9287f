"""Write the job summary at the end of the session. Another process renders it (pytest_atlas.summary)."""

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from pytest_atlas.base import interpreter
from pytest_atlas.base.starter import HERE
from pytest_atlas.settings import SettingError
from pytest_atlas.settings.parsed import Settings

from .session_location import resolved
from .terminal_summary import TerminalSummary

PROGRAM = "pytest_atlas.summary.__main__:run"
"""Takes 0.3 s, and 2 s for 10,000 tests."""
TIMEOUT_S = 30.0
MAX_STEP_BYTES = 1024 * 1024
"""GitHub shows no summary if it is larger:
https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
"""


def prepare(config: pytest.Config, settings: Settings, environment: Mapping[str, str]) -> Settings:
    """Return the settings with absolute paths, and empty the file: an old summary must not look like that of this session.

    `environment`: the CI job's, which may name the file of GitHub's own. Raises SettingError where the user's can't be written.
    """
    step = environment.get("GITHUB_STEP_SUMMARY", "")
    if step:
        settings = settings._replace(step_summary=str(config.invocation_params.dir / step))
    if settings.summary is None:
        return settings
    path = resolved(config, "--atlas-summary", settings.summary, settings.summary_from)
    try:
        if _is_plain(path):
            path.write_bytes(b"")
    except (OSError, ValueError) as error:  # ValueError: NUL in it
        raise SettingError(f"{settings.summary_from}: {str(path)!r} can't be written ({error}). Name a writable file") from None
    return settings._replace(summary=path)


def _is_plain(path: Path) -> bool:
    """Return whether it is a regular file or missing: the reader of a pipe or device would take an opening for the end."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def write(settings: Settings, session: Path, summary: TerminalSummary) -> str:
    """Render and write the job summary of a session directory. Return the error as one line; empty if it is written."""
    if not (settings.summary or settings.step_summary):
        return ""
    try:
        markdown = _render(session, summary)
        if settings.summary:
            settings.summary.write_bytes(markdown)
        if settings.step_summary:
            _append(Path(settings.step_summary), markdown)
    except KeyboardInterrupt:  # as in the wait, it ends only this
        return "the job summary was not written: interrupted"
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"the job summary could not be written: {error}"
    return ""


def _render(session: Path, summary: TerminalSummary) -> bytes:
    if why := interpreter.problem():
        raise ValueError(f"{why.removeprefix('since ')}; write it with: pytest-atlas summary {session}")
    target = summary.status.target if summary.status else ""
    done = subprocess.run(
        interpreter.command(HERE, PROGRAM, str(session), target),
        input=interpreter.paths() + "\n".join(summary.pending()).encode("utf-8", "replace"),
        env=interpreter.environment(os.environ),
        capture_output=True,
        cwd=session,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise ValueError(f"{last or f'exit code {done.returncode}'}; please report it")
    return done.stdout


def _append(path: Path, markdown: bytes) -> None:
    """Append to the summary, to which other programs of the step may have written."""
    size = path.stat().st_size if path.exists() else 0
    if size + len(markdown) > MAX_STEP_BYTES:
        raise ValueError(f"{path} has {size} bytes already, and GitHub accepts at most {MAX_STEP_BYTES}")
    with path.open("ab") as file:
        file.write(b"\n" + markdown if size else markdown)
