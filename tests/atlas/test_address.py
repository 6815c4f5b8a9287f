"""Validation of the URL and the token."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from pytest_atlas.atlas.address import api_url, bearer


@pytest.mark.parametrize("end", ["", "/", "/api/v1", "/api/v1/", " \n"])
def test_origin_is_accepted_with_and_without_the_api_path(end: str) -> None:
    assert api_url("https://atlas.example.com:8443" + end) == "https://atlas.example.com:8443/api/v1"


def test_path_of_a_deployment_is_kept() -> None:
    assert api_url("http://tools.example.com/atlas/") == "http://tools.example.com/atlas/api/v1"
    assert api_url("http://[::1]:8000") == "http://[::1]:8000/api/v1"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "atlas.example.com",
        "atlas.example.com:8000",
        "//atlas.example.com",
        "https://",
        "https:///api/v1",
        "ftp://atlas.example.com",
        "https://atlas.example.com:port",
        "https://atlas.example.com:99999",
        "https://[::1",
        "https://atlas.example.com?x=1",
        "https://atlas.example.com#runs",
        "https://atlas example.com",
    ],
)
def test_invalid_url_is_an_error_with_the_remedy(url: str) -> None:
    with pytest.raises(ValueError, match=r"for example https://atlas.example\.com"):
        api_url(url)


@pytest.mark.parametrize("url", ["https://me:hunter2@atlas.example.com", "me:hunter2@atlas", "https://me:hunter2@atlas:port"])
def test_password_in_the_url_is_rejected_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match="ATLAS_URL") as caught:
        api_url(url)
    assert "hunter2" not in str(caught.value)


@given(st.text())
def test_any_text_is_accepted_or_rejected_with_the_remedy(url: str) -> None:
    try:
        assert api_url(url).endswith("/api/v1")
    except ValueError as error:
        assert "ATLAS_URL" in str(error)  # noqa: PT017  # either is right


def test_white_space_around_a_token_is_removed() -> None:
    assert bearer("t0ken\n").get_secret_value() == "t0ken"
    assert bearer(SecretStr(" t0ken")).get_secret_value() == "t0ken"


@pytest.mark.parametrize("token", ["", " \n", "two words", "a\nb", "tökén", "nul\0"])
def test_token_that_is_not_allowed_in_a_header_is_rejected_and_not_shown(token: str) -> None:
    with pytest.raises(ValueError, match="token") as caught:
        bearer(token)
    assert not token.strip() or token not in str(caught.value)
