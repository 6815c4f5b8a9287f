"""Build the inputs of the analysis from a run in Atlas, or from the session model. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pytest_atlas.atlas.library import iter_steps
from pytest_atlas.atlas.models import Run
from pytest_atlas.descriptions import DIED, limit_violations, without_exception_name
from pytest_atlas.session import desired, measurement_texts
from pytest_atlas.session.history import Attempt, Measured, history_of, measured_in
from pytest_atlas.session.measured import limits_of_value
from pytest_atlas.session.model import Collection, InnerStep, Test
from pytest_atlas.session.state import SessionState

from .failures import Failure, FailureReport
from .inputs import Step
from .margins import Measurement, by_urgency


def steps_of_run(run: Run) -> tuple[Step, ...]:
    """Return the steps of a run that was read from an Atlas, in its order."""
    return tuple(
        Step(
            card=card.title,
            title=step.title,
            status=step.execution_status,
            description=step.description,
            exception=step.exception,
            duration_s=(step.ended_at - step.started_at).total_seconds() if step.started_at and step.ended_at else None,
            key=str(step.uuid),
        )
        for card, step in iter_steps(run)
    )


def steps_of_session(state: SessionState) -> tuple[Step, ...]:
    """Return the steps that Atlas should have, in the order of the plan."""
    return tuple(_step(state, key) for key in state.steps)


def _step(state: SessionState, key: str) -> Step:
    step = desired.step(state, key)
    return Step(
        card=desired.card(state, step.parent).title,
        title=step.title,
        status=step.status,
        description=step.description,
        exception=step.exception or None,
        key=key,
        is_inner=isinstance(state.steps[key], InnerStep),
        is_collection=isinstance(state.steps[key], Collection),
    )


def failures_of_session(state: SessionState, steps: Sequence[Step]) -> list[Failure]:
    """Return every failed test and collection among the steps of a session, with its reports and measurements."""
    inner: defaultdict[str, list[InnerStep]] = defaultdict(list)
    for step in state.steps.values():
        if isinstance(step, InnerStep):
            inner[step.test.key].append(step)
    return [_failure(state, step, inner[step.key]) for step in steps if step.status == "failed" and not step.is_inner]


def _failure(state: SessionState, step: Step, inner: list[InnerStep]) -> Failure:
    match state.steps[step.key]:
        case Collection() as collection:
            report = FailureReport("collection", collection.event.place, collection.event.message)
            return Failure(step=step, nodeid=collection.event.nodeid, message=report.line, reports=(report,))
        case Test() as test:
            attempts = history_of(state, test).valid
            titles = {one.ordinal: one.title for one in reversed(inner)}
            reports = tuple(dict.fromkeys(report for attempt in attempts for report in _reports(attempt)))
            failed = (one for one in inner if desired.step(state, one.key).status == "failed")
            return Failure(
                step=step,
                nodeid=test.nodeid,
                message=reports[0].line if reports else "",
                reports=reports,
                measurements=tuple(by_urgency(_measurements(attempts, titles))),
                inner=tuple(one.title for one in failed),
            )
    raise AssertionError("inner steps are part of the failure of their test")


def _reports(attempt: Attempt) -> Iterator[FailureReport]:
    execution = attempt.execution
    if attempt.died:
        yield FailureReport("call", "", f"{DIED}{f' on {execution.worker}' if execution.worker else ''}")
    for phase in execution.reported.phases:
        if phase.attempt == attempt.number and phase.outcome == "failed":
            yield _report(phase.when, phase.place, phase.message)
    for subtest in execution.reported.subtests:
        if subtest.attempt == attempt.number and subtest.outcome == "failed":
            yield _report(f"subtest {subtest.title or subtest.ordinal}", subtest.place, subtest.message)


def _report(where: str, place: str, message: str) -> FailureReport:
    return FailureReport(where, place, without_exception_name(message), is_violation=bool(limit_violations(message)))


def _measurements(attempts: Iterable[Attempt], titles: Mapping[int, str]) -> Iterator[Measurement]:
    for attempt in attempts:
        for measured in measured_in(attempt.execution.reported.inside, attempt.number):
            yield measurement(measured, titles.get(measured.step, ""))


def measurement(measured: Measured, step: str = "") -> Measurement:
    """Return a recorded measurement with its texts. `step`: title of the inner step in which it was recorded.

    Its limits are those that the values were compared with: the acceptance limits if there is a decision rule.
    """
    limits = [_decisive(measured, n) for n in range(len(measured.values))]
    low, high = limits[0] if limits else ("", "")
    return Measurement(
        name=measurement_texts.name_of(measured),
        verdict=measured.verdict,
        values=measured.values,
        unit=measured.unit,
        low=low,
        high=high,
        each=tuple(limits) if len(set(limits)) > 1 else (),
        waived=measured.waived,
        step=step,
        value_text=measurement_texts.values_of(measured),
        limits_text=measurement_texts.limits_of(measured),
    )


def _decisive(measured: Measured, index: int) -> tuple[str, str]:
    """Return the limits that the value with this index was compared with."""
    limits = limits_of_value(measured, index)
    if measured.acceptance and measured.acceptance.rule != "simple":
        return limits.accepted_low, limits.accepted_high
    return limits.low, limits.high
