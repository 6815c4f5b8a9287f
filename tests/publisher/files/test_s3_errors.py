"""The translation of errors of boto3 and S3 into messages."""

import botocore.exceptions  # type: ignore[import-untyped]
import botocore.parsers  # type: ignore[import-untyped]
import pytest
import s3transfer.exceptions  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from pytest_atlas.publisher.files import s3_transfer
from pytest_atlas.publisher.files.objects import UploadFailed
from pytest_atlas.publisher.files.s3_errors import BY_CLASS, BY_CODE, BY_STATUS, Problem, failure, host

NAMES = {"file": "bus.mf4", "bucket": "s3://bench/", "endpoint": "https://s3.example.com"}


def response(status: int, code: str = "", message: str = "") -> UploadFailed:
    """Return the failure for a response of S3."""
    parsed = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return failure(ClientError(parsed, "PutObject"), **NAMES)


ROWS: list[tuple[object, Problem]] = [*BY_STATUS.items(), *BY_CODE.items(), *BY_CLASS.items()]


@pytest.mark.parametrize("row", [row for _, row in ROWS], ids=[str(key) for key, _ in ROWS])
def test_every_row_has_a_problem_and_a_remedy(row: Problem) -> None:
    assert row.problem.format(file="'f'", bucket="s3://bench/", endpoint="s3.example.com")
    assert row.remedy
    assert not row.remedy.endswith(".")
    assert not row.problem.endswith(".")


@pytest.mark.parametrize("name", BY_CLASS)
def test_every_class_in_the_table_exists(name: str) -> None:
    modules = (botocore.exceptions, botocore.parsers, s3transfer.exceptions, s3_transfer)
    if name not in ("ValueError", "LoginError"):  # a builtin; a class that the oldest supported botocore does not have
        assert any(hasattr(module, name) for module in modules)


@pytest.mark.parametrize(
    ("error", "problem", "transient"),
    [
        (botocore.exceptions.NoCredentialsError(), "no usable AWS credentials", False),
        (botocore.exceptions.CredentialRetrievalError(provider="x", error_msg="hidden"), "no usable AWS credentials", False),
        (botocore.exceptions.SSOTokenLoadError(error_msg="hidden"), "have expired", False),
        (botocore.exceptions.SSLError(endpoint_url="https://hidden@x", error="hidden"), "is not trusted", False),
        (botocore.exceptions.EndpointConnectionError(endpoint_url="hidden"), "no connection to s3.example.com", True),
        (botocore.exceptions.ReadTimeoutError(endpoint_url="hidden"), "no connection to s3.example.com", True),
        (botocore.exceptions.NoRegionError(), "invalid AWS settings", False),
        (botocore.parsers.ResponseParserError("hidden"), "is not an S3 service", False),
        (s3transfer.exceptions.CancelledError("hidden"), "was stopped", False),
        (RuntimeError("hidden"), "invalid AWS settings", False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_an_exception_is_translated_by_its_class(error: Exception, problem: str, transient: bool) -> None:
    failed = failure(error, **NAMES)
    assert problem in failed.what
    assert f"({type(error).__name__})" in failed.what
    assert failed.transient == transient
    assert "hidden" not in str(failed)


@pytest.mark.parametrize("code", BY_CODE)
def test_a_code_in_the_table_precedes_the_status(code: str) -> None:
    failed = response(400, code, "Words of S3.")
    assert f"(400 {code}: Words of S3.)" in failed.what
    assert (failed.transient, failed.every_file) == (BY_CODE[code].transient, BY_CODE[code].every_file)


@pytest.mark.parametrize(
    ("status", "code", "transient", "every_file"),
    [
        (503, "SlowDown", True, True),
        (500, "InternalError", True, True),
        (502, "502", True, True),
        (429, "", True, True),
        (409, "OperationAborted", True, True),
        (400, "RequestTimeout", True, True),
        (401, "", False, True),
        (403, "403", False, True),
        (403, "AccessDenied", False, True),
        (403, "SignatureDoesNotMatch", False, True),
        (403, "AllAccessDisabled", False, True),
        (301, "PermanentRedirect", False, True),
        (405, "MethodNotAllowed", False, True),
        (404, "404", False, False),
        (404, "NoSuchKey", False, False),
        (404, "NoSuchBucket", False, True),
        (400, "ExpiredToken", False, True),
        (400, "InvalidRequest", False, False),
        (400, "EntityTooLarge", False, False),
        (0, "", False, False),
    ],
)
def test_a_response_is_translated_by_its_status(status: int, code: str, transient: bool, every_file: bool) -> None:
    failed = response(status, code)
    assert (failed.transient, failed.every_file) == (transient, every_file)


def test_secrets_of_the_environment_are_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-words-1234")
    failed = response(400, "InvalidRequest", "you sent hidden-words-1234\nand more")
    assert "you sent [redacted]" in failed.what
    assert "and more" not in failed.what


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [("https://user:hidden@s3.example.com/x?y=z", "s3.example.com"), ("http://127.0.0.1:9000", "127.0.0.1:9000"), ("", "S3")],
)
def test_only_the_host_of_an_endpoint_is_shown(endpoint: str, shown: str) -> None:
    assert host(endpoint) == shown
