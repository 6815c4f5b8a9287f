"""What an Atlas answers: one model for each object of the API's documentation.

Read tolerantly: a real server may send more than the document says (kept as extra attributes), may send null or leave out
what is not an identifier (defaulted), and its times are read with or without an offset. Nothing here is sent to a server.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

ExecutionStatus = Literal["todo", "done", "passed", "passed_with_exception", "failed"]
ReportScope = Literal["run", "card", "step"]
ReportStatus = Literal["pending", "running", "completed", "failed", "cancelled"]


def _as_utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Instant = Annotated[
    datetime,
    AfterValidator(_as_utc),
    PlainSerializer(lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.%f"), return_type=str, when_used="json"),
]
"""A time of the server's: UTC where it has no offset, as in the document's examples; written as they are."""

Words = Annotated[str, BeforeValidator(lambda v: "" if v is None else v)]
"""A text that may be missing or null; then it is empty."""

T = TypeVar("T")
Items = Annotated[list[T], BeforeValidator(lambda v: [] if v is None else v)]
"""A list that may be missing or null; then it is empty."""


class Answer(BaseModel):
    """What all answers share: unknown fields are kept, none can be changed."""

    model_config = ConfigDict(extra="allow", frozen=True)


class ReportSummary(Answer):
    """A report as it is named in a run, card or step. The document does not list its fields."""

    uuid: str = ""
    title: Words = ""
    scope: Words = ""
    status: Words = ""
    summary: Words = ""
    created_at: Instant | None = None


class DataFile(Answer):
    """A registered data file. The document does not give the shape of an association."""

    uuid: str
    file_name: Words = ""
    s3_url: Words = ""
    file_size: int = 0
    content_type: Words = "application/octet-stream"
    uploaded_by: Words = ""
    created_at: Instant | None = None
    associations: Items[Any] = Field(default_factory=list)


class Step(Answer):
    """A step of a test card, with its outcome."""

    uuid: str
    title: Words = ""
    description: Words = ""
    order: int | None = None
    step_type: Words = "passfail"
    execution_status: str = "todo"
    exception: str | None = None
    started_at: Instant | None = None
    ended_at: Instant | None = None
    observations: Items[Any] = Field(default_factory=list)
    test_data: Items[DataFile] = Field(default_factory=list)
    issues: Items[Any] = Field(default_factory=list)
    reports: Items[ReportSummary] = Field(default_factory=list)
    created_at: Instant | None = None
    updated_at: Instant | None = None


class Card(Answer):
    """A test card (one test case) with its steps."""

    uuid: str
    title: Words = ""
    description: Words = ""
    order: int | None = None
    test_steps: Items[Step] = Field(default_factory=list)
    issues: Items[Any] = Field(default_factory=list)
    test_data: Items[DataFile] = Field(default_factory=list)
    reports: Items[ReportSummary] = Field(default_factory=list)
    created_at: Instant | None = None
    updated_at: Instant | None = None


class Run(Answer):
    """A test run in full."""

    uuid: str
    test_run_id: Words = ""
    title: Words = ""
    description: Words = ""
    system_id: Words = ""
    system_name: Words = ""
    test_cards: Items[Card] = Field(default_factory=list)
    test_data: Items[DataFile] = Field(default_factory=list)
    reports: Items[ReportSummary] = Field(default_factory=list)
    contributors: Items[str] = Field(default_factory=list)
    created_by: Words = ""
    created_at: Instant | None = None
    updated_at: Instant | None = None


class RunSummary(Answer):
    """A run as lists and searches show it: without description, cards and files."""

    uuid: str
    test_run_id: Words = ""
    title: Words = ""
    system_id: Words = ""
    system_name: Words = ""
    completion_pct: float = 0.0
    step_status_counts: dict[str, int] = Field(default_factory=dict)
    contributors: Items[str] = Field(default_factory=list)
    asset_names: Items[str] = Field(default_factory=list)
    asset_count: int = 0
    issue_count: int = 0
    card_count: int = 0
    file_count: int = 0
    report_count: int = 0
    created_by: Words = ""
    created_at: Instant | None = None
    updated_at: Instant | None = None


class Match(Answer):
    """Where in a run a search found its words."""

    component_type: Words = ""
    component_id: Words = ""
    component_title: Words = ""
    path: Words = ""
    snippet: Words = ""
    match_type: Words = ""


class SearchResult(Answer):
    """One run that a search found."""

    test_run: RunSummary
    score: float = 0.0
    matches: Items[Match] = Field(default_factory=list)


class SearchResults(Answer):
    """What a search found, best first."""

    results: Items[SearchResult] = Field(default_factory=list)
    total_count: int = 0


class Report(Answer):
    """An analysis report."""

    uuid: str
    title: Words = ""
    scope: Words = "run"
    status: Words = "pending"
    content: Words = ""
    summary: Words = ""
    issues: Items[Any] = Field(default_factory=list)
    test_data: Items[Any] = Field(default_factory=list)
    job_run_id: str | None = None
    created_by: Words = ""
    created_at: Instant | None = None


class Page(Answer, Generic[T]):
    """A list endpoint's answer."""

    items: list[T] = Field(default_factory=list)
    count: int = 0
