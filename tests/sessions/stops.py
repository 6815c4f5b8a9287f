"""Sessions that are stopped, or that run a part of the collected tests."""

from tests.support.kinds import Kind

FIVE = """
    import pytest
    def test_a(): pass
    def test_b(): assert 0
    class TestC:
        def test_c(self): pass
        def test_d(self): assert 0
    def test_e(): pass
"""
EXIT_IN_TEST = "import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('bench lost'{code})\ndef test_c(): pass\n"
EXIT_IN_FIXTURE = """
    import pytest
    @pytest.fixture
    def lost(): pytest.exit("bench lost", returncode=0)
    def test_a(): pass
    def test_b(lost): pass
    def test_c(): pass
"""
EXIT_IN_TEARDOWN = """
    import pytest
    @pytest.fixture
    def lost():
        yield
        pytest.exit("bench lost")
    def test_a(): pass
    def test_b(lost): pass
    def test_c(): pass
"""
THREE = "def test_a(): pass\ndef test_b(): pass\ndef test_c(): pass\n"


def hook(name: str, parameters: str, body: str) -> dict[str, str]:
    """Return a project with three tests and a hook that runs `body`."""
    return {"test_three.py": THREE, "conftest.py": f"import os, pytest, signal\ndef {name}({parameters}):\n    {body}\n"}


CTRL_C = "os.kill(os.getpid(), signal.SIGINT)"
INTERRUPTED = """
    import os, pytest, signal
    def press_ctrl_c(): os.kill(os.getpid(), signal.SIGINT)
    @pytest.fixture(scope="session", autouse=True)
    def bench():
        yield
        {at_the_end}
    @pytest.fixture
    def supply():
        {before}
        yield
        {after}
    def test_a(): pass
    def test_b(supply):
        {during}
    def test_c(): pass
"""


def interrupted(*where: str) -> dict[str, str]:
    places = {place: "press_ctrl_c()" if place in where else "pass" for place in ("before", "during", "after", "at_the_end")}
    return {"test_three.py": INTERRUPTED.format(**places)}


SYSTEM_EXIT = """
    import sys, pytest
    def test_a(): sys.exit(3)
    @pytest.fixture
    def leaves(): sys.exit("bye")
    def test_b(leaves): pass
    def test_c(): quit()
    def test_d(): raise BaseException("odd")
"""
SHOULD_STOP = """
    def test_a(request): request.session.shouldstop = "enough"
    def test_b(): pass
"""

KINDS = (
    Kind("pytest.exit in a test", {"test_exit.py": EXIT_IN_TEST.format(code="")}),
    Kind("pytest.exit in a test, with a code", {"test_exit.py": EXIT_IN_TEST.format(code=", returncode=7")}),
    Kind("pytest.exit in a fixture, with code 0", {"test_exit.py": EXIT_IN_FIXTURE}),
    Kind("pytest.exit in a teardown", {"test_exit.py": EXIT_IN_TEARDOWN}),
    Kind(
        "pytest.exit in a hook of a test",
        hook("pytest_runtest_setup", "item", "if item.name == 'test_b': pytest.exit('bench lost', returncode=7)"),
    ),
    Kind(
        "pytest.exit in a hook of a report",
        hook("pytest_runtest_logreport", "report", "if 'test_b' in report.nodeid: pytest.exit('bench lost')"),
    ),
    Kind("pytest.exit at the session's start", hook("pytest_sessionstart", "", "pytest.exit('no bench')"), no_run=True),
    Kind("pytest.exit at the session's end", hook("pytest_sessionfinish", "", "pytest.exit('odd', returncode=9)")),
    Kind("pytest.exit while collecting", {"test_exit.py": "import pytest\npytest.exit('no bench')\n"}),
    Kind(
        "a hook of a report that raises",
        hook("pytest_runtest_logreport", "report", "raise RuntimeError('odd')"),
        compares_output=False,
    ),
    Kind(
        "the end's own hook that raises", hook("pytest_sessionfinish", "", "raise RuntimeError('odd')"), compares_output=False
    ),
    Kind("SystemExit and the like", {"test_leaves.py": SYSTEM_EXIT}),
    Kind("a test that stops the session", {"test_stop.py": SHOULD_STOP}),
    Kind("-x", {"test_five.py": FIVE}, ["-x"]),
    Kind("--maxfail", {"test_five.py": FIVE}, ["--maxfail=2"]),
    Kind("-k", {"test_five.py": FIVE}, ["-k", "C or e"]),
    Kind("-m and --deselect", {"test_five.py": FIVE}, ["--deselect=test_five.py::test_b"]),
    Kind(
        "nodeids, one of them twice",
        {"test_five.py": FIVE},
        ["test_five.py::TestC::test_d", "test_five.py::test_a", "test_five.py::test_a"],
    ),
    Kind("--lf", {"test_five.py": FIVE}, ["--lf"], before=[[]]),
    Kind("--ff", {"test_five.py": FIVE}, ["--ff"], before=[[]]),
    Kind("--stepwise", {"test_five.py": FIVE}, ["--sw"], before=[["--sw"]]),
    Kind("--stepwise-skip", {"test_five.py": FIVE}, ["--sw", "--sw-skip"], before=[["--sw"]]),
    Kind("Ctrl-C in a set-up", interrupted("before"), posix=True),
    Kind("Ctrl-C in a test", interrupted("during"), posix=True),
    Kind("Ctrl-C in a teardown", interrupted("after"), posix=True),
    Kind(
        "Ctrl-C in a test and again at the end",
        interrupted("during", "at_the_end"),
        posix=True,
        compares_output=False,
        is_pushed=True,
    ),
    Kind("Ctrl-C in the very last teardown", interrupted("at_the_end"), posix=True),
    Kind("Ctrl-C while collecting", hook("pytest_collection_modifyitems", "items", CTRL_C), posix=True),
    Kind(
        "Ctrl-C in the end's own hook",
        hook("pytest_sessionfinish", "", CTRL_C),
        posix=True,
        compares_output=False,
        is_pushed=True,
    ),
)
