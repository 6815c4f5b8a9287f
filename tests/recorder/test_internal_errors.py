"""A fault of the plugin's own is a line for the user, and nothing to pytest."""

import pytest

from pytest_atlas.recorder.internal_errors import MOST, OUTPUT, InternalErrors, guarded


class Hooks:
    def __init__(self, error: BaseException | None) -> None:
        self.faults = InternalErrors()
        self._error = error

    @guarded
    def pytest_something(self, item: str) -> None:
        """A hook."""
        if self._error:
            raise self._error


def test_a_fault_in_a_hook_becomes_one_line_that_says_where() -> None:
    hooks = Hooks(ValueError("odd"))
    for _ in range(2):
        hooks.pytest_something(item="x")
    (line,) = hooks.faults.lines
    assert line.startswith("pytest-atlas: internal fault in pytest_something (ValueError: odd, test_internal_errors.py:")
    assert line.endswith("; please report it")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), pytest.exit.Exception("enough")])
def test_what_is_no_fault_goes_through(error: BaseException) -> None:
    hooks = Hooks(error)
    with pytest.raises(type(error)):
        hooks.pytest_something(item="x")
    assert hooks.faults.lines == []


def test_faults_that_differ_each_time_do_not_fill_the_memory() -> None:
    faults = InternalErrors()
    for number in range(10 * MOST):
        faults.say(f"fault {number}")
    assert len(faults.lines) == MOST


def test_a_workers_faults_go_to_its_controller() -> None:
    controller = InternalErrors()
    for worker in range(2):
        output: dict[str, dict[str, str]] = {}
        faults = InternalErrors(output)
        faults.say("the disk is full")
        faults.say(f"the hook failed for test {worker}", about="the hook")
        controller.take(output[OUTPUT])
    assert controller.lines == ["the disk is full", "the hook failed for test 0"]


def test_pytest_sees_the_hooks_own_arguments() -> None:
    from pluggy._hooks import varnames

    assert varnames(Hooks(None).pytest_something) == (("item",), ())
