"""The pages of analysis reports: one report, the reports of a run, and the form that requests a new one."""

import time
from typing import Any
from uuid import UUID

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from pytest_atlas.atlas.errors import ErrorResponse
from pytest_atlas.atlas.operations import CreateReport
from pytest_atlas.local.views import reports as view

from .frame import NotFound, PageError, Pages, form, render, route
from .run import find_run

MAX_CONTENT = 1_000_000
"""Most characters of a report that are rendered."""
MAX_CONTEXT = 4000
"""Most characters of the guidance in the form."""
SCOPES = ("run", "card", "step")


def rendered(text: str, title: str) -> Markup:
    """Return Markdown as HTML. Markup in the text is shown as text; pictures are not loaded, and unsafe links are not links.

    Headings start below the title of the page. A first heading that repeats the title is left out.
    """
    parser = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")
    tokens = parser.parse(text[:MAX_CONTENT])
    if len(tokens) > 2 and tokens[0].tag == "h1" and _plain(tokens[1]) == title:
        tokens = tokens[3:]
    for token in tokens:
        if token.type in ("heading_open", "heading_close") and token.tag == "h1":
            token.tag = "h2"
        if token.type == "table_open":  # a wide table scrolls, also by keyboard
            token.attrs = {"tabindex": "0"}
        if token.type in ("th_open", "td_open") and "style" in token.attrs:  # the security policy forbids inline styles
            token.attrs = {"class": "num"} if "right" in str(token.attrs["style"]) else {}
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - the parser escapes HTML in the text


def _plain(token: Token) -> str:
    return "".join(child.content for child in token.children or ())


def page(request: Request, pages: Pages) -> Response:
    """Return the page of one report."""
    now = time.time_ns() // 1000
    with pages.views.read() as db:
        run = find_run(db, request.path_params["run"])
        report = view.read_report(db, run.id, request.path_params["report"], now=now)
        if report is None:
            raise NotFound(
                "The run has no such report", f"{run.reference}, report {request.path_params['report']}",
                f"Its reports are listed at /runs/{run.reference}/reports.",
            )  # fmt: skip
        others = [one for one in view.read_reports(db, run.id, now=now) if one.uuid != report.head.uuid]
        subjects = view.read_subjects(db, run.id)
    return render(
        request,
        "report.html",
        page="runs",
        run=run,
        report=report,
        content=rendered(report.content, report.head.title),
        is_cut=len(report.content) > MAX_CONTENT,
        others=others,
        **_form(subjects),
    )


def all_reports(request: Request, pages: Pages) -> Response:
    """Return the reports of a run, with the form; `?of=card:UUID` selects the subject."""
    subject = request.query_params.get("of", "")
    with pages.views.read() as db:
        run = find_run(db, request.path_params["run"])
        others = view.read_reports(db, run.id, now=time.time_ns() // 1000)
        subjects = view.read_subjects(db, run.id, step=subject.removeprefix("step:"))
    return render(request, "reports.html", page="runs", run=run, others=others, **_form(subjects, subject))


def _form(subjects: view.Subjects, subject: str = "") -> dict[str, Any]:
    return {"subjects": subjects, "subject": subject, "max_context": MAX_CONTEXT}


def create(request: Request, pages: Pages) -> Response:
    """Request a report, wait for it, and show it. The guard has checked the Origin header."""
    if not pages.can_write:
        raise PageError("This server is read-only", request.url.path, "Start pytest-atlas serve without --read-only.", 403)
    fields = form(request)
    scope, _, uuid = (fields.get("of") or fields.get("scope", "run")).partition(":")
    with pages.views.read() as db:
        run = find_run(db, request.path_params["run"])
        card = view.card_of(db, run.id, uuid) if scope == "step" else uuid
    if scope not in SCOPES:
        raise PageError("A report is about a run, a card or a step", scope, "Select one of them in the form.", 400)
    ids = {} if scope == "run" else {"test_card_id": _uuid(card)}
    ids |= {"test_step_id": _uuid(uuid)} if scope == "step" else {}
    context = fields.get("analysis_context", "").strip()[:MAX_CONTEXT]
    try:
        op = CreateReport(run_id=UUID(run.uuid), scope=scope, analysis_context=context or None, **ids)  # type: ignore[arg-type]
        report = pages.atlas.send(op)
    except ErrorResponse as error:
        raise PageError("The report was not created", run.reference, str(error), error.status) from error
    return RedirectResponse(f"/runs/{run.reference}/reports/{report.uuid}", 303)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("The run has no such card or step", text, "It may have been deleted. Open the form again.") from None


ROUTES = [
    route("/runs/{run}/reports", all_reports),
    route("/runs/{run}/reports", create, methods=("POST",)),
    route("/runs/{run}/reports/{report}", page),
]
