"""find_run, iter_steps and download, against a LocalAtlas, its HTTP server, and S3."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from tests.support.s3 import CREDENTIALS, served_s3
from tests.support.served_atlas import TOKEN, served_atlas

from pytest_atlas.atlas import (
    AsyncAtlasClient,
    AtlasClient,
    Card,
    CreateCard,
    CreateRun,
    CreateStep,
    DataFile,
    DownloadError,
    GetRun,
    ListRuns,
    NotFound,
    Operation,
    Page,
    RegisterDataFile,
    Run,
    RunNotFound,
    RunSummary,
    Step,
    UpdateStep,
    download,
    find_run,
    find_run_async,
    iter_steps,
)
from pytest_atlas.base.file_names import MAX_NAME_BYTES
from pytest_atlas.local import LocalAtlas

SYSTEM = "5b0c0a52-93c8-4d0e-a2c4-0f6f4d6d1c11"


@pytest.fixture
def atlas(tmp_path: Path) -> Iterator[LocalAtlas]:
    with LocalAtlas(tmp_path / "atlas.db", create=True) as atlas:
        yield atlas


class Listing:
    """An Atlas that lists these runs and keeps the sent operations."""

    def __init__(self, *runs: RunSummary) -> None:
        self.runs = runs
        self.sent: list[Operation[Any]] = []

    def send(self, operation: Operation[Any], /) -> Any:
        self.sent.append(operation)
        if isinstance(operation, ListRuns):
            return Page[RunSummary](items=list(self.runs), count=len(self.runs))
        assert isinstance(operation, GetRun)
        return Run(uuid=str(operation.run_id))


@pytest.mark.parametrize("reference", ["TR-0001", "tr-0001", " TR-0001 "])
def test_find_run_reads_a_run_by_its_reference(atlas: LocalAtlas, reference: str) -> None:
    made = atlas.send(CreateRun(title="Nightly", system_id=SYSTEM))
    atlas.send(CreateRun(title="Weekly", system_id=SYSTEM))
    assert find_run(atlas, reference) == find_run(atlas, reference, SYSTEM) == made


def test_find_run_accepts_a_uuid_and_lists_nothing() -> None:
    uuid = uuid4()
    for given in (uuid, str(uuid), uuid.hex.upper(), f" {uuid} "):
        atlas = Listing()
        assert find_run(atlas, given).uuid == str(uuid)
        assert atlas.sent == [GetRun(run_id=uuid)]


def test_find_run_lists_the_runs_of_the_given_system_and_never_sends_the_reference() -> None:
    uuid = str(uuid4())
    atlas = Listing(RunSummary(uuid=uuid, test_run_id="TR-0042"))
    find_run(atlas, "TR-0042", UUID(SYSTEM))
    assert atlas.sent == [ListRuns(system_id=SYSTEM), GetRun(run_id=uuid)]


@pytest.mark.parametrize(
    ("uuids", "problem"),
    {
        "none": ([], "no run has the reference 'TR-0042'; 1 runs were listed"),
        "several": ([str(UUID(int=1)), str(UUID(int=2))], f"2 runs have the reference 'TR-0042': {UUID(int=1)}, {UUID(int=2)}"),
        "not a UUID": (["run-7"], "has the id 'run-7', which is not a UUID"),
    }.values(),
    ids=["none", "several", "not a UUID"],
)
def test_find_run_names_the_problem_if_there_is_not_exactly_one_run(uuids: list[str], problem: str) -> None:
    atlas = Listing(
        RunSummary(uuid=str(uuid4()), test_run_id="TR-1"), *(RunSummary(uuid=u, test_run_id="TR-0042") for u in uuids)
    )
    with pytest.raises(RunNotFound, match=problem):
        find_run(atlas, "TR-0042")
    assert atlas.sent == [ListRuns()]


def test_an_empty_reference_matches_no_run() -> None:
    with pytest.raises(RunNotFound):
        find_run(Listing(RunSummary(uuid=str(uuid4()))), "")


def test_find_run_names_the_system_without_the_run(atlas: LocalAtlas) -> None:
    atlas.send(CreateRun(title="Nightly", system_id=uuid4()))
    with pytest.raises(RunNotFound, match=f"no run of system {SYSTEM} has the reference 'TR-0001'"):
        find_run(atlas, "TR-0001", SYSTEM)


def test_find_run_works_over_http_with_both_clients(tmp_path: Path) -> None:
    with served_atlas(tmp_path) as served:
        made = served.atlas.send(CreateRun(title="Nightly", system_id=SYSTEM))
        with AtlasClient(served.url, TOKEN) as client:
            assert find_run(client, made.test_run_id, made.system_id) == made
            with pytest.raises(NotFound):
                find_run(client, uuid4())

        async def found() -> tuple[Run, Run]:
            async with AsyncAtlasClient(served.url, TOKEN) as client:
                by_reference = await find_run_async(client, made.test_run_id, SYSTEM)
                return by_reference, await find_run_async(client, made.uuid)

        assert asyncio.run(found()) == (made, made)


def test_iter_steps_yields_cards_and_steps_in_display_order() -> None:
    def step(title: str, order: int | None, **more: Any) -> Step:
        return Step(uuid=title, title=title, order=order, **more)

    second = Card(uuid="b", order=2, test_steps=[step("b2", None, execution_status="failed"), step("b1", 1)])
    first = Card(
        uuid="a", order=1, test_steps=[step("a1", 0, execution_status="failed"), step("a2", 1, execution_status="odd")]
    )
    run = Run(uuid="r", test_cards=[second, first])
    assert [(card.uuid, step.title) for card, step in iter_steps(run)] == [("a", "a1"), ("a", "a2"), ("b", "b1"), ("b", "b2")]
    assert [(card.uuid, step.title) for card, step in iter_steps(run, status="failed")] == [("a", "a1"), ("b", "b2")]
    assert list(iter_steps(Run(uuid="r"), status="failed")) == []


def registered(atlas: LocalAtlas, tmp_path: Path, name: str = "trace.csv", content: bytes = b"t,y\n0,1\n") -> DataFile:
    source = tmp_path / "source"
    source.write_bytes(content)
    run = atlas.send(CreateRun(title="Nightly", system_id=SYSTEM))
    url = atlas.objects.put(source, f"{run.uuid}/key")
    return atlas.send(RegisterDataFile(run_id=run.uuid, file_name=name, s3_url=url, file_size=len(content)))


def test_a_file_of_a_local_atlas_is_downloaded_without_boto3(
    atlas: LocalAtlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = registered(atlas, tmp_path)
    monkeypatch.setitem(sys.modules, "boto3", None)
    path = download(atlas, file, tmp_path / "new" / "directory")
    assert path == tmp_path / "new" / "directory" / "trace.csv"
    assert path.read_bytes() == b"t,y\n0,1\n"
    assert os.listdir(path.parent) == ["trace.csv"]
    assert download(atlas, file, str(path.parent), name="other.csv").read_bytes() == b"t,y\n0,1\n"


def test_a_download_never_replaces_a_file(atlas: LocalAtlas, tmp_path: Path) -> None:
    file = registered(atlas, tmp_path)
    directory = tmp_path / "downloads"
    directory.mkdir()
    (directory / "trace.csv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"trace\.csv exists and is not replaced"):
        download(atlas, file, directory)
    assert (directory / "trace.csv").read_text() == "mine"
    assert os.listdir(directory) == ["trace.csv"]


def test_a_download_replaces_nothing_that_appears_meanwhile(
    atlas: LocalAtlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, directory = registered(atlas, tmp_path), tmp_path / "downloads"
    opened = atlas.objects.open

    def appear(url: str) -> Any:
        (directory / "trace.csv").write_text("mine")
        return opened(url)

    monkeypatch.setattr(atlas.objects, "open", appear)
    with pytest.raises(FileExistsError, match="is not replaced"):
        download(atlas, file, directory)
    assert [path.read_text() for path in directory.iterdir()] == ["mine"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_a_download_never_writes_through_a_link(atlas: LocalAtlas, tmp_path: Path) -> None:
    file, directory = registered(atlas, tmp_path), tmp_path / "downloads"
    directory.mkdir()
    (directory / "trace.csv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FileExistsError):
        download(atlas, file, directory)
    assert not (tmp_path / "elsewhere").exists()


NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\boot.ini": "boot.ini",
    "/abs/trace.csv": "trace.csv",
    "C:\\bench\\trace.csv": "trace.csv",
    "C:trace.csv": "C_trace.csv",
    "..": "file-7",
    "": "file-7",
    "a/": "file-7",
    " .. . ": "file-7",
    ".bashrc": "_.bashrc",
    "CON": "_CON",
    "nul.txt": "_nul.txt",
    "COM¹.csv": "_COM¹.csv",
    "console.csv": "console.csv",
    "trace.csv. . ": "trace.csv",
    "a\x00b\nc\u202egpj.exe": "a_b_c_gpj.exe",
    "a:stream|?*.csv": "a_stream___.csv",
    "\ud800.csv": "_.csv",
    "Prüfstand 7 – Lauf.csv": "Prüfstand 7 – Lauf.csv",
}


@pytest.mark.parametrize(("name", "safe"), NAMES.items())
def test_a_name_from_a_server_becomes_one_safe_file_name(atlas: LocalAtlas, tmp_path: Path, name: str, safe: str) -> None:
    file = registered(atlas, tmp_path).model_copy(update={"file_name": name, "uuid": "7"})
    path = download(atlas, file, tmp_path / "downloads")
    assert path == tmp_path / "downloads" / safe
    assert os.listdir(tmp_path / "downloads") == [safe]


@pytest.mark.parametrize("name", ["ü" * 300 + ".csv", "x" * 300, "." + "y" * 300, "a." + "z" * 300])
def test_a_long_name_is_cut(atlas: LocalAtlas, tmp_path: Path, name: str) -> None:
    cut = download(atlas, registered(atlas, tmp_path), tmp_path / "downloads", name=name).name
    assert 100 < len(cut.encode()) <= MAX_NAME_BYTES
    assert not cut.startswith(".")
    assert not name.endswith(".csv") or (cut.startswith("üüü") and cut.endswith(".csv"))


@pytest.mark.parametrize("url", ["https://bench/key", "s3://bucket", "s3:///key", "file:///etc/passwd", ""])
def test_only_s3_urls_are_downloaded(atlas: LocalAtlas, tmp_path: Path, url: str) -> None:
    file = DataFile(uuid="7", file_name="a", s3_url=url)
    with pytest.raises(DownloadError, match="is not an s3:// URL of an object"):
        download(atlas, file, tmp_path / "downloads")
    assert not list((tmp_path / "downloads").iterdir())


def test_a_file_of_another_local_atlas_is_named_with_the_remedy(atlas: LocalAtlas, tmp_path: Path) -> None:
    with (
        LocalAtlas(tmp_path / "other" / "atlas.db", create=True) as other,
        pytest.raises(DownloadError, match="Open this local Atlas with LocalAtlas"),
    ):
        download(other, registered(atlas, tmp_path), tmp_path / "downloads")


def test_a_file_that_is_missing_in_the_local_atlas_is_named(atlas: LocalAtlas, tmp_path: Path) -> None:
    file = registered(atlas, tmp_path)
    atlas.objects.remove(file.s3_url)
    with pytest.raises(DownloadError, match=r"'trace\.csv' from s3://local-atlas-.* could not be downloaded"):
        download(atlas, file, tmp_path / "downloads")


def test_a_file_in_s3_is_downloaded_and_an_error_leaves_nothing(
    atlas: LocalAtlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**CREDENTIALS, "AWS_DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    with served_s3() as s3:
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3.url)
        s3.make_bucket("bench")
        s3.client.put_object(Bucket="bench", Key="a b/trace.csv", Body=b"1\n" * 100_000)
        file = DataFile(uuid="7", file_name="trace.csv", s3_url="s3://bench/a b/trace.csv")
        assert download(atlas, file, tmp_path / "downloads").read_bytes() == b"1\n" * 100_000
        gone = DataFile(uuid="8", file_name="gone.csv", s3_url="s3://bench/gone.csv")
        with pytest.raises(DownloadError, match=r"'gone\.csv' could not be read from s3://bench/gone\.csv: .*NoSuchKey"):
            download(atlas, gone, tmp_path / "downloads")
    assert os.listdir(tmp_path / "downloads") == ["trace.csv"]


def test_without_boto3_an_s3_file_has_an_error_with_the_remedy(
    atlas: LocalAtlas, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(DownloadError, match="pip install boto3"):
        download(atlas, DataFile(uuid="7", file_name="a", s3_url="s3://bench/a"), tmp_path)


def test_ids_of_responses_are_accepted_without_conversion(atlas: LocalAtlas) -> None:
    run = atlas.send(CreateRun(title="Nightly", system_id=SYSTEM))
    card = atlas.send(CreateCard(run_id=run.uuid, title="Overvoltage"))
    step = atlas.send(CreateStep(run_id=run.uuid, card_id=card.uuid, title="Apply 13 V"))
    atlas.send(UpdateStep(run_id=run.uuid, card_id=card.uuid, step_id=step.uuid, execution_status="failed"))
    (summary,) = atlas.send(ListRuns(system_id=run.system_id)).items
    ((found_card, found_step),) = iter_steps(atlas.send(GetRun(run_id=summary.uuid)), status="failed")
    assert (found_card.uuid, found_step.uuid) == (card.uuid, step.uuid)
