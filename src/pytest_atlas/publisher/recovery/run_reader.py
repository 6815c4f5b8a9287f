"""Read the run of a session, and know how old the last read is."""

from collections.abc import Callable

from pytest_atlas.atlas.errors import BadAnswer
from pytest_atlas.atlas.models import Run
from pytest_atlas.atlas.operations import GetRun
from pytest_atlas.atlas.protocols import AsyncAtlas
from pytest_atlas.publisher.reconcile.observed import KnownEntity

FRESH_S = 5.0
"""A description of another author is read again before it is replaced if the last read is older: the API replaces it whole."""
READ_SHARE = 20.0
"""Results of other sessions are read again after this multiple of the duration of the last read, if that is longer."""


class RunReader:
    """Reads one run, and remembers when."""

    def __init__(self, atlas: AsyncAtlas, clock: Callable[[], float]) -> None:
        self._atlas = atlas
        self._clock = clock
        self._read_at = 0.0
        self._took_s = 0.0

    async def read(self, run_id: str) -> Run:
        """Read the run with this uuid. Raises AtlasError."""
        operation, begun = GetRun(run_id=run_id), self._clock()
        run = await self._atlas.send(operation)
        self._took_s = self._clock() - begun
        if "test_cards" not in run.model_fields_set:  # a run without the field is not a run without cards
            raise BadAnswer(operation, 200, "the run came without its test_cards")
        return run

    def mark_indexed(self) -> None:
        """Note that the content of the run is known as of now."""
        self._read_at = self._clock()

    def is_outdated(self, known: KnownEntity) -> bool:
        """Whether other authors may have changed the entity since it was read."""
        age = self._clock() - self._read_at
        if known.foreign_text is not None or known.blocks:
            return age > FRESH_S
        has_record = known.step is not None and known.step.execution_status != "todo"
        return has_record and age > max(FRESH_S, READ_SHARE * self._took_s)
