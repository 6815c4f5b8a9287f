"""The page of a data file: previews by type, hostile and damaged content, downloads, windows of traces."""

import json
import os
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

import pytest
from tests.support.web_client import TestClient

from pytest_atlas import server
from pytest_atlas.atlas.operations import Association, CreateCard, CreateRun, CreateStep, RegisterDataFile
from pytest_atlas.descriptions import ColumnLimits, Mark, TraceLimits, render_trace_limits
from pytest_atlas.local import LocalAtlas
from pytest_atlas.server import logs
from pytest_atlas.server.traces.build import build

HOSTILE = '"><script>alert(1)</script>'
SYSTEM = "5b0c0a52-0000-4000-8000-000000000001"
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (16).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0" + b"x" * 60 + b"\0\0\0\0IEND\xaeB`\x82"

Add = Callable[..., str]


@pytest.fixture
def add(atlas: LocalAtlas, tmp_path: Path) -> Add:
    """Register a file of one step, and return its UUID."""
    run = atlas.send(CreateRun(title=f"Nightly {HOSTILE}", system_id=UUID(SYSTEM)))
    card = atlas.send(CreateCard(run_id=run.uuid, title=f"Card {HOSTILE}"))
    step = atlas.send(CreateStep(run_id=run.uuid, card_id=card.uuid, title=f"Step {HOSTILE}", order=1000))
    count = iter(range(1000))

    def add(name: str, content: str | bytes | None, content_type: str = "", url: str = "") -> str:
        if content is not None:
            path = tmp_path / "new"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            url = atlas.objects.put(path, f"{next(count)}-x")
        file = atlas.send(
            RegisterDataFile(
                run_id=run.uuid, file_name=name, s3_url=url, file_size=len(content or ""), content_type=content_type or None,
                associate_with=Association(test_step_id=step.uuid),
            )
        )  # fmt: skip
        return str(file.uuid)

    return add


def page(client: TestClient, uuid: str, query: str = "") -> str:
    response = client.get(f"/files/{uuid}{query}")
    assert response.status_code == 200, response.text
    assert "<script>alert" not in response.text
    assert " style=" not in response.text
    return str(response.text)


# ── previews ─────────────────────────────────────────────────────────────────────────────────────────────────────────

CSV = "t [s],rail [V],gate\n" + "".join(f"{n / 1000},{8 + n % 50 / 10},{n // 300}\n" for n in range(600))


def test_a_trace_is_a_plot_with_units_limits_and_marks_and_a_table(client: TestClient, add: Add) -> None:
    file = add("rail.csv", CSV)
    add(
        "rail.csv.limits.json",
        render_trace_limits(TraceLimits("rail.csv", (ColumnLimits("rail", "V", 7.5, 12.6),), (Mark("trip", 0.3),))),
    )
    text = page(client, file)
    assert "≤ 12.6 V" in text
    assert "≥ 7.5 V" in text
    assert ">trip</text>" in text
    assert ">rail [V]</text>" in text
    assert 'aria-label="rail: 8 V to 12.9 V; limits ≥ 7.5 V, ≤ 12.6 V"' in text
    assert "600 samples at 1 kHz, time in ms" in text
    assert len(re.findall("<tr>", text)) == 201
    assert "the first 200 rows" in text


def test_the_period_in_the_url_is_plotted(client: TestClient, add: Add) -> None:
    text = page(client, add("rail.csv", CSV), "?from=0.1&to=0.2")
    assert 'data-start="0.1" data-end="0.2"' in text
    assert ">140</text>" in text


@pytest.mark.parametrize("query", ["?from=x", "?from=nan&to=inf", "?from=9&to=1", "?page=-1", "?page=99999999999999999999999"])
def test_other_values_in_the_url_are_no_error(client: TestClient, add: Add, query: str) -> None:
    page(client, add("rail.csv", CSV), query)
    page(client, add("a.log", "x\n" * 10), query)


def test_a_corrupt_trace_is_one_line_and_the_table_is_shown(client: TestClient, add: Add) -> None:
    text = page(client, add("notes.csv", "name,state\nbench,armed\n"))
    assert "No plot: " in text
    assert "<td>armed</td>" in text
    assert "<svg" not in text.split("<main")[1].split("</main")[0]


def test_measurements_are_a_table(client: TestClient, add: Add) -> None:
    text = page(client, add("measurements.csv", "test,name,value\na,b,1\n"))
    assert "<td>b</td>" in text
    assert "No plot" not in text


@pytest.mark.parametrize("content", [b"", b"\n", b"\0\1\2", b'"', b"\xff\xfe,\0", b"\x1f\x8b\x08broken"])
@pytest.mark.parametrize(
    "name", ["a.csv", "a.csv.gz", "a.tsv", "a.json", "a.log", "a.png", "a.svg", "a.bin", "a.csv.limits.json"]
)
def test_damaged_content_of_each_kind_is_no_error(client: TestClient, add: Add, name: str, content: bytes) -> None:
    file = add(name, content)
    page(client, file)
    assert client.get(f"/files/{file}/window").status_code == 422
    assert client.get(f"/files/{file}/content").content == content


def test_pictures_are_shown_with_their_size(client: TestClient, add: Add) -> None:
    assert re.search(r'<img src="/files/[^"]+/content" alt="a.png" width="16" height="16">', page(client, add("a.png", PNG)))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PNG[:50], "The picture is incomplete"),
        (PNG[:12] + b"xxxx" + PNG[16:], "The picture has no header"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "The picture is incomplete"),
        (b"GIF89a\x01\0\x01\0", "The picture is incomplete"),
        (b"RIFF\xff\xff\0\0WEBPVP8 ", "The picture is incomplete"),
    ],
)
def test_a_damaged_picture_is_named(client: TestClient, add: Add, content: bytes, words: str) -> None:
    assert words in page(client, add("a.png", content))


def test_an_svg_is_only_an_image(client: TestClient, add: Add) -> None:
    file = add("a.svg", f"<svg xmlns='http://www.w3.org/2000/svg'>{HOSTILE}</svg>", "image/svg+xml")
    assert f'<img src="/files/{file}/content"' in page(client, file)


def test_json_is_folded(client: TestClient, add: Add) -> None:
    text = page(client, add("a.json", json.dumps({"a": [1, {"b": HOSTILE}], "c": None})))
    assert text.count("<details") == 3
    assert text.count("<details open") == 1
    assert "2 entries" in text
    assert "&lt;script&gt;" in text


def test_large_and_deep_json_is_cut(client: TestClient, add: Add) -> None:
    assert "8,000 more" in page(client, add("a.json", json.dumps(list(range(10_000)))))
    assert "shown as text: nested too deeply" in page(client, add("b.json", "[" * 200_000))
    page(client, add("c.json", "[" * 500 + "]" * 500))


def test_text_has_pages_of_lines(client: TestClient, add: Add) -> None:
    file = add("bus.log", "".join(f"line {n} {HOSTILE}\n" for n in range(1, 4502)), "text/plain")
    first = page(client, file)
    assert 'id="L2000"' in first
    assert 'id="L2001"' not in first
    assert "page 1 of 3" in first
    last = page(client, file, "?page=last")
    assert 'id="L4501"' in last
    assert 'id="L4000"' not in last
    assert 'rel="next"' not in last


def test_lines_are_found_and_highlighted(client: TestClient, add: Add) -> None:
    file = add("bus.log", "".join(f"frame {n}\n" for n in range(5000)) + "<b>Error</b> in frame\n", "text/plain")
    text = page(client, file, "?q=ERROR")
    assert "1 line with" in text
    assert "&lt;b&gt;<mark>Error</mark>&lt;/b&gt;" in text
    assert f'href="?page={5001 // logs.LINES + 1}#L5001"' in text
    assert "No line has this text" in page(client, file, "?q=nothing")


def test_a_large_trace_is_read_in_the_background_while_the_page_reloads(
    client: TestClient, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_atlas.server.pages.trace.MAX_TRACE_BYTES", 100)
    may_read = threading.Event()

    def slow(file: BinaryIO, directory: Path, *, is_gzip: bool) -> None:
        assert may_read.wait(30)
        build(file, directory, is_gzip=is_gzip)

    monkeypatch.setattr("pytest_atlas.server.traces.cache.build", slow)
    file = add("rail.csv", CSV)
    for _ in range(2):
        text = page(client, file)
        assert "The trace is being read once" in text
        assert 'http-equiv="refresh"' in text
        assert "<td>8.1</td>" in text
    may_read.set()
    assert client.get(f"/files/{file}/window").status_code == 200  # waits until it is read
    text = page(client, file)
    assert "data-trace" in text
    assert "refresh" not in text


def test_a_large_file_that_is_no_trace_ends_to_reload(client: TestClient, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_atlas.server.pages.trace.MAX_TRACE_BYTES", 100)
    file = add("notes.csv", "only,text\n" * 100)
    page(client, file)
    assert client.get(f"/files/{file}/window").status_code == 422
    assert "No plot: " in page(client, file)


def test_a_search_that_ended_early_continues_with_a_link(client: TestClient, add: Add, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_MATCHES", 1)
    file = add("bus.log", "".join(f"{n} {'hit' if n % 3000 == 0 else ''}\n" for n in range(1, 7001)), "text/plain")
    first = page(client, file, "?q=hit")
    assert 'id="L3000"' in first
    assert 'href="?q=hit&amp;page=2"' in first
    second = page(client, file, "?q=hit&page=3")
    assert 'id="L6000"' in second
    assert "No line of these pages has this text" in page(client, file, "?q=none&page=2")


def test_a_large_trace_whose_arrays_can_not_be_written_ends_to_reload(
    client: TestClient, add: Add, monkeypatch: pytest.MonkeyPatch, atlas: LocalAtlas
) -> None:
    monkeypatch.setattr("pytest_atlas.server.pages.trace.MAX_TRACE_BYTES", 100)
    (atlas.path.parent / "cache").write_text("a file in the place of the directory")
    file = add("rail.csv", CSV)
    deadline = time.monotonic() + 30
    while "refresh" in (text := page(client, file)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "No plot: its arrays can&#39;t be written: " in text


def test_the_script_of_traces_is_small() -> None:
    assert len((Path(server.__file__).parent / "static" / "trace.js").read_bytes()) <= 8192


# ── content ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "declared", "content", "kind", "shown"),
    [
        ("a.html", "text/html", "<script>alert(1)</script>", "application/octet-stream", "attachment"),
        ("a.png", "image/png", PNG, "image/png", "inline"),
        ("a.png", "text/html", PNG, "image/png", "inline"),
        ("a.png", "image/png", "<script>", "application/octet-stream", "attachment"),
        ("a.svg", "image/svg+xml", "<svg/>", "image/svg+xml", "attachment"),
        ("a.txt", "text/plain", "<script>", "text/plain; charset=utf-8", "inline"),
        ("a.txt", "text/plain", b"\0\1", "application/octet-stream", "attachment"),
        ("a.csv", "text/csv", CSV, "application/octet-stream", "attachment"),
        ("a.js", "text/javascript", "alert(1)", "application/octet-stream", "attachment"),
        ("a.pdf", "application/pdf", "%PDF", "application/octet-stream", "attachment"),
    ],
)
def test_content_is_never_a_page_of_this_server(
    client: TestClient, add: Add, name: str, declared: str, content: str | bytes, kind: str, shown: str
) -> None:
    file = add(name, content, declared)
    response = client.get(f"/files/{file}/content")
    assert response.content == (content.encode() if isinstance(content, str) else content)
    assert response.headers["content-type"] == kind
    assert response.headers["content-disposition"] == f"{shown}; filename*=UTF-8''{name}"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]
    assert "script-src" not in response.headers["content-security-policy"]
    download = client.get(f"/files/{file}/content?download")
    assert download.headers["content-disposition"].startswith("attachment")


def test_a_hostile_file_name_stays_in_its_header(client: TestClient, add: Add) -> None:
    file = add('a"\r\nX: y;ü.csv', CSV)
    response = client.get(f"/files/{file}/content")
    assert "x" not in response.headers
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''a%22%0D%0AX%3A%20y%3B%C3%BC.csv"
    page(client, file)


def test_a_file_in_s3_names_its_place(client: TestClient, add: Add) -> None:
    file = add("bus.blf", None, url="s3://bench/hil/42/bus.blf")
    text = page(client, file)
    assert "is not in the local Atlas" in text
    assert "aws s3 cp &#39;s3://bench/hil/42/bus.blf&#39; ." in text
    assert client.get(f"/files/{file}/content").status_code == 404
    assert client.get(f"/files/{file}/window").status_code == 404


def test_a_missing_object_is_named(client: TestClient, add: Add, atlas: LocalAtlas) -> None:
    file = add("rail.csv", CSV)
    (path,) = (one for one in atlas.objects.directory.rglob("*") if one.is_file())
    path.unlink()
    text = page(client, file)
    assert "is missing in the local Atlas" in text
    assert str(path) in text
    assert client.get(f"/files/{file}/content").status_code == 404
    assert client.get(f"/files/{file}/window").json()["error"] == "the content of this file is missing"


def test_an_object_that_became_a_link_is_not_followed(client: TestClient, add: Add, atlas: LocalAtlas, tmp_path: Path) -> None:
    file = add("notes.txt", "mine", "text/plain")
    (path,) = (one for one in atlas.objects.directory.rglob("*") if one.is_file())
    (tmp_path / "secret").write_text("secret")
    path.unlink()
    path.symlink_to(tmp_path / "secret")
    assert "secret" not in client.get(f"/files/{file}").text.replace(str(tmp_path), "")
    assert client.get(f"/files/{file}/content").status_code in (404, 500)


@pytest.mark.parametrize("uuid", ["0", "5b0c0a52-0000-4000-8000-000000000009", "%00", "x" * 300])
def test_an_unknown_file_is_a_page_that_says_so(client: TestClient, uuid: str) -> None:
    response = client.get(f"/files/{uuid}")
    assert response.status_code == 404
    assert "There is no data file with this UUID" in response.text


# ── windows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_window_has_values_and_axes(client: TestClient, add: Add) -> None:
    found = client.get(f"/files/{add('rail.csv', CSV)}/window?columns=0&from=0.1&to=0.105&width=500").json()
    assert found["exact"]
    assert found["at"] == [0.099, 0.1, 0.101, 0.102, 0.103, 0.104, 0.105, 0.106]
    assert found["low"] == [[12.9, 8.0, 8.1, 8.2, 8.3, 8.4, 8.5, 8.6]]
    assert (found["unit"], found["scale"]) == ("ms", 1000)
    assert [text for _, text in found["ticks"]] == ["101", "102", "103", "104"]


def test_values_that_are_no_numbers_are_null(client: TestClient, add: Add) -> None:
    file = add("a.csv", "t,a\n0,1\n1,nan\n2,inf\n3,2\n")
    found = client.get(f"/files/{file}/window").json()
    assert found["low"] == [[1.0, None, None, 2.0]]


@pytest.mark.parametrize("query", ["columns=7", "columns=-1", "columns=x", "columns=0,0,0,0"])
def test_a_wrong_window_is_an_error_object(client: TestClient, add: Add, query: str) -> None:
    response = client.get(f"/files/{add('rail.csv', CSV)}/window?{query}")
    assert response.status_code == 422
    assert response.json()["error"]


def test_the_trace_is_read_once(client: TestClient, add: Add, monkeypatch: pytest.MonkeyPatch, atlas: LocalAtlas) -> None:
    built: list[object] = []

    def counted(file: BinaryIO, directory: Path, *, is_gzip: bool) -> None:
        built.append(file)
        build(file, directory, is_gzip=is_gzip)

    monkeypatch.setattr("pytest_atlas.server.traces.cache.build", counted)
    file = add("rail.csv", CSV)
    for _ in range(3):
        page(client, file)
        client.get(f"/files/{file}/window")
    assert len(built) == 1
    assert len(os.listdir(atlas.path.parent / "cache")) == 1
