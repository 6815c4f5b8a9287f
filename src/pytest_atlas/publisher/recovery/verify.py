"""Check the receipts of earlier processes against the run as it was read. Pure.

Receipts are a cache, not an authorization: a session directory can come from anywhere, and its receipts can name the run,
the cards and the steps of other people. The publisher changes an entity only if this module confirmed it, if it was matched
in the run (`adopt`), or if this process created it.
"""

from pytest_atlas.atlas.models import Card, Run, Step
from pytest_atlas.base.identifiers import reference
from pytest_atlas.descriptions import has_line, identity_line_of
from pytest_atlas.publisher.reconcile import merge
from pytest_atlas.publisher.reconcile.observed import KnownEntity, Observed
from pytest_atlas.session import desired
from pytest_atlas.session.desired import DesiredCard, DesiredFile, DesiredRun, DesiredStep
from pytest_atlas.session.state import SessionState

from . import shared_run
from .match import shown
from .run_index import RunIndex


def run_problem(run: Run, facts: SessionState) -> str:
    """Why the session must not be published into the `run` of its receipts; empty if it may be."""
    session = facts.session
    assert session is not None, "receipts are checked when the session is known"
    name = run.test_run_id or run.uuid
    if run.system_id and run.system_id.lower() != session.system_id.lower():
        return f"run {name} belongs to system {run.system_id}, not to {session.system_id}"
    if session.run not in ("", "auto"):
        named = session.run.lower() in (run.uuid.lower(), run.test_run_id.lower())
        return "" if named else f"run {name} is not run {session.run}"
    mark = desired.run(facts).identity_line
    return "" if has_run_key(run, facts) else f"the description of run {name} does not have the line {mark!r}"


def confirmed_run(run: Run, facts: SessionState, claim: KnownEntity) -> KnownEntity:
    """The run as the receipts know it, after `run_problem` found none. In a shared run, nothing but our block is changed."""
    seen = claim.copy(id=run.uuid, ref=reference(run.test_run_id))
    return seen.copy(shows=shown(run, desired.run(facts), shared=True)) if facts.shares_run else seen


def has_run_key(run: Run, facts: SessionState) -> bool:
    """Whether the description of `run` has our run key line. People may have added text after it."""
    mark = desired.run(facts).identity_line
    return has_line(run.description, mark)


def confirmed(there: RunIndex, facts: SessionState, observed: Observed, key: str) -> KnownEntity | None:
    """The entity `key` as the receipts know it, if it is in the run and is ours; otherwise None.

    A step has our identity line, a card the recorded order and title, a file the recorded URL. A step of a person that was
    matched by its title has no identity line before its first update: it is not confirmed here, but matched again.
    """
    want, claim = desired.entity(facts, key), observed.claims[key]
    if claim.id in there.claimed:  # two receipts name one entity
        return None
    match want:
        case DesiredFile():
            return claim if there.url_of(claim.id) == claim.url else None
        case DesiredCard():
            return _card(there, facts, want, claim)
        case DesiredStep():
            step, card_id = there.things.get(claim.id), there.card_of.get(claim.id, "")
            if not isinstance(step, Step) or not has_line(step.description, want.identity_line):
                return None
            claim = claim.copy(card=card_id if card_id != observed.get(want.parent).id else "")
            beside = shared_run.theirs(step, want) if there.shared else None
            return claim if merge.is_recorded(want, step, beside) else claim.copy(shows=_without_outcome(claim))
        case DesiredRun():
            return None  # it is confirmed before the run is indexed


def _without_outcome(claim: KnownEntity) -> dict[str, str]:
    """What the step shows except for what has to be sent again, because another session or a person has changed the step."""
    return {name: value for name, value in claim.shows.items() if name not in ("execution_status", "exception", "description")}


def _card(there: RunIndex, facts: SessionState, want: DesiredCard, claim: KnownEntity) -> KnownEntity | None:
    card = there.things.get(claim.id)
    if not isinstance(card, Card):
        return None
    if there.is_card(card, want, claim, claim.order if claim.order is not None else want.order):
        return claim.copy(shows=shown(card, want, shared=True)) if there.shared else claim
    if _marks(facts, want.key) & {identity_line_of(step.description) for step in card.test_steps}:
        # A person renamed it. Our steps show that it is the card; title and text are not ours any more.
        return claim.copy(adopted=True, order=None, shows=shown(card, want, shared=True))
    return None


def _marks(facts: SessionState, card: str) -> set[str]:
    """The identity lines of the session's steps on `card`."""
    return {desired.step(facts, key).identity_line for key in facts.steps if desired.parent(facts, key) == card}
