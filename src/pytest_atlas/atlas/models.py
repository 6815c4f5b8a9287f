"""Models of the responses of an Atlas: one for each object of the API document.

Reading is tolerant. Additional fields are kept as attributes. A field that is null or missing has its default, except for ids.
Times are accepted with or without an offset. The status types list the statuses of the API document; any other status, and an
id that is not a UUID, is kept as received. Models are never sent.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema, PlainSerializer, model_validator
from pydantic_core import core_schema

from .building import is_deferred
from .statuses import ExecutionStatus, ReportStatus

ReportScope = Literal["run", "card", "step"]

AS_RECEIVED = GetPydanticSchema(lambda _source, _handler: core_schema.str_schema(coerce_numbers_to_str=True))
"""Accepts any text, and numbers as text, whatever the annotated type: a value that the API document does not list is kept."""

ReceivedId = Annotated[str, AS_RECEIVED]
"""An id as received. In the API document it is a UUID; operations accept it unchanged if it is one."""
ReceivedStatus = Annotated[ExecutionStatus, AS_RECEIVED]
ReceivedReportStatus = Annotated[ReportStatus, AS_RECEIVED]
ReceivedScope = Annotated[ReportScope, AS_RECEIVED]


def as_utc(value: datetime) -> datetime:
    """Convert to UTC; a time without an offset is UTC. Raises ValueError if the year in UTC is out of range."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


Instant = Annotated[
    datetime,
    AfterValidator(as_utc),
    PlainSerializer(lambda t: t.replace(tzinfo=None).isoformat(timespec="microseconds"), return_type=str, when_used="json"),
]
"""A received time, in UTC if it has no offset. JSON has no offset, as in the examples of the API document."""

T = TypeVar("T")


class Answer(BaseModel):
    """The base class of all responses: immutable, with unknown fields kept and null treated as missing."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, data: Any) -> Any:
        return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data


class ReportSummary(Answer):
    """A report in a run, card or step. The API document does not list the fields."""

    uuid: ReceivedId = ""
    title: str = ""
    scope: Annotated[ReportScope | Literal[""], AS_RECEIVED] = ""
    status: Annotated[ReportStatus | Literal[""], AS_RECEIVED] = ""
    summary: str = ""
    created_at: Instant | None = None


class DataFile(Answer):
    """A registered data file. The API document does not describe associations."""

    uuid: ReceivedId
    file_name: str = ""
    s3_url: str = ""
    file_size: int = 0
    content_type: str = "application/octet-stream"
    uploaded_by: str = ""
    created_at: Instant | None = None
    associations: list[Any] = Field(default_factory=list)


class Step(Answer):
    """A step of a test card, with its outcome."""

    uuid: ReceivedId
    title: str = ""
    description: str = ""
    order: int | None = None
    step_type: str = "passfail"
    execution_status: ReceivedStatus = "todo"
    exception: str | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    observations: list[Any] = Field(default_factory=list)
    test_data: list[DataFile] = Field(default_factory=list)
    issues: list[Any] = Field(default_factory=list)
    reports: list[ReportSummary] = Field(default_factory=list)
    created_at: Instant | None = None
    updated_at: Instant | None = None


class Card(Answer):
    """A test card (one test case) with its steps."""

    uuid: ReceivedId
    title: str = ""
    description: str = ""
    order: int | None = None
    test_steps: list[Step] = Field(default_factory=list)
    issues: list[Any] = Field(default_factory=list)
    test_data: list[DataFile] = Field(default_factory=list)
    reports: list[ReportSummary] = Field(default_factory=list)
    created_at: Instant | None = None
    updated_at: Instant | None = None


class Run(Answer):
    """A complete test run."""

    uuid: ReceivedId
    test_run_id: ReceivedId = ""
    title: str = ""
    description: str = ""
    system_id: ReceivedId = ""
    system_name: str = ""
    test_cards: list[Card] = Field(default_factory=list)
    test_data: list[DataFile] = Field(default_factory=list)
    reports: list[ReportSummary] = Field(default_factory=list)
    contributors: list[str] = Field(default_factory=list)
    created_by: str = ""
    created_at: Instant | None = None
    updated_at: Instant | None = None


class RunSummary(Answer, defer_build=is_deferred()):
    """A run in a list or a search result: without description, cards and files."""

    uuid: ReceivedId
    test_run_id: ReceivedId = ""
    title: str = ""
    system_id: ReceivedId = ""
    system_name: str = ""
    completion_pct: float = 0.0
    step_status_counts: dict[str, int] = Field(default_factory=dict)
    contributors: list[str] = Field(default_factory=list)
    asset_names: list[str] = Field(default_factory=list)
    asset_count: int = 0
    issue_count: int = 0
    card_count: int = 0
    file_count: int = 0
    report_count: int = 0
    created_by: str = ""
    created_at: Instant | None = None
    updated_at: Instant | None = None


class Match(Answer, defer_build=is_deferred()):
    """A component of a run that matches a search."""

    component_type: str = ""
    component_id: ReceivedId = ""
    component_title: str = ""
    path: str = ""
    snippet: str = ""
    match_type: str = ""


class SearchResult(Answer, defer_build=is_deferred()):
    """One run that a search found."""

    test_run: RunSummary
    score: float = 0.0
    matches: list[Match] = Field(default_factory=list)


class SearchResults(Answer, defer_build=is_deferred()):
    """Results of a search, best first."""

    results: list[SearchResult]
    total_count: int = 0


class Report(Answer, defer_build=is_deferred()):
    """An analysis report."""

    uuid: ReceivedId
    title: str = ""
    scope: ReceivedScope = "run"
    status: ReceivedReportStatus = "pending"
    content: str = ""
    summary: str = ""
    issues: list[Any] = Field(default_factory=list)
    test_data: list[Any] = Field(default_factory=list)
    job_run_id: ReceivedId | None = None
    created_by: str = ""
    created_at: Instant | None = None


class Page(Answer, Generic[T], defer_build=is_deferred()):
    """The response of a list endpoint. `items` is required: an empty default would lead to duplicates of existing entities."""

    items: list[T]
    count: int = 0
