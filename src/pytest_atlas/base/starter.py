"""Run first in a Python that `interpreter.command` starts: leave pytest's process tree, set `sys.path`, run the program.

Tests count, wait for and kill the children of their process. A detached program is therefore started by a process that ends
at once. Standard library only; imports as little as possible, because pytest waits until the program is detached.
"""

import os
import sys

DETACHED = "detached"
"""The program survives pytest and is not its child. The process id of the program is written to standard output."""
HERE = "here"
"""The program is a child of pytest."""


def main() -> None:
    """Run `python -c … ROOT MODE PROGRAM ARGUMENT…`. PROGRAM is "package.module:function"; its result is the exit code."""
    _, _root, mode, program, *arguments = sys.argv
    sys.path.pop()  # ROOT: the package is imported, and its other modules are found in its directory
    if mode == DETACHED:
        _detach()
    sys.path += [entry for entry in _read_paths() if entry not in sys.path]
    sys.argv = [program, *arguments]
    module, _, function = program.partition(":")
    __import__(module)
    sys.exit(getattr(sys.modules[module], function)())


def _read_paths() -> list[str]:
    data = _read(int(_read(8), 16))
    return [os.fsdecode(entry) for entry in data.split(b"\0") if entry]


def _read(size: int) -> bytes:
    """Return exactly `size` bytes of standard input, unbuffered, because the program reads the rest."""
    data = b""
    while len(data) < size:
        more = os.read(0, size - len(data))
        if not more:
            raise EOFError("pytest ended while it started this process")
        data += more
    return data


if sys.platform == "win32":

    def _detach() -> None:
        """Start the same command in a new process, and exit."""
        import subprocess

        at = sys.orig_argv.index(DETACHED)
        process = subprocess.Popen(
            [sys.executable, *sys.orig_argv[1:at], HERE, *sys.orig_argv[at + 1 :]],
            stdin=0,
            stdout=2,
            stderr=2,
            creationflags=(
                subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
            ),
        )
        os.write(1, str(process.pid).encode())
        os._exit(0)

else:

    def _detach() -> None:
        """Continue in a forked child that leads a session, and exit. The child is adopted by init."""
        pid = os.fork()
        if pid:
            os.write(1, str(pid).encode())
            os._exit(0)
        os.setsid()
        os.dup2(2, 1)  # pytest reads standard output until its end
