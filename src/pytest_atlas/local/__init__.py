"""The local Atlas: the 18 operations of the API on one SQLite file, for a bench without a network or an Atlas account.

Imports neither httpx nor boto3 nor asyncio. `LocalAtlas(path).send(op)` returns and raises the same as with a strict server.
"""

from .atlas import LocalAtlas
from .objects import LocalObjects
from .store import StoreError
from .templates import TemplateStep

__all__ = ["LocalAtlas", "LocalObjects", "StoreError", "TemplateStep"]
