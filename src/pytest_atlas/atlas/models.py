"""What an Atlas answers: one model for each object of the API's documentation.

Read tolerantly: a real server may send more than the document says (kept as extra attributes), may send null or leave out
what is not an identifier (defaulted), and its times are read with or without an offset. The types of statuses
list those of the document; any other status, and an id that is not a UUID, is kept as received. Nothing here is sent.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, GetPydanticSchema, PlainSerializer, model_validator
from pydantic_core import core_schema

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
    """The same instant in UTC; a time without an offset is taken as UTC. Raises ValueError where UTC has no such year."""
    try:
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(str(error)) from None


Instant = Annotated[
    datetime,
    AfterValidator(as_utc),
    PlainSerializer(lambda t: t.replace(tzinfo=None).isoformat(timespec="microseconds"), return_type=str, when_used="json"),
]
"""A time of the server's: UTC where it has no offset, as in the document's examples; written as they are."""

T = TypeVar("T")


class Answer(BaseModel):
    """What all answers share: unknown fields are kept, null is the same as missing, none can be changed."""

    model_config = ConfigDict(extra="allow", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_missing(cls, data: Any) -> Any:
        return {name: value for name, value in data.items() if value is not None} if isinstance(data, dict) else data


class ReportSummary(Answer):
    """A report as it is named in a run, card or step. The document does not list its fields."""

    uuid: ReceivedId = ""
    title: str = ""
    scope: Annotated[ReportScope | Literal[""], AS_RECEIVED] = ""
    status: Annotated[ReportStatus | Literal[""], AS_RECEIVED] = ""
    summary: str = ""
    created_at: Instant | None = None


class DataFile(Answer):
    """A registered data file. The document does not give the shape of an association."""

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
    """A test run in full."""

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


class RunSummary(Answer):
    """A run as lists and searches show it: without description, cards and files."""

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


class Match(Answer):
    """Where in a run a search found its words."""

    component_type: str = ""
    component_id: ReceivedId = ""
    component_title: str = ""
    path: str = ""
    snippet: str = ""
    match_type: str = ""


class SearchResult(Answer):
    """One run that a search found."""

    test_run: RunSummary
    score: float = 0.0
    matches: list[Match] = Field(default_factory=list)


class SearchResults(Answer):
    """What a search found, best first."""

    results: list[SearchResult]
    total_count: int = 0


class Report(Answer):
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


class Page(Answer, Generic[T]):
    """A list endpoint's answer. Without `items` it is none: taking it as empty would make what is there already once more."""

    items: list[T]
    count: int = 0
