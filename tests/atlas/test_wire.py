"""Conversion of operations to requests and of responses to models, without a network."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import parse_qsl
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.atlas import (
    BadAnswer,
    DeleteRun,
    ErrorResponse,
    GetRun,
    Invalid,
    ListRuns,
    NotFound,
    SearchRuns,
    Unauthorized,
    Unavailable,
    UpdateRun,
)
from pytest_atlas.atlas.errors import EXCERPT
from pytest_atlas.atlas.wire import answer_of, request_of, retry_after_s

RUN = uuid4()
GET = GetRun(run_id=RUN)
NOW = datetime(2026, 4, 13, 11, 0, tzinfo=UTC)


# ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_query_repeats_lists_and_writes_booleans_in_lower_case() -> None:
    search = SearchRuns(q="13 V & up", component_types=("card", "step"), has_reports=True, limit=5, created_after=NOW)
    path, _, query = request_of(search).target.partition("?")
    assert path == "/test-runs/search"
    assert parse_qsl(query) == [
        ("q", "13 V & up"),
        ("component_types", "card"),
        ("component_types", "step"),
        ("created_after", "2026-04-13T11:00:00.000000+00:00"),
        ("has_reports", "true"),
        ("limit", "5"),
    ]
    assert request_of(ListRuns(has_reports=False)).target == "/test-runs?has_reports=false"


def test_query_without_parameters_has_no_question_mark() -> None:
    assert request_of(ListRuns()) == ("GET", "/test-runs", None)


def test_only_post_and_patch_have_a_body() -> None:
    assert request_of(DeleteRun(run_id=RUN)) == ("DELETE", f"/test-runs/{RUN}", None)
    assert request_of(UpdateRun(run_id=RUN)) == ("PATCH", f"/test-runs/{RUN}", b"{}")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_sent_unchanged(text: str) -> None:
    body = request_of(UpdateRun(run_id=RUN, title=text)).body
    assert body is not None
    assert json.loads(body) == {"title": text}
    query = request_of(SearchRuns(q=text)).target.partition("?")[2]
    assert parse_qsl(query, strict_parsing=True) == [("q", text)]


# ── Good answers ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("status", [200, 201, 202, 203, 206, 299])
def test_any_2xx_is_success(status: int) -> None:
    assert answer_of(GET, status, {}, b'{"uuid": "u", "title": "Acceptance"}').title == "Acceptance"


@pytest.mark.parametrize(("status", "content"), [(204, b""), (200, b""), (202, b'{"deleted": true}'), (200, b"<p>gone</p>")])
def test_delete_succeeds_with_any_2xx_body(status: int, content: bytes) -> None:
    answer_of(DeleteRun(run_id=RUN), status, {}, content)
    with pytest.raises(NotFound):
        answer_of(DeleteRun(run_id=RUN), 404, {}, content)


# ── Bad answers ──────────────────────────────────────────────────────────────────────────────────────────────────────

BAD = {
    "html": (b"<!doctype html>\n<title>Sign in</title>", "not JSON", "<!doctype html> <title>Sign in</title>"),
    "half a JSON": (b'{"uuid": "u', "not JSON", '{"uuid": "u'),
    "a list": (b"[1, 2]", "unexpected JSON, top level", "[1, 2]"),
    "null": (b"null", "unexpected JSON, top level", "null"),
    "no identifier": (b'{"detail": "hm"}', "unexpected JSON, uuid", '{"detail": "hm"}'),
    "a wrong type": (b'{"uuid": "u", "test_cards": [{"uuid": [1]}]}', "test_cards.0.uuid", '{"uuid": "u"'),
    "bytes that are not text": (b"\xff\xfe\x00", "not JSON", "�"),
}


@pytest.mark.parametrize(("content", "what", "start"), BAD.values(), ids=BAD)
def test_undocumented_response_is_an_error_with_its_start(content: bytes, what: str, start: str) -> None:
    with pytest.raises(BadAnswer, match=what) as caught:
        answer_of(GET, 200, {}, content)
    assert caught.value.words.startswith(start)
    assert caught.value.in_doubt
    assert str(caught.value).startswith(f"GET /test-runs/{RUN}: ")
    assert "Check that ATLAS_URL is the URL of an Atlas" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b" \r\n"])
@pytest.mark.parametrize("status", [200, 204])
def test_empty_response_is_an_error(status: int, content: bytes) -> None:
    with pytest.raises(BadAnswer, match=rf"an empty response \(status {status}"):
        answer_of(GET, status, {}, content)


def test_long_response_is_shortened_to_one_line() -> None:
    with pytest.raises(BadAnswer) as caught:
        answer_of(GET, 200, {}, b"<html>\n" + b"x" * 10_000)
    assert len(caught.value.words) == EXCERPT
    assert len(str(caught.value)) < 600
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "in_doubt"), [(301, False), (302, False), (303, True), (307, False), (308, False), (304, True)]
)
def test_redirect_is_a_bad_answer_with_the_location(status: int, in_doubt: bool) -> None:
    with pytest.raises(BadAnswer, match=r"redirect to 'https://login\.example\.com/'") as caught:
        answer_of(GET, status, {"location": "https://login.example.com/"}, b"")
    assert caught.value.status == status
    assert caught.value.in_doubt is in_doubt


@pytest.mark.parametrize("status", [101, 199, 300])
def test_unknown_status_is_a_bad_answer(status: int) -> None:
    with pytest.raises(BadAnswer, match=rf"unknown status \(status {status}"):
        answer_of(GET, status, {}, b'{"uuid": "u"}')


# ── Refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CLASSES: list[tuple[int, type[ErrorResponse], bool]] = [
    (400, Invalid, False),
    (401, Unauthorized, False),
    (403, Unauthorized, False),
    (404, NotFound, False),
    (405, Invalid, False),
    (408, Unavailable, True),
    (409, Invalid, False),
    (413, Invalid, False),
    (422, Invalid, False),
    (425, Unavailable, False),
    (429, Unavailable, False),
    (499, Invalid, False),
    (500, Unavailable, True),
    (502, Unavailable, True),
    (503, Unavailable, True),
    (504, Unavailable, True),
    (599, Unavailable, True),
]


@pytest.mark.parametrize(("status", "kind", "in_doubt"), CLASSES, ids=[str(row[0]) for row in CLASSES])
def test_error_response_has_operation_status_and_body(status: int, kind: type[ErrorResponse], in_doubt: bool) -> None:
    with pytest.raises(ErrorResponse) as caught:
        answer_of(GET, status, {}, b'{"detail": [\n"no such thing"]}')
    assert type(caught.value) is kind
    assert (caught.value.status, caught.value.in_doubt) == (status, in_doubt)
    assert str(caught.value).startswith(f'GET /test-runs/{RUN}: status {status}: {{"detail": [ "no such thing"]}}')
    assert caught.value.operation is GET


def test_error_response_without_a_body_has_a_message() -> None:
    with pytest.raises(Unauthorized, match=r"status 401: no reason given\. Check ATLAS_TOKEN"):
        answer_of(GET, 401, {}, b"")


@pytest.mark.parametrize("status", [401, 500, 302, 200])
def test_token_in_a_response_is_hidden(status: int) -> None:
    with pytest.raises((ErrorResponse, BadAnswer)) as caught:
        answer_of(GET, status, {"location": "https://x/?t=t0ken"}, b"bad token t0ken in here", secret="t0ken")
    assert "t0ken" not in str(caught.value) + repr(caught.value) + repr(vars(caught.value))
    assert "bad token *** in here" in str(caught.value)


# ── Retry-After ──────────────────────────────────────────────────────────────────────────────────────────────────────

WAITS = {
    "120": 120.0,
    " 7 ": 7.0,
    "1.5": 1.5,
    "0": 0.0,
    "-3": 0.0,
    "Mon, 13 Apr 2026 11:00:30 GMT": 30.0,
    "Mon, 13 Apr 2026 13:00:30 +0200": 30.0,
    "Monday, 13-Apr-26 11:01:00 GMT": 60.0,
    "Mon Apr 13 11:00:10 2026": 10.0,
    "Mon, 13 Apr 2026 10:00:00 GMT": 0.0,
    "soon": None,
    "": None,
    "nan": None,
    "inf": None,
    "1e999": None,
    "Mon, 99 Apr 2026 11:00:00 GMT": None,
}


@pytest.mark.parametrize(("value", "seconds"), WAITS.items(), ids=[repr(v) for v in WAITS])
def test_retry_after_is_read_as_seconds_or_as_a_date(value: str, seconds: float | None) -> None:
    with pytest.raises(Unavailable) as caught:
        answer_of(GET, 429, {"retry-after": value}, b"", now=NOW)
    assert caught.value.retry_after_s == seconds


def test_retry_after_date_is_compared_with_the_current_time_by_default() -> None:
    with pytest.raises(Unavailable) as caught:
        answer_of(GET, 503, {"retry-after": format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)}, b"")
    assert caught.value.retry_after_s == pytest.approx(86400, abs=600)


def test_missing_retry_after_is_none() -> None:
    assert retry_after_s(None, NOW) is None


@given(st.text() | st.from_regex(r"\w{3}, \d{1,4} \w{3} \d{1,6} \d\d?:\d\d?:\d\d? ([A-Z]{1,4}|[+-]\d{1,6})"))
def test_any_retry_after_is_read_without_an_error(value: str) -> None:
    seconds = retry_after_s(value, NOW)
    assert seconds is None or 0 <= seconds < float("inf")
