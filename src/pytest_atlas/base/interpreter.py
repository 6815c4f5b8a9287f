"""Start Python beside this process: which executable, with which environment, and where it finds packages.

pytest may run in a program that only contains Python (PyInstaller, Nuitka, an embedded interpreter). Such a program must
never be started again: it would run the tests again. Standard library only.
"""

import os
import re
import sys
from collections.abc import Mapping

CODE = "import sys; sys.path.append(sys.argv[1]); from pytest_atlas.base.starter import main; main()"
"""Code that the new process runs. Its arguments are those of `starter.main`."""
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
"""The directory or zip file that contains the package pytest_atlas."""
MARK = "PYTEST_ATLAS_STARTED"
"""A variable of the new process. A pytest that has it was started in place of Python, and must run no test."""

_PYTHON = re.compile(r"(python|pypy|graalpy)([0-9.]+)?t?([-_]?(dbg|debug|d|w|intel64))?(\.exe)?", re.IGNORECASE)
_FROZEN = ("frozen", "_MEIPASS", "oxidized")
"""Attributes that PyInstaller, cx_Freeze, py2exe, py2app and PyOxidizer set in `sys`."""
_SITE = ("site-packages", "dist-packages")

_KEPT = (
    "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUTF8", "PYTHONCOERCECLOCALE",
    "PYTHONEXECUTABLE",
)  # fmt: skip
"""Where Python finds its standard library and how it encodes names: as in this process."""
_REMOVED = ("PYTHON", "COVERAGE_", "COV_CORE_", "PYDEVD", "DEBUGPY", "PYCHARM_")
"""Beginnings of variables that make Python run more than the program: start-up files, coverage, debuggers, warnings."""


def problem() -> str:
    """Return why this process can't start Python, for "recorded only (...)"; empty if it can."""
    main = sys.modules.get("__main__")
    is_frozen = any(hasattr(sys, name) for name in _FROZEN) or hasattr(main, "__compiled__")  # the last: Nuitka
    if not is_frozen and _is_python(sys.executable):
        return ""
    return f"{sys.executable or 'this program'} is not known to be a Python interpreter, which the publisher needs"


def _is_python(path: str | None) -> bool:
    if not path or not os.access(path, os.X_OK) or not os.path.isfile(path):
        return False
    return any(_PYTHON.fullmatch(os.path.basename(name)) for name in (path, os.path.realpath(path)))


def command(mode: str, program: str, *arguments: str) -> list[str]:
    """The command that runs `program` ("package.module:function"). Its input begins with `paths()`.

    Without the module site, so that .pth files (coverage) and sitecustomize don't run.
    """
    flags = ["-S", "-P", *(["-B"] if sys.dont_write_bytecode else []), *(["-X", "utf8"] if sys.flags.utf8_mode else [])]
    return [sys.executable, *flags, "-c", CODE, ROOT, mode, program, *arguments]


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` without those that make Python run more than the program. Those of proxies, CAs, AWS and locales stay."""
    allowed = () if sys.flags.ignore_environment else _KEPT
    kept = {name: value for name, value in variables.items() if name in allowed or not name.upper().startswith(_REMOVED)}
    return {**kept, MARK: "1"}


def paths() -> bytes:
    """Return the `sys.path` of this process for the new one: installed packages first, then the project's directories.

    A length of eight hexadecimal digits, then the entries, separated by NUL.
    """
    entries = list(dict.fromkeys(os.path.abspath(entry) for entry in sys.path if isinstance(entry, str)))
    entries.sort(key=lambda entry: os.path.basename(entry) not in _SITE)
    data = b"\0".join(map(os.fsencode, entries))
    return b"%08x" % len(data) + data
