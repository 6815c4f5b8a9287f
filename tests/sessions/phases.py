"""Set-up, call and teardown failures in all combinations, skips, xfails, subtests."""

from tests.support.kinds import Kind
from tests.support.shapes import SHAPES

PHASES = """
    import itertools, pytest

    DEEDS = {
        "passes": lambda: None,
        "fails": lambda: pytest.fail("on purpose"),
        "raises": lambda: [][1],
        "skips": lambda: pytest.skip("not here"),
        "xfails": lambda: pytest.xfail("known"),
    }

    @pytest.fixture
    def bench(before, after):
        DEEDS[before]()
        yield
        DEEDS[after]()

    @pytest.mark.parametrize(("before", "call", "after"), list(itertools.product(DEEDS, DEEDS, DEEDS)))
    def test_all(bench, call): DEEDS[call]()

    @pytest.mark.parametrize("strict", [False, True])
    @pytest.mark.parametrize("run", [False, True])
    @pytest.mark.parametrize("raises", [ValueError, (KeyError, ValueError), KeyError], ids=str)
    @pytest.mark.parametrize("deed", [lambda: None, lambda: int("x"), lambda: pytest.skip("now")], ids=["no", "yes", "skip"])
    def test_xfail(request, deed, raises, run, strict):
        request.applymarker(pytest.mark.xfail(strict=strict, run=run, raises=raises, reason="ECR-118"))
        deed()
"""

MODULES = {
    "test_skipped.py": "import pytest\npytest.skip('no bench', allow_module_level=True)\ndef test_a(): pass\n",
    "test_marked.py": """
        import pytest
        pytestmark = pytest.mark.skip("later")
        def test_a(): pass
        class TestB:
            def test_b(self): pass
    """,
    "test_import_or_skip.py": "import pytest\npytest.importorskip('no_such_module')\ndef test_a(): pass\n",
    "test_last.py": "def test_a(): pass\n",
}

KINDS = (
    Kind("every phase fails, skips and xfails in every combination", {"test_phases.py": PHASES}),
    Kind("shapes", {"test_shapes.py": SHAPES}),
    Kind("modules that are skipped", MODULES),
)
