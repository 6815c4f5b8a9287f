"""Queries for the pages of the local Atlas: SQL in, frozen dataclasses out. One module per page.

Each function takes a connection from `Views.read()`. It computes nothing that `analysis` has, and knows no HTML.
"""

from .connection import TooSlow, Views

__all__ = ["TooSlow", "Views"]
