"""The CI examples: built as their services ask for, and their commands run as a job of the service runs them."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import jsonschema
import pytest
from tests.support.atlases import every_run
from tests.support.ci_examples import EXAMPLES, FOLDER, Job, yaml_of
from tests.support.facts import SYSTEM
from tests.support.inner import Ended, Project, environment
from tests.support.served_atlas import TOKEN, ServedAtlas, served_atlas
from tests.support.stand_in import ALONE

from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.settings import SETTINGS

CLOSED = "http://127.0.0.1:1"
BENCHES = ("bench-a", "bench-b")
Example = Callable[..., Job]

on_posix = pytest.mark.skipif(os.name == "nt", reason="the examples' commands are a POSIX shell's")
each_example = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)


# ── as their services ask for ────────────────────────────────────────────────────────────────────────────────────────────

TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "object", "additionalProperties": TEXT}
LINES = {"type": "array", "items": TEXT, "minItems": 1}

# https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
GITHUB_STEP = {
    "type": "object",
    "properties": {
        "id": TEXT, "name": TEXT, "if": TEXT, "run": TEXT, "env": TEXTS, "continue-on-error": {"type": "boolean"},
        "uses": {"type": "string", "pattern": r"^[\w-]+/[\w-]+@[0-9a-f]{40}$"}, "with": {"type": "object"},
    },
    "oneOf": [{"required": ["uses"]}, {"required": ["run"]}],
    "additionalProperties": False,
}  # fmt: skip
GITHUB_JOB = {
    "type": "object",
    "properties": {
        "if": TEXT, "runs-on": LINES, "timeout-minutes": {"type": "integer"}, "env": TEXTS,
        "steps": {"type": "array", "items": GITHUB_STEP},
        "strategy": {
            "type": "object",
            "properties": {"fail-fast": {"type": "boolean"}, "matrix": {"type": "object", "additionalProperties": LINES}},
            "additionalProperties": False,
        },
    },
    "required": ["runs-on", "steps"],
    "additionalProperties": False,
}  # fmt: skip
GITHUB_WORKFLOW = {
    "type": "object",
    "properties": {
        "name": TEXT,
        "on": {"type": "object", "propertyNames": {"enum": ["push", "pull_request", "schedule"]}},
        "permissions": {"const": {"contents": "read"}},
        "jobs": {"type": "object", "additionalProperties": GITHUB_JOB},
    },
    "required": ["on", "permissions", "jobs"],
    "additionalProperties": False,
}
# https://docs.gitlab.com/ci/yaml/
GITLAB_JOB = {
    "type": "object",
    "properties": {
        "stage": {"enum": ["build", "test", "deploy"]},
        "parallel": {
            "type": "object",
            "properties": {"matrix": {"type": "array", "items": {"type": "object", "additionalProperties": LINES}}},
            "required": ["matrix"],
            "additionalProperties": False,
        },
        "tags": LINES, "resource_group": TEXT, "timeout": TEXT, "variables": TEXTS,
        "before_script": LINES, "script": LINES, "after_script": LINES,
        "rules": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"if": TEXT, "when": {"enum": ["never", "always", "on_success"]}},
                "additionalProperties": False,
            },
        },
        "artifacts": {
            "type": "object",
            "properties": {"when": {"const": "always"}, "name": TEXT, "paths": LINES, "expire_in": TEXT},
            "additionalProperties": False,
        },
    },
    "required": ["script"],
    "additionalProperties": False,
}  # fmt: skip


def test_the_workflow_has_the_form_of_a_github_workflow() -> None:
    workflow = yaml_of("github-actions.yml")
    jsonschema.validate(workflow, GITHUB_WORKFLOW)
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"] == {"bench": list(BENCHES)}
    assert any("include-hidden-files" in step.get("with", {}) for step in job["steps"])  # else .atlas is left out


def test_its_expressions_use_what_there_is_where_they_stand() -> None:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#context-availability"""
    (job,) = yaml_of("github-actions.yml")["jobs"].values()
    of_job = re.findall(r"\b(github|matrix|vars|secrets|steps|env|job|runner)\.(\w+)", str(job["env"]))
    assert {context for context, _ in of_job} <= {"github", "matrix", "vars"}
    assert ("github", "job") not in of_job  # it is only known within a step
    assert {context for context, _ in re.findall(r"\b(github|matrix|secrets)\.(\w+)", job["if"])} == {"github"}
    ids = {step["id"] for step in job["steps"] if "id" in step}
    assert {found for step in job["steps"] for found in re.findall(r"steps\.(\w+)", step.get("if", ""))} == ids


def test_the_pipeline_has_the_form_of_gitlabs() -> None:
    (job,) = yaml_of("gitlab-ci.yml").values()
    jsonschema.validate(job, GITLAB_JOB)
    assert job["parallel"]["matrix"] == [{"BENCH": list(BENCHES)}]


def test_the_jenkinsfile_is_a_declarative_pipeline() -> None:
    text = (FOLDER / "Jenkinsfile").read_text("utf-8")
    code = re.sub(r"('[^'\n]*'|\"[^\"\n]*\")|//.*", lambda found: "''" if found[1] else "", text)
    for opening, closing in ("{}", "()", "[]"):
        assert code.count(opening) == code.count(closing) > 0
    # https://www.jenkins.io/doc/book/pipeline/syntax/
    blocks = "pipeline options environment stages stage matrix axes axis when expression agent steps post always"
    blocks += " withCredentials script if"
    assert set(re.findall(r"(\w+) ?(?:\([^{}]*\))? ?\{", code)) == set(blocks.split())
    assert text.startswith("//")
    assert re.findall(r"stage\('(\w+)'\)", text) == ["HIL", "Install", "Test"]
    assert re.search(r"values 'bench-a', 'bench-b'", text)


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml", "Jenkinsfile"])
def test_the_token_is_nowhere_but_in_the_environment_of_those_who_need_it(name: str) -> None:
    text = (FOLDER / name).read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith(("#", "//")))
    ways = {
        "github-actions.yml": r"ATLAS_TOKEN: \$\{\{ secrets\.ATLAS_TOKEN \}\}",
        "gitlab-ci.yml": r"(?!)",  # a variable of the project
        "Jenkinsfile": r"string\(credentialsId: 'atlas-token', variable: 'ATLAS_TOKEN'\)",
    }
    assert "ATLAS_TOKEN" not in re.sub(ways[name], "", code)
    assert re.search("fork", text, re.IGNORECASE)
    assert not re.search(r'\bsh "', code)  # Groovy's own strings would put a secret into the command


@each_example
def test_no_command_has_anything_of_github_expressions_in_it(example: Example) -> None:
    """An expression in a command is a way in: a branch may be called $(curl evil)."""
    job = example("bench-a", settings(CLOSED))
    assert "${{" not in " ".join([*job.install, job.test, job.push])


# ── their commands ───────────────────────────────────────────────────────────────────────────────────────────────────────


@each_example
def test_the_options_that_they_use_are_there(example: Example) -> None:
    job = example("bench-a", settings(CLOSED))
    assert set(re.findall(r"--atlas-[a-z]+", job.test)) <= {setting.option for setting in SETTINGS}
    assert [line for line in job.install if "pip install" in line] == [".venv/bin/pip install -r requirements.txt"]


class Checkout:
    """A project as the CI checks it out, with what `install` would have made."""

    def __init__(self, root: Path) -> None:
        self.project = Project(root).write(
            "test_trip.py",
            """
            import os
            def test_bench(): assert os.environ["BENCH"] in ("bench-a", "bench-b")
            def test_trip(): assert 112 <= 100
            """,
        )
        for name, module in (("pytest", "pytest"), ("pytest-atlas", "pytest_atlas.cli")):
            self.project.write(f".venv/bin/{name}", f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
            (root / ".venv" / "bin" / name).chmod(0o755)

    def shell(self, job: Job, command: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the job as its CI does."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", command.replace("--timeout 30", "--timeout 1")],
            cwd=self.project.root, env=environment(**{**ALONE, **job.variables, **more}),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    @property
    def session(self) -> ev.SessionStarted:
        """What the newest session is."""
        newest = max((self.project.root / ".atlas" / "sessions").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        folder = self.project.root / ".only"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(newest, folder / "sessions" / newest.name)
        (started,) = Ended(0, "", "", folder).told(ev.SessionStarted)
        return started


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "psu")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedAtlas]:
    with served_atlas(tmp_path / "server") as atlas:
        yield atlas


def settings(url: str) -> dict[str, str]:
    return {"ATLAS_URL": url, "ATLAS_SYSTEM_ID": SYSTEM, "ATLAS_TOKEN": TOKEN}


@on_posix
@each_example
def test_a_job_publishes_its_results_and_ends_as_its_tests_did(
    example: Example, checkout: Checkout, served: ServedAtlas
) -> None:
    job = example("bench-a", settings(served.url))
    own = {}
    if "GITHUB_ACTIONS" in job.variables:
        checkout.project.write("step.md", "")  # as the runner does
        own["GITHUB_STEP_SUMMARY"] = str(checkout.project.root / "step.md")
    tested = checkout.shell(job, job.test, **own)
    assert tested.returncode == pytest.ExitCode.TESTS_FAILED, tested.stdout + tested.stderr
    (run,) = every_run(served.atlas)
    (page,) = checkout.project.root.glob("*.md")
    assert run.test_run_id in page.read_text("utf-8")
    assert "bench-a" in run.title
    assert "\nCI job: https://" in run.description
    assert "\nPull request: " in run.description
    assert TOKEN not in tested.stdout + tested.stderr
    pushed = checkout.shell(job, job.push)
    assert pushed.returncode == 0, pushed.stdout + pushed.stderr
    assert not job.keeps_by_itself or not (checkout.project.root / job.kept).exists()


@on_posix
@each_example
def test_what_a_failing_network_left_pending_is_published_from_the_artifact(
    example: Example, checkout: Checkout, served: ServedAtlas, tmp_path: Path
) -> None:
    job = example("bench-a", settings(CLOSED))
    tested = checkout.shell(job, job.test, PYTEST_ADDOPTS="--atlas-timeout=1")
    assert tested.returncode == pytest.ExitCode.TESTS_FAILED, tested.stdout + tested.stderr
    pushed = checkout.shell(job, job.push)
    assert (pushed.returncode == 0) == job.keeps_by_itself
    artifact = zipped(checkout.project.root / job.kept, tmp_path / "artifact.zip")
    shutil.rmtree(checkout.project.root)  # the container is gone
    with zipfile.ZipFile(artifact) as packed:
        packed.extractall(tmp_path / "elsewhere")
    (journal,) = (tmp_path / "elsewhere").rglob("journal.jsonl")
    lines = journal.read_bytes().splitlines()
    (session,) = (event for line in lines if isinstance(event := decode.event(line), ev.SessionStarted))
    at_home = {**environment(), **settings(served.url)}
    shown = []
    for _ in range(2):
        command = [sys.executable, "-m", "pytest_atlas.cli", "push", f"--run-key={session.key}", str(tmp_path / "elsewhere")]
        done = subprocess.run(command, cwd=tmp_path, env=at_home, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        (run,) = every_run(served.atlas)
        shown.append(run)
    assert shown[0] == shown[1]
    assert shown[0].description.endswith(f"\npytest-atlas: {session.key}")
    assert [[s.execution_status for s in card.test_steps] for card in shown[0].test_cards] == [["passed", "failed"]]


def zipped(folder: Path, to: Path) -> Path:
    """A CI's artifact: the files, without rights and times."""
    with zipfile.ZipFile(to, "w") as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.writestr(str(path.relative_to(folder.parent)), path.read_bytes())
    return to


AGAIN = {
    "github": {"GITHUB_RUN_ATTEMPT": "2", "RUNNER_NAME": "another"},
    "gitlab": {"CI_JOB_RETRY_COUNT": "1", "CI_JOB_ID": "992", "CI_RUNNER_DESCRIPTION": "another"},
    "jenkins": {"NODE_NAME": "another"},  # by retry(2) within the build
}
"""What another attempt changes."""
LATER = {
    "github": {"GITHUB_RUN_ID": "1658821494", "GITHUB_RUN_NUMBER": "58"},
    "gitlab": {"CI_PIPELINE_ID": "4712", "CI_PIPELINE_IID": "58"},
    "jenkins": {"BUILD_TAG": "jenkins-psu-PR-12-58", "BUILD_NUMBER": "58"},
}
"""What the next build changes."""


@on_posix
@pytest.mark.parametrize("name", EXAMPLES)
def test_a_retried_job_records_into_the_run_of_its_first_attempt(name: str, checkout: Checkout, served: ServedAtlas) -> None:
    first = EXAMPLES[name]("bench-a", settings(served.url))
    checkout.shell(first, first.test)
    shutil.rmtree(checkout.project.root / ".atlas")  # another machine
    checkout.project.write("test_trip.py", "def test_bench(): pass\ndef test_trip(): pass")
    again = EXAMPLES[name]("bench-a", settings(served.url), **AGAIN[name])
    tested = checkout.shell(again, again.test)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    (run,) = every_run(served.atlas)
    # Both attempts are on the step: it passed after the failure of the job's first attempt (C2).
    assert [[s.execution_status for s in card.test_steps] for card in run.test_cards] == [["passed", "passed_with_exception"]]
    leg = EXAMPLES[name]("bench-b", settings(served.url))
    checkout.shell(leg, leg.test)
    assert len(list(every_run(served.atlas))) == 2


@on_posix
@pytest.mark.parametrize("name", EXAMPLES)
def test_attempts_have_one_key_and_legs_and_builds_have_others(name: str, checkout: Checkout) -> None:
    def recorded(bench: str, **changes: str) -> ev.SessionStarted:
        job = EXAMPLES[name](bench, settings("https://atlas.example.com"), **changes)
        done = checkout.shell(job, job.test, PYTEST_ADDOPTS="--atlas-offline")
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
        return checkout.session

    first, leg, again, later = (
        recorded("bench-a"), recorded("bench-b"), recorded("bench-a", **AGAIN[name]), recorded("bench-a", **LATER[name])
    )  # fmt: skip
    assert {told.run for told in (first, leg, again, later)} == {"auto"}
    assert first.key == again.key
    assert len({first.key, leg.key, later.key}) == 3
    assert first.job == again.job == later.job != leg.job
