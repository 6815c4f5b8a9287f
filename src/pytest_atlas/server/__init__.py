"""The local Atlas over HTTP. Requires the extra `ui`; without it, the ImportError names it."""

try:
    import jinja2 as _jinja2
    import starlette as _starlette
    import uvicorn as _uvicorn
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"The web server of pytest-atlas needs {error.name}. Install it with: pip install 'pytest-atlas[ui]'", name=error.name
    ) from error

from .app import app
from .serving import ServeError, serve

del _jinja2, _starlette, _uvicorn

__all__ = ["ServeError", "app", "serve"]
