"""Processes that die during a test: pytest and xdist's workers."""

from tests.support.kinds import Kind

DYING = """
    import ctypes, os, pathlib, pytest, signal
    @pytest.fixture(scope="session", autouse=True)
    def bench():
        yield
        {at_the_end}
    @pytest.fixture
    def supply():
        {before}
        yield
        {after}
    def test_before(): pass
    def test_dies(supply): {during}
    def test_after(): pass
"""
PLACES = ("before", "during", "after", "at_the_end")
KILL = "os.kill(os.getpid(), signal.SIGKILL)"
SEGFAULT = "ctypes.string_at(0)"
EXIT = "os._exit(3)"
ONCE = "pathlib.Path('died').exists() or (pathlib.Path('died').touch(), os._exit(1))"


def dying(**deeds: str) -> dict[str, str]:
    return {"test_dying.py": DYING.format(**{place: deeds.get(place, "pass") for place in PLACES})}


OUT_OF_MEMORY = """
    import resource
    def test_before(): pass
    def test_out_of_memory():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, resource.RLIM_INFINITY))
        try: bytearray(1 << 40)
        finally: resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    def test_after(): pass
"""
WORKERS = ("xdist.plugin",)
FEW = ["-n1", "-p", "no:faulthandler"]

KINDS = (
    Kind("os._exit in a test", dying(during=EXIT), dies=True, posix=True),
    Kind("os._exit in a set-up", dying(before=EXIT), dies=True, posix=True),
    Kind("os._exit in a teardown", dying(after=EXIT), dies=True, posix=True),
    Kind("a segmentation fault", dying(during=SEGFAULT), ["-p", "no:faulthandler"], dies=True, posix=True),
    Kind("killed because of memory", dying(during=KILL), dies=True, posix=True),
    Kind("a MemoryError", {"test_memory.py": OUT_OF_MEMORY}, posix=True),
    Kind("a worker's os._exit, and a restart", dying(during=EXIT), FEW, WORKERS, any_order=True),
    Kind(
        "a worker's segmentation fault, without a restart",
        dying(during=SEGFAULT),
        [*FEW, "--max-worker-restart=0"],
        WORKERS,
        any_order=True,
        posix=True,
    ),
    Kind("a worker killed because of memory, in a set-up", dying(before=KILL), FEW, WORKERS, any_order=True, posix=True),
    Kind(
        "a worker that dies at its first try",
        dying(during=ONCE),
        [*FEW, "--dist=loadscope"],
        WORKERS,
        any_order=True,
        posix=True,
    ),
)
