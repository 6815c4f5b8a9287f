"""Publish one session into one target: lock, fold, send, and say how it stands. What pytest's publisher and `push` share."""

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

SAY_EVERY_S = 0.1
SAY_SHARE = 50
"""A status takes at most one part in so many of the time: its cost grows with the session."""
MOST_REMARKS = 20


@dataclass
class Reporter:
    """Turns a publisher's state into its status, and keeps the status file fresh."""

    path: Path
    target: Target
    search: Search
    watch: Callable[[st.Status], None] = lambda _: None
    _last: st.Status | None = None
    _say_at: float = field(default=-1.0)

    def __call__(self, publisher: Publisher) -> None:
        """Say how it stands, ten times a second at most, of a large session less often, and always at the end."""
        self.search.begin()
        now = monotonic()
        if now < self._say_at and not publisher.has_ended:
            return
        status = status_of(publisher, self.target)
        if status.state == "done" and self.search.under_way:  # nobody waits for more once this is said
            status = replace(status, state="working")
        if status != self._last:
            self._write(status)
            self.watch(status)
        self._last, self._say_at = status, now + max(SAY_EVERY_S, SAY_SHARE * (monotonic() - now))

    def _write(self, status: st.Status) -> None:
        """Replace the file. A disk that refuses it stops nothing: whether to go on is for the receipts to say."""
        try:
            st.write(self.path, status)
        except OSError as error:
            log.warning("%s can't be written: %s", self.path, error)


def status_of(publisher: Publisher, target: Target) -> st.Status:
    """How things stand with `publisher`."""
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
        look=f"{target.look} {run.ref}" if target.look and run.ref else "",
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
    """The run's own, where it was there before the session."""
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
    remarks += publisher.recovery.adoption.ignored[:MOST_REMARKS] + publisher.recovery.duplicates.deleted
    remarks += _as_guest(publisher)
    for key, why in list(skipped.items())[:MOST_REMARKS]:
        if key.startswith(reports.PREFIX):
            remarks.append(f"no report: {why}")
            continue
        want = desired.entity(publisher.state, key)
        what = "text of the " if publisher.receipts.observed.get(key).prose_only else ""
        remarks.append(f"{what}{want.kind} {want.title!r} was not published: {why}")
    if len(skipped) > MOST_REMARKS:
        remarks.append(f"{len(skipped) - MOST_REMARKS} more were not published")
    return remarks


def _as_guest(publisher: Publisher) -> list[str]:
    """What the user asked for and a run that existed already does not allow."""
    session, run = publisher.state.session, publisher.receipts.observed.get(RUN)
    lines = []
    has_links = session is not None and bool(session.asset_ids or session.issue_ids or session.template_ids)
    if has_links and publisher.state.shares_run and run.adopted:
        what = "assets, issues and templates can be linked to a run at its creation only"
        lines.append(f"run {run.ref or run.id} existed already, and {what}")
    preserved = list(_preserved(publisher))
    more = f"{len(preserved) - MOST_REMARKS} more statuses that were set by hand are preserved"
    return lines + preserved[:MOST_REMARKS] + [more] * (len(preserved) > MOST_REMARKS)


def _preserved(publisher: Publisher) -> Iterator[str]:
    """A line for each step with a result of this session whose status a person set."""
    state, observed = publisher.state, publisher.receipts.observed
    for key in observed.set_by_hand:
        want, known = desired.step(state, key), observed.get(key)
        if known.step is None or want.attempts is None:
            continue
        found = merge.merged(want, known.step, known.foreign_text)
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
    """Bring the session in folder `session` to `target` and return how it ended.

    `choice`: replaces the run, the run key and `overwrite` of the journal, now and later. `may_leave_run`: the run of the
    receipts may be replaced by another one, if it was deleted or is not the session's run.

    `begun` is handed the publisher before it runs, `watch` each new status. Gives up after `patience_s` seconds without
    progress (a good answer, a part of a file) when no pytest waits; OSError if the receipts are not read in this time.
    `pytest_may_run`: the session is published as far as it is, and its running tests are not taken for dead.

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
