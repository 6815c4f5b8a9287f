"""The Atlas API as a table: one class for each of the 18 endpoints. Clients, local Atlas and server use it.

Source: the public documentation of the Atlas test-runs API. Requests are strict: only the fields and values that the API
document lists for an endpoint are accepted. Fields that are `None` are not sent. No network and no database access.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainSerializer,
    ValidationError,
    model_validator,
)
from pydantic_core import core_schema

from .building import is_deferred
from .models import Card, DataFile, Page, Report, ReportScope, Run, RunSummary, SearchResults, Step, as_utc
from .statuses import ExecutionStatus

R = TypeVar("R")

STEP_TITLE_LIMIT = 100
"""Maximum number of characters (code points) of a step title, the only length limit in the API document."""


Time = Annotated[
    datetime,
    AfterValidator(as_utc),
    PlainSerializer(lambda t: t.isoformat(timespec="microseconds"), return_type=str, when_used="json"),
]
"""A time, sent as ISO 8601 in UTC with microseconds and offset. A time without an offset is UTC."""

NO_UUID = "Input should be a UUID, such as the `uuid` of a response. For a reference such as TR-0042, use find_run()"

Id = Annotated[
    UUID | str,
    GetPydanticSchema(
        lambda _source, handler: core_schema.custom_error_schema(
            handler(UUID), custom_error_type="not_a_uuid", custom_error_message=NO_UUID
        )
    ),
]
"""An id: a UUID, or the text of one, such as the `uuid` of a response. It is stored as a UUID and sent in canonical form."""


def invalid_fields(error: ValidationError) -> str:
    """Return the fields of an operation that are not valid, with the problem of each, on one line."""
    return "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:3])


@cache
def _fields_of(path: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", path))  # a mutable set, as pydantic's types require; never changed


Text = Annotated[str, Field(min_length=1)]
StepTitle = Annotated[str, Field(min_length=1, max_length=STEP_TITLE_LIMIT)]


class Operation(BaseModel, Generic[R]):
    """A request of the API. A subclass defines `method`, `path` (below /api/v1) and `answer`, the model of the response.

    Fields that are named in `path` are inserted there. All others are query parameters of a GET, or fields of the JSON body.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=is_deferred())

    method: ClassVar[str]
    path: ClassVar[str]
    answer: ClassVar[Any]
    """Model of the response; None for 204 No Content."""
    creates: ClassVar[bool] = False
    """Whether a repeated request creates a duplicate: the API has no idempotency keys."""

    if not TYPE_CHECKING:  # R is for type checkers: pydantic would create a class for each response type

        def __class_getitem__(cls, _answer: Any) -> type[Self]:
            return cls

    @classmethod
    def path_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields in the path, in order."""
        return tuple(re.findall(r"{(\w+)}", cls.path))

    @classmethod
    def other_fields(cls) -> tuple[str, ...]:
        """Return the names of the fields of the query (GET) or the body (POST, PATCH)."""
        return tuple(name for name in cls.model_fields if name not in cls.path_fields())

    def url_path(self) -> str:
        """Return the path below /api/v1 with ids inserted."""
        return self.path.format(**{name: getattr(self, name) for name in self.path_fields()})

    def payload(self) -> dict[str, Any]:
        """Return the fields of the query or the JSON body as JSON values, without None."""
        return self.model_dump(mode="json", exclude_none=True, exclude=_fields_of(self.path))

    def body(self) -> bytes:
        """Return `payload` as encoded JSON."""
        return self.model_dump_json(exclude_none=True, exclude=_fields_of(self.path)).encode()

    def __str__(self) -> str:
        return f"{self.method} {self.url_path()}"


# ── Runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class CreateRun(Operation[Run]):
    """Create a test run, scoped to one system."""

    method = "POST"
    path = "/test-runs"
    answer = Run
    creates = True

    title: Text
    system_id: Id
    description: str | None = None
    asset_ids: tuple[Id, ...] | None = None
    issue_ids: tuple[Id, ...] | None = None
    template_ids: tuple[Id, ...] | None = None


class ListRuns(Operation[Page[RunSummary]]):
    """List test runs, optionally filtered. The API document has no paging."""

    method = "GET"
    path = "/test-runs"
    answer = Page[RunSummary]

    system_id: Id | None = None
    created_after: Time | None = None
    created_before: Time | None = None
    has_reports: bool | None = None


class SearchRuns(Operation[SearchResults]):
    """Full-text and semantic search across test runs, cards, steps and reports."""

    method = "GET"
    path = "/test-runs/search"
    answer = SearchResults

    q: Text
    mode: Literal["default"] | None = None
    component_types: tuple[Text, ...] | None = None
    system_id: Id | None = None
    created_after: Time | None = None
    created_before: Time | None = None
    has_reports: bool | None = None
    sort_by: Literal["relevance"] | None = None
    limit: Annotated[int, Field(ge=1, le=100)] | None = None
    offset: Annotated[int, Field(ge=0)] | None = None


class GetRun(Operation[Run]):
    """Read one test run with its cards, steps, data files and reports."""

    method = "GET"
    path = "/test-runs/{run_id}"
    answer = Run

    run_id: Id


class UpdateRun(Operation[Run]):
    """Change the title or description of a run."""

    method = "PATCH"
    path = "/test-runs/{run_id}"
    answer = Run

    run_id: Id
    title: Text | None = None
    description: str | None = None


class DeleteRun(Operation[None]):
    """Delete a run with its cards, steps, data files and reports."""

    method = "DELETE"
    path = "/test-runs/{run_id}"
    answer = None

    run_id: Id


# ── Data files ───────────────────────────────────────────────────────────────────────────────────────────────────────


class Association(BaseModel):
    """The card or step of a data file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    test_card_id: Id | None = None
    test_step_id: Id | None = None


class RegisterDataFile(Operation[DataFile]):
    """Register an object in S3 as data file of a run and, with `associate_with`, of a card or step."""

    method = "POST"
    path = "/test-runs/{run_id}/data"
    answer = DataFile
    creates = True

    run_id: Id
    file_name: Text
    s3_url: Annotated[str, Field(pattern=r"^s3://[^/]+/.+")]
    file_size: Annotated[int, Field(ge=0)]
    content_type: str | None = None
    associate_with: Association | None = None


class ListDataFiles(Operation[Page[DataFile]]):
    """List the data files of a run."""

    method = "GET"
    path = "/test-runs/{run_id}/data"
    answer = Page[DataFile]

    run_id: Id


class DeleteDataFile(Operation[None]):
    """Delete the record of a data file."""

    method = "DELETE"
    path = "/test-runs/{run_id}/data/{file_id}"
    answer = None

    run_id: Id
    file_id: Id


# ── Cards ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class CreateCard(Operation[Card]):
    """Create a test card by title, or from a template."""

    method = "POST"
    path = "/test-runs/{run_id}/cards"
    answer = Card
    creates = True

    run_id: Id
    title: Text | None = None
    template_id: Id | None = None
    description: str | None = None
    order: int | None = None

    @model_validator(mode="after")
    def _title_or_template(self) -> "CreateCard":
        if self.title is None and self.template_id is None:
            raise ValueError("title is required if template_id is not provided")
        return self


class UpdateCard(Operation[Card]):
    """Change the title or description of a card. The order can't be changed."""

    method = "PATCH"
    path = "/test-runs/{run_id}/cards/{card_id}"
    answer = Card

    run_id: Id
    card_id: Id
    title: Text | None = None
    description: str | None = None


class DeleteCard(Operation[None]):
    """Delete a card with its steps."""

    method = "DELETE"
    path = "/test-runs/{run_id}/cards/{card_id}"
    answer = None

    run_id: Id
    card_id: Id


# ── Steps ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class CreateStep(Operation[Step]):
    """Create a step in a card, with the status `todo`."""

    method = "POST"
    path = "/test-runs/{run_id}/cards/{card_id}/steps"
    answer = Step
    creates = True

    run_id: Id
    card_id: Id
    title: StepTitle
    description: str | None = None
    step_type: Text | None = None
    order: int | None = None


class UpdateStep(Operation[Step]):
    """Change the texts or the outcome of a step. `exception` is allowed for `passed_with_exception` only."""

    method = "PATCH"
    path = "/test-runs/{run_id}/cards/{card_id}/steps/{step_id}"
    answer = Step

    run_id: Id
    card_id: Id
    step_id: Id
    title: StepTitle | None = None
    description: str | None = None
    execution_status: ExecutionStatus | None = None
    exception: str | None = None
    started_at: Time | None = None
    ended_at: Time | None = None


class DeleteStep(Operation[None]):
    """Delete a step."""

    method = "DELETE"
    path = "/test-runs/{run_id}/cards/{card_id}/steps/{step_id}"
    answer = None

    run_id: Id
    card_id: Id
    step_id: Id


# ── Reports ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class ListReports(Operation[Page[Report]]):
    """List the analysis reports of a run."""

    method = "GET"
    path = "/test-runs/{run_id}/reports"
    answer = Page[Report]

    run_id: Id


class GetReport(Operation[Report]):
    """Read one report. Poll until its status is `completed`."""

    method = "GET"
    path = "/test-runs/{run_id}/reports/{report_id}"
    answer = Report

    run_id: Id
    report_id: Id


class CreateReport(Operation[Report]):
    """Request an analysis of the data files of a run, card or step."""

    method = "POST"
    path = "/test-runs/{run_id}/reports"
    answer = Report
    creates = True

    run_id: Id
    scope: ReportScope
    test_card_id: Id | None = None
    test_step_id: Id | None = None
    analysis_context: str | None = None

    @model_validator(mode="after")
    def _scope_has_its_ids(self) -> "CreateReport":
        if self.scope in ("card", "step") and self.test_card_id is None:
            raise ValueError(f"test_card_id is required when scope is {self.scope}")
        if self.scope == "step" and self.test_step_id is None:
            raise ValueError("test_step_id is required when scope is step")
        return self


OPERATIONS: tuple[type[Operation[Any]], ...] = (
    CreateRun,
    ListRuns,
    SearchRuns,
    GetRun,
    UpdateRun,
    DeleteRun,
    RegisterDataFile,
    ListDataFiles,
    DeleteDataFile,
    CreateCard,
    UpdateCard,
    DeleteCard,
    CreateStep,
    UpdateStep,
    DeleteStep,
    ListReports,
    GetReport,
    CreateReport,
)
"""All operations, in the order of the API document."""


def operations() -> Iterator[type[Operation[Any]]]:
    """Yield all operations for a router: `/test-runs/search` before `/test-runs/{run_id}`, which also matches it."""
    return iter(sorted(OPERATIONS, key=lambda op: len(op.path_fields())))
