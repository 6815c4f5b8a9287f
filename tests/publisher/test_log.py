"""publisher.log: each message has one line, and no line has a secret or is a command to a CI."""

import io
import logging

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.publisher.log import RedactedStream, log_handler

TOKEN = "tok-3f2a9c81bd77aa01"


def logged(message: str, *arguments: object, error: Exception | None = None) -> str:
    text = io.StringIO()
    logger = logging.Logger("test")
    logger.addHandler(log_handler(RedactedStream(text, Cleaner({"ATLAS_TOKEN": TOKEN}))))
    logger.warning(message, *arguments, exc_info=error)
    return text.getvalue()


def test_a_message_has_one_line() -> None:
    text = logged("step %s", "a\n2026-01-01 00:00:00 INFO all is in Atlas\r\n::error::x")
    assert text.count("\n") == 1
    assert "a\\n2026-01-01 00:00:00 INFO all is in Atlas\\r\\n::error::x" in text


def test_a_traceback_has_no_secret_and_no_command() -> None:
    text = logged("internal error", error=ValueError(f"\n::add-mask::x\n##vso[task.x]\n\x1b[31m{TOKEN[:9]}\x1b[0m{TOKEN[9:]}"))
    assert "\n\\x3a:add-mask::x\n\\x23#vso[task.x]\n[redacted]\n" in text


def test_an_incomplete_line_is_written_at_the_end_and_nothing_after_it() -> None:
    text = io.StringIO()
    stream = RedactedStream(text, Cleaner({"ATLAS_TOKEN": TOKEN}))
    stream.write(f"first\nsecond {TOKEN}")
    assert text.getvalue() == "first\n"
    stream.close()
    assert text.getvalue() == "first\nsecond [redacted]"
    text.close()
    stream.close()


def test_a_stream_can_end_after_the_one_below_it() -> None:
    """Python closes each stream at its end; since 3.13, an error in it is printed."""
    text = io.StringIO()
    stream = RedactedStream(text, str)
    stream.write("a line\n")
    text.close()
    stream.close()
