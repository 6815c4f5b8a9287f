"""Translate errors of boto3 and S3 into UploadFailed: by the HTTP status of a response, or by the class of an exception.

A message contains the status, code and message of S3, but no text of botocore: the URL of an endpoint or the output of a
credential process can contain secrets.
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from pytest_atlas.base.sanitize import Cleaner

from .objects import STOPPED, UploadFailed


class Problem(NamedTuple):
    """A problem and its remedy; `{file}`, `{bucket}` and `{endpoint}` are replaced."""

    problem: str
    remedy: str
    transient: bool = False
    every_file: bool = True


RETRIED = "It is retried; pytest-atlas push uploads what is still missing at the end"

DENIED = Problem(
    "S3 rejected {file} for {bucket}: access denied",
    "Check the AWS credentials, their rights (s3:PutObject and s3:GetObject) and the clock of this machine",
)
CREDENTIALS = Problem(
    "no usable AWS credentials for {bucket}, so {file} was not uploaded",
    "Provide them (AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, aws sso login, or the role of the CI job)",
)
EXPIRED = Problem(
    "the AWS credentials for {bucket} have expired or are invalid, so {file} was not uploaded",
    "Renew them (aws sso login, or the role of the CI job), then run pytest-atlas push",
)
NO_BUCKET = Problem("the bucket {bucket} does not exist", "Check --atlas-bucket, the account and AWS_ENDPOINT_URL_S3")
REGION = Problem("{bucket} is in another region", "Set AWS_REGION to the region of the bucket")
UNREACHABLE = Problem(
    "no connection to {endpoint}, so {file} was not uploaded",
    f"Check the network, the proxy and AWS_ENDPOINT_URL_S3. {RETRIED}",
    transient=True,
)
CERTIFICATE = Problem("the certificate of {endpoint} is not trusted", "Set AWS_CA_BUNDLE to the file with its authority")
BUSY = Problem("S3 at {endpoint} did not accept {file}", RETRIED, transient=True)
NOT_S3 = Problem("the server at {endpoint} is not an S3 service", "Check AWS_ENDPOINT_URL_S3 and the proxy")
MISSING = Problem("{file} or {bucket} does not exist in S3", "Push the session again", every_file=False)
REJECTED = Problem("S3 rejected {file} for {bucket}", "See the message of S3", every_file=False)
SETTINGS = Problem(
    "invalid AWS settings, so {file} was not uploaded to {bucket}",
    "Check AWS_PROFILE, AWS_REGION, AWS_ENDPOINT_URL_S3 and ~/.aws/config",
)
CANCELLED = Problem(*STOPPED, every_file=False)

BY_STATUS = {301: REGION, 307: REGION, 401: DENIED, 403: DENIED, 404: MISSING, 405: NOT_S3}

TRANSIENT_STATUS = frozenset({408, 409, 425, 429})
"""And every 5xx."""

BY_CODE = {
    **dict.fromkeys(("ExpiredToken", "ExpiredTokenException", "InvalidToken", "TokenRefreshRequired"), EXPIRED),
    **dict.fromkeys(("BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"), BUSY),
    **dict.fromkeys(("RequestTimeout", "Throttling", "ThrottlingException", "NoSuchUpload"), BUSY),
    "AuthorizationHeaderMalformed": REGION,
    "NoSuchBucket": NO_BUCKET,
    "QuotaExceeded": Problem("the quota of {bucket} is exceeded", "Delete objects, or raise the quota"),
}
"""Codes that differ from their status: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

BY_CLASS = {
    **dict.fromkeys(("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError"), CREDENTIALS),
    **dict.fromkeys(("TokenRetrievalError", "SSOError", "LoginError"), EXPIRED),
    "SSLError": CERTIFICATE,
    "HTTPClientError": UNREACHABLE,
    "ConnectionError": UNREACHABLE,
    "ResponseParserError": NOT_S3,
    "NotS3Error": NOT_S3,
    "CancelledError": CANCELLED,
    "BotoCoreError": SETTINGS,
    "ValueError": SETTINGS,
}
"""Names of exception classes; the first base class that is in the table decides."""


def failure(error: Exception, *, file: str, bucket: str, endpoint: str) -> UploadFailed:
    """Translate `error`, which boto3 raised for `file`."""
    problem, details = _of_response(error) if isinstance(error, ClientError) else (_of_class(error), type(error).__name__)
    names = {"file": repr(file), "bucket": bucket, "endpoint": host(endpoint)}
    text = f"{problem.problem.format(**names)} ({details})"
    return UploadFailed(text, problem.remedy, transient=problem.transient, every_file=problem.every_file)


def host(endpoint: str) -> str:
    """Return host and port of the URL of an endpoint, without user, password and query."""
    parts = urlsplit(endpoint)
    return f"{parts.hostname or 'S3'}{f':{parts.port}' if parts.port else ''}"


def status_of(response: Mapping[str, Any]) -> int:
    """Return the HTTP status of a response, as botocore parsed it."""
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _of_response(error: ClientError) -> tuple[Problem, str]:
    status, code = status_of(error.response), error.response.get("Error", {}).get("Code", "")
    message = Cleaner(os.environ)(error.response.get("Error", {}).get("Message", "")).strip().split("\n")[0][:200]
    known = f"{status} {code}" if code != str(status) else code  # botocore uses the status for a response without a body
    details = f"{known}: {message}" if message else known
    is_transient = status in TRANSIENT_STATUS or status >= 500
    return BY_CODE.get(code) or (BUSY if is_transient else BY_STATUS.get(status, REJECTED)), details


def _of_class(error: Exception) -> Problem:
    return next((BY_CLASS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in BY_CLASS), SETTINGS)
