"""The run into which a session is published, if the person who publishes it chooses another one than the journal. Pure."""

import hashlib
import re
from dataclasses import replace

from pytest_atlas.base.records import dataclass
from pytest_atlas.journal import events as ev

_SESSION_ID = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class Choice:
    """Replaces values of the journal; None keeps the value of the journal."""

    run: str | None = None  # uuid or TR-…; empty: the run with the run key, or a new one
    key: str | None = None  # empty: the session id, so that the session shares its run with no other
    overwrite: bool | None = None
    from_elsewhere: bool = False  # the session id is not trusted either: it can be the run key of a CI job

    def applied(self, session: ev.SessionStarted) -> ev.SessionStarted:
        """Return `session` with the values of this choice."""
        key = session.key if self.key is None else self.key or self._own_key(session.session)
        run = session.run if self.run is None else self.run
        return replace(session, run=run, key=key, overwrite=session.overwrite if self.overwrite is None else self.overwrite)

    def _own_key(self, session_id: str) -> str:
        if not self.from_elsewhere or _SESSION_ID.fullmatch(session_id):
            return session_id
        return "session-" + hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()[:16]


JOURNAL = Choice()
"""Everything as in the journal."""

OWN_RUN = Choice(run="", key="", overwrite=False, from_elsewhere=True)
"""For a session from elsewhere: a separate run, in which outcomes that a person set are preserved."""
