"""The jobs of examples/ci: the variables and the commands for each bench, like in the CI.

Features of the CIs are imitated: GitHub's expressions, GitLab's matrix, the strings of a Jenkinsfile.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from tests.support.ci_variables import GITHUB, GITLAB, JENKINS

DIRECTORY = Path(__file__).parents[2] / "examples" / "ci"
SETTINGS = ("ATLAS_URL", "ATLAS_SYSTEM_ID", "ATLAS_TOKEN")
"""The variables that a project sets in the user interface of its CI."""


@dataclass(frozen=True)
class Job:
    """One job of the matrix."""

    variables: dict[str, str]
    install: list[str]
    test: str
    push: str
    kept: str  # path of the artifact's files in the checkout
    keeps_by_itself: bool = False  # whether the push command puts them there


def yaml_of(name: str) -> dict[str, Any]:
    """Return the content of a file of examples/ci."""
    found = yaml.safe_load((DIRECTORY / name).read_text("utf-8"))
    return {"on" if key is True else key: value for key, value in found.items()}  # `on` is true in YAML 1.1


def github(bench: str, settings: Mapping[str, str], **changes: str) -> Job:
    """Return the job of github-actions.yml."""
    own = {**GITHUB, **changes}
    lower = {name.removeprefix("GITHUB_").lower(): text for name, text in own.items()}
    contexts = {"github": lower, "matrix": {"bench": bench}, "vars": settings, "secrets": settings}
    (job,) = yaml_of("github-actions.yml")["jobs"].values()
    steps = {step["name"]: step for step in job["steps"] if "name" in step}
    test, push, keep = (steps[name] for name in ("Test", "Send what is pending", "Keep what is still pending"))
    environment = {**job["env"], **test["env"], **push["env"]}
    return Job(
        {**own, **{name: evaluated(text, contexts) for name, text in environment.items()}},
        steps["Install"]["run"].splitlines(),
        test["run"],
        push["run"],
        keep["with"]["path"],
    )


def evaluated(text: str, contexts: Mapping[str, Mapping[str, str]]) -> str:
    """`text` with its `${{ … }}`: names, and `||` between them."""

    def value(match: re.Match[str]) -> str:
        names = [name.strip().split(".") for name in match[1].split("||")]
        return next(filter(None, (contexts[context][key] for context, key in names)), "")

    return re.sub(r"\$\{\{(.*?)\}\}", value, text)


def gitlab(bench: str, settings: Mapping[str, str], **changes: str) -> Job:
    """Return the job of gitlab-ci.yml. The example has its system id."""
    (job,) = yaml_of("gitlab-ci.yml").values()
    (axis,) = job["parallel"]["matrix"]
    number = axis["BENCH"].index(bench) + 1
    own = {"CI_JOB_NAME": f"hil: [{bench}]", "CI_NODE_INDEX": str(number), "BENCH": bench}
    (test,), (push,) = job["script"], job["after_script"]
    variables = {**GITLAB, **own, **changes}
    for name, text in job["variables"].items():
        variables[name] = re.sub(r"\$(\w+)", lambda found: variables[found[1]], text)
    variables |= settings
    return Job(variables, job["before_script"], test, push, job["artifacts"]["paths"][1], keeps_by_itself=True)


def jenkins(bench: str, settings: Mapping[str, str], **changes: str) -> Job:
    """Return the job of the Jenkinsfile."""
    text = (DIRECTORY / "Jenkinsfile").read_text("utf-8")
    variables = {**JENKINS, "BENCH": bench, **changes}
    for name, value in re.findall(r"^\s*([A-Z_]+) = [\"'](.*)[\"']$", text, re.MULTILINE):
        variables[name] = re.sub(r"\$\{(\w+)\}", lambda m: variables[m[1]], value)
    *install, test, push = re.findall(r"sh[ (](?:returnStatus: true, script: )?'([^']*)'", text)
    kept = re.findall(r"archiveArtifacts artifacts: '([^']*)/\*\*'", text)
    return Job({**variables, **settings}, install, test, push, *kept)


EXAMPLES = {"github": github, "gitlab": gitlab, "jenkins": jenkins}
