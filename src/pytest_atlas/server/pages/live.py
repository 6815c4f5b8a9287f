"""Live updates: server-sent events with the parts of a page that changed. htmx morphs them into the page.

A stream sends the whole state first, also after a reconnect, so that nothing must be remembered for a client. Then it looks for
changes every LOOK_S, which costs microseconds, and renders only if the watched rows have changed.
Format: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pytest_atlas.local.views import run as run_view
from pytest_atlas.local.views import runs as runs_view
from pytest_atlas.local.views.connection import TooSlow

from .frame import PageError, Pages, Streams, environment, pages_of
from .run import Failure, run_context
from .runs import runs_context

LOOK_S = 0.5
"""Seconds between two looks at the store: at most two updates a second."""
RENDER_SHARE = 4
"""A stream waits at least so many times as long as its last update took: a large page must not load the bench."""
HEARTBEAT_S = 15.0


class Watched(Protocol):
    """The content of a stream. Its methods run in a thread of the pool, one at a time."""

    def look(self) -> object:
        """Return a value that changes with each change of the store or the journals. It is called every LOOK_S."""

    def change(self) -> object:
        """Return a value that changes with each change of the shown rows; None if nothing more will change."""

    def parts(self) -> Mapping[str, str]:
        """Return the HTML of each part by its CSS selector."""


@dataclass
class LiveRun:
    """The page of a run. Failures keep their places while it is open; new ones are appended."""

    request: Request
    pages: Pages
    order: dict[str, int] = field(default_factory=dict)
    cards: int = -1  # number of cards in the page
    uuid: str = ""  # of the run while it is running

    def look(self) -> object:
        """Return the version of the store, and the state of the sessions of the run."""
        return self.pages.views.version(), self._sessions()

    def _sessions(self) -> object:
        sessions = self.pages.recordings.of_run(self.uuid) if self.pages.recordings and self.uuid else ()
        return tuple((one.liveness, one.running, len(one.values)) for one in sessions)

    def change(self) -> object:
        """Return the look without the changes of other runs; None if the run was deleted."""
        with self.pages.views.read() as db:
            run = run_view.find_run(db, self.request.path_params["run"])
            head = None if run is None else run_view.read_head(db, run)
        if head is None:
            return None
        self.uuid = head.uuid if head.is_running else ""
        return head.id, head.changes, self._sessions()

    def parts(self) -> Mapping[str, str]:
        """Return the parts of the page that change."""
        context = run_context(self.pages, self.request, with_steps=False)
        failures = sorted(context["failures"], key=self._place)
        part = _module(self.request, "_run_parts.html")
        head, url = context["head"], context["url"]
        found = {
            "#state": part.state(head, context["has_ended"], context["complete"], context["elapsed_us"]),
            "#facts": part.facts(head, url, context["running"], context["previous"], context["against"]),
            "#counts": part.counts(context["counts"], context["shares"], context["statuses"], url),
            "#index": part.index(context["cards"]),
            "#failures": part.failures(failures, head),
            "#margins": part.margins(context["margins"], context["number_of_margins"], url),
            "#timeline": part.lanes(context["timeline"], url, head.steps),
        }
        cards, rest = context["cards"], (url, context["card_query"], context["docs"])
        if len(cards) != self.cards:
            self.cards = len(cards)
            return found | {"#card-list": part.card_list(cards, *rest)}
        return found | {f"#card-{card.n}": part.card(card, *rest) for card in cards}

    def _place(self, failure: Failure) -> int:
        return self.order.setdefault(failure.line.step.uuid, len(self.order))


@dataclass
class LiveRuns:
    """The page of all runs. Its rows keep their places; newer runs are a line with a link."""

    request: Request
    pages: Pages

    @property
    def newest(self) -> int | None:
        """The newest run of the page, from the URL: runs can be created between the page and the stream."""
        return runs_view.number_of(self.request.query_params.get("newest", ""))

    def look(self) -> object:
        """Return the version of the store."""
        return self.pages.views.version()

    def change(self) -> object:
        """Return a value that changes with each change of any run."""
        with self.pages.views.read() as db:
            return runs_view.change_of_all(db)

    def parts(self) -> Mapping[str, str]:
        """Return the systems and the rows of the table."""
        context = runs_context(self.pages, self.request, newest=self.newest)
        part = _module(self.request, "_runs_parts.html")
        rows = {f"#{row.row.reference}": part.row(row) for group in context["groups"] for row in group.rows}
        return {
            "#newer": part.newer(context["newer"], context["first_page"]),
            "#system-list": part.systems(context["systems"]),
        } | rows


def _module(request: Request, template: str) -> Any:
    return environment().get_template(template).make_module({"request": request, "pages": pages_of(request)})


async def events(watched: Watched, streams: Streams, *, look_s: float = LOOK_S) -> AsyncIterator[str]:
    """Yield the events of a stream until the run is deleted or the server stops. It is cancelled when the client has gone."""
    looked, seen, sent_at, wait = object(), object(), time.monotonic(), 0.0
    last: Mapping[str, str] = {}
    while not streams.are_closing:
        look = await run_in_threadpool(watched.look)
        if look != looked:
            looked = look
            began = time.monotonic()
            try:
                change = await run_in_threadpool(watched.change)
                parts = last if change in (None, seen) else await run_in_threadpool(watched.parts)
            except TooSlow:  # the machine is busy: the next look reads all again
                looked, change, parts = object(), seen, last
            if change is None:
                yield "event: ended\ndata: the run was deleted\n\n"
                return
            if changed := {selector: html for selector, html in parts.items() if last.get(selector) != html}:
                yield message(changed)
                sent_at = time.monotonic()
            seen, last, wait = change, parts, RENDER_SHARE * (time.monotonic() - began)
        if time.monotonic() - sent_at >= HEARTBEAT_S:
            yield "event: heartbeat\ndata: -\n\n"
            sent_at = time.monotonic()
        await asyncio.sleep(min(max(look_s, wait), HEARTBEAT_S))
        wait = 0.0


def message(parts: Mapping[str, str]) -> str:
    """Return an event with parts of the page, to be morphed into the elements that the selectors name."""
    html = "".join(
        f'<hx-partial hx-target="{selector}" hx-swap="outerMorph">{text.strip()}</hx-partial>'
        for selector, text in parts.items()
    )
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"


def stream(kind: Callable[[Request, Pages], Watched]) -> Callable[[Request], Any]:
    """Return the endpoint of a stream."""

    async def endpoint(request: Request) -> Response:
        pages = pages_of(request)
        streams = pages.streams
        if streams.open >= streams.most:
            raise PageError(
                "Too many live pages are open", remedy="Close some of them.", status=503, headers={"Retry-After": "5"}
            )
        watched = kind(request, pages)
        first = await run_in_threadpool(watched.change)
        if first is None:
            raise PageError("There is no such run", request.path_params.get("run", ""), status=404)

        async def counted() -> AsyncIterator[str]:
            streams.open += 1
            try:
                async for event in events(watched, streams):
                    yield event
            finally:
                streams.open -= 1

        return StreamingResponse(counted(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    return endpoint


ROUTES = [Route("/live", stream(LiveRuns)), Route("/runs/{run}/live", stream(LiveRun))]
