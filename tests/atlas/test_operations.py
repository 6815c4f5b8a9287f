"""Operations and models of responses, compared with the API document field by field."""

import json
import subprocess
import sys
import types
import typing
from datetime import datetime
from importlib import import_module
from typing import Any, Union, get_args, get_origin
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, ValidationError
from tests.atlas.document import ENDPOINTS, Endpoint

from pytest_atlas.atlas import (
    OPERATIONS,
    Association,
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    ListRuns,
    Operation,
    Page,
    RegisterDataFile,
    SearchRuns,
    Step,
    UpdateStep,
    statuses,
)
from pytest_atlas.atlas.models import Match, SearchResult
from pytest_atlas.atlas.operations import operations

each_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda e: e.name)

WIRE_TYPES: dict[type, set[str]] = {
    str: {"string"},
    UUID: {"UUID"},
    bool: {"boolean"},
    int: {"integer"},
    float: {"float"},
    datetime: {"string"},
    dict: {"object"},
    list: {"array", "array of string"},
}


def plain(annotation: Any) -> Any:
    """Return the type inside Annotated, Optional and Literal, to compare with the type in the API document."""
    if get_origin(annotation) is typing.Annotated:
        return plain(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        return plain(next(arg for arg in get_args(annotation) if arg is not type(None)))
    if get_origin(annotation) is typing.Literal:
        return str
    return annotation


def wire_types(annotation: Any) -> set[str]:
    inner = plain(annotation)
    if get_origin(inner) is tuple:
        item = plain(get_args(inner)[0])
        return {"array of UUID"} if item is UUID else {"string (repeatable)"}
    inner = get_origin(inner) or inner
    return {"object"} if issubclass(inner, BaseModel) else WIRE_TYPES[inner]


def test_operations_are_the_endpoints_of_the_api_document_in_order() -> None:
    assert [(op.method, op.path) for op in OPERATIONS] == [(e.method, e.path) for e in ENDPOINTS]
    assert len(OPERATIONS) == 18


@each_endpoint
def test_operation_has_the_documented_request_fields_and_no_other(endpoint: Endpoint) -> None:
    operation = endpoint.operation
    assert list(operation.other_fields()) == [row["field"] for row in endpoint.request]
    for row in endpoint.request:
        field = operation.model_fields[row["field"]]
        assert row["type"] in wire_types(field.annotation), row
        assert field.is_required() == (row["required"] == "yes"), row
        assert field.is_required() or field.default is None, f"{row}: a server's default is left to the server"


@each_endpoint
def test_every_documented_response_field_is_a_typed_field_of_the_model(endpoint: Endpoint) -> None:
    whole = endpoint.operation.answer
    if whole is None:
        assert endpoint.returns == "Returns 204 No Content."
        return
    item = plain(whole.model_fields["items"].annotation) if endpoint.is_list else whole
    models = {"response": get_args(item)[0] if endpoint.is_list else item, "result": SearchResult, "match": Match}
    assert endpoint.fields()
    for part, rows in endpoint.fields().items():
        assert list(models[part].model_fields) == [row["field"] for row in rows]
        for row in rows:
            field = models[part].model_fields[row["field"]]
            assert row["type"] in wire_types(field.annotation), row


@each_endpoint
def test_example_response_is_read_without_loss(endpoint: Endpoint) -> None:
    if endpoint.operation.answer is None:
        return
    example = endpoint.answer()
    answer = endpoint.operation.answer.model_validate_json(json.dumps(example))
    assert json.loads(answer.model_dump_json(exclude_unset=True)) == without_nulls(example)


def without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    return [without_nulls(v) for v in value] if isinstance(value, list) else value


@each_endpoint
def test_example_request_is_written_as_the_document_has_it(endpoint: Endpoint) -> None:
    operation = endpoint.example()
    assert operation.url_path() == endpoint.url.partition("?")[0]
    if endpoint.method != "GET":
        assert operation.payload() == (endpoint.example_body or {})
        assert json.loads(operation.body()) == (endpoint.example_body or {})


@each_endpoint
def test_operation_rejects_an_undocumented_field(endpoint: Endpoint) -> None:
    with pytest.raises(ValidationError, match="surprise"):
        endpoint.operation.model_validate({**endpoint.example().model_dump(), "surprise": 1})


def test_only_the_five_creates_are_marked_as_not_idempotent() -> None:
    assert {op.__name__ for op in OPERATIONS if op.creates} == {op.__name__ for op in OPERATIONS if op.method == "POST"}
    assert sum(op.creates for op in OPERATIONS) == 5


def test_operations_lists_search_before_the_path_with_a_run_id() -> None:
    paths = [op.path for op in operations() if op.method == "GET"]
    assert paths.index("/test-runs/search") < paths.index("/test-runs/{run_id}")
    assert sorted(op.__name__ for op in operations()) == sorted(op.__name__ for op in OPERATIONS)


RUN, CARD, STEP = uuid4(), uuid4(), uuid4()

REFUSED: dict[str, tuple[type[Operation[Any]], dict[str, Any]]] = {
    "a step title of 101 characters": (CreateStep, {"run_id": RUN, "card_id": CARD, "title": "x" * 101}),
    "a new step title of 101": (UpdateStep, {"run_id": RUN, "card_id": CARD, "step_id": STEP, "title": "x" * 101}),
    "a card without title and template": (CreateCard, {"run_id": RUN, "description": "d"}),
    "a card's report without its card": (CreateReport, {"run_id": RUN, "scope": "card"}),
    "a step's report without its card": (CreateReport, {"run_id": RUN, "scope": "step", "test_step_id": STEP}),
    "a step's report without its step": (CreateReport, {"run_id": RUN, "scope": "step", "test_card_id": CARD}),
    "a scope that is none": (CreateReport, {"run_id": RUN, "scope": "all"}),
    "a status that is none": (UpdateStep, {"run_id": RUN, "card_id": CARD, "step_id": STEP, "execution_status": "ok"}),
    "a system that is not a UUID": (CreateRun, {"title": "t", "system_id": "bench-7"}),
    "a template that is not a UUID": (CreateRun, {"title": "t", "system_id": RUN, "template_ids": ["x"]}),
    "a search limit of 101": (SearchRuns, {"q": "x", "limit": 101}),
    "a search offset of -1": (SearchRuns, {"q": "x", "offset": -1}),
    "a search for nothing": (SearchRuns, {"q": ""}),
    "an unknown search mode": (SearchRuns, {"q": "x", "mode": "exact"}),
    "a file of -1 bytes": (RegisterDataFile, {"run_id": RUN, "file_name": "f", "s3_url": "s3://b/f", "file_size": -1}),
    "a file that is not in S3": (RegisterDataFile, {"run_id": RUN, "file_name": "f", "s3_url": "/tmp/f", "file_size": 1}),
}


@pytest.mark.parametrize(("operation", "fields"), REFUSED.values(), ids=REFUSED)
def test_undocumented_values_are_rejected(operation: type[Operation[Any]], fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        operation(**fields)


def test_values_at_the_documented_limits_are_accepted() -> None:
    assert len(CreateStep(run_id=RUN, card_id=CARD, title="µ" * 100).title) == 100
    assert SearchRuns(q="x", limit=100, offset=0).payload() == {"q": "x", "limit": 100, "offset": 0}
    assert CreateReport(run_id=RUN, scope="step", test_card_id=CARD, test_step_id=STEP).payload()["scope"] == "step"
    assert CreateCard(run_id=RUN, template_id=CARD).payload() == {"template_id": str(CARD)}


def test_none_is_not_sent_also_in_nested_objects() -> None:
    step = UpdateStep(run_id=RUN, card_id=CARD, step_id=STEP, execution_status="todo")
    assert step.payload() == {"execution_status": "todo"}
    file = RegisterDataFile(
        run_id=RUN, file_name="f", s3_url="s3://b/f", file_size=0, associate_with=Association(test_step_id=STEP)
    )
    assert file.payload()["associate_with"] == {"test_step_id": str(STEP)}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("2026-04-13T11:04:00+02:00", "2026-04-13T09:04:00.000000+00:00"),
        ("2026-04-13T11:04:00.5", "2026-04-13T11:04:00.500000+00:00"),
    ],
    ids=["with an offset", "without one it is UTC"],
)
def test_time_is_sent_in_utc_with_microseconds_and_an_offset(given: str, sent: str) -> None:
    assert ListRuns(created_after=datetime.fromisoformat(given)).payload() == {"created_after": sent}


def test_nulls_missing_and_additional_fields_are_accepted_in_a_response() -> None:
    step = Step.model_validate({"uuid": "u", "execution_status": None, "reports": None, "order": None, "colour": "red"})
    assert (step.execution_status, step.reports, step.order) == ("todo", [], None)
    assert step.model_extra == {"colour": "red"}


@pytest.mark.parametrize("answer", [{}, {"uuid": None}, {"title": "t"}])
def test_response_without_an_id_is_rejected(answer: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Step.model_validate(answer)


@pytest.mark.parametrize("answer", [{}, {"items": None}, {"detail": "no"}])
def test_list_without_items_is_rejected(answer: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Page[Step].model_validate(answer)


@pytest.mark.parametrize("package", ["pytest_atlas", "pytest_atlas.atlas"])
def test_dir_lists_every_public_name_and_each_can_be_imported(package: str) -> None:
    module = import_module(package)
    assert set(module.__all__) <= set(dir(module))
    assert {name for name in module.__all__ if getattr(module, name, None) is None} == set()
    with pytest.raises(AttributeError, match=f"module '{package}' has no attribute 'nonsense'"):
        module.nonsense  # noqa: B018


def test_errors_protocols_and_statuses_are_imported_without_pydantic() -> None:
    code = """
import sys
from pytest_atlas.atlas import SyncAtlas, AsyncAtlas, AtlasError, Closed, ExecutionStatus
from pytest_atlas.atlas.statuses import SEVERITY
print({"pydantic", "httpx", "boto3"} & set(sys.modules))
from pytest_atlas.atlas import GetRun, download, find_run
print({"httpx", "boto3"} & set(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\nset()\n"


def test_each_status_has_an_order_and_a_label() -> None:
    known = set(get_args(statuses.ExecutionStatus))
    for listed in (statuses.SEVERITY, statuses.COUNTED, statuses.LABELS):
        assert set(listed) == known
        assert len(listed) == len(known)
    assert set(statuses.GOOD) == known - {"todo", "failed"}
    assert (statuses.label("passed_with_exception"), statuses.label("Blocked")) == ("passed with exception", "Blocked")
