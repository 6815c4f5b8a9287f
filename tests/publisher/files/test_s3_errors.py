"""What S3 refuses, in our words."""

import botocore.exceptions  # type: ignore[import-untyped]
import botocore.parsers  # type: ignore[import-untyped]
import pytest
import s3transfer.exceptions  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from pytest_atlas.publisher.files import s3_transfer
from pytest_atlas.publisher.files.objects import UploadFailed
from pytest_atlas.publisher.files.s3_errors import BY_CLASS, BY_CODE, Words, failure, host


def answered(status: int, code: str = "", message: str = "") -> UploadFailed:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return failure(ClientError(response, "PutObject"), file="bus.mf4", bucket="s3://bench/", endpoint="https://s3.example.com")


@pytest.mark.parametrize("words", [*BY_CODE.values(), *BY_CLASS.values()], ids=[*BY_CODE, *BY_CLASS])
def test_every_row_says_what_happened_to_what_and_what_to_do(words: Words) -> None:
    assert words.what.format(file="'f'", bucket="s3://bench/", endpoint="s3.example.com")
    assert words.remedy
    assert not words.remedy.endswith(".")
    assert not words.what.endswith(".")


@pytest.mark.parametrize("name", BY_CLASS)
def test_every_class_in_the_table_is_one(name: str) -> None:
    places = (botocore.exceptions, botocore.parsers, s3transfer.exceptions, s3_transfer)
    if name not in ("ValueError", "LoginError"):  # Python's own; one that the oldest botocore we take does not have yet
        assert any(hasattr(place, name) for place in places)


@pytest.mark.parametrize("code", BY_CODE)
def test_a_code_of_the_table_decides_whatever_the_status(code: str) -> None:
    told = answered(400, code, "Words of S3.")
    assert f"(400 {code}: Words of S3.)" in told.what
    assert (told.transient, told.every_file) == (BY_CODE[code].transient, BY_CODE[code].every_file)


@pytest.mark.parametrize(
    ("status", "code", "transient", "every_file"),
    [
        (503, "SlowDown", True, True),
        (500, "InternalError", True, True),
        (502, "502", True, True),
        (429, "", True, True),
        (400, "RequestTimeout", True, True),
        (403, "403", False, True),
        (404, "404", False, False),
        (400, "InvalidRequest", False, False),
        (0, "", False, False),
    ],
)
def test_other_codes_go_by_their_status(status: int, code: str, transient: bool, every_file: bool) -> None:
    told = answered(status, code)
    assert (told.transient, told.every_file) == (transient, every_file)


def test_secrets_of_the_environment_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-words-1234")
    told = answered(400, "InvalidRequest", "you sent hidden-words-1234\nand more")
    assert "you sent [redacted]" in told.what
    assert "and more" not in told.what


@pytest.mark.parametrize(
    ("endpoint", "shown"),
    [("https://user:hidden@s3.example.com/x?y=z", "s3.example.com"), ("http://127.0.0.1:9000", "127.0.0.1:9000"), ("", "S3")],
)
def test_only_an_endpoints_host_is_shown(endpoint: str, shown: str) -> None:
    assert host(endpoint) == shown
