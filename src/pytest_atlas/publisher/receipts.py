"""The receipts of one session and target: locked, read, and folded into the observed state when they are written."""

import os
import platform
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import decode
from pytest_atlas.journal import receipts as rc
from pytest_atlas.journal.follower import READ_TIMEOUT_S, LineFollower, in_time
from pytest_atlas.publisher.reconcile.observed import Observed

from .lock import lock


class AlreadyPublishing(Exception):  # noqa: N818 - not an error of the publisher
    """Another publisher holds the lock on the receipts of this session and target."""

    def __init__(self, path: Path, holder: rc.TargetNamed | None) -> None:
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        super().__init__(f"{who} is publishing this session to the same Atlas right now ({path.name} is locked); wait for it")


class ReceiptsError(OSError):
    """The receipts can't be written. Without them, no request may be sent."""

    def __init__(self, path: Path, error: OSError) -> None:
        why = error.strerror or type(error).__name__
        super().__init__(
            f"{path} can't be written ({why}). Free disk space, or make the directory writable, then run pytest-atlas push"
        )


class Receipts:
    """Writes each receipt and applies it to `observed`, so that both never differ."""

    def __init__(self, path: Path, *, target: str, atlas: str, timeout_s: float = READ_TIMEOUT_S) -> None:
        """Lock and read the receipts at `path`. Raises AlreadyPublishing, and OSError, also after `timeout_s` seconds."""
        self._timeout_s = timeout_s
        self.clean = Cleaner(os.environ)
        self._path = path
        self._writer = rc.ReceiptWriter(path)
        try:
            self._open(target, atlas)
        except BaseException:
            self._writer.close()  # this also releases the lock
            raise

    def _open(self, target: str, atlas: str) -> None:
        if not lock(self._writer.fileno()):
            raise AlreadyPublishing(self._path, self._holder())
        self.observed = Observed(_read(self._path, self._timeout_s))
        self.observed.retry_skipped()
        self.observed.distrust()
        self.write(rc.TargetNamed(target=target, atlas=atlas, at=time.time(), pid=os.getpid(), host=platform.node()))

    def _holder(self) -> rc.TargetNamed | None:
        """Return the last publisher that the receipts name."""
        holder = None
        for receipt in _read(self._path, self._timeout_s):
            holder = receipt if isinstance(receipt, rc.TargetNamed) else holder
        return holder

    def write(self, *receipts: rc.Receipt) -> None:
        """Append receipts; they are on the disk after the next `sync`. Raises ReceiptsError."""
        # Reasons contain text of Atlas, which may contain secrets or control sequences.
        cleaned = [replace(r, why=self.clean(r.why)) if isinstance(r, rc.Rejected | rc.Ignored) else r for r in receipts]
        try:
            self._writer.append(cleaned)
        except OSError as error:
            raise ReceiptsError(self._path, error) from error
        for receipt in cleaned:
            self.observed.apply(receipt)

    def sync(self) -> None:
        """Wait until all receipts are on the disk. Raises ReceiptsError."""
        try:
            self._writer.sync()
        except OSError as error:
            raise ReceiptsError(self._path, error) from error

    def close(self) -> None:
        """Close the file, and release the lock."""
        self._writer.close()


def read_observed(path: Path, timeout_s: float = READ_TIMEOUT_S) -> Observed:
    """Fold the receipts at `path` without a lock. Raises OSError, also after `timeout_s` seconds."""
    return Observed(_read(path, timeout_s))


def _read(path: Path, timeout_s: float) -> Iterator[rc.Receipt]:
    """Yield all valid receipts. A line that a crash cut off is invalid; recovery looks up its entity in Atlas."""
    for line in in_time(LineFollower(path).new_lines(), path, timeout_s):
        receipt = decode.receipt(line)
        if receipt is not None:
            yield receipt
