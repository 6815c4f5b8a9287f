"""A publisher for tests: pytest starts it with the arguments of the real one. The variable STAND_IN selects its behaviour.

It writes the commands that pytest sends to `commands.txt`.
"""

import os
import sys
from pathlib import Path

from pytest_atlas.base.command_line import command_line
from pytest_atlas.journal import status as st

ALONE = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_atlas.plugin"}
"""The environment of an inner session that loads no other installed plugins: it takes a fifth of the time."""


def in_place(script: str = __file__) -> str:
    """Return a conftest.py that lets pytest start the function `main` of `script` as its publisher."""
    path = Path(script)
    return (
        f"import sys\nsys.path.append({str(path.parent)!r})\n"
        f"from pytest_atlas.recorder import launch\nlaunch.PROGRAM = '{path.stem}:main'\n"
    )


def say(session: Path, state: st.State, **more: object) -> None:
    """Write the status file."""
    known = {"target": "t", "atlas": "the stand-in", "run_title": "bench", "run_ref": "TR-0042", "run_id": "r"}
    status = st.Status(pid=os.getpid(), state=state, **{"answered": True, **known, **more})  # type: ignore[arg-type]
    st.write(session / "status-t.json", status)


def listen(session: Path) -> None:
    """Write every command after `begin` to the file, until the pipe is closed."""
    for word in iter(sys.stdin.readline, ""):
        if word == "begin\n":
            continue
        with (session / "commands.txt").open("a") as file:
            file.write(word)
        if os.environ["STAND_IN"] == "done":
            look = command_line("pytest-atlas", "--atlas-dir", str(session.parent.parent), "show", "TR-0042")
            say(session, "done", total=9, in_place=9, look=look)


def main() -> None:
    """Behave as STAND_IN requests."""
    session = Path(sys.argv[1])
    (session / "started.txt").write_text("\n".join(sys.argv[1:]))
    match os.environ["STAND_IN"]:
        case "dies":
            sys.exit("no such luck")
        case "working":
            say(session, "working", total=9, in_place=3)
        case "refused":
            say(session, "incomplete", total=9, in_place=8, refused=1, remarks=("step 'a' was refused: 422",))
        case "fatal":
            say(session, "stopped", total=9, run_id="", run_ref="", problem="the token was refused")
        case "no run":
            say(session, "done", run_id="", run_ref="")
    listen(session)


if __name__ == "__main__":
    main()
