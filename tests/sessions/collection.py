"""Problems before the first test."""

from tests.support.kinds import Kind

BROKEN = {
    "test_a.py": "def test_a(): pass\n",
    "test_broken.py": "import no_such_module\ndef test_lost(): pass\n",
    "test_syntax.py": "def test_(:\n",
    "test_twice.py": """
        import pytest
        @pytest.mark.parametrize("n", [1])
        @pytest.mark.parametrize("n", [2])
        def test_n(n): pass
    """,
    "test_raises.py": "raise BaseException('odd')\n",
    "test_class.py": "class TestA:\n  def __init__(self): pass\n  def test_a(self): pass\n",
    "test_z.py": "def test_z(): pass\ndef test_no_such_fixture(psu): pass\n",
}
WITHOUT_EXIT = {name: text for name, text in BROKEN.items() if name != "test_raises.py"}
PACKAGE = {
    "test_a.py": "def test_a(): pass\n",
    "sub/conftest.py": "import no_such_module\n",
    "sub/test_b.py": "def test_b(): pass\n",
    "package/__init__.py": "raise RuntimeError('broken package')\n",
    "package/test_c.py": "def test_c(): pass\n",
}
ONE = {"test_a.py": "def test_a(): pass\n"}
RAISING_HOOK = "def pytest_collection_modifyitems(): raise RuntimeError('odd')\n"
CUSTOM = {
    "conftest.py": """
        import pytest
        class Sequence(pytest.File):
            def collect(self):
                for line in self.path.read_text().split():
                    yield Line.from_parent(self, name=line)
        class Line(pytest.Item):
            def runtest(self): assert self.name != "fails"
            def reportinfo(self): return self.path, None, f"line {self.name}"
            def repr_failure(self, excinfo): return "the line failed"
        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".seq": return Sequence.from_parent(parent, path=file_path)
    """,
    "bench.seq": "passes fails\nlast\n",
    "sub/other.seq": "passes",
}

KINDS = (
    Kind("modules that can't be collected", WITHOUT_EXIT),
    Kind("modules that can't be collected beside those that can", WITHOUT_EXIT, ["--continue-on-collection-errors"]),
    Kind("a module that raises what stops pytest", BROKEN, compares_output=False),
    Kind("a package and a conftest below that can't be loaded", PACKAGE, ["--continue-on-collection-errors"]),
    Kind("a conftest that can't be loaded", {"conftest.py": "import no_such_module\n", **ONE}, no_run=True),
    Kind("no tests", {"readme.txt": "nothing here\n"}, no_run=True),
    Kind("only deselected tests", ONE, ["-k", "no_such_name"], no_run=True),
    Kind("a path that is not there", ONE, ["no_such_test.py"], no_run=True),
    Kind("an option that is not there", ONE, ["--no-such-option"], no_run=True),
    Kind("a collection hook that raises", {"conftest.py": RAISING_HOOK, **ONE}),
    Kind("files of a project's own kind", CUSTOM),
    Kind("collected only", ONE, ["--collect-only"], no_run=True),
)
