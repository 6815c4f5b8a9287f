"""The analysis reports that a session asks for at its end: each at most once, followed until it is there.

Reports have no DELETE and are dear. One whose answer never came is looked for, and is not asked for again while it may still
appear; one that is there already, made by a publisher whose receipts are lost, is taken for ours.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from typing import Any
from uuid import UUID

from pytest_atlas.atlas.errors import AtlasError, Invalid, NotFound, Unauthorized
from pytest_atlas.atlas.models import Report
from pytest_atlas.atlas.operations import CreateReport, GetReport, GetRun, ListReports
from pytest_atlas.journal import receipts as rc
from pytest_atlas.publisher.wanted import desired
from pytest_atlas.publisher.wanted.facts import RUN, Facts

from .ledger import Ledger
from .log import log
from .readback import Atlas

PREFIX = "report:"
POLL_S = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Pauses between two looks at a report; the last one repeats."""
LOOKS_FOR_A_LOST_ONE = 3
OVER = ("completed", "failed", "cancelled")


class Reporting:
    """What came of the reports; `begin` is called once, when all else is in place."""

    def __init__(self, atlas: Atlas, facts: Facts, ledger: Ledger, succeeded: Callable[[], None], *, search: bool) -> None:
        self.found: dict[str, Report] = {}  # by key, as last seen
        self.trouble = ""
        self._atlas = atlas
        self._facts = facts
        self._ledger = ledger
        self._succeeded = succeeded
        self._search = search
        self._looked_for: set[str] = set()  # keys of which none was there yet
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
                self._ledger.write(rc.NotMade(key=key), rc.SetAside(key=key, why=error.words))
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
        if not seen.id and (seen.in_doubt or (self._search and key not in self._looked_for)):
            await self._find(key)
        elif not seen.id:
            await self._ask(key)
        own = self._ledger.observed.get(key).id
        if own and not self._is_over(key):
            self.found[key] = await self._atlas.send(GetReport(run_id=self._run_id, report_id=UUID(own)))
        return self.found.get(key)

    async def _ask(self, key: str) -> None:
        operation = self._operation(key)
        self._ledger.write(rc.Intended(key=key))
        await asyncio.to_thread(self._ledger.sync)
        try:
            report = await self._atlas.send(operation)
        except AtlasError as error:
            if not error.in_doubt:
                self._ledger.write(rc.NotMade(key=key))
            raise
        self._ledger.write(rc.Made(key=key, id=report.uuid))
        self.found[key] = report

    async def _find(self, key: str) -> None:
        """Adopt the newest report of this scope. Where there is none, one in doubt is waited for; else it may be asked for."""
        for look in range(LOOKS_FOR_A_LOST_ONE):
            if ids := await self._existing(key):
                self._ledger.write(rc.Made(key=key, id=ids[-1], adopted=True))
                return
            if not self._ledger.observed.get(key).in_doubt:
                self._looked_for.add(key)
                await self._ask(key)
                return
            await asyncio.sleep(POLL_S[look + 2])
        self._ledger.write(rc.SetAside(key=key, why="it was asked for, and no answer came; it may appear in Atlas yet"))

    async def _existing(self, key: str) -> list[str]:
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


def _has_failed(facts: Facts, key: str) -> bool:
    return desired.entity(facts, key).shows["execution_status"] == "failed"


def lines(reports: dict[str, Report]) -> list[str]:
    """What to say of the reports at the end of a session."""
    said = []
    for report in reports.values():
        what = f"report {report.title!r}: {report.status}" if report.title else f"report: {report.status}"
        said.append(f"{what}; {' '.join(report.summary.split())}" if report.summary else what)
    return said
