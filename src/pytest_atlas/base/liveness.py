"""Whether the pytest that wrote a journal still runs on this machine. Standard library only; knows no event.

A number of a process says little by itself: it is given anew once its process is gone. Where the system tells when a process
began, one that began after the journal did is another.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

LATER_S = 10.0
"""A process that began so long after the journal was opened can't have opened it; clocks are that exact."""


def runs(pid: int, opened_at: float) -> bool:
    """Whether the process `pid` of this machine, which opened a journal at `opened_at` (Unix seconds), still runs.

    In doubt it does: taking running tests for dead would be worse than waiting for the next time.
    """
    if pid <= 0 or not _exists(pid):
        return False
    began = _began_at(pid)
    return began is None or began <= opened_at + LATER_S


if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    # https://learn.microsoft.com/windows/win32/procthread/process-security-and-access-rights
    _QUERY_LIMITED = 0x1000
    _STILL_ACTIVE = 259
    _ACCESS_DENIED = 5
    _EPOCH_S = 11_644_473_600  # from 1601, where a FILETIME begins, to 1970
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _kernel32.OpenProcess.restype = wintypes.HANDLE
    _kernel32.OpenProcess.argtypes = (wintypes.DWORD, wintypes.BOOL, wintypes.DWORD)
    _kernel32.GetExitCodeProcess.argtypes = (wintypes.HANDLE, ctypes.POINTER(wintypes.DWORD))
    _kernel32.GetProcessTimes.argtypes = (wintypes.HANDLE, *[ctypes.POINTER(wintypes.FILETIME)] * 4)
    _kernel32.CloseHandle.argtypes = (wintypes.HANDLE,)

    def _exists(pid: int) -> bool:
        handle = _kernel32.OpenProcess(_QUERY_LIMITED, False, pid)
        if not handle:
            return bool(ctypes.get_last_error() == _ACCESS_DENIED)
        code = wintypes.DWORD()
        try:
            return not _kernel32.GetExitCodeProcess(handle, ctypes.byref(code)) or code.value == _STILL_ACTIVE
        finally:
            _kernel32.CloseHandle(handle)

    def _began_at(pid: int) -> float | None:
        handle = _kernel32.OpenProcess(_QUERY_LIMITED, False, pid)
        if not handle:
            return None
        times = [wintypes.FILETIME() for _ in range(4)]  # created, ended, in the kernel, in the program
        try:
            if not _kernel32.GetProcessTimes(handle, *map(ctypes.byref, times)):
                return None
        finally:
            _kernel32.CloseHandle(handle)
        return ((times[0].dwHighDateTime << 32) + times[0].dwLowDateTime) / 1e7 - _EPOCH_S

else:

    def _exists(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except PermissionError:  # somebody else's, but there
            return True
        except (ProcessLookupError, OverflowError):
            return False
        return _state(pid) != "Z"  # a zombie has ended

    def _began_at(pid: int) -> float | None:
        """From Linux's /proc (man 5 proc_pid_stat: field 22, in ticks since the machine was started); elsewhere unknown."""
        boot = _read("/proc/stat", lambda text: text.partition("\nbtime ")[2].split()[0])
        ticks = _read(f"/proc/{pid}/stat", lambda text: _fields(text)[19])
        return int(boot) + int(ticks) / os.sysconf("SC_CLK_TCK") if boot and ticks else None

    def _state(pid: int) -> str:
        return _read(f"/proc/{pid}/stat", lambda text: _fields(text)[0])

    def _fields(stat: str) -> list[str]:
        return stat.rpartition(")")[2].split()  # from the third on: the second, the program's name, may hold anything

    def _read(path: str, find: Callable[[str], str]) -> str:
        """What `find` finds in the file; empty where there is no such file, or it says something else."""
        try:
            return find(Path(path).read_text("utf-8", "replace"))
        except (OSError, IndexError):
            return ""
