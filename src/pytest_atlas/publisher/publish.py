"""Publish one session into one target, and report its status. Used by the publisher process and by `push`."""

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from time import monotonic

from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal import status as st
from pytest_atlas.publisher.reconcile import merge
from pytest_atlas.session import desired
from pytest_atlas.session.choice import Choice
from pytest_atlas.session.state import RUN

from . import reports
from .baseline import Search
from .log import log
from .loop import Publisher
from .receipts import Receipts
from .targets import Target

REPORT_EVERY_S = 0.1
REPORT_SHARE = 50
"""Computing the status takes at most 1/50 of the time: its cost grows with the session."""
MAX_REMARKS = 20


@dataclass
class Reporter:
    """Writes the status file of a publisher."""

    path: Path
    target: Target
    search: Search
    watch: Callable[[st.Status], None] = lambda _: None
    _last: st.Status | None = None
    _next_at: float = field(default=-1.0)

    def __call__(self, publisher: Publisher) -> None:
        """Write the status if it has changed: at most ten times a second, less often for a large session, always at the end."""
        self.search.begin()
        now = monotonic()
        if now < self._next_at and not publisher.has_ended:
            return
        status = status_of(publisher, self.target)
        if status.state == "done" and self.search.is_running:  # pytest stops waiting after "done"
            status = replace(status, state="working")
        if status != self._last:
            self._write(status)
            self.watch(status)
        self._last, self._next_at = status, now + max(REPORT_EVERY_S, REPORT_SHARE * (monotonic() - now))

    def _write(self, status: st.Status) -> None:
        """Replace the file. If this fails, the publisher continues: only the receipts are necessary."""
        try:
            st.write(self.path, status)
        except OSError as error:
            log.warning("%s can't be written: %s", self.path, error)


def status_of(publisher: Publisher, target: Target) -> st.Status:
    """Return the status of `publisher`."""
    state, observed = publisher.state, publisher.receipts.observed
    skipped = observed.skipped()
    run = observed.get(RUN)
    total = desired.count(state)
    status = st.Status(
        pid=os.getpid(),
        state=_state(publisher, skipped),
        target=target.name,
        atlas=target.label,
        answered=publisher.health.has_responded,
        total=total,
        in_place=total - len(publisher.queue.open),
        refused=len(skipped),
        run_id=run.id,
        run_ref=run.ref,
        run_title=_run_title(publisher),
        look=f"{target.show_command} {run.ref}" if target.show_command and run.ref else "",
        problem=publisher.problem,
        files=0 if state.files_stay else len(state.files),
        files_sent=sum(bool(observed.get(key).url) for key in state.files),
        bytes_sent=target.sent.bytes,
        unreadable=publisher.journal.unreadable,
        files_kept=len(state.files) if state.files_stay else 0,
        reports=tuple(reports.lines(publisher.reporting.found)),
        remarks=tuple(_remarks(publisher, skipped)),
    )
    return st.cleaned(status, publisher.receipts.clean)


def _run_title(publisher: Publisher) -> str:
    """Return the title of an existing run, otherwise of the session."""
    index, session = publisher.queue.index, publisher.state.session
    if index and index.shared and index.run.title:
        return index.run.title
    return session.title if session else ""


def _state(publisher: Publisher, skipped: dict[str, str]) -> st.State:
    if not publisher.has_ended:
        return "working"
    if publisher.is_complete:
        return "done"
    return "incomplete" if skipped and not publisher.was_stopped else "stopped"


def _remarks(publisher: Publisher, skipped: dict[str, str]) -> list[str]:
    remarks = []
    if publisher.journal.unreadable:
        lines = "1 line" if publisher.journal.unreadable == 1 else f"{publisher.journal.unreadable} lines"
        remarks.append(f"{lines} of the journal could not be read; their content is missing")
    remarks += publisher.recovery.adoption.ignored[:MAX_REMARKS] + publisher.recovery.duplicates.deleted
    remarks += _shared_run_remarks(publisher)
    for key, why in list(skipped.items())[:MAX_REMARKS]:
        if key.startswith(reports.PREFIX):
            remarks.append(f"no report: {why}")
            continue
        want = desired.entity(publisher.state, key)
        what = "text of the " if publisher.receipts.observed.get(key).prose_only else ""
        remarks.append(f"{what}{want.kind} {want.title!r} was not published: {why}")
    if len(skipped) > MAX_REMARKS:
        remarks.append(f"{len(skipped) - MAX_REMARKS} more were not published")
    return remarks


def _shared_run_remarks(publisher: Publisher) -> list[str]:
    """Return a line for each request of the user that an existing run does not allow, and for each preserved status."""
    session, run = publisher.state.session, publisher.receipts.observed.get(RUN)
    lines = []
    has_links = session is not None and bool(session.asset_ids or session.issue_ids or session.template_ids)
    if has_links and publisher.state.shares_run and run.adopted:
        what = "assets, issues and templates can be linked to a run at its creation only"
        lines.append(f"run {run.ref or run.id} existed already, and {what}")
    preserved = list(_preserved(publisher))
    more = f"{len(preserved) - MAX_REMARKS} more statuses that were set by hand are preserved"
    return lines + preserved[:MAX_REMARKS] + [more] * (len(preserved) > MAX_REMARKS)


def _preserved(publisher: Publisher) -> Iterator[str]:
    """Yield a line for each step that was executed in this session and has a status that was set by hand."""
    state, observed = publisher.state, publisher.receipts.observed
    for key in observed.set_by_hand:
        want, known = desired.step(state, key), observed.get(key)
        if known.step is None or want.attempts is None:
            continue
        found = merge.merge_step(want, known.step, known.foreign_text)
        if found.is_preserved and found.attempts:
            card = desired.card(state, want.parent).title
            step = f"step {known.step.title!r} of card {card!r}"
            status = f"status {known.step.execution_status}, set by hand; automated result: {found.attempts.status}"
            yield f"preserved: {step}: {status}; --atlas-overwrite (push: --overwrite) replaces it"


async def publish(
    session: Path,
    target: Target,
    *,
    choice: Choice | None = None,
    may_leave_run: bool = False,
    started_by_pytest: bool,
    pytest_may_run: bool = False,
    patience_s: float,
    watch: Callable[[st.Status], None] = lambda _: None,
    begun: Callable[[Publisher], None] = lambda _: None,
) -> st.Status:
    """Publish the session in the directory `session` to `target`, and return the status at the end.

    `choice`: replaces the run, the run key and `overwrite` of the journal, now and later. `may_leave_run`: the run of the
    receipts may be replaced by another one, if it was deleted or is not the session's run.

    `begun` is called with the publisher before it runs, `watch` with each new status. If pytest does not wait, it ends after
    `patience_s` seconds without progress (a successful request, a part of a file); OSError if reading the receipts takes
    longer. `pytest_may_run`: the session may be running, so its running tests are not reported as died.

    Raises AlreadyPublishing if another publisher holds the lock on the receipts.
    """
    path = session / f"receipts-{target.name}.jsonl"
    receipts = Receipts(path, target=target.name, atlas=target.label, timeout_s=patience_s)
    try:
        if choice is not None and choice != receipts.observed.choice:
            receipts.write(rc.RunChosen(**asdict(choice)))
        run_id = receipts.observed.claims[RUN].id if RUN in receipts.observed.claims else ""
        receipts.observed.keep_urls(lambda url: bool(run_id and target.objects and target.objects.is_own(url, run_id=run_id)))
        publisher = Publisher(
            session,
            target.atlas,
            receipts,
            objects=target.objects,
            started_by_pytest=started_by_pytest,
            pytest_may_run=pytest_may_run,
            may_leave_run=may_leave_run,
            limit=target.limit,
            patience_s=patience_s,
            sent_bytes=lambda: target.sent.bytes,
        )
        begun(publisher)
        search = Search(target.atlas, session, target.name, publisher.state, receipts.observed)
        report = Reporter(session / f"status-{target.name}.json", target, search, watch)
        await publisher.run(report)
        if publisher.is_complete:
            await search.finish()
        search.end()
        report(publisher)
        return status_of(publisher, target)
    finally:
        receipts.close()
