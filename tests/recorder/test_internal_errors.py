"""An internal error of the plugin is one line for the user, and has no effect on pytest."""

import pytest

from pytest_atlas.recorder.internal_errors import MAX_LINES, OUTPUT, InternalErrors, guarded


class Hooks:
    def __init__(self, error: BaseException | None) -> None:
        self.internal_errors = InternalErrors()
        self._error = error

    @guarded
    def pytest_something(self, item: str) -> None:
        """A hook."""
        if self._error:
            raise self._error


def test_an_error_in_a_hook_is_one_line_with_its_location() -> None:
    hooks = Hooks(ValueError("odd"))
    for _ in range(2):
        hooks.pytest_something(item="x")
    (line,) = hooks.internal_errors.lines
    assert line.startswith("pytest-atlas: internal error in pytest_something (ValueError: odd, test_internal_errors.py:")
    assert line.endswith("; please report it")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), pytest.exit.Exception("enough")])
def test_exceptions_of_pytest_are_not_caught(error: BaseException) -> None:
    hooks = Hooks(error)
    with pytest.raises(type(error)):
        hooks.pytest_something(item="x")
    assert hooks.internal_errors.lines == []


def test_many_different_errors_need_limited_memory() -> None:
    internal_errors = InternalErrors()
    for number in range(10 * MAX_LINES):
        internal_errors.report(f"fault {number}")
    assert len(internal_errors.lines) == MAX_LINES


def test_errors_of_a_worker_are_sent_to_its_controller() -> None:
    controller = InternalErrors()
    for worker in range(2):
        output: dict[str, dict[str, str]] = {}
        internal_errors = InternalErrors(output)
        internal_errors.report("the disk is full")
        internal_errors.report(f"the hook failed for test {worker}", about="the hook")
        controller.take(output[OUTPUT])
    assert controller.lines == ["the disk is full", "the hook failed for test 0"]


def test_a_guarded_hook_keeps_its_arguments() -> None:
    from pluggy._hooks import varnames

    assert varnames(Hooks(None).pytest_something) == (("item",), ())
