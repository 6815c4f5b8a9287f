"""The local Atlas: the API's 18 operations on one SQLite file, for a bench without a network or a laptop without an account.

Imports neither httpx nor boto3 nor asyncio. `LocalAtlas(path).send(op)` answers and refuses as a strict server would.
"""

from .atlas import LocalAtlas
from .objects import LocalObjects
from .store import StoreError
from .templates import TemplateStep

__all__ = ["LocalAtlas", "LocalObjects", "StoreError", "TemplateStep"]
