"""The receipts of one session and target: locked, read, and kept in step with what is observed."""

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


class AlreadyPublishing(Exception):  # noqa: N818 - it is no error of anybody's
    """Another publisher is at work on this session and target."""

    def __init__(self, path: Path, holder: rc.TargetNamed | None) -> None:
        who = f"process {holder.pid} on {holder.host}" if holder else "another process"
        super().__init__(f"{who} is publishing this session to the same Atlas right now ({path.name} is locked); wait for it")


class DiskRefused(OSError):  # noqa: N818 - it says what happened
    """The receipts can't be written: says why, and what to do. Nothing may be sent without them."""

    def __init__(self, path: Path, error: OSError) -> None:
        why = error.strerror or type(error).__name__
        super().__init__(f"{path} can't be written ({why}). Make room or the folder writable, then run pytest-atlas push")


class Ledger:
    """Writes receipts and folds them in the same breath, so that memory and disk never differ."""

    def __init__(self, path: Path, *, target: str, atlas: str, timeout_s: float = READ_TIMEOUT_S) -> None:
        """Lock the receipts at `path`, and read them. Raises AlreadyPublishing; OSError, also if it takes longer than `timeout_s` s."""
        self._timeout_s = timeout_s
        self._clean = Cleaner(os.environ)
        self._path = path
        self._writer = rc.ReceiptWriter(path)
        try:
            self._take(target, atlas)
        except BaseException:
            self._writer.close()  # and with it the lock
            raise

    def _take(self, target: str, atlas: str) -> None:
        if not lock(self._writer.fileno()):
            raise AlreadyPublishing(self._path, self._holder())
        self.observed = Observed(_read(self._path, self._timeout_s))
        self.observed.try_again()
        self.observed.distrust()
        self.write(rc.TargetNamed(target=target, atlas=atlas, at=time.time(), pid=os.getpid(), host=platform.node()))

    def _holder(self) -> rc.TargetNamed | None:
        """Return the last publisher that the receipts name."""
        holder = None
        for receipt in _read(self._path, self._timeout_s):
            holder = receipt if isinstance(receipt, rc.TargetNamed) else holder
        return holder

    def write(self, *receipts: rc.Receipt) -> None:
        """Append receipts; they are on the disk after the next `sync`. Raises DiskRefused."""
        told = [
            replace(r, why=self._clean(r.why)) if isinstance(r, rc.Rejected | rc.Ignored) else r for r in receipts
        ]  # an Atlas's words
        try:
            self._writer.append(told)
        except OSError as error:
            raise DiskRefused(self._path, error) from error
        for receipt in told:
            self.observed.apply(receipt)

    def sync(self) -> None:
        """Wait for the disk. Raises DiskRefused."""
        try:
            self._writer.sync()
        except OSError as error:
            raise DiskRefused(self._path, error) from error

    def close(self) -> None:
        """Let go of the lock."""
        self._writer.close()


def read_observed(path: Path, timeout_s: float = READ_TIMEOUT_S) -> Observed:
    """What the receipts at `path` say, without taking them over. Raises OSError, also after `timeout_s` seconds."""
    return Observed(_read(path, timeout_s))


def _read(path: Path, timeout_s: float) -> Iterator[rc.Receipt]:
    """All receipts that can be read; a line that can't was torn by a crash, and what it told is looked up in Atlas."""
    for line in in_time(LineFollower(path).new_lines(), path, timeout_s):
        receipt = decode.receipt(line)
        if receipt is not None:
            yield receipt
