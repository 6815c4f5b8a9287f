"""The data from the documented variables of each CI, and from invalid variables."""

from collections.abc import Mapping

import pytest
from tests.support.ci_variables import AZURE, BUILDKITE, CIRCLECI, GITHUB, GITLAB, JENKINS, SHA, TEAMCITY

from pytest_atlas.recorder.ci import CI, ci
from pytest_atlas.recorder.ci_providers import CIS, variables

JOBS: dict[str, tuple[Mapping[str, str], CI]] = {
    "github": (
        GITHUB,
        CI("GitHub Actions", "GitHub Actions / acme/psu / HIL / hil", "https://github.com/acme/psu/actions/runs/1658821493",
           "acme/psu", "trip", "0123456789", "#12", "57", "1", "bench-a", ""),
    ),
    "gitlab": (
        GITLAB,
        CI("GitLab CI", "GitLab CI / acme/psu / hil: [bench-a]", "https://gitlab.example/acme/psu/-/jobs/991",
           "acme/psu", "trip", "0123456789", "!12", "57", "1", "bench-a", "gitlab:gitlab.example:4711:hil:-[bench-a]:1"),
    ),
    "azure": (
        AZURE,
        CI("Azure Pipelines", "Azure Pipelines / Power Supply / HIL / Test / hil / hil bench_a",
           "https://dev.azure.com/acme/Power%20Supply/_build/results?buildId=4711",
           "acme/psu", "trip", "0123456789", "#12", "20261125.1", "1", "bench-a", "azure:c0ffee:4711:Test:hil:hil-bench_a:1"),
    ),
    "buildkite": (
        BUILDKITE,
        CI("Buildkite", "Buildkite / acme/psu / hil / :zap: HIL / 0", "https://buildkite.com/acme/psu/builds/57",
           "acme/psu", "trip", "0123456789", "#12", "57", "1", "bench-a", "buildkite:b-1:s-1:0"),
    ),
    "circleci": (
        CIRCLECI,
        CI("CircleCI", "CircleCI / acme/psu / hil-bench-a", "https://circleci.com/gh/acme/psu/57",
           "acme/psu", "trip", "0123456789", "#12", "57", "", "", "circleci:ws-1:hil-bench-a:0"),
    ),
    "teamcity": (
        TEAMCITY,
        CI("TeamCity", "TeamCity / psu / HIL bench-a", "https://tc.example/build/4711",
           "psu", "", "0123456789", "", "57", "", "", ""),
    ),
    "jenkins": (
        JENKINS,
        CI("Jenkins", "Jenkins / psu/PR-12", "https://ci.example/job/psu/57",
           "", "trip", "0123456789", "#12", "57", "", "bench-a", ""),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("variables", "data"), JOBS.values(), ids=JOBS)
def test_the_documented_variables_of_a_ci_are_read(variables: dict[str, str], data: CI) -> None:
    assert ci(variables) == data


def test_every_ci_of_the_table_has_a_case() -> None:
    assert {row.short for row in CIS} == set(JOBS)


@pytest.mark.parametrize("variables", [{}, {"CI": "true"}, {"GITHUB_ACTIONS": ""}, {"TF_BUILD": "False"}], ids=str)
def test_without_a_known_ci_there_is_no_data(variables: dict[str, str]) -> None:
    assert ci(variables) is None


RETRIES = {
    "gitlab": (GITLAB, {"CI_JOB_ID": "992", "CI_JOB_URL": "https://gitlab.example/-/jobs/992", "CI_JOB_RETRY_COUNT": "1"}),
    "azure": (AZURE, {"SYSTEM_JOBATTEMPT": "2", "SYSTEM_JOBID": "another-attempt", "AGENT_NAME": "bench-b"}),
    "buildkite": (BUILDKITE, {"BUILDKITE_RETRY_COUNT": "1", "BUILDKITE_JOB_ID": "j-2", "BUILDKITE_AGENT_NAME": "bench-b"}),
    "circleci": (CIRCLECI, {"CIRCLE_WORKFLOW_ID": "w-2", "CIRCLE_BUILD_NUM": "58", "CIRCLE_BUILD_URL": "https://circleci.com/x/58"}),
}  # fmt: skip
"""The variables that differ in a retry of the job."""
LEGS = {
    "gitlab, matrix": (GITLAB, {"CI_JOB_NAME": "hil: [bench-b]", "CI_NODE_INDEX": "2"}),
    "gitlab, an older version with equal job names in a matrix": (GITLAB, {"CI_NODE_INDEX": "2"}),
    "azure, matrix": (AZURE, {"AGENT_JOBNAME": "hil bench_b"}),
    "azure, parallel": (AZURE, {"SYSTEM_JOBPOSITIONINPHASE": "2"}),
    "buildkite, parallelism": (BUILDKITE, {"BUILDKITE_PARALLEL_JOB": "1"}),
    "circleci, matrix": (CIRCLECI, {"CIRCLE_JOB": "hil-bench-b"}),
    "circleci, parallelism": (CIRCLECI, {"CIRCLE_NODE_INDEX": "1"}),
}
"""The variables that differ between two jobs of a matrix."""
BUILDS = {
    "gitlab": (GITLAB, {"CI_PIPELINE_ID": "4712", "CI_PIPELINE_IID": "58"}),
    "azure": (AZURE, {"BUILD_BUILDID": "4712", "BUILD_BUILDNUMBER": "20261125.2"}),
    "buildkite": (BUILDKITE, {"BUILDKITE_BUILD_ID": "b-2", "BUILDKITE_BUILD_NUMBER": "58"}),
    "circleci": (CIRCLECI, {"CIRCLE_WORKFLOW_WORKSPACE_ID": "ws-2", "CIRCLE_WORKFLOW_ID": "w-2"}),
}
"""The variables that differ in the next build of the branch."""


def known(variables: Mapping[str, str], run_key: str = "") -> CI:
    data = ci(variables, run_key)
    assert data is not None
    return data


@pytest.mark.parametrize(("first", "changes"), RETRIES.values(), ids=RETRIES)
def test_a_retried_job_has_the_same_key(first: dict[str, str], changes: dict[str, str]) -> None:
    assert known({**first, **changes}).key == known(first).key != ""


@pytest.mark.parametrize(("first", "changes"), LEGS.values(), ids=LEGS)
def test_the_jobs_of_a_matrix_have_different_keys(first: dict[str, str], changes: dict[str, str]) -> None:
    other = known({**first, **changes}).key
    assert "" != other != known(first).key


@pytest.mark.parametrize(("first", "changes"), BUILDS.values(), ids=BUILDS)
def test_the_next_build_has_another_key_and_the_same_job(first: dict[str, str], changes: dict[str, str]) -> None:
    other = known({**first, **changes})
    assert "" != other.key != known(first).key
    assert other.job == known(first).job


def test_every_ci_with_a_key_has_a_case() -> None:
    with_key = {row.short for row in CIS if row.key}
    assert with_key == set(RETRIES) == set(BUILDS) == {name.partition(",")[0] for name in LEGS}
    assert all(row.advice for row in CIS if not row.key)


def test_a_step_of_buildkite_with_a_possible_matrix_has_no_key() -> None:
    assert known({name: text for name, text in BUILDKITE.items() if name != "BUILDKITE_PARALLEL_JOB"}).key == ""


@pytest.mark.parametrize(
    ("first", "key", "leg"),
    [
        (GITHUB, "1658821493-hil-bench-a", "hil-bench-a"),
        (GITHUB, "bench-a/1658821493", "bench-a"),
        (GITHUB, "570: bench x57, 57", "570: bench x57,"),
        (JENKINS, "jenkins-psu-PR-12-57-bench-a", "bench-a"),
        (TEAMCITY, f"{SHA}-Psu_Hil", "Psu_Hil"),
        (GITHUB, "1658821493", ""),
        (GITHUB, "nightly", ""),
    ],
    ids=["github", "behind", "not within a word", "jenkins", "teamcity", "nothing else", "no run"],
)
def test_the_constant_part_of_the_users_key_belongs_to_the_job(first: dict[str, str], key: str, leg: str) -> None:
    assert known(first, key).job == known(first).job + (f" / {leg}" if leg else "")


def test_attempts_are_counted_from_one() -> None:
    assert known({**GITHUB, "GITHUB_RUN_ATTEMPT": "3"}).attempt == "3"
    assert known({**GITLAB, "CI_JOB_RETRY_COUNT": "2"}).attempt == "3"
    assert known({**BUILDKITE, "BUILDKITE_RETRY_COUNT": "2"}).attempt == "3"
    assert known({**GITHUB, "GITHUB_RUN_ATTEMPT": "-1"}).attempt == ""


@pytest.mark.parametrize(
    ("variables", "branch", "pull_request"),
    [
        ({**GITHUB, "GITHUB_HEAD_REF": "", "GITHUB_REF": "refs/heads/main", "GITHUB_REF_NAME": "main"}, "main", ""),
        ({**GITHUB, "GITHUB_HEAD_REF": "", "GITHUB_REF": "refs/heads/pull/12", "GITHUB_REF_NAME": "pull/12"}, "pull/12", ""),
        ({**GITLAB, "CI_MERGE_REQUEST_IID": "", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": ""}, "trip", ""),
        ({"TF_BUILD": "True", "BUILD_SOURCEBRANCH": "refs/heads/feature/trip"}, "feature/trip", ""),
        ({**BUILDKITE, "BUILDKITE_PULL_REQUEST": "false"}, "trip", ""),
        ({**CIRCLECI, "CIRCLE_PULL_REQUEST": "", "CIRCLE_BRANCH": "", "CIRCLE_TAG": "v1.2"}, "v1.2", ""),
        ({**CIRCLECI, "CIRCLE_PULL_REQUEST": "", "CIRCLE_PR_NUMBER": "13"}, "trip", "#13"),
        ({"JENKINS_URL": "x", "GIT_BRANCH": "origin/main"}, "main", ""),
        ({"JENKINS_URL": "x", "GIT_BRANCH": "detached"}, "", ""),
    ],
    ids=range(9),
)
def test_branch_and_pull_request_are_distinguished_by_their_variables(
    variables: dict[str, str], branch: str, pull_request: str
) -> None:
    data = known(variables)
    assert (data.branch, data.pull_request) == (branch, pull_request)


NONSENSE = {
    "empty": "", "spaces": "  \t ", "a NUL": "a\0b", "two lines": "a\nb", "an escape": "\x1b[31mred", "10 kB": "x" * 10_000,
    "a lone surrogate": "\ud800", "right to left": "a\u202eb", "a script": "javascript:alert(1)", "a brace": "{GITHUB_TOKEN}",
    "a bad port": "https://ci.example:port/", "a bad address": "https://[::1/", "a space within": "https://ci example/7",
}  # fmt: skip


@pytest.mark.parametrize("nonsense", NONSENSE.values(), ids=NONSENSE)
@pytest.mark.parametrize("row", CIS, ids=[row.short for row in CIS])
def test_invalid_values_are_ignored_or_become_clean_lines(row: object, nonsense: str) -> None:
    of_row, _ = next(job for name, job in JOBS.items() if row is next(r for r in CIS if r.short == name))
    known_by = {name for r in CIS for name in r.known_by}
    data = known({name: text if name in known_by else nonsense for name, text in of_row.items()})
    assert all(len(text) <= 255 and text.isprintable() and text == text.strip() for text in data)
    assert data.link == ""
    assert data.attempt == data.pull_request == data.commit == ""


@pytest.mark.parametrize(("variables", "data"), JOBS.values(), ids=JOBS)
def test_each_variable_can_be_missing(variables: dict[str, str], data: CI) -> None:
    for missing in variables:
        ci({name: text for name, text in variables.items() if name != missing})


@pytest.mark.parametrize(("variables", "data"), JOBS.values(), ids=JOBS)
def test_no_secret_is_read(variables: dict[str, str], data: CI) -> None:
    assert "secret" not in " ".join(known(variables))


def test_a_link_has_no_password_and_no_token() -> None:
    data = known({**GITLAB, "CI_JOB_URL": "https://user:p4ss@gitlab.example:8443/psu/-/jobs/7?private_token=t0k#L3"})
    assert data.link == "https://gitlab.example:8443/psu/-/jobs/7"


def test_long_names_have_a_short_unique_key() -> None:
    keys = {known({**GITLAB, "CI_JOB_NAME": "x" * 240 + end}).key for end in "ab"}
    assert [len(key) for key in keys] == [200, 200]


def test_no_variable_of_the_table_has_a_secret_name() -> None:
    fields = (
        text
        for row in CIS
        for field in row
        for text in ((field,) if isinstance(field, str) else field if isinstance(field, tuple) else ())
    )
    names = {name for text in fields for name in variables(text)}
    assert len(names) > 50
    assert not [
        name for name in names if any(word in name for word in ("TOKEN", "PASSWORD", "SECRET", "REPO_URL", "GIT_URL", "AUTH"))
    ]
