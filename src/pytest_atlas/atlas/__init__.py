"""The Atlas test-runs API as code. Usable alone: `from pytest_atlas.atlas import AtlasClient, CreateStep`.

Importing this package imports pydantic; httpx only comes with the first use of a client.
"""

from typing import TYPE_CHECKING, Any

from .errors import AtlasError, BadAnswer, Invalid, NotFound, Refused, Unauthorized, Unavailable, Unreachable
from .models import (
    Card,
    DataFile,
    ExecutionStatus,
    Match,
    Page,
    Report,
    ReportScope,
    ReportStatus,
    ReportSummary,
    Run,
    RunSummary,
    SearchResult,
    SearchResults,
    Step,
)
from .operations import (
    OPERATIONS,
    STEP_TITLE_LIMIT,
    Association,
    CreateCard,
    CreateReport,
    CreateRun,
    CreateStep,
    DeleteCard,
    DeleteDataFile,
    DeleteRun,
    DeleteStep,
    GetReport,
    GetRun,
    ListDataFiles,
    ListReports,
    ListRuns,
    Operation,
    RegisterDataFile,
    SearchRuns,
    UpdateCard,
    UpdateRun,
    UpdateStep,
)

if TYPE_CHECKING:
    from .client import AsyncAtlasClient, AtlasClient

__all__ = [
    "OPERATIONS",
    "STEP_TITLE_LIMIT",
    "Association",
    "AsyncAtlasClient",
    "AtlasClient",
    "AtlasError",
    "BadAnswer",
    "Card",
    "CreateCard",
    "CreateReport",
    "CreateRun",
    "CreateStep",
    "DataFile",
    "DeleteCard",
    "DeleteDataFile",
    "DeleteRun",
    "DeleteStep",
    "ExecutionStatus",
    "GetReport",
    "GetRun",
    "Invalid",
    "ListDataFiles",
    "ListReports",
    "ListRuns",
    "Match",
    "NotFound",
    "Operation",
    "Page",
    "Refused",
    "RegisterDataFile",
    "Report",
    "ReportScope",
    "ReportStatus",
    "ReportSummary",
    "Run",
    "RunSummary",
    "SearchResult",
    "SearchResults",
    "SearchRuns",
    "Step",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "UpdateCard",
    "UpdateRun",
    "UpdateStep",
]


def __getattr__(name: str) -> Any:
    if name in ("AtlasClient", "AsyncAtlasClient"):  # httpx costs a tenth of a second; the local Atlas does without
        from . import client

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
