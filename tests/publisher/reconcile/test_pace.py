"""How fast calls may go: fewer after an overload, pauses that grow, one probe at a time, and back again."""

from pytest_atlas.publisher.reconcile.pace import FIRST_PAUSE_S, LONGEST_PAUSE_S, RESPONSES_TO_RECOVER, Pace


def fresh(limit: int = 32) -> Pace:
    return Pace(limit, jitter=lambda: 1.0)


def test_all_calls_may_go_as_long_as_nothing_fails() -> None:
    assert fresh().room(now=0, in_flight=0) == 32
    assert fresh().room(now=0, in_flight=30) == 2


def test_after_a_failure_there_is_a_pause_and_then_one_call_tries() -> None:
    pace = fresh()
    pace.failed(now=10, sent=9, retry_after_s=None, overloaded=False)
    assert pace.room(now=10.1, in_flight=0) == 0
    assert pace.wait_s(now=10.1) > 0
    assert pace.room(now=10 + FIRST_PAUSE_S, in_flight=0) == 1
    assert pace.room(now=10 + FIRST_PAUSE_S, in_flight=1) == 0
    pace.succeeded()
    assert pace.room(now=11, in_flight=0) == 32


def test_pauses_double_up_to_the_longest_and_calls_that_failed_together_count_once() -> None:
    pace = fresh()
    pauses = []
    now = 100.0
    for _ in range(12):
        for _ in range(32):  # all that were under way
            pace.failed(now=now, sent=now - 0.05, retry_after_s=None, overloaded=False)
        pauses.append(pace.wait_s(now))
        now = pace.not_before
    assert [round(pause, 1) for pause in pauses[:4]] == [0.2, 0.4, 0.8, 1.6]
    assert pauses[-1] == LONGEST_PAUSE_S


def test_retry_after_is_heeded_by_all() -> None:
    pace = fresh()
    pace.failed(now=0, sent=0, retry_after_s=7, overloaded=True)
    assert pace.wait_s(now=1) == 6


def test_an_overload_halves_what_may_be_under_way_and_good_answers_bring_it_back_one_by_one() -> None:
    pace = fresh()
    pace.failed(now=0, sent=0, retry_after_s=None, overloaded=True)
    pace.succeeded()
    assert pace.room(now=1, in_flight=0) == 16
    for _ in range(RESPONSES_TO_RECOVER):
        pace.succeeded()
    assert pace.room(now=1, in_flight=0) == 17


def test_there_is_always_one_call_left() -> None:
    pace = fresh(limit=1)
    pace.failed(now=0, sent=0, retry_after_s=None, overloaded=True)
    assert pace.room(now=pace.not_before, in_flight=0) == 1
