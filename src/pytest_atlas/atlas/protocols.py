"""Protocols of an Atlas: an object with `send(operation)`. Imports the standard library only."""

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from .operations import Operation

R = TypeVar("R")


class SyncAtlas(Protocol):
    """An Atlas, such as `AtlasClient` and `pytest_atlas.local.LocalAtlas`."""

    def send(self, operation: "Operation[R]", /) -> R:
        """Send `operation` and return its response. Raises AtlasError."""
        ...


class AsyncAtlas(Protocol):
    """An Atlas for asyncio, such as `AsyncAtlasClient`."""

    async def send(self, operation: "Operation[R]", /) -> R:
        """Send `operation` and return its response. Raises AtlasError."""
        ...
