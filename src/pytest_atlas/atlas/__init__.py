"""The Atlas test-runs API in Python, usable without pytest: `from pytest_atlas.atlas import AtlasClient, CreateStep`.

Each name is imported on first use. Models and operations import pydantic, the clients import httpx, errors and protocols import
neither.
"""

TYPE_CHECKING = False  # as in `typing`, without the import
if TYPE_CHECKING:
    from .client import AsyncAtlasClient, AtlasClient
    from .errors import (
        AtlasError,
        BadAnswer,
        Closed,
        DownloadError,
        ErrorResponse,
        Invalid,
        NotFound,
        RunNotFound,
        Unauthorized,
        Unavailable,
        Unreachable,
    )
    from .library import download, find_run, find_run_async, iter_steps
    from .models import (
        Card,
        DataFile,
        Match,
        Page,
        Report,
        ReportScope,
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
        Id,
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
    from .protocols import AsyncAtlas, SyncAtlas
    from .statuses import ExecutionStatus, ReportStatus

__all__ = [
    "OPERATIONS",
    "STEP_TITLE_LIMIT",
    "Association",
    "AsyncAtlas",
    "AsyncAtlasClient",
    "AtlasClient",
    "AtlasError",
    "BadAnswer",
    "Card",
    "Closed",
    "CreateCard",
    "CreateReport",
    "CreateRun",
    "CreateStep",
    "DataFile",
    "DeleteCard",
    "DeleteDataFile",
    "DeleteRun",
    "DeleteStep",
    "DownloadError",
    "ErrorResponse",
    "ExecutionStatus",
    "GetReport",
    "GetRun",
    "Id",
    "Invalid",
    "ListDataFiles",
    "ListReports",
    "ListRuns",
    "Match",
    "NotFound",
    "Operation",
    "Page",
    "RegisterDataFile",
    "Report",
    "ReportScope",
    "ReportStatus",
    "ReportSummary",
    "Run",
    "RunNotFound",
    "RunSummary",
    "SearchResult",
    "SearchResults",
    "SearchRuns",
    "Step",
    "SyncAtlas",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "UpdateCard",
    "UpdateRun",
    "UpdateStep",
    "download",
    "find_run",
    "find_run_async",
    "iter_steps",
]

_HOMES = {
    "client": ("AsyncAtlasClient", "AtlasClient"),
    "errors": (
        "AtlasError", "BadAnswer", "Closed", "DownloadError", "Invalid", "NotFound", "ErrorResponse", "RunNotFound",
        "Unauthorized", "Unavailable", "Unreachable",
    ),
    "library": ("download", "find_run", "find_run_async", "iter_steps"),
    "models": (
        "Card", "DataFile", "Match", "Page", "Report", "ReportScope", "ReportSummary", "Run", "RunSummary",
        "SearchResult", "SearchResults", "Step",
    ),
    "operations": (
        "OPERATIONS", "STEP_TITLE_LIMIT", "Association", "CreateCard", "CreateReport", "CreateRun",
        "CreateStep", "DeleteCard", "DeleteDataFile", "DeleteRun", "DeleteStep", "GetReport", "GetRun", "Id",
        "ListDataFiles", "ListReports", "ListRuns", "Operation", "RegisterDataFile", "SearchRuns",
        "UpdateCard", "UpdateRun", "UpdateStep",
    ),
    "protocols": ("AsyncAtlas", "SyncAtlas"),
    "statuses": ("ExecutionStatus", "ReportStatus"),
}  # fmt: skip
"""Module -> the public names that it defines."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
