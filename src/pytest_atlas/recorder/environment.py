"""What a session ran on, as lines for people: commit, CI job, machine, versions. Never a value that may be a secret."""

import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

GIT_S = 2.0
"""Most seconds to wait for git; a repository on a slow network drive is not worth more."""


class Git(NamedTuple):
    """The state of the work tree; empty where there is none."""

    branch: str = ""
    commit: str = ""
    modified: bool = False

    def __str__(self) -> str:
        where = "@".join(part for part in (self.branch, self.commit) if part)
        return where + (" (modified)" if self.modified else "")


def git(folder: Path) -> Git:
    """Branch, commit and whether tracked files differ, from one call of git; an empty Git where that can't be known."""
    command = ["git", "-C", str(folder), "status", "--porcelain=v2", "--branch", "--untracked-files=no"]
    try:
        said = subprocess.run(
            command, capture_output=True, timeout=GIT_S, check=True, env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"}
        ).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):  # no git, no repository, or too slow
        return Git()
    head = dict(line.removeprefix("# branch.").split(" ", 1) for line in said.splitlines() if line.startswith("# branch."))
    commit, branch = head.get("oid", ""), head.get("head", "")
    return Git(
        branch="" if branch == "(detached)" else branch,
        commit="" if commit == "(initial)" else commit[:10],
        modified=any(not line.startswith("#") for line in said.splitlines()),
    )


CI_JOBS = (
    # https://docs.github.com/actions/reference/variables-reference
    ("GITHUB_RUN_ID", "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}"),
    # https://docs.gitlab.com/ci/variables/predefined_variables/
    ("CI_JOB_URL", "{CI_JOB_URL}"),
    # https://learn.microsoft.com/azure/devops/pipelines/build/variables
    ("BUILD_BUILDID", "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}"),
    # https://buildkite.com/docs/pipelines/configure/environment-variables
    ("BUILDKITE_BUILD_URL", "{BUILDKITE_BUILD_URL}"),
    # https://circleci.com/docs/reference/variables/
    ("CIRCLE_BUILD_URL", "{CIRCLE_BUILD_URL}"),
    # https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables
    ("JENKINS_URL", "{BUILD_URL}"),
)
"""The variable that says which CI it is, and the link to the job, both as its documentation names them."""


def ci_job(environment: Mapping[str, str]) -> str:
    """The link to the CI job; empty outside of the CIs of the table, or where a variable is missing."""
    for variable, link in CI_JOBS:
        if environment.get(variable):
            try:
                return link.format_map(environment)
            except KeyError:
                return ""
    return ""


def describe(config: pytest.Config, state: Git) -> dict[str, str]:
    """Label and text of each line, those that are known, in the order to be shown."""
    plugins = sorted({f"{dist.project_name} {dist.version}" for _, dist in config.pluginmanager.list_plugin_distinfo()})
    lines = {
        "Git": str(state),
        "CI job": ci_job(os.environ),
        "Command": shlex.join(["pytest", *map(str, config.invocation_params.args)]),
        "Host": platform.node(),
        "System": f"{platform.system()} {platform.release()} ({platform.machine()})",
        "Python": ".".join(map(str, sys.version_info[:3])),
        "pytest": ", ".join([pytest.__version__, *plugins]),
    }
    return {label: text for label, text in lines.items() if text}


def title(config: pytest.Config, state: Git, day: str) -> str:
    """The title of a run that nobody gave one: what was tested, and when where git can't say which state of it."""
    name = Path(config.rootpath).name or "tests"
    where = "@".join(part for part in (state.branch, state.commit) if part)
    return f"{name} {where or day}"
