"""Log in with the token or with a one-time code, and log out."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pytest_atlas.server.logins import SESSION_S, TooManyAttempts

from .frame import PageError, Pages, form, render, route
from .guard import cookie_of, session_of


def login_form(request: Request, pages: Pages) -> Response:
    """Show the form for the token."""
    target = local_path(request.query_params.get("next", "/"))
    if pages.logins is None:
        return RedirectResponse(target, 303)
    return _form(request, target)


def log_in(request: Request, pages: Pages) -> Response:
    """Check the token and set the cookie of a new session."""
    fields = form(request)
    target = local_path(fields.get("next", "/"))
    if pages.logins is None:
        return RedirectResponse(target, 303)
    try:
        session = pages.logins.log_in(fields.get("token", "").strip())
    except TooManyAttempts:
        response = _form(request, target, "Too many attempts: wait for one second, then try again.", 429)
        response.headers["Retry-After"] = "1"
        return response
    if session is None:
        return _form(request, target, "This is not the token of this server.", 403)
    return _with_session(request, target, session)


def open_link(request: Request, pages: Pages) -> Response:
    """Log in with the one-time code of `pytest-atlas open`."""
    target = local_path(request.query_params.get("next", "/"))
    if pages.logins is None:
        return RedirectResponse(target, 303)
    session = pages.logins.redeem(request.query_params.get("code", "")) if request.method == "GET" else None
    if session is None:
        raise PageError(
            "This link has expired or was used before", "", "Create a new one on the server with: pytest-atlas open", 403
        )
    return _with_session(request, target, session)


def log_out(request: Request, pages: Pages) -> Response:
    """End the session."""
    if pages.logins is not None:
        pages.logins.log_out(session_of(request))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(cookie_of(request), secure=request.url.scheme == "https", httponly=True, samesite="lax")
    return response


def _form(request: Request, target: str, problem: str = "", status: int = 200) -> Response:
    return render(request, "login.html", status=status, next=target, problem=problem, signed_out=True)


def _with_session(request: Request, target: str, session: str) -> Response:
    response = RedirectResponse(target, 303)
    response.set_cookie(
        cookie_of(request),
        session,
        max_age=SESSION_S,
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return response


def local_path(target: str) -> str:
    """Return `target` if it is a path of this server, else `/`: a link must not lead to another site after the login."""
    is_local = target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable() and "\\" not in target
    return target if is_local else "/"


ROUTES = [
    route("/login", login_form),
    route("/login", log_in, methods=("POST",)),
    route("/logout", log_out, methods=("POST",)),
    route("/open", open_link),
]
