"""Starlette's TestClient, a client of an application without a socket. Its import warns about the httpx that it uses."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from starlette.testclient import TestClient

__all__ = ["TestClient"]
