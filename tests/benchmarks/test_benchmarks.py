"""The benchmarks can be imported, and their tables and the stand-in Atlas count correctly. No figure is checked."""

from importlib import import_module

import pytest
from benchmarks.measuring import Row, line, number, rounds
from benchmarks.stand_in import TOKEN, StandIn

from pytest_atlas.atlas.models import Run, Step

NAMES = (
    "__main__",
    "client",
    "compare",
    "hooks",
    "jitter",
    "local_store",
    "many",
    "measuring",
    "publisher",
    "real_suites",
    "responder",
    "sessions",
    "stand_in",
    "suites",
)


@pytest.mark.parametrize("name", NAMES)
def test_each_module_can_be_imported(name: str) -> None:
    assert import_module(f"benchmarks.{name}").__doc__


def test_rounds_rotate_the_order_of_cases() -> None:
    turns = iter(range(4))
    assert rounds({"a": lambda: next(turns), "b": lambda: next(turns)}, 2) == {"a": [0, 3], "b": [1, 2]}


@pytest.mark.parametrize(
    ("goal", "verdict"), [("≤ 2", "kept"), ("≤ 1.5", "**missed**"), ("≥ 2", "kept"), ("≥ 2,000", "**missed**")]
)
def test_a_row_shows_whether_its_median_meets_the_goal(goal: str, verdict: str) -> None:
    assert (
        line(Row("a session", (1.0, 2.0, 30.0), "ms", goal)) == f"| a session | 2.00 ms | 1.00 – 30.0 | {goal} ms | {verdict} |"
    )


def test_a_row_without_a_goal_has_no_verdict() -> None:
    assert line(Row("plain", (1.0,), "s", remark="once")) == "| plain | 1.00 s | 1.00 – 1.00 |  | once |"


@pytest.mark.parametrize(("value", "text"), [(1234.5, "1,234"), (12.34, "12.3"), (-0.123, "-0.12")])
def test_a_figure_has_about_three_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def test_the_stand_in_responds_like_an_atlas_and_counts_requests() -> None:
    atlas = StandIn()
    bearer = b"Bearer " + TOKEN.encode()
    status, body = atlas.answer("POST", "/api/v1/test-runs", bearer, b'{"title":"Acceptance"}')
    run = Run.model_validate_json(body)
    assert (status, run.title) == (200, "Acceptance")
    _, body = atlas.answer("POST", f"/api/v1/test-runs/{run.uuid}/cards/1/steps", bearer, b'{"title":"Apply 13 V"}')
    step = Step.model_validate_json(body)
    assert step.uuid != run.uuid
    path = f"/api/v1/test-runs/{run.uuid}/cards/1/steps/{step.uuid}"
    _, body = atlas.answer("PATCH", path, bearer, b'{"execution_status":"passed"}')
    assert Step.model_validate_json(body).uuid == step.uuid
    assert atlas.answer("GET", "/api/v1/test-runs", b"Bearer another", b"")[0] == 401
    counted = atlas.count()
    assert counted.by_kind == {"POST test-runs": 1, "POST steps": 1, "PATCH steps": 1}
    assert (counted.operations, counted.rejected) == (3, 1)
