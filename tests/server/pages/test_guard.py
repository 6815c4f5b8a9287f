"""Access to the pages: names of this machine, other sites, forms, cookies and tokens."""

import time

import pytest
from tests.support.web_client import TestClient

from pytest_atlas.server.logins import one_time_code
from pytest_atlas.server.pages.guard import HEADERS
from pytest_atlas.server.pages.static import ASSETS

from .conftest import KEY, Browse

TOKEN = "a-token-for-tests"
ORIGIN = {"Origin": "http://localhost:8765"}
LINK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def log_in(client: TestClient, token: str = TOKEN, target: str = "/") -> str:
    """Send the form and return the cookie."""
    answer = client.post("/login", data={"token": token, "next": target}, headers=ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, target)
    return str(answer.headers["set-cookie"])


@pytest.mark.parametrize("path", ["/", "/login", "/no/such/page", "/static/x/style.css"])
@pytest.mark.parametrize("token", [None, TOKEN])
def test_every_response_has_the_content_security_policy(browse: Browse, path: str, token: str | None) -> None:
    answer = browse(token).get(path)
    assert answer.headers["content-security-policy"] == POLICY
    assert {name for name in HEADERS if name not in answer.headers} == set()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8765", 200),
        ("127.0.0.1:8765", 200),
        ("[::1]:8765", 200),
        ("bench.example.com", 403),
        ("rebound.test:8765", 403),
    ],
)
def test_without_a_token_only_names_of_this_machine_are_answered(client: TestClient, host: str, status: int) -> None:
    for path in (ASSETS.url("style.css"), "/no/such/page"):
        answer = client.get(path, headers={"Host": host})
        assert (answer.status_code == 403) is (status == 403)


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        (LINK, True),
        (LINK | {"Sec-Fetch-Site": "same-site"}, True),
        (LINK | {"Sec-Fetch-Dest": "iframe"}, False),
        (LINK | {"Sec-Fetch-Mode": "no-cors"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, False),
        ({"Origin": "https://evil.example.com"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, True),
        ({}, True),
    ],
)
def test_a_page_of_another_site_may_only_link_to_the_pages(
    client: TestClient, headers: dict[str, str], is_allowed: bool
) -> None:
    assert (client.get("/login", headers=headers).status_code != 403) is is_allowed


def test_a_link_of_another_site_to_the_api_is_rejected(client: TestClient) -> None:
    assert client.get("/api/v1/test-runs", headers=LINK).status_code == 403


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        (ORIGIN, True),
        ({}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://localhost:3000"}, False),
        ({"Origin": "http://localhost:8765.example.com"}, False),
        ({"Origin": "localhost:8765"}, False),
        (ORIGIN | LINK, False),
        (LINK, False),
    ],
)
def test_a_form_must_come_from_a_page_of_this_server(browse: Browse, headers: dict[str, str], is_allowed: bool) -> None:
    answer = browse(TOKEN).post("/login", data={"token": TOKEN}, headers=headers)
    assert answer.status_code == (303 if is_allowed else 403)
    assert ("set-cookie" in answer.headers) is is_allowed


def test_pages_need_a_session_and_lead_to_the_login(browse: Browse) -> None:
    client = browse(TOKEN)
    answer = client.get("/runs/TR-0001?status=failed")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/runs/TR-0001%3Fstatus%3Dfailed")
    assert client.get("/runs/TR-0001", headers={"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}).status_code == 401
    form = client.get(answer.headers["location"])
    assert 'value="/runs/TR-0001?status=failed"' in form.text
    assert TOKEN not in form.text
    log_in(client, target="/runs/TR-0001?status=failed")
    assert client.get("/runs/TR-0001").status_code == 404


def test_cookie_is_for_the_pages_and_the_bearer_token_for_the_api(browse: Browse) -> None:
    client, bearer = browse(TOKEN), {"Authorization": f"Bearer {TOKEN}"}
    assert client.get("/", headers=bearer).status_code == 303
    assert client.get("/api/v1/test-runs", headers=bearer).status_code == 200
    log_in(client)
    assert client.get("/").status_code != 303
    assert client.get("/api/v1/test-runs").status_code == 401


def test_cookie_is_hidden_from_scripts_and_secure_behind_tls(browse: Browse) -> None:
    name, *attributes = log_in(browse(TOKEN)).split("; ")
    assert name.startswith("pytest-atlas-")
    assert TOKEN not in name
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(attributes)
    assert "Secure" not in attributes
    tls = browse(TOKEN, url="https://bench.example.com")
    answer = tls.post("/login", data={"token": TOKEN}, headers={"Origin": "https://bench.example.com"})
    name, *attributes = answer.headers["set-cookie"].split("; ")
    assert name.startswith("__Host-pytest-atlas-")
    assert {"HttpOnly", "Path=/", "SameSite=lax", "Secure"} <= set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)


def test_a_wrong_token_is_rejected_and_only_one_is_checked_in_a_second(browse: Browse) -> None:
    client = browse(TOKEN)
    first = client.post("/login", data={"token": "wrong"}, headers=ORIGIN)
    assert (first.status_code, "set-cookie" in first.headers) == (403, False)
    second = client.post("/login", data={"token": TOKEN}, headers=ORIGIN)
    assert (second.status_code, second.headers["retry-after"]) == (429, "1")


def test_logging_out_ends_the_session(browse: Browse) -> None:
    client = browse(TOKEN)
    cookie = log_in(client).partition(";")[0]
    assert client.post("/logout", headers=ORIGIN).status_code == 303
    assert client.get("/", headers={"Cookie": cookie}).headers["location"].startswith("/login")


def test_one_time_code_logs_in_once(browse: Browse) -> None:
    client, code = browse(TOKEN), one_time_code(KEY, time.time())
    assert client.head("/open", params={"code": code}).status_code == 403
    opened = client.get("/open", params={"code": code, "next": "/runs/latest"})
    assert (opened.status_code, opened.headers["location"]) == (303, "/runs/latest")
    assert client.get("/").status_code != 303
    client.cookies.clear()
    again = client.get("/open", params={"code": code})
    assert (again.status_code, "set-cookie" in again.headers) == (403, False)
    assert "pytest-atlas open" in again.text


@pytest.mark.parametrize(("key", "age_s"), [(KEY[:-1], 0), ("", 0), ("another", 0), (KEY, 600), (KEY, -600)])
def test_codes_with_another_key_or_time_are_rejected(browse: Browse, key: str, age_s: int) -> None:
    answer = browse(TOKEN).get("/open", params={"code": one_time_code(key, time.time() - age_s)})
    assert answer.status_code == 403


@pytest.mark.parametrize("code", ["", ".", "..", "9999999999..", "x.y.z", "²..", "99999999999999999999.a.b", "ü"])
def test_codes_that_are_none_are_rejected(browse: Browse, code: str) -> None:
    assert browse(TOKEN).get("/open", params={"code": code}).status_code == 403


@pytest.mark.parametrize(
    "target",
    ["https://evil.example.com", "//evil.example.com", "/\\evil.example.com", "javascript:alert(1)", "/x\nSet-Cookie: a=b", ""],
)
def test_a_login_leads_to_this_server_only(browse: Browse, target: str) -> None:
    answer = browse(TOKEN).post("/login", data={"token": TOKEN, "next": target}, headers=ORIGIN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"token=x", "text/plain", 415),
        (b"token=\xff", "application/x-www-form-urlencoded", 400),
        (b"token=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"&".join([b"a=1"] * 200), "application/x-www-form-urlencoded", 400),
    ],
)
def test_forms_that_can_not_be_read_are_rejected(browse: Browse, body: bytes, content_type: str, status: int) -> None:
    answer = browse(TOKEN).post("/login", content=body, headers=ORIGIN | {"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
