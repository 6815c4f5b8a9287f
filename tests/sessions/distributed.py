"""Distributed sessions: the modes and options of xdist."""

from tests.sessions.collection import WITHOUT_EXIT
from tests.sessions.stops import FIVE
from tests.support.kinds import Kind
from tests.support.shapes import RERUNS, SHAPES

XDIST = ("xdist.plugin",)
PROJECT = {
    "test_shapes.py": SHAPES,
    "sub/test_group.py": """
        import pytest
        @pytest.mark.xdist_group("bench@lab")
        @pytest.mark.parametrize("address", ["a@b", "plain"])
        def test_grouped(address): assert address == "plain"
        @pytest.mark.xdist_group("other")
        class TestGrouped:
            def test_a(self): pass
            def test_b(self): assert 0
        def test_free(): pass
    """,
}
KINDS = (
    *(
        Kind(f"--dist={mode}", PROJECT, ["-n2", f"--dist={mode}"], XDIST, any_order=True)
        for mode in ("load", "loadscope", "loadfile", "loadgroup", "worksteal")
    ),
    Kind("--dist=each", PROJECT, ["--tx=2*popen", "--dist=each"], XDIST, any_order=True),
    Kind("-n0", {"test_five.py": FIVE}, ["-n0", "--dist=load"], XDIST),
    Kind(
        "reruns in workers",
        {"test_rerun.py": RERUNS},
        ["-n2", "--reruns=2", "--dist=loadfile"],
        [*XDIST, "pytest_rerunfailures"],
        any_order=True,
    ),
    Kind("modules that no worker can collect", WITHOUT_EXIT, ["-n2"], XDIST, any_order=True),
    Kind("workers that find no tests", {"readme.txt": ""}, ["-n2"], XDIST, any_order=True, no_run=True),
    Kind("-x in a worker", {"test_five.py": FIVE}, ["-n1", "-x"], XDIST, any_order=True),
)
