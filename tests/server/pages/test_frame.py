"""The frame of all pages: static files, errors, escaping."""

import hashlib
import re
import tomllib
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.responses import Response
from tests.support.web_client import TestClient

from pytest_atlas.local import LocalAtlas, StoreError
from pytest_atlas.local.views.connection import TooSlow, Views
from pytest_atlas.server.pages import app as page_app
from pytest_atlas.server.pages import formats
from pytest_atlas.server.pages.frame import NotFound, PageError, Pages, environment, route
from pytest_atlas.server.pages.static import ASSETS, ROOT

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>{{ 7*7 }}\u202e"


def links(html: str) -> list[str]:
    return re.findall(r'(?:href|src)="([^"]+)"', html)


def test_every_static_file_of_a_page_is_served_and_kept_by_browsers(client: TestClient) -> None:
    found = [link for link in links(client.get("/no/such/page").text) if link.startswith("/static/")]
    assert {link.rpartition("/")[2] for link in found} >= {"style.css", "page.js", "htmx-4.0.1.min.js"}
    for link in found:
        answer = client.get(link)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith(("text/css", "text/javascript", "image/svg+xml"))


def test_a_static_file_with_an_old_version_is_not_kept(client: TestClient) -> None:
    assert client.get("/static/old/style.css").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["vendor/vendor.toml", "../pages/frame.py", "%2e%2e/app.py", "x.css", "vendor/htmx-4.0.1.LICENSE"]
)
def test_only_scripts_and_styles_are_served(client: TestClient, name: str) -> None:
    assert client.get(f"/static/{ASSETS.version}/{name}").status_code == 404


def test_vendored_files_are_unchanged_and_listed_with_their_licences() -> None:
    listed = tomllib.loads((ROOT / "vendor" / "vendor.toml").read_text("utf-8"))["file"]
    hashes = {file["file"]: file["sha256"] for file in listed}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (ROOT / "vendor").iterdir()}
    del found["vendor.toml"]
    assert found == hashes
    packages = {(file["package"], file["version"]) for file in listed}
    assert packages == {("htmx.org", "4.0.1"), ("uplot", "1.6.32")}
    for package, version in packages:
        assert any(f["path"] == "LICENSE" for f in listed if (f["package"], f["version"]) == (package, version))


def test_own_scripts_and_styles_are_small() -> None:
    assert len(ASSETS.files["page.js"]) <= 8000
    assert len(ASSETS.files["style.css"]) <= 32000


def test_templates_and_scripts_have_no_inline_style_or_script() -> None:
    """The content security policy blocks them."""
    for path in (ROOT.parent / "templates").iterdir():
        text = path.read_text("utf-8")
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:|\|\s*safe", text), path.name
        assert not re.search(r"<script(?![^>]* src=)", text), path.name
        assert "https://" not in text, path.name


def serving(atlas: LocalAtlas, error: Exception) -> TestClient:
    """Return a client of an application with one page, which raises `error`."""

    def broken(_: Request, __: Pages) -> Response:
        raise error

    made = page_app.page_app(Pages(atlas, Views(atlas.path)), [route("/broken", broken)])
    return TestClient(made, base_url="http://localhost", raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("error", "status", "shown"),
    [
        (NotFound("This run does not exist", HOSTILE, "It may have been deleted."), 404, "This run does not exist"),
        (PageError("The file is corrupt", HOSTILE, "Record it again."), 500, "The file is corrupt"),
        (TooSlow(1.0), 503, "longer than a second"),
        (StoreError(Path("/x/atlas.db"), f"has version 99; {HOSTILE}"), 503, "has version 99"),
        (RuntimeError(HOSTILE), 500, "an error in pytest-atlas"),
    ],
)
def test_an_error_is_a_page_with_problem_object_and_remedy(
    atlas: LocalAtlas, error: Exception, status: int, shown: str
) -> None:
    answer = serving(atlas, error).get("/broken")
    assert (answer.status_code, shown in answer.text) == (status, True)
    assert "Local Atlas" in answer.text, "the frame"
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert "49" not in re.sub(r"<[^>]*>", "", answer.text).replace("7*7", "")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_an_unknown_path_is_a_page(client: TestClient) -> None:
    answer = client.get("/no/such/page")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "/no/such/page" in answer.text


def test_an_unknown_path_of_the_api_is_json(client: TestClient) -> None:
    assert client.get("/api/v1/x").json() == {"detail": "Not Found"}
    assert client.get("/api/x").json() == {"detail": "Not Found"}


def test_a_wrong_method_is_a_page(client: TestClient) -> None:
    assert client.put("/", headers={"Origin": "http://localhost:8765"}).status_code == 405


def test_a_misspelt_name_in_a_template_is_an_error() -> None:
    with pytest.raises(Exception, match="undefined"):
        environment().from_string("{{ mispelt }}").render()


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(None, ""), (0, "0 ms"), (12_300, "12 ms"), (999_600, "1.0 s"), (8_900_000, "8.9 s"), (59_960_000, "1 min 00 s"),
     (76_000_000, "1 min 16 s"), (7_500_000_000, "2 h 05 min")],
)  # fmt: skip
def test_durations(microseconds: int | None, text: str) -> None:
    assert formats.duration(microseconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (37_500, "37.5 kB"),
        (999_999, "1 MB"),
        (1_000_000, "1 MB"),
        (2 << 30, "2.15 GB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    assert formats.size(count) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, ""), (0.063, "6.3 %"), (-0.11, "\u221211 %"), (0.0041, "0.41 %"), (0.996, "100 %"), (0.0, "0 %")]
)
def test_shares(share: float | None, text: str) -> None:
    assert formats.percent(share) == text
