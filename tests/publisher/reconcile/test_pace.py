"""The pace of requests: fewer after an overload, growing pauses, one probe at a time, and recovery."""

from pytest_atlas.publisher.reconcile.pace import FIRST_PAUSE_S, LONGEST_PAUSE_S, RESPONSES_TO_RECOVER, Pace


def fresh(limit: int = 32) -> Pace:
    return Pace(limit, jitter=lambda: 1.0)


def test_all_requests_are_allowed_without_failures() -> None:
    assert fresh().room(now=0, in_flight=0) == 32
    assert fresh().room(now=0, in_flight=30) == 2


def test_a_failure_is_followed_by_a_pause_and_one_probe() -> None:
    pace = fresh()
    pace.failed(now=10, sent=9, retry_after_s=None, overloaded=False)
    assert pace.room(now=10.1, in_flight=0) == 0
    assert pace.wait_s(now=10.1) > 0
    assert pace.room(now=10 + FIRST_PAUSE_S, in_flight=0) == 1
    assert pace.room(now=10 + FIRST_PAUSE_S, in_flight=1) == 0
    pace.succeeded()
    assert pace.room(now=11, in_flight=0) == 32


def test_pauses_double_up_to_the_limit_and_concurrent_failures_count_once() -> None:
    pace = fresh()
    pauses = []
    now = 100.0
    for _ in range(12):
        for _ in range(32):  # all requests in flight
            pace.failed(now=now, sent=now - 0.05, retry_after_s=None, overloaded=False)
        pauses.append(pace.wait_s(now))
        now = pace.not_before
    assert [round(pause, 1) for pause in pauses[:4]] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_retry_after_applies_to_all_requests() -> None:
    pace = fresh()
    pace.failed(now=0, sent=0, retry_after_s=7, overloaded=True)
    assert pace.wait_s(now=1) == 6


def test_an_overload_halves_the_limit_and_responses_restore_it_one_by_one() -> None:
    pace = fresh()
    pace.failed(now=0, sent=0, retry_after_s=None, overloaded=True)
    pace.succeeded()
    assert pace.room(now=1, in_flight=0) == 16
    for _ in range(RESPONSES_TO_RECOVER):
        pace.succeeded()
    assert pace.room(now=1, in_flight=0) == 17


def test_one_request_is_always_allowed() -> None:
    pace = fresh(limit=1)
    pace.failed(now=0, sent=0, retry_after_s=None, overloaded=True)
    assert pace.room(now=pace.not_before, in_flight=0) == 1
