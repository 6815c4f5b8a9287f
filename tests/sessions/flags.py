"""Options of pytest for output, plugins and collection."""

from tests.support.kinds import Kind

ALL = {
    "test_all.py": """
        import logging, sys, warnings, pytest
        def test_passes():
            print("to stdout"); print("to stderr", file=sys.stderr); logging.getLogger().warning("to the log")
        def test_fails(subtests):
            print("to stdout")
            logging.getLogger().error("to the log")
            with subtests.test("rail"): print("in the subtest"); assert 0
            assert 1 == 2
        def test_warns(): warnings.warn("old", DeprecationWarning)
        @pytest.mark.skip(reason="later")
        def test_skips(): pass
        @pytest.mark.xfail(reason="ECR-118")
        def test_xfails(): assert 0
        @pytest.mark.xfail
        def test_xpasses(): pass
        @pytest.fixture
        def broken(): raise RuntimeError("no supply")
        def test_set_up_fails(broken): pass
    """,
    "sub/test_all.py": "def test_same_basename(): pass\n",
}
FLAGS = (
    "-p no:terminal",
    "-p no:logging -s",
    "-p no:logging -p no:faulthandler -p no:warnings -p no:unraisableexception -p no:threadexception",
    "-p no:skipping -p no:assertion --tb=native --showlocals",
    "--capture=sys -W error",
    "--capture=tee-sys -vv --color=yes -rA",
    "--import-mode=importlib --setup-show",
    "-q -q -q",
    "--tb=no --no-header --no-summary",
    "--runxfail --strict-markers --strict-config",
    "--log-cli-level=INFO --junitxml=junit.xml",
)
PACKAGES = {"__init__.py": "", "sub/__init__.py": ""}  # without them two modules of one name are an error

KINDS = tuple(
    Kind(flags, ALL if "importlib" in flags else {**ALL, **PACKAGES}, flags.split(), env={"PYTHONDONTWRITEBYTECODE": "1"})
    for flags in FLAGS
)
