from pathlib import Path

import pytest

from pytest_atlas.atlas import ListRuns
from pytest_atlas.local import LocalAtlas
from pytest_atlas.server import app
from pytest_atlas.server.guard import HEADERS, is_loopback

from .conftest import ask


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LocalHost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.0.7", False),
        ("localhost.example.com", False),
        ("", False),
    ],
)
def test_loopback_addresses_are_recognised(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8765", 200),
        ("127.0.0.1", 200),
        ("[::1]:8765", 200),
        ("[::1]", 200),
        ("bench.example.com", 403),
        ("bench.example.com:8765", 403),
        ("", 403),
    ],
)
def test_without_a_token_only_loopback_host_names_are_accepted(tmp_path: Path, host: str, status: int) -> None:
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas:
        answer = ask(app(atlas, None), "GET", "http://localhost/api/v1/test-runs", headers={"Host": host})
        assert answer.status_code == status


def test_with_a_token_any_host_name_is_accepted(tmp_path: Path) -> None:
    url = "http://bench.example.com/api/v1/test-runs"
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas:
        for token, status in (("grüße", 200), ("grüß", 401), ("", 401)):
            given = {"Authorization": f"Bearer {token}".encode()}
            assert ask(app(atlas, "grüße"), "GET", url, headers=given).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"Origin": "http://localhost:8765"}, 201),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
    ],
)
def test_without_a_token_requests_of_other_origins_are_rejected(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    new = {"title": "x", "system_id": "00000000-0000-0000-0000-000000000001"}
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas:
        answer = ask(app(atlas, None), "POST", "http://localhost:8765/api/v1/test-runs", json=new, headers=headers)
        assert answer.status_code == status
        assert len(atlas.send(ListRuns()).items) == (status == 201)


@pytest.mark.parametrize("token", [None, "secret"])
@pytest.mark.parametrize("path", ["/api/v1/test-runs", "/", "/api/v1/test-runs/x"])
def test_responses_have_headers_that_prevent_rendering_in_a_browser(tmp_path: Path, path: str, token: str | None) -> None:
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas:
        answer = ask(app(atlas, token), "GET", f"http://localhost{path}")
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["content-type"] == "application/json"
    assert "access-control-allow-origin" not in answer.headers
