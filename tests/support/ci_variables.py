"""A job of each CI in its variables, named as its documentation names them: a pull request's, on bench-a."""

SHA = "0123456789abcdef0123456789abcdef01234567"

GITHUB = {
    "CI": "true", "GITHUB_ACTIONS": "true", "GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/psu",
    "GITHUB_WORKFLOW": "HIL", "GITHUB_JOB": "hil", "GITHUB_RUN_ID": "1658821493", "GITHUB_RUN_NUMBER": "57",
    "GITHUB_RUN_ATTEMPT": "1", "GITHUB_SHA": SHA, "GITHUB_REF": "refs/pull/12/merge", "GITHUB_REF_NAME": "12/merge",
    "GITHUB_HEAD_REF": "trip", "GITHUB_BASE_REF": "main", "RUNNER_NAME": "bench-a",
}  # fmt: skip
GITLAB = {
    "CI": "true", "GITLAB_CI": "true", "CI_SERVER_HOST": "gitlab.example", "CI_PROJECT_PATH": "acme/psu",
    "CI_JOB_URL": "https://gitlab.example/acme/psu/-/jobs/991", "CI_JOB_ID": "991", "CI_JOB_NAME": "hil: [bench-a]",
    "CI_PIPELINE_ID": "4711", "CI_PIPELINE_IID": "57", "CI_NODE_INDEX": "1", "CI_COMMIT_SHA": SHA,
    "CI_COMMIT_REF_NAME": "trip", "CI_MERGE_REQUEST_IID": "12", "CI_MERGE_REQUEST_SOURCE_BRANCH_NAME": "trip",
    "CI_JOB_RETRY_COUNT": "0", "CI_RUNNER_DESCRIPTION": "bench-a", "CI_JOB_TOKEN": "glcbt-secret",
    "CI_REPOSITORY_URL": "https://gitlab-ci-token:glcbt-secret@gitlab.example/acme/psu.git",
}  # fmt: skip
AZURE = {
    "TF_BUILD": "True", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/", "SYSTEM_COLLECTIONID": "c0ffee",
    "SYSTEM_TEAMPROJECT": "Power Supply", "BUILD_BUILDID": "4711", "BUILD_BUILDNUMBER": "20261125.1",
    "BUILD_DEFINITIONNAME": "HIL", "BUILD_REPOSITORY_NAME": "acme/psu", "BUILD_SOURCEBRANCH": "refs/pull/12/merge",
    "BUILD_SOURCEVERSION": SHA, "SYSTEM_PULLREQUEST_SOURCEBRANCH": "refs/heads/trip", "SYSTEM_PULLREQUEST_PULLREQUESTID": "12",
    "SYSTEM_STAGENAME": "Test", "SYSTEM_PHASENAME": "hil", "AGENT_JOBNAME": "hil bench_a", "SYSTEM_JOBATTEMPT": "1",
    "SYSTEM_JOBPOSITIONINPHASE": "1", "SYSTEM_JOBID": "one-attempt", "AGENT_NAME": "bench-a",
}  # fmt: skip
BUILDKITE = {
    "BUILDKITE": "true", "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/psu/builds/57", "BUILDKITE_BUILD_NUMBER": "57",
    "BUILDKITE_ORGANIZATION_SLUG": "acme", "BUILDKITE_PIPELINE_SLUG": "psu", "BUILDKITE_BUILD_ID": "b-1",
    "BUILDKITE_STEP_ID": "s-1", "BUILDKITE_JOB_ID": "j-1", "BUILDKITE_STEP_KEY": "hil", "BUILDKITE_LABEL": ":zap: HIL",
    "BUILDKITE_PARALLEL_JOB": "0", "BUILDKITE_BRANCH": "trip", "BUILDKITE_COMMIT": SHA, "BUILDKITE_PULL_REQUEST": "12",
    "BUILDKITE_RETRY_COUNT": "0", "BUILDKITE_AGENT_NAME": "bench-a", "BUILDKITE_AGENT_ACCESS_TOKEN": "bk-secret",
    "BUILDKITE_REPO": "https://user:bk-secret@git.example/psu.git",
}  # fmt: skip
CIRCLECI = {
    "CIRCLECI": "true", "CIRCLE_BUILD_URL": "https://circleci.com/gh/acme/psu/57", "CIRCLE_BUILD_NUM": "57",
    "CIRCLE_PROJECT_USERNAME": "acme", "CIRCLE_PROJECT_REPONAME": "psu", "CIRCLE_BRANCH": "trip", "CIRCLE_SHA1": SHA,
    "CIRCLE_PULL_REQUEST": "https://github.com/acme/psu/pull/12", "CIRCLE_JOB": "hil-bench-a", "CIRCLE_NODE_INDEX": "0",
    "CIRCLE_WORKFLOW_ID": "w-1", "CIRCLE_WORKFLOW_WORKSPACE_ID": "ws-1",
}  # fmt: skip
TEAMCITY = {
    "TEAMCITY_VERSION": "2026.1 (build 1)", "TEAMCITY_PROJECT_NAME": "psu", "TEAMCITY_BUILDCONF_NAME": "HIL bench-a",
    "BUILD_NUMBER": "57", "BUILD_URL": "https://tc.example/build/4711", "BUILD_VCS_NUMBER": SHA,
    "TEAMCITY_BUILD_PROPERTIES_FILE": "/no/such/file", "TEAMCITY_AUTH_PASSWORD": "tc-secret",
}  # fmt: skip
JENKINS = {
    "JENKINS_URL": "https://ci.example/", "JENKINS_HOME": "/var/jenkins", "BUILD_URL": "https://ci.example/job/psu/57/",
    "BUILD_NUMBER": "57", "BUILD_TAG": "jenkins-psu-PR-12-57", "JOB_NAME": "psu/PR-12", "BRANCH_NAME": "PR-12",
    "CHANGE_BRANCH": "trip", "CHANGE_ID": "12", "GIT_COMMIT": SHA, "NODE_NAME": "bench-a",
    "GIT_URL": "https://user:jk-secret@git.example/psu.git",
}  # fmt: skip
