"""Determine whether the process that writes a journal is alive. Standard library only; independent of the events.

A process id alone is not sufficient: ids are reused and local to a container, and clocks jump. If the writer ran on this boot
of this machine and in this pid namespace, its id and its start time identify it exactly. Otherwise the lock decides that it
holds on its journal. If neither is possible, the answer is "unknown".
"""

import os
import platform
import sys
from os import fstat
from pathlib import Path
from typing import Literal

from pytest_atlas.base.records import dataclass

from . import locks

Liveness = Literal["running", "ended", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A process that writes a journal: the identity that it recorded when it opened the file. Empty: unknown."""

    host: str
    pid: int
    boot: str = ""  # id of the boot of its machine
    namespace: str = ""  # its pid namespace: it differs between containers
    began: str = ""  # its start time, in a unit that no clock change affects
    locked: str = ""  # number (inode) of the journal file that it locked; empty if the drive has no locks


def this_process() -> Writer:
    """Describe this process."""
    pid = os.getpid()
    return Writer(host=platform.node(), pid=pid, boot=_boot(), namespace=_namespace(), began=_began(pid))


def liveness(journal: Path, writer: Writer) -> Liveness:
    """Return whether `writer`, which opened the file `journal`, is alive."""
    here = this_process()
    is_held = locks.is_held(journal)
    if writer.began and here.began and (writer.host, writer.boot, writer.namespace) == (here.host, here.boot, here.namespace):
        return "running" if _began(writer.pid) == writer.began else "ended"
    if is_held:
        return "running"
    if not writer.began and not writer.locked:  # pytest-atlas 0.1.0, or a system without these identities
        return "unknown" if writer.host == here.host and _exists(writer.pid) else "ended"
    is_same_kernel = writer.host == here.host or writer.boot == here.boot != ""
    if is_held is False and is_same_kernel and writer.locked == _number(journal):
        return "ended"  # not a copy of the journal, and locks work here: after a restart, or from another container
    return "unknown"


def number(descriptor: int) -> str:
    """Return the number (inode) of an open file. A copy has another one."""
    return str(fstat(descriptor).st_ino)


def _number(path: Path) -> str:
    try:
        return str(path.lstat().st_ino)
    except OSError:
        return "?"


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    # https://learn.microsoft.com/windows/win32/procthread/process-security-and-access-rights
    _QUERY_LIMITED = 0x1000
    _STILL_ACTIVE = 259
    _ACCESS_DENIED = 5
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.OpenProcess.restype = wintypes.HANDLE
    _kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel32.GetExitCodeProcess.argtypes = (wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD))
    _kernel32.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)

    def _boot() -> str:
        return ""  # not necessary: the creation time of a process is absolute

    def _namespace() -> str:
        return ""

    def _exists(pid: int) -> bool:
        handle = _kernel32.OpenProcess(_QUERY_LIMITED, False, pid)
        if not handle:
            return bool(ctypes.get_last_error() == _ACCESS_DENIED)
        code = wintypes.DWORD()
        try:
            return not _kernel32.GetExitCodeProcess(handle, ctypes.byref(code)) or code.value == _STILL_ACTIVE
        finally:
            _kernel32.CloseHandle(handle)

    def _began(pid: int) -> str:
        """Return its creation time, which the system never changes; empty if it has ended."""
        handle = _kernel32.OpenProcess(_QUERY_LIMITED, False, pid) if _exists(pid) else 0
        if not handle:
            return ""
        times = [wintypes.FILETIME() for _ in range(4)]  # created, ended, in the kernel, in the program
        try:
            if not _kernel32.GetProcessTimes(handle, *map(ctypes.byref, times)):
                return ""
        finally:
            _kernel32.CloseHandle(handle)
        return str((times[0].dwHighDateTime << 32) + times[0].dwLowDateTime)

else:

    def _boot() -> str:
        return _read("/proc/sys/kernel/random/boot_id").strip()

    def _namespace() -> str:
        try:
            return os.readlink("/proc/self/ns/pid")
        except OSError:
            return ""

    def _exists(pid: int) -> bool:
        if pid <= 0:
            return False
        try:
            os.kill(pid, 0)
        except PermissionError:  # it exists and belongs to another user
            return True
        except (ProcessLookupError, OverflowError):
            return False
        return _stat(pid)[:1] != ["Z"]  # a zombie has ended

    def _began(pid: int) -> str:
        """Return its start time (man 5 proc_pid_stat: field 22, ticks since the boot); empty without /proc or after its end."""
        fields = _stat(pid)
        return fields[19] if len(fields) > 19 and fields[0] not in "ZX" else ""

    def _stat(pid: int) -> list[str]:
        """Return the fields from the third on; the second one, the name of the program, can contain anything."""
        return _read(f"/proc/{pid}/stat").rpartition(")")[2].split()

    def _read(path: str) -> str:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""
