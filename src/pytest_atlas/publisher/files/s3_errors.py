"""What S3 or the way to it refused, in our words: two tables, read by the code of S3's answer or by the error's class.

Words of others are not repeated but for S3's own message: an endpoint's URL or a credential process's output may hold secrets.
"""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore.exceptions import ClientError  # type: ignore[import-untyped]

from pytest_atlas.base.sanitize import Cleaner

from .objects import STOPPED, UploadFailed


class Words(NamedTuple):
    """What happened and what to do; `{file}`, `{bucket}` and `{endpoint}` are filled in."""

    what: str
    remedy: str
    transient: bool = False
    every_file: bool = True


_LOG_IN = "Renew them (aws sso login, or the CI job's role), then run pytest-atlas push"
_CHAIN = "Give some in one of AWS's own ways (AWS_PROFILE, AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY, a role)"
_LATER = "It is tried again; what is still missing at the end, pytest-atlas push sends later"

REFUSED = Words(
    "S3 refused {file} for {bucket}: access denied",
    "Allow these credentials s3:PutObject there (s3:GetObject too, to see what is already in place)",
)
NO_CREDENTIALS = Words("no AWS credentials were found, so {file} could not be sent to {bucket}", _CHAIN)
EXPIRED = Words("the AWS credentials have expired, so {file} could not be sent to {bucket}", _LOG_IN)
WRONG_KEY = Words(
    "S3 does not accept the AWS credentials for {bucket}",
    "Check AWS_PROFILE, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and that they belong to this endpoint",
)
WRONG_REGION = Words("{bucket} is in another region", "Set AWS_REGION to the bucket's region")
UNREACHABLE = Words(
    "{endpoint} can't be reached, so {file} could not be sent",
    f"Check the network, the proxy and AWS_ENDPOINT_URL_S3. {_LATER}",
    transient=True,
)
BUSY = Words("S3 at {endpoint} could not take {file} just now", _LATER, transient=True)
DAMAGED = Words("{file} arrived damaged at {endpoint}", _LATER, transient=True, every_file=False)
NO_S3 = Words("what answers at {endpoint} is no S3", "Check AWS_ENDPOINT_URL_S3 and the proxy")
SETTINGS = Words(
    "AWS's settings can't be used, so {file} could not be sent to {bucket}",
    "Check ~/.aws/config and the AWS_ variables",
)

BY_CODE = {
    "AccessDenied": REFUSED,
    "AllAccessDisabled": REFUSED,
    "NoSuchBucket": Words("there is no {bucket}", "Check --atlas-bucket, the account and AWS_ENDPOINT_URL_S3"),
    "EntityTooLarge": Words("{file} is larger than S3 takes", "Split it, or compress it", every_file=False),
    "KeyTooLongError": Words("the key of {file} is longer than S3 takes", "Give --atlas-bucket a shorter prefix"),
    "NoSuchKey": Words("{file} is no longer in {bucket}", "Push the session again", every_file=False),
    "QuotaExceeded": Words("{bucket} is full", "Make room or raise its quota"),
    "InvalidAccessKeyId": WRONG_KEY,
    "SignatureDoesNotMatch": WRONG_KEY,
    "InvalidToken": WRONG_KEY,
    "ExpiredToken": EXPIRED,
    "ExpiredTokenException": EXPIRED,
    "TokenRefreshRequired": EXPIRED,
    "PermanentRedirect": WRONG_REGION,
    "AuthorizationHeaderMalformed": WRONG_REGION,
    "RequestTimeTooSkewed": Words("this machine's clock is too far from S3's", "Set the clock of the bench"),
    "BadDigest": DAMAGED,
    "XAmzContentSHA256Mismatch": DAMAGED,
    "XAmzContentChecksumMismatch": DAMAGED,
    "NoSuchUpload": Words("S3 dropped the upload of {file}", _LATER, transient=True, every_file=False),
    "MethodNotAllowed": NO_S3,
}  # fmt: skip
"""Codes of S3: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""

BY_CLASS = {
    "NoCredentialsError": NO_CREDENTIALS,
    "PartialCredentialsError": Words("the AWS credentials are incomplete, so {file} could not be sent to {bucket}", _CHAIN),
    "CredentialRetrievalError": Words("the AWS credentials could not be fetched, so {file} could not be sent", _LOG_IN),
    "TokenRetrievalError": EXPIRED,
    "SSOError": EXPIRED,
    "LoginError": EXPIRED,
    "ProfileNotFound": Words("AWS_PROFILE names a profile that is not there", "Name one that ~/.aws/config has"),
    "SSLError": Words("the certificate of {endpoint} is not trusted", "Set AWS_CA_BUNDLE to the file with its authority"),
    "ConnectionError": UNREACHABLE,
    "HTTPClientError": UNREACHABLE,
    "ResponseParserError": NO_S3,
    "NotS3Error": NO_S3,
    "ValueError": Words("the address of S3 is no URL", "Check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and AWS_REGION"),
    "BotoCoreError": SETTINGS,
    "CancelledError": Words(*STOPPED, every_file=False),
}  # fmt: skip
"""Classes of botocore and its parts; the nearest of an error's bases counts."""

PASSING_CODES = frozenset(
    {"RequestTimeout", "SlowDown", "Throttling", "ThrottlingException", "TooManyRequests", "OperationAborted"}
)
PASSING_STATUS = frozenset({408, 409, 425, 429})
BY_STATUS = {
    301: WRONG_REGION,
    307: WRONG_REGION,
    401: WRONG_KEY,
    403: REFUSED,
    404: Words("{file} or {bucket} is not in S3 any more", "Check --atlas-bucket, then push again", every_file=False),
    405: NO_S3,
}
"""For answers without a code that we know."""


def failure(error: Exception, *, file: str, bucket: str, endpoint: str) -> UploadFailed:
    """What `error`, raised by boto3, means for `file`."""
    words, said = _answered(error) if isinstance(error, ClientError) else (_raised(error), _class(error))
    names = {"file": repr(file), "bucket": bucket, "endpoint": host(endpoint)}
    return UploadFailed(words.what.format(**names) + said, words.remedy, transient=words.transient, every_file=words.every_file)


def host(endpoint: str) -> str:
    """The host and port of an endpoint's URL, without what may be secret in it."""
    parts = urlsplit(endpoint)
    return f"{parts.hostname or 'S3'}{f':{parts.port}' if parts.port else ''}"


def status_of(answer: Mapping[str, Any]) -> int:
    """The HTTP status of S3's answer, as botocore parsed it."""
    return int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _answered(error: ClientError) -> tuple[Words, str]:
    status, code = status_of(error.response), error.response.get("Error", {}).get("Code", "")
    message = Cleaner(os.environ)(error.response.get("Error", {}).get("Message", "")).strip().split("\n")[0][:200]
    known = f"{status} {code}" if code != str(status) else code  # botocore's, where an answer has no body
    said = f" ({known}{f': {message}' if message else ''})"
    if code in BY_CODE:
        return BY_CODE[code], said
    if code in PASSING_CODES or status in PASSING_STATUS or status >= 500:
        return BUSY, said
    return BY_STATUS.get(status, Words("S3 refused {file} for {bucket}", "See S3's words", every_file=False)), said


def _raised(error: Exception) -> Words:
    return next((BY_CLASS[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in BY_CLASS), SETTINGS)


def _class(error: Exception) -> str:
    return f" ({type(error).__name__})"
