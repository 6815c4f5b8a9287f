"""Check the receipts of earlier processes against the run as it was read. Pure.

Receipts are a cache, not an authorization: a session directory can come from anywhere, and its receipts can name the run,
the cards and the steps of other people. The publisher changes an entity only if this module confirmed it, if it was matched
in the run (`match.adopt`), or if this process created it.
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


def run_problem(run: Run, state: SessionState) -> str:
    """Return why the session must not be published into the `run` of its receipts; empty if it may be."""
    session = state.session
    assert session is not None, "receipts are checked when the session is known"
    name = run.test_run_id or run.uuid
    if run.system_id and run.system_id.lower() != session.system_id.lower():
        return f"run {name} belongs to system {run.system_id}, not to {session.system_id}"
    if session.run not in ("", "auto"):
        named = session.run.lower() in (run.uuid.lower(), run.test_run_id.lower())
        return "" if named else f"run {name} is not run {session.run}"
    line = desired.run(state).identity_line
    return "" if has_run_key(run, state) else f"the description of run {name} does not have the line {line!r}"


def confirmed_run(run: Run, state: SessionState, claim: KnownEntity) -> KnownEntity:
    """Return the run as in its receipt, after `run_problem` found none. In a shared run, only our block is ever changed."""
    known = claim.copy(id=run.uuid, ref=reference(run.test_run_id))
    return known.copy(shows=shown(run, desired.run(state), shared=True)) if state.shares_run else known


def has_run_key(run: Run, state: SessionState) -> bool:
    """Return whether the description of `run` has our run key line. People may have added text after it."""
    return has_line(run.description, desired.run(state).identity_line)


def confirmed(index: RunIndex, state: SessionState, observed: Observed, key: str) -> KnownEntity | None:
    """Return the entity `key` as in its receipt if it is in the run and is ours, otherwise None.

    A step has our identity line, a card the recorded order and title, a file the recorded URL. A step of a person that was
    matched by its title has no identity line before its first update: it is not confirmed here, but matched again.
    """
    want, claim = desired.entity(state, key), observed.claims[key]
    if claim.id in observed.ids.verified:  # two receipts name one entity
        return None
    match want:
        case DesiredFile():
            return claim if index.url_of(claim.id) == claim.url else None
        case DesiredCard():
            return _card(index, state, want, claim)
        case DesiredStep():
            step, card_id = index.entities.get(claim.id), index.card_of.get(claim.id, "")
            if not isinstance(step, Step) or not has_line(step.description, want.identity_line):
                return None
            claim = claim.copy(card=card_id if card_id != observed.get(want.parent).id else "")
            foreign = shared_run.foreign_text(step, want) if index.shared else None
            return claim if merge.is_recorded(want, step, foreign) else claim.copy(shows=_without_outcome(claim))
        case DesiredRun():
            return None  # it is confirmed before the run is indexed


def _without_outcome(claim: KnownEntity) -> dict[str, str]:
    """Return what the step shows, without the fields to send again because another session or a person changed the step."""
    return {name: value for name, value in claim.shows.items() if name not in ("execution_status", "exception", "description")}


def _card(index: RunIndex, state: SessionState, want: DesiredCard, claim: KnownEntity) -> KnownEntity | None:
    card = index.entities.get(claim.id)
    if not isinstance(card, Card):
        return None
    if index.is_card(card, want, claim, claim.order if claim.order is not None else want.order):
        return claim.copy(shows=shown(card, want, shared=True)) if index.shared else claim
    if _identity_lines(state, want.key) & {identity_line_of(step.description) for step in card.test_steps}:
        # A person renamed it. It has our steps, so it is the card; its title and description are not changed any more.
        return claim.copy(adopted=True, order=None, shows=shown(card, want, shared=True))
    return None


def _identity_lines(state: SessionState, card: str) -> set[str]:
    """Return the identity lines of the steps of the session on `card`."""
    return {desired.step(state, key).identity_line for key in state.steps if desired.parent(state, key) == card}
