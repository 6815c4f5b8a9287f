"""output.txt: captured output as a terminal shows it, bounded, and without secrets."""

import resource
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from tests.support.inner import Ended, Project

from pytest_atlas.base.sanitize import Cleaner
from pytest_atlas.journal import events as ev
from pytest_atlas.recorder.output import MARGIN, output_file

TOKEN = "tok-3f2a9c81bd77aa01"
CLEAN = Cleaner({"ATLAS_TOKEN": TOKEN})


def report(*sections: tuple[str, str]) -> Any:
    return SimpleNamespace(longrepr=None, sections=list(sections), when="call")


def text_of(*sections: tuple[str, str], limit: int = 1 << 20) -> str:
    return output_file([report(*sections)], CLEAN, limit).decode()


def output_of(ended: Ended) -> str:
    (file,) = (file for file in ended.recorded(ev.FileKept) if file.name == "output.txt")
    return (ended.session / file.path).read_text("utf-8")


def test_progress_is_kept_as_its_last_state(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_flash.py",
        r"""
        def test_flash():
            for n in range(101):
                print(f"\rWriting at 0x{n * 4096:08x}... ({n} %)", end="")
            print("\x1b[2K\x1b[1G\x1b]0;flasher\x07done\x1b[31m in red\x1b[0m")
            print("a\tb")
            assert 0, "verify failed"
        """,
    )
    text = output_of(project.record())
    assert "verify failed" in text
    assert text.endswith("─\ndone in red\na       b\n")
    assert "Writing at 0x" not in text.partition("Captured stdout")[2]
    assert "\\x" not in text.partition("Captured stdout")[2]


def test_a_section_can_not_erase_another_one() -> None:
    text = text_of(("first", "important"), ("second", "\x1b[2J\x1b[3J\x1b[H\x1b[99A\x1b[2Jgone?"))
    assert "important\n\n" in text
    assert " second " in text
    assert text.endswith("gone?\n")


@pytest.mark.parametrize("line", ["x" * 70, "ü" * 70, "\r\x1b[33m[CAN0] 0x123\x1b[0m °C", "a\tb"])
def test_long_output_keeps_its_beginning_and_end(line: str) -> None:
    text = "\n".join(["begin", *[line] * 40_000, "end"])
    made = output_file([report(("out", text))], CLEAN, 100_000)
    head, gap, tail = made.decode().partition("… about ")
    assert "begin" in head
    assert tail.endswith("end\n")
    assert "--atlas-output-limit" in gap + tail.splitlines()[0]
    assert 90_000 < len(made) < 100_300
    assert len({*head.splitlines()[2:-1], *tail.splitlines()[2:-1]}) == 1  # no line is cut


def test_a_line_without_an_end_is_bounded() -> None:
    made = output_file([report(("out", "y" * 5_000_000))], CLEAN, 10_000)
    assert 9_000 < len(made) < 10_300


def test_much_progress_takes_no_space() -> None:
    text = text_of(("out", "".join(f"\r{n:9}" for n in range(200_000)) + "\nend"), limit=100_000)
    assert text.endswith("   199999\nend\n")
    assert "not kept" not in text


@pytest.mark.parametrize("offset", range(-len(TOKEN) - 2, 3))
def test_a_cut_leaves_no_part_of_a_secret(offset: int) -> None:
    half = 20_000
    heading = len(text_of(("out", "x"))) - 2
    filler = "-" * (half - heading + offset)
    text = text_of(("out", filler + TOKEN + "-" * 10 * MARGIN + TOKEN + filler), limit=2 * half)
    assert not any(TOKEN[at : at + 4] in text for at in range(len(TOKEN) - 4))


def test_a_secret_that_is_printed_in_parts_is_redacted(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_a.py",
        """
        import os, pytest
        SECRET = os.environ["BENCH_SECRET"]
        @pytest.fixture
        def halves():
            print("set up " + SECRET[:9], end="")
        def test_a(halves):
            print(SECRET[9:])
            for character in SECRET: print(character, end="\\x1b[0m")
            print()
            print("xx" + SECRET[2:], end="\\r"); print(SECRET[:2])
            print("\\n    ".join([SECRET[:5], SECRET[5:]]))
            assert 0
        """,
    )
    ended = project.record(env={"BENCH_SECRET": TOKEN})
    text = output_of(ended)
    assert TOKEN[9:] not in text.replace("\n", "")
    assert TOKEN[:5] not in text
    assert text.count("[redacted]") == 5
    assert "redacted as secret: the value of BENCH_SECRET" in ended.terminal_summary


def test_words_are_not_secret(tmp_path: Path) -> None:
    project = Project(tmp_path).write(
        "test_pw.py", "def test_postgres_up(): assert 0, 'postgres'\ndef test_password_reset(): ..."
    )
    ended = project.record(env={"POSTGRES_PASSWORD": "postgres", "APP_PASSWORD": "password"})
    assert [*ended.steps] == ["test_postgres_up", "test_password_reset"]
    assert "pytest: test_pw.py::test_postgres_up" in ended.steps["test_postgres_up"].text
    assert "[redacted]" not in "".join(path.read_text("utf-8") for path in ended.session.rglob("*") if path.is_file())
    assert not any("redacted" in line for line in ended.terminal_summary)


def test_the_limit_is_a_setting_also_for_workers(tmp_path: Path) -> None:
    project = Project(tmp_path).write("test_a.py", "def test_a():\n    print('line\\n' * 50_000)\n    assert 0")
    for options in ((), ("-n1",)):
        ended = (
            Project(tmp_path / f"p{len(options)}")
            .write("test_a.py", (project.root / "test_a.py").read_text())
            .record("--atlas-output-limit=0.05", *options)
        )
        assert 40_000 < len(output_of(ended)) < 53_000


@pytest.mark.skipif(sys.platform == "win32", reason="the memory of a process is measured by POSIX's getrusage")
def test_much_output_needs_little_more_memory_than_its_size() -> None:
    text = "\r\x1b[33m[CAN0] 0x123 8 11 22 33 44 55 66 77 88\x1b[0m temp=25.3 °C\n" * 1_000_000
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    made = output_file([report(("Captured stdout call", text))], CLEAN, 1 << 20)
    unit = 1 if sys.platform == "darwin" else 1024
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit < len(text) // 2
    assert len(made) <= (1 << 20) + 200


def test_a_section_that_later_reports_repeat_is_kept_once() -> None:
    """A plugin can copy the sections. Two sections with one title and different texts stay separate."""
    text = "bus off at 12.5 s\n" * 3

    def report(when: Literal["call", "teardown"], *texts: str) -> pytest.TestReport:
        sections = [("Captured log", text[:1] + text[1:]) for text in texts]
        return pytest.TestReport("a", ("a", 1, "a"), {}, "passed", None, when, sections)

    reports = [report("call", text), report("teardown", text, "other\n", text[::-1])]
    content = output_file(reports, Cleaner({}), 1 << 20).decode()
    assert content.count(text) == 1
    assert content.count("other\n") == 1
    assert content.count(text[::-1].strip()) == 1


HALF = len(TOKEN) // 2
SPLIT = [
    ("Captured stdout setup", "begin\n" + TOKEN[:HALF]),
    ("Captured stderr setup", "noise"),
    ("Captured stdout call", TOKEN[HALF:] + "\nend"),
]


@pytest.mark.parametrize("size", [0, 20_000])
def test_a_secret_in_two_sections_is_redacted_also_if_another_section_is_between(size: int) -> None:
    (first, begin), noise, (last, end) = SPLIT
    text = text_of((first, "x" * size + begin), noise, (last, end + "x" * size))
    assert TOKEN[:HALF] not in text
    assert TOKEN[HALF:] not in text
    assert text.index("Captured stdout call") < text.index("Captured stderr setup")
    assert all(word in text for word in ("begin", "noise", "end"))


def test_a_secret_in_three_sections_is_redacted() -> None:
    parts = (TOKEN[:6], TOKEN[6:12], TOKEN[12:])
    when = ("setup", "call", "teardown")
    pairs = [[(f"Captured stdout {w}", part), (f"Captured log {w}", "noise")] for w, part in zip(when, parts, strict=True)]
    text = text_of(*(section for pair in pairs for section in pair))
    assert not any(part in text for part in parts)


def test_without_such_a_secret_the_sections_keep_their_order() -> None:
    text = text_of(("Captured stdout setup", TOKEN), ("Captured stderr setup", "noise"), ("Captured stdout call", TOKEN))
    assert text.index("Captured stderr setup") < text.index("Captured stdout call")
    assert TOKEN not in text
