"""The table of the known CIs; docs/ci.md shows it. Only the variables in this table are read.

None of them contains a secret. A comment gives the reason for each variable that is omitted because it may contain one.
"""

import re
from typing import NamedTuple


class Row(NamedTuple):
    """One CI, with templates of its variables. The first template with only set variables is used."""

    name: str
    source: str  # where the variables are documented
    known_by: tuple[str, ...]  # each of these variables identifies the CI
    short: str  # first part of the run key
    link: str
    repository: tuple[str, ...]
    branch: tuple[str, ...]
    commit: tuple[str, ...]
    pull_request: tuple[str, ...]
    number: str
    attempt: str
    runner: tuple[str, ...]
    job: tuple[str, ...]  # parts of its name; missing ones are omitted
    key: tuple[str, ...]  # parts of the run key; those without "?" are required. Empty: the CI has no such variables
    run_ids: tuple[str, ...]  # variables that differ between runs, and may be part of ATLAS_RUN_KEY
    first_attempt: int = 1
    pull_request_mark: str = "#"
    advice: str = ""  # value for ATLAS_RUN_KEY if the CI has no key


CIS = (
    Row(
        "GitHub Actions", "https://docs.github.com/en/actions/reference/workflows-and-actions/variables",
        ("GITHUB_ACTIONS",), "github",
        link="{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        repository=("{GITHUB_REPOSITORY}",),
        branch=("{GITHUB_HEAD_REF}", "{GITHUB_REF_NAME}"),
        commit=("{GITHUB_SHA}",),
        pull_request=("{GITHUB_REF}",),
        number="{GITHUB_RUN_NUMBER}",
        attempt="{GITHUB_RUN_ATTEMPT}",
        runner=("{RUNNER_NAME}",),
        job=("{GITHUB_REPOSITORY}", "{GITHUB_WORKFLOW}", "{GITHUB_JOB}"),
        key=(),  # GITHUB_JOB is the same for all legs of a matrix
        run_ids=("GITHUB_RUN_ID", "GITHUB_RUN_NUMBER", "GITHUB_SHA"),
        advice="${{ github.run_id }}-hil-${{ matrix.bench }}",
    ),
    Row(
        "GitLab CI", "https://docs.gitlab.com/ci/variables/predefined_variables/",
        ("GITLAB_CI",), "gitlab",
        link="{CI_JOB_URL}",
        repository=("{CI_PROJECT_PATH}",),
        branch=("{CI_MERGE_REQUEST_SOURCE_BRANCH_NAME}", "{CI_COMMIT_REF_NAME}"),
        commit=("{CI_COMMIT_SHA}",),
        pull_request=("{CI_MERGE_REQUEST_IID}",),
        number="{CI_PIPELINE_IID}",
        attempt="{CI_JOB_RETRY_COUNT}",  # since GitLab 19.3
        runner=("{CI_RUNNER_DESCRIPTION}",),
        job=("{CI_PROJECT_PATH}", "{CI_JOB_NAME}"),
        # A pipeline's jobs have distinct names: `test: [bench-a]`, or `test 1/2`. A retry has another CI_JOB_ID.
        key=("{CI_SERVER_HOST}", "{CI_PIPELINE_ID}", "{CI_JOB_NAME}", "{CI_NODE_INDEX}?"),
        run_ids=("CI_PIPELINE_ID", "CI_PIPELINE_IID", "CI_COMMIT_SHA"),
        first_attempt=0,
        pull_request_mark="!",
    ),
    Row(
        "Azure Pipelines", "https://learn.microsoft.com/azure/devops/pipelines/build/variables",
        ("TF_BUILD",), "azure",
        link="{SYSTEM_COLLECTIONURI}/{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        repository=("{BUILD_REPOSITORY_NAME}",),
        branch=("{SYSTEM_PULLREQUEST_SOURCEBRANCH}", "{BUILD_SOURCEBRANCH}"),
        commit=("{BUILD_SOURCEVERSION}",),
        pull_request=("{SYSTEM_PULLREQUEST_PULLREQUESTNUMBER}", "{SYSTEM_PULLREQUEST_PULLREQUESTID}"),
        number="{BUILD_BUILDNUMBER}",
        attempt="{SYSTEM_JOBATTEMPT}",
        runner=("{AGENT_NAME}",),
        job=("{SYSTEM_TEAMPROJECT}", "{BUILD_DEFINITIONNAME}", "{SYSTEM_STAGENAME}", "{SYSTEM_PHASENAME}", "{AGENT_JOBNAME}"),
        # A matrix's legs have the phase in common and AGENT_JOBNAME not; those of `parallel: 2` have a position. Another
        # attempt has another SYSTEM_JOBID.
        key=("{SYSTEM_COLLECTIONID}", "{BUILD_BUILDID}", "{SYSTEM_STAGENAME}?", "{SYSTEM_PHASENAME}", "{AGENT_JOBNAME}",
             "{SYSTEM_JOBPOSITIONINPHASE}?"),
        run_ids=("BUILD_BUILDID", "BUILD_BUILDNUMBER", "BUILD_SOURCEVERSION"),
    ),
    Row(
        "Buildkite", "https://buildkite.com/docs/pipelines/configure/environment-variables",
        ("BUILDKITE",), "buildkite",
        link="{BUILDKITE_BUILD_URL}",
        repository=("{BUILDKITE_ORGANIZATION_SLUG}/{BUILDKITE_PIPELINE_SLUG}",),  # BUILDKITE_REPO may contain a password
        branch=("{BUILDKITE_BRANCH}",),
        commit=("{BUILDKITE_COMMIT}",),
        pull_request=("{BUILDKITE_PULL_REQUEST}",),  # "false" without a pull request
        number="{BUILDKITE_BUILD_NUMBER}",
        attempt="{BUILDKITE_RETRY_COUNT}",
        runner=("{BUILDKITE_AGENT_NAME}",),
        job=("{BUILDKITE_ORGANIZATION_SLUG}/{BUILDKITE_PIPELINE_SLUG}", "{BUILDKITE_STEP_KEY}", "{BUILDKITE_LABEL}",
             "{BUILDKITE_PARALLEL_JOB}"),
        # No variable identifies the leg of a matrix; it excludes `parallelism`, which has an index.
        key=("{BUILDKITE_BUILD_ID}", "{BUILDKITE_STEP_ID}", "{BUILDKITE_PARALLEL_JOB}"),
        run_ids=("BUILDKITE_BUILD_ID", "BUILDKITE_BUILD_NUMBER", "BUILDKITE_COMMIT"),
        first_attempt=0,
        advice="$BUILDKITE_BUILD_ID-{{matrix}}",
    ),
    Row(
        "CircleCI", "https://circleci.com/docs/reference/variables/",
        ("CIRCLECI",), "circleci",
        link="{CIRCLE_BUILD_URL}",
        repository=("{CIRCLE_PROJECT_USERNAME}/{CIRCLE_PROJECT_REPONAME}", "{CIRCLE_PROJECT_REPONAME}"),
        branch=("{CIRCLE_BRANCH}", "{CIRCLE_TAG}"),
        commit=("{CIRCLE_SHA1}",),
        pull_request=("{CIRCLE_PULL_REQUEST}", "{CIRCLE_PR_NUMBER}"),  # the first is its link
        number="{CIRCLE_BUILD_NUM}",
        attempt="",
        runner=(),
        job=("{CIRCLE_PROJECT_USERNAME}/{CIRCLE_PROJECT_REPONAME}", "{CIRCLE_JOB}"),
        # CIRCLE_WORKFLOW_ID is another after a rerun. Each leg of a matrix is a job with a different name:
        # https://circleci.com/docs/reference/configuration-reference/#matrix
        key=("{CIRCLE_WORKFLOW_WORKSPACE_ID}", "{CIRCLE_JOB}", "{CIRCLE_NODE_INDEX}?"),
        run_ids=("CIRCLE_WORKFLOW_WORKSPACE_ID", "CIRCLE_WORKFLOW_ID", "CIRCLE_BUILD_NUM", "CIRCLE_SHA1"),
    ),
    Row(
        "TeamCity", "https://www.jetbrains.com/help/teamcity/predefined-build-parameters.html",
        ("TEAMCITY_VERSION",), "teamcity",
        # TEAMCITY_BUILD_PROPERTIES_FILE is not read: it contains generated passwords.
        link="{BUILD_URL}",
        repository=("{TEAMCITY_PROJECT_NAME}",),
        branch=(),
        commit=("{BUILD_VCS_NUMBER}",),
        pull_request=(),
        number="{BUILD_NUMBER}",
        attempt="",
        runner=(),
        job=("{TEAMCITY_PROJECT_NAME}", "{TEAMCITY_BUILDCONF_NAME}"),
        key=(),  # a rerun is a new build with a new number
        run_ids=("BUILD_NUMBER", "BUILD_VCS_NUMBER"),
        advice="%build.vcs.number%-%system.teamcity.buildType.id%",
    ),
    Row(
        "Jenkins", "https://www.jenkins.io/doc/book/pipeline/jenkinsfile/#using-environment-variables",
        ("JENKINS_URL", "JENKINS_HOME"), "jenkins",
        link="{BUILD_URL}",
        repository=(),  # GIT_URL may contain a password
        branch=("{CHANGE_BRANCH}", "{BRANCH_NAME}", "{GIT_BRANCH}"),
        commit=("{GIT_COMMIT}",),
        pull_request=("{CHANGE_ID}",),
        number="{BUILD_NUMBER}",
        attempt="",
        runner=("{NODE_NAME}",),
        job=("{JOB_NAME}",),
        key=(),  # BUILD_TAG is the same for all cells of a matrix, and the user chooses the names of its axes
        run_ids=("BUILD_TAG", "BUILD_NUMBER", "GIT_COMMIT"),
        advice="${BUILD_TAG}-${BENCH}",
    ),
)  # fmt: skip


def variables(template: str) -> list[str]:
    """Return the names of the variables in a template."""
    return re.findall(r"{(\w+)}", template)


def as_markdown() -> str:
    """Return the table of docs/ci.md."""
    lines = [
        "| CI | detected by | variables | run key | without a run key, set `ATLAS_RUN_KEY` to |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in CIS:
        key = " : ".join(f"`{variables(part)[0]}`" + (" if set" if part.endswith("?") else "") for part in row.key)
        advice = f"`{row.advice}`" if row.advice else ""
        cells = (
            f"[{row.name}]({row.source})",
            ", ".join(f"`{name}`" for name in row.known_by),
            _read_by(row),
            key or "none",
            advice,
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _read_by(row: Row) -> str:
    fields = (
        ("job link", (row.link,)), ("repository", row.repository), ("branch", row.branch), ("commit", row.commit),
        ("pull request", row.pull_request), ("number", (row.number,)), ("attempt", (row.attempt,)), ("runner", row.runner),
        ("job", row.job),
    )  # fmt: skip
    used = (
        (label, dict.fromkeys(name for template in templates for name in variables(template))) for label, templates in fields
    )
    return "; ".join(f"{label}: {', '.join(f'`{name}`' for name in names)}" for label, names in used if names)
