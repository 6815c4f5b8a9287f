"""The API's public documentation as data (document.json): its tables and examples, transcribed; the authority for tests.

`request` and `response` are the rows of the tables, `response` by object (`response`, `result`, `match`). `returns` is the
sentence of an endpoint without a response table.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from pytest_atlas.atlas import OPERATIONS, Operation

_ENTRIES: list[dict[str, Any]] = json.loads((Path(__file__).parent / "document.json").read_text(encoding="utf-8"))

IDS = {
    "$SYSTEM_ID": "a1b2c3d4-e5f6-7890-abcd-ef1234567890",
    "$RUN_ID": "c9d0e1f2-a3b4-5678-cdef-789012345678",
    "$FILE_ID": "b1c2d3e4-f5a6-7890-bcde-234567890123",
    "$CARD_ID": "d2e3f4a5-b6c7-8901-defa-345678901234",
    "$STEP_ID": "e3f4a5b6-c7d8-9012-efab-456789012345",
    "$REPORT_ID": "d0e1f2a3-b4c5-6789-defa-890123456789",
}
"""Values of the shell variables in the examples: the ids of the example responses."""

_SAME_AS = {
    "Get a test run": "Create a test run",
    "Update a test run": "Create a test run",
    "List data files": "Register a data file",
    "Update a test card": "Create a test card",
    "Create a step": "Update a step",
    "List reports": "Create a report",
    "Get a report": "Create a report",
}
"""Endpoint -> the endpoint that has its response table and example."""


@dataclass(frozen=True)
class Endpoint:
    """One section of the document."""

    name: str
    method: str
    path: str
    request: list[dict[str, str]]
    response: dict[str, list[dict[str, Any]]]
    returns: str | None
    example_url: str
    example_body: dict[str, Any] | None
    example_response: dict[str, Any] | None

    @property
    def operation(self) -> type[Operation[Any]]:
        """The operation class of the endpoint."""
        return next(op for op in OPERATIONS if (op.method, op.path) == (self.method, self.path))

    @property
    def url(self) -> str:
        """The URL of the example below /api/v1, with ids."""
        url = self.example_url
        for variable, value in IDS.items():
            url = url.replace(variable, value)
        return url

    def example(self) -> Operation[Any]:
        """The example's request as an operation."""
        ids = {name: UUID(IDS[f"${name.upper()}"]) for name in self.operation.path_fields()}
        query = dict(pair.split("=") for pair in self.url.partition("?")[2].split("&") if pair)
        return self.operation.model_validate({**ids, **query, **(self.example_body or {})})

    def fields(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of the response table, by object, also if the endpoint refers to another one."""
        return self.response or (named(_SAME_AS[self.name]).response if self.name in _SAME_AS else {})

    def answer(self) -> dict[str, Any] | None:
        """The example's response; None for 204 No Content."""
        if self.example_response is not None or self.name not in _SAME_AS:
            return self.example_response
        whole = named(_SAME_AS[self.name]).example_response
        return {"items": [whole], "count": 1} if self.is_list else whole

    @property
    def is_list(self) -> bool:
        """Whether the response has `items` and `count`."""
        return "items" in (self.example_response or {}) or '"items"' in (self.returns or "")


ENDPOINTS = tuple(Endpoint(**entry) for entry in _ENTRIES)


def named(name: str) -> Endpoint:
    """The endpoint with this heading."""
    return next(endpoint for endpoint in ENDPOINTS if endpoint.name == name)
