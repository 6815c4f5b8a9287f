"""The analysis reports that a session requests at its end: each at most once, polled until it is complete.

Reports have no DELETE and are expensive. The intent of a request has the ids of the reports that existed before it. If the
response is lost, a report that did not exist before is adopted. If there is none, the report is not requested again, by this
publisher or a later one. Without receipts, a report of a run that only this session uses is adopted.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from uuid import UUID

from pytest_atlas.atlas.errors import AtlasError, Invalid, NotFound, Unauthorized
from pytest_atlas.atlas.models import Report
from pytest_atlas.atlas.operations import CreateReport, GetReport, GetRun, ListReports
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.reconcile.observed import REPORT
from pytest_atlas.session import desired
from pytest_atlas.session.state import RUN, SessionState

from .log import log
from .receipts import Ledger

PREFIX = REPORT
POLL_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between two looks at a report; the last one repeats."""
LOOKS_FOR_A_LOST_ONE = 3
LOST = "it was requested, but no response came. It may appear in Atlas later; it is not requested again"
OVER = ("completed", "failed", "cancelled")


class Reporting:
    """What came of the reports; `begin` is called once, when all else is in place."""

    def __init__(
        self, atlas: AsyncAtlas, facts: SessionState, ledger: Ledger, succeeded: Callable[[], None], *, search: bool
    ) -> None:
        self.found: dict[str, Report] = {}  # by key, as last seen
        self.trouble = ""
        self._atlas = atlas
        self._facts = facts
        self._ledger = ledger
        self._succeeded = succeeded
        self._search = search
        self._begun = False
        self._asked: list[str] = []  # keys

    @property
    def wanted(self) -> bool:
        """Whether reports are still to be asked for: at the end of the session, since each is asked for once."""
        facts = self._facts
        return not self._begun and facts.gone and bool(facts.session and facts.session.report and facts.has_run)

    @property
    def complete(self) -> bool:
        """Whether each has come to an end."""
        return not self.wanted and all(map(self._is_over, self._asked))

    def _is_over(self, key: str) -> bool:
        return key in self.found and self.found[key].status in OVER

    def begin(self) -> list[Coroutine[Any, Any, None]]:
        """One coroutine for each report, which ends with it."""
        self._begun, self._asked = True, list(self._keys())
        return [self._bring(key) for key in self._asked]

    def _keys(self) -> Iterator[str]:
        """The run; or the cards or steps that failed."""
        assert self._facts.session is not None
        scope = self._facts.session.report
        if scope == "run":
            yield PREFIX + RUN
            return
        failed = [key for key in self._facts.steps if _has_failed(self._facts, key)]
        owners = failed if scope == "step" else dict.fromkeys(desired.parent(self._facts, key) for key in failed)
        yield from (PREFIX + key for key in owners if self._ledger.observed.get(key).id)

    async def _bring(self, key: str) -> None:
        pauses = iter(POLL_S)
        while True:
            try:
                report = await self._look(key)
            except (Unauthorized, NotFound, Invalid) as error:
                unconfirmed = self._ledger.observed.get(key).in_doubt
                self._ledger.write(rc.Rejected(key=key, why=error.words, unconfirmed=unconfirmed))
                return
            except AtlasError as error:
                log.warning("%s: %s", key, error)
                self.trouble = str(error)
            else:
                self.trouble = ""
                self._succeeded()
                if report is None or report.status in OVER:
                    return
            await asyncio.sleep(next(pauses, POLL_S[-1]))

    async def _look(self, key: str) -> Report | None:
        """The report as it is now, asked for if it has not been; None where it is lost."""
        seen = self._ledger.observed.get(key)
        if not seen.id and seen.in_doubt:
            await self._find(key, set(seen.listed))
        elif not seen.id:
            await self._adopt_or_ask(key)
        own = self._ledger.observed.get(key).id
        if own and not self._is_over(key):
            self.found[key] = await self._atlas.send(GetReport(run_id=self._run_id, report_id=UUID(own)))
        return self.found.get(key)

    async def _adopt_or_ask(self, key: str) -> None:
        """Request the report; or adopt one, if the receipts may be lost and nobody else records into the run."""
        existing = await self._existing(key)
        if existing and self._search and not self._facts.shares_run:
            self._ledger.write(rc.Created(key=key, id=existing[-1], adopted=True))
            return
        operation = self._operation(key)
        self._ledger.write(rc.Intended(key=key, listed=tuple(existing)))
        await asyncio.to_thread(self._ledger.sync)
        try:
            report = await self._atlas.send(operation)
        except AtlasError as error:
            if not error.in_doubt:
                self._ledger.write(rc.NotCreated(key=key))
            raise
        self._ledger.write(rc.Created(key=key, id=report.uuid))
        self.found[key] = report

    async def _find(self, key: str, listed: set[str]) -> None:
        """Adopt the newest report that was not `listed` before the request; if there is none, a later push looks again."""
        for look in range(LOOKS_FOR_A_LOST_ONE):
            if ids := [own for own in await self._existing(key) if own not in listed]:
                self._ledger.write(rc.Created(key=key, id=ids[-1], adopted=True))
                return
            await asyncio.sleep(POLL_S[look + 2])
        self._ledger.write(rc.Rejected(key=key, why=LOST, unconfirmed=True))

    async def _existing(self, key: str) -> list[str]:
        """The ids of the reports of this scope, oldest first."""
        owner = key.removeprefix(PREFIX)
        if owner == RUN:
            reports = (await self._atlas.send(ListReports(run_id=self._run_id))).items
            return [report.uuid for report in reports if report.scope == "run"]
        run = await self._atlas.send(GetRun(run_id=self._run_id))
        places = {card.uuid: card.reports for card in run.test_cards}
        places |= {step.uuid: step.reports for card in run.test_cards for step in card.test_steps}
        return [report.uuid for report in places.get(self._ledger.observed.get(owner).id, []) if report.uuid]

    def _operation(self, key: str) -> CreateReport:
        assert self._facts.session is not None
        owner, session = key.removeprefix(PREFIX), self._facts.session
        ids: dict[str, Any] = {}
        while owner != RUN:
            kind = desired.kind(self._facts, owner)
            ids[f"test_{kind}_id"] = self._ledger.observed.get(owner).id
            owner = desired.parent(self._facts, owner)
        return CreateReport(
            run_id=self._run_id, scope=session.report or "run", analysis_context=session.report_context or None, **ids
        )

    @property
    def _run_id(self) -> UUID:
        return UUID(self._ledger.observed.get(RUN).id)


def _has_failed(facts: SessionState, key: str) -> bool:
    return desired.step(facts, key).status == "failed"


def lines(reports: dict[str, Report]) -> list[str]:
    """What to say of the reports at the end of a session."""
    said = []
    for report in reports.values():
        what = f"report {report.title!r}: {report.status}" if report.title else f"report: {report.status}"
        said.append(f"{what}; {' '.join(report.summary.split())}" if report.summary else what)
    return said
