"""The environment of a session as lines of text: commit, CI job, machine, versions. No value can be a secret."""

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.secrets import without_secrets

from .ci import CI

GIT_S = 2.0
"""Longest time to wait for git, for example on a slow network drive."""


class Git(NamedTuple):
    """The state of the work tree; the fields are empty without a repository."""

    branch: str = ""
    commit: str = ""
    modified: bool = False

    def __str__(self) -> str:
        where = "@".join(part for part in (self.branch, self.commit) if part)
        return where + (" (modified)" if self.modified else "")


def git(directory: Path) -> Git:
    """Return the branch, the commit and whether tracked files differ, by one call of git; an empty Git if it fails."""
    command = ["git", "-C", str(directory), "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        output = subprocess.run(
            command, capture_output=True, timeout=GIT_S, check=True, env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):  # no git, no repository, or too slow
        return Git()
    head = dict(line.removeprefix("# branch.").split(" ", 1) for line in output.splitlines() if line.startswith("# branch."))
    commit, branch = head.get("oid", ""), head.get("head", "")
    return Git(
        branch="" if branch == "(detached)" else branch,
        commit="" if commit == "(initial)" else commit[:10],
        modified=any(not line.startswith("#") for line in output.splitlines()),
    )


def revision(state: Git, job: CI | None) -> tuple[Git, str]:
    """Return the state of git, completed by the CI job, and the revision of the job as text if it differs.

    A CI checks out a commit, not a branch, and the tests may be in another repository than that of the job.
    """
    if job is None or not (job.branch or job.commit):
        return state, ""
    if not state.commit or job.commit in ("", state.commit):
        return Git(state.branch or job.branch, state.commit or job.commit, state.modified), ""
    return state, " ".join(part for part in (job.repository, str(Git(job.branch, job.commit))) if part)


def describe(config: pytest.Config, state: Git, job: CI | None = None) -> dict[str, str]:
    """Return the label and the text of each known line, in order."""
    plugins = sorted({f"{dist.project_name} {dist.version}" for _, dist in config.pluginmanager.list_plugin_distinfo()})
    state, of_job = revision(state, job)
    lines = {
        "Git": str(state),
        "CI revision": of_job,
        "CI job": job.link if job else "",
        "Pull request": job.pull_request if job else "",
        "Attempt": job.attempt if job else "",
        "Runner": job.runner if job else "",
        "Command": command_line("pytest", *without_secrets(map(str, config.invocation_params.args))),
        "Host": platform.node(),
        "System": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "Python": ".".join(map(str, sys.version_info[:3])),
        "pytest": ", ".join([pytest.__version__, *plugins]),
    }
    return {label: text for label, text in lines.items() if text}


def job_name(config: pytest.Config, job: CI | None) -> str:
    """Return the name by which the previous session is found: the CI job, else the project and the host."""
    return job.job if job else " ".join(f"{_project(config)} on {platform.node()}".split())


def title(config: pytest.Config, state: Git, day: str, job: CI | None = None) -> str:
    """Return the default title of a run: project and revision, or the date if the revision is unknown."""
    if job and job.number:
        return " ".join(filter(None, (job.repository or _project(config), job.branch or state.branch, f"#{job.number}")))
    state, _ = revision(state, job)
    where = "@".join(part for part in (state.branch, state.commit) if part)
    return f"{_project(config)} {where or day}"


def _project(config: pytest.Config) -> str:
    return Path(config.rootpath).name or "tests"
