import json
import socket
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.served_atlas import TOKEN, ServedAtlas

from pytest_atlas.atlas import OPERATIONS, CreateRun, Operation
from pytest_atlas.atlas.errors import AtlasError, BadAnswer, Invalid, Unauthorized, Unavailable, Unreachable
from pytest_atlas.server.app import MOST_BYTES, app

from .conftest import ask

NEW_RUN = {"title": "x", "system_id": str(UUID(int=1))}
NOWHERE = "7d3c1c0e-5d0b-4f5e-9f3a-0c1d2e3f4a5b"
JSON = {"Content-Type": "application/json"}


def url_of(kind: type[Operation[Any]], **ids: str) -> str:
    return kind.path.format(**{field: ids.get(field, NOWHERE) for field in kind.path_fields()})


@pytest.mark.parametrize("kind", OPERATIONS)
def test_every_operation_has_its_route_and_needs_the_token(served: ServedAtlas, kind: type[Operation[Any]]) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": TOKEN}):
        answer = httpx.request(kind.method, f"{served.url}/api/v1{url_of(kind)}", headers=headers)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    answer = httpx.request(
        kind.method, f"{served.url}/api/v1{url_of(kind)}", headers={"Authorization": f"bearer {TOKEN}"} | JSON
    )
    assert answer.status_code != 401
    assert answer.status_code != 405
    assert answer.json() != {"detail": "Not Found"}


def test_responses_have_the_usual_statuses(http: httpx.Client) -> None:
    made = http.post("/test-runs", json=NEW_RUN)
    assert (made.status_code, made.headers["content-type"]) == (201, "application/json")
    run = f"/test-runs/{made.json()['uuid']}"
    assert http.get(run).status_code == 200
    assert http.head(run).status_code == 200
    assert http.patch(run, json={"title": "y"}).status_code == 200
    gone = http.delete(run)
    assert (gone.status_code, gone.content) == (204, b"")
    assert http.get(run).status_code == 404


def test_response_has_the_documented_fields_and_times(http: httpx.Client) -> None:
    run = http.post("/test-runs", json=NEW_RUN).json()
    assert list(run) == [
        *("uuid", "test_run_id", "title", "description", "system_id", "system_name", "test_cards", "test_data", "reports"),
        *("contributors", "created_by", "created_at", "updated_at"),
    ]
    assert len(run["created_at"]) == len("2026-04-13T11:00:00.000000")


@pytest.mark.parametrize("path", ["/", "/x", "/test-runs/", f"/test-runs/{NOWHERE}/cards/", f"/test-runs/{NOWHERE}/x"])
def test_unknown_path_is_404(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_wrong_method_is_405_with_the_allowed_methods(http: httpx.Client) -> None:
    answer = http.put(f"/test-runs/{NOWHERE}")
    assert answer.status_code == 405
    assert {"GET", "PATCH", "DELETE"} <= set(answer.headers["Allow"].split(", "))


BAD_BODIES: dict[str, tuple[Any, list[list[str]]]] = {
    "nothing": (b"", [["body"]]),
    "half": (b'{"title": ', [["body"]]),
    "no object": ([1], [["body"]]),
    "not UTF-8": (b'{"title": "\xff"}', [["body"]]),
    "too deep": (b'{"title":' * 5000, [["body"]]),
    "lone surrogate": (b'{"title": "\\ud800", "system_id": "00000000-0000-0000-0000-000000000001"}', [["body"]]),
    "NaN": (b'{"title": NaN}', [["body"]]),
    "missing fields": ({}, [["body", "title"], ["body", "system_id"]]),
    "null where a value is needed": (NEW_RUN | {"title": None}, [["body", "title"]]),
    "wrong types": ({"title": 5, "system_id": "x"}, [["body", "title"], ["body", "system_id"]]),
    "unknown field": (NEW_RUN | {"colour": "red"}, [["body", "colour"]]),
    "field of the path": (NEW_RUN | {"run_id": NOWHERE}, [["body", "run_id"]]),
    "bad item of a list": (NEW_RUN | {"asset_ids": [NOWHERE, "x"]}, [["body", "asset_ids", "1"]]),
}


@pytest.mark.parametrize(("body", "places"), BAD_BODIES.values(), ids=BAD_BODIES.keys())
def test_invalid_body_is_422_with_the_location(http: httpx.Client, body: Any, places: list[list[str]]) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body)
    answer = http.post("/test-runs", content=content, headers=JSON)
    assert answer.status_code == 422
    detail = answer.json()["detail"]
    assert [[str(part) for part in problem["loc"]] for problem in detail] == places
    assert all(problem["msg"] and problem["type"] for problem in detail)


def test_null_is_the_same_as_a_missing_optional_field(http: httpx.Client) -> None:
    answer = http.post("/test-runs", json=NEW_RUN | {"description": None, "asset_ids": None})
    assert (answer.status_code, answer.json()["description"]) == (201, "")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_body_without_a_json_content_type_is_rejected(http: httpx.Client, kind: str) -> None:
    answer = http.post("/test-runs", content=json.dumps(NEW_RUN), headers={"Content-Type": kind})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "content-type"]
    accepted = http.post("/test-runs", content=json.dumps(NEW_RUN), headers={"Content-Type": "Application/JSON; charset=utf-8"})
    assert accepted.status_code == 201


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/test-runs/x", ["path", "run_id"]),
        (f"/test-runs/{NOWHERE}x", ["path", "run_id"]),
        ("/test-runs?system_id=x", ["query", "system_id"]),
        ("/test-runs?has_reports=perhaps", ["query", "has_reports"]),
        ("/test-runs?created_after=yesterday", ["query", "created_after"]),
        ("/test-runs?colour=red", ["query", "colour"]),
        ("/test-runs/search", ["query", "q"]),
        ("/test-runs/search?q=", ["query", "q"]),
        ("/test-runs/search?q=x&limit=101", ["query", "limit"]),
        ("/test-runs/search?q=x&limit=0", ["query", "limit"]),
        ("/test-runs/search?q=x&offset=-1", ["query", "offset"]),
        ("/test-runs/search?q=x&offset=99999999999999999999", ["query", "offset"]),
        ("/test-runs/search?q=x&mode=magic", ["query", "mode"]),
        ("/test-runs/search?q=x&sort_by=age", ["query", "sort_by"]),
    ],
)
def test_invalid_path_or_query_is_422_with_the_location(http: httpx.Client, path: str, place: list[str]) -> None:
    answer = http.get(path)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == place


def test_time_that_is_out_of_range_in_utc_is_422(http: httpx.Client) -> None:
    assert http.get("/test-runs", params={"created_after": "0001-01-01T00:00:00+05:00"}).status_code == 422


def test_repeated_parameters_are_a_list_if_documented(http: httpx.Client) -> None:
    title = f"zebra{uuid4().hex}"
    http.post("/test-runs", json=NEW_RUN | {"title": title})

    def total(*kinds: str) -> int:
        found: int = http.get("/test-runs/search", params={"q": title, "component_types": kinds}).json()["total_count"]
        return found

    assert [total("card", "run"), total("run"), total("card", "step")] == [1, 1, 0]


def test_body_that_is_too_large_is_413(http: httpx.Client) -> None:
    answer = http.post("/test-runs", content=b" " * (MOST_BYTES + 1), headers=JSON)
    assert answer.status_code == 413
    chunks = (b" " * 2**20 for _ in range(MOST_BYTES // 2**20 + 1))
    assert http.post("/test-runs", content=chunks, headers=JSON).status_code == 413


def test_client_that_disconnects_during_its_body_affects_no_other_client(
    http: httpx.Client, served: ServedAtlas, caplog: pytest.LogCaptureFixture
) -> None:
    address = urlsplit(served.url)
    request = f"POST /api/v1/test-runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: 99\r\n\r\n{{"
    with socket.create_connection((str(address.hostname), int(address.port or 0))) as connection:
        connection.sendall(request.encode())
    assert http.get("/test-runs").status_code == 200
    assert "Traceback" not in caplog.text


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([NOWHERE, "s3://b/x", "2026-04-13"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(data=st.data())
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_input_is_a_500(http: httpx.Client, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(OPERATIONS))
    run = http.post("/test-runs", json=NEW_RUN).json()["uuid"]
    path = url_of(kind, run_id=data.draw(st.sampled_from([run, NOWHERE, "x"])))
    given_fields = {name: data.draw(ANYTHING) for name in data.draw(st.sets(st.sampled_from(["x", *kind.other_fields()])))}
    if kind.method == "GET":
        answer = http.get(
            path, params={name: str(value).encode("utf-8", "replace").decode() for name, value in given_fields.items()}
        )
    else:
        answer = http.request(kind.method, path, content=json.dumps(given_fields), headers=JSON)
    assert answer.status_code in (200, 201, 204, 404, 422)


@pytest.mark.parametrize(
    ("error", "status", "body"),
    [
        (Invalid(CreateRun(title="x", system_id=uuid4()), 409, '{"detail": "words"}'), 409, {"detail": "words"}),
        (Invalid(CreateRun(title="x", system_id=uuid4()), 422, "plain words"), 422, {"detail": "plain words"}),
        (Invalid(CreateRun(title="x", system_id=uuid4()), 422, "[1]"), 422, {"detail": "[1]"}),
        (Unauthorized(CreateRun(title="x", system_id=uuid4()), 403, "no"), 403, {"detail": "no"}),
    ],
)
def test_errors_of_the_served_atlas_are_passed_on(error: AtlasError, status: int, body: object) -> None:
    answer = ask(app(Refusing(error), None), "POST", "http://localhost/api/v1/test-runs", json=NEW_RUN)
    assert (answer.status_code, answer.json()) == (status, body)


def test_retry_after_is_passed_on() -> None:
    error = Unavailable(CreateRun(title="x", system_id=uuid4()), 503, "busy", retry_after_s=2.6)
    answer = ask(app(Refusing(error), None), "POST", "http://localhost/api/v1/test-runs", json=NEW_RUN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")


@pytest.mark.parametrize(
    "error",
    [
        Unreachable(CreateRun(title="x", system_id=uuid4()), "no answer", in_doubt=True),
        BadAnswer(CreateRun(title="x", system_id=uuid4()), 200, "HTML"),
    ],
)
def test_unreachable_served_atlas_is_502(error: AtlasError) -> None:
    answer = ask(app(Refusing(error), None), "POST", "http://localhost/api/v1/test-runs", json=NEW_RUN)
    assert answer.status_code == 502


class Refusing:
    """An Atlas that refuses everything."""

    def __init__(self, error: AtlasError) -> None:
        self.error = error

    def send(self, op: Operation[Any]) -> Any:
        raise self.error
