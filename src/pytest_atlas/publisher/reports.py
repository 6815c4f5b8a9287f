"""The analysis reports that a session requests at its end: each at most once, polled until it is complete.

Reports have no DELETE and are expensive. The intent of a request has the ids of the reports that existed before it. If the
response is lost, a report that did not exist before is adopted. If there is none, the report is not requested again, by this
publisher or a later one. Without receipts, a report of a run that only this session uses is adopted.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from pydantic import ValidationError

from pytest_atlas.atlas.errors import AtlasError, ErrorResponse
from pytest_atlas.atlas.models import Report
from pytest_atlas.atlas.operations import CreateReport, GetReport, GetRun, ListReports, invalid_fields
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.base.identifiers import is_uuid
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.reconcile.observed import REPORT
from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

from . import failures
from .log import log
from .loop_state import Reports as Progress
from .receipts import Receipts

PREFIX = REPORT
POLL_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between two reads of a report; the last one repeats."""
LOOKUPS = 3
"""Lookups of an unconfirmed report."""
LOST = "no response to the report request. The report may still appear in Atlas; it is not requested again"
ENDED = ("completed", "failed", "cancelled")


class Reporting:
    """Requests the reports once, after everything else is published, and polls them."""

    def __init__(
        self, atlas: AsyncAtlas, state: SessionState, receipts: Receipts, succeeded: Callable[[], None], *, search: bool
    ) -> None:
        """`succeeded` is called after each successful request. `search`: the receipts may be lost."""
        self.found: dict[str, Report] = {}  # by key, as last read
        self.transient = ""  # the last transient failure
        self._atlas = atlas
        self._state = state
        self._receipts = receipts
        self._succeeded = succeeded
        self._search = search
        self._requested: list[str] | None = None  # keys; None before the requests

    @property
    def progress(self) -> Progress:
        """Whether to request the reports: once, at the end of a session."""
        if self._requested is not None:
            return "requested"
        session = self._state.session
        return "due" if self._state.gone and session and session.report and self._state.has_run else "not due"

    @property
    def is_complete(self) -> bool:
        """Whether each report has ended."""
        return self.progress != "due" and all(map(self._has_ended, self._requested or ()))

    def _has_ended(self, key: str) -> bool:
        return key in self.found and self.found[key].status in ENDED

    def start(self) -> list[Coroutine[Any, Any, None]]:
        """Return one coroutine for each report, which ends with the report."""
        self._requested = list(self._keys())
        return [self._publish(key) for key in self._requested]

    def _keys(self) -> Iterator[str]:
        """Yield the key of the report of the run, or of each failed card or step."""
        assert self._state.session is not None
        scope = self._state.session.report
        if scope == "run":
            yield PREFIX + RUN
            return
        failed = [key for key in self._state.steps if _has_failed(self._state, key)]
        owners = failed if scope == "step" else dict.fromkeys(desired.parent(self._state, key) for key in failed)
        yield from (PREFIX + key for key in owners if self._receipts.observed.get(key).id)

    async def _publish(self, key: str) -> None:
        pauses = iter(POLL_S)
        while True:
            try:
                report = await self._read(key)
            except AtlasError as error:
                if failures.action(error, "report") is failures.Action.SKIP:
                    self._skip(key, error)
                    return
                log.warning("%s: %s", key, error)
                self.transient = str(error)
            except ValidationError as error:  # an id of Atlas is not a UUID
                log.warning("%s: %s", key, error)
                self._reject(key, self._invalid_id(key) or invalid_fields(error))
                return
            else:
                self.transient = ""
                self._succeeded()
                if report is None or report.status in ENDED:
                    return
            await asyncio.sleep(next(pauses, POLL_S[-1]))

    def _skip(self, key: str, error: AtlasError) -> None:
        self._reject(key, error.words if isinstance(error, ErrorResponse) else str(error))

    def _reject(self, key: str, why: str) -> None:
        unconfirmed = self._receipts.observed.get(key).unconfirmed
        self._receipts.write(rc.Rejected(key=key, why=why, unconfirmed=unconfirmed))

    def _invalid_id(self, key: str) -> str:
        """Return why the requested report can't be read; empty if its id is not the reason."""
        own = self._receipts.observed.get(key).id
        return "" if not own or is_uuid(own) else f"its id {own!r} is not a UUID, so it can't be read. Open it in Atlas"

    async def _read(self, key: str) -> Report | None:
        """Read the report; request it first if necessary. Return None if the report is lost."""
        known = self._receipts.observed.get(key)
        if not known.id and known.unconfirmed:
            await self._find(key, set(known.listed))
        elif not known.id:
            await self._adopt_or_request(key)
        own = self._receipts.observed.get(key).id
        if own and not self._has_ended(key):
            self.found[key] = await self._atlas.send(GetReport(run_id=self._run_id, report_id=own))
        return self.found.get(key)

    async def _adopt_or_request(self, key: str) -> None:
        """Request the report. If the receipts may be lost, adopt an existing report of a run that is not shared."""
        existing = await self._existing(key)
        if existing and self._search and not self._state.shares_run:
            self._receipts.write(rc.Created(key=key, id=existing[-1], adopted=True))
            return
        operation = self._operation(key)
        self._receipts.write(rc.Intended(key=key, listed=tuple(existing)))
        await asyncio.to_thread(self._receipts.sync)
        try:
            report = await self._atlas.send(operation)
        except AtlasError as error:
            if not error.in_doubt:
                self._receipts.write(rc.NotCreated(key=key))
            raise
        self._receipts.write(rc.Created(key=key, id=report.uuid))
        self.found[key] = report

    async def _find(self, key: str, listed: set[str]) -> None:
        """Adopt the newest report that was not `listed` before the request; if there is none, a later push looks again."""
        for lookup in range(LOOKUPS):
            if ids := [id_ for id_ in await self._existing(key) if id_ not in listed]:
                self._receipts.write(rc.Created(key=key, id=ids[-1], adopted=True))
                return
            await asyncio.sleep(POLL_S[lookup + 2])
        self._receipts.write(rc.Rejected(key=key, why=LOST, unconfirmed=True))

    async def _existing(self, key: str) -> list[str]:
        """Return the uuids of the reports of this scope, oldest first."""
        owner = key.removeprefix(PREFIX)
        if owner == RUN:
            reports = (await self._atlas.send(ListReports(run_id=self._run_id))).items
            return [report.uuid for report in reports if report.scope == "run"]
        run = await self._atlas.send(GetRun(run_id=self._run_id))
        places = {card.uuid: card.reports for card in run.test_cards}
        places |= {step.uuid: step.reports for card in run.test_cards for step in card.test_steps}
        return [report.uuid for report in places.get(self._receipts.observed.get(owner).id, []) if report.uuid]

    def _operation(self, key: str) -> CreateReport:
        assert self._state.session is not None
        owner, session = key.removeprefix(PREFIX), self._state.session
        ids: dict[str, Any] = {}
        while owner != RUN:
            kind = desired.kind(self._state, owner)
            ids[f"test_{kind}_id"] = self._receipts.observed.get(owner).id
            owner = desired.parent(self._state, owner)
        return CreateReport(
            run_id=self._run_id, scope=session.report or "run", analysis_context=session.report_context or None, **ids
        )

    @property
    def _run_id(self) -> str:
        return self._receipts.observed.get(RUN).id


def _has_failed(state: SessionState, key: str) -> bool:
    return desired.step(state, key).status == "failed"


def lines(reports: dict[str, Report]) -> list[str]:
    """Return a line for each report, for the end of a session."""
    found = []
    for report in reports.values():
        status = f"report {report.title!r}: {report.status}" if report.title else f"report: {report.status}"
        found.append(f"{status}; {' '.join(report.summary.split())}" if report.summary else status)
    return found
