"""Windows of traces: extremes of each pixel, periods, columns without numbers, the cache, damaged files."""

import io
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_atlas.analysis.reading import UnreadableError
from pytest_atlas.server.traces import build as building
from pytest_atlas.server.traces import cache as caching
from pytest_atlas.server.traces import read as reading
from pytest_atlas.server.traces.build import build
from pytest_atlas.server.traces.cache import TraceCache
from pytest_atlas.server.traces.pyramid import SAMPLES, Array, Pyramid

Make = Callable[..., Pyramid]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(text: str | bytes, *, is_gzip: bool = False) -> Pyramid:
        directory = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        directory.mkdir()
        build(io.BytesIO(text.encode() if isinstance(text, str) else text), directory, is_gzip=is_gzip)
        return Pyramid(directory)

    return make


def csv(times: Array, *columns: Array, header: str = "t [s],rail [V]") -> str:
    rows = zip(times.tolist(), *(column.tolist() for column in columns), strict=True)
    return "\n".join([header, *(",".join(map(repr, row)) for row in rows), ""])


def test_columns_units_extremes_and_the_period_are_known(make: Make) -> None:
    found = make("t [ms],rail [V],gate\n0,12.5,1\n1,8.25,1\n2,nan,0\n").description
    assert (found.rows, found.start, found.end, found.rate) == (3, 0, 2, 1)
    assert found.time is not None
    assert found.time.unit == "ms"
    assert [(c.label, c.low, c.high) for c in found.columns] == [("rail [V]", 8.25, 12.5), ("gate", 0, 1)]


@pytest.mark.parametrize("width", [1, 10, 333, 1000, 4096])
def test_a_spike_of_one_sample_is_visible_at_each_width(make: Make, width: int) -> None:
    values = np.zeros(100_000)
    values[33_333], values[66_666] = 5.0, -3.0
    pyramid = make(csv(np.arange(100_000) / 1000, values))
    for start, end in [(None, None), (0, 99.999), (33.0, 34.0), (33.3, 33.4), (20.0, 70.0)]:
        found = pyramid.window([0], start, end, width)
        assert found.high[0].max() == 5.0
        assert len(found.at) <= 2 * width + 2


@settings(max_examples=40, deadline=None)
@given(st.integers(3, 3000), st.integers(1, 80), st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_a_window_has_the_extremes_of_each_pixel(
    tmp_path_factory: pytest.TempPathFactory, rows: int, width: int, one: float, other: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    times, values = np.cumsum(random.random(rows) ** 4), random.normal(size=rows)
    directory = tmp_path_factory.mktemp("trace")
    build(io.BytesIO(csv(times, values).encode()), directory, is_gzip=False)
    pyramid = Pyramid(directory)
    start, end = (times[0] + share * (times[-1] - times[0]) for share in sorted((one, other)))
    found = pyramid.window([0], start, end, width)
    inside = values[(times >= found.start) & (times <= found.end)]
    assert found.samples == len(inside)
    if len(inside):
        assert found.low[0].min() <= inside.min()
        assert found.high[0].max() >= inside.max()
    if not found.is_exact:
        edges = np.linspace(found.start, found.end, width + 1)
        pixel = np.clip(np.searchsorted(edges, times, "right") - 1, 0, width - 1)
        centres = np.searchsorted(edges, found.at, "right") - 1
        for n, low, high in zip(centres, found.low[0], found.high[0], strict=True):
            here = values[(pixel == n) & (times >= found.start) & (times <= found.end)]
            assert (low, high) == (here.min(), here.max())


def test_the_pyramid_is_used_for_many_samples_per_pixel_and_agrees_with_the_samples(make: Make) -> None:
    values = np.random.default_rng(7).normal(size=200_000)
    found = make(csv(np.arange(200_000.0), values)).window([0], None, None, 100)
    edges = np.ceil(np.linspace(0, 199_999, 101)).astype(int) // SAMPLES * SAMPLES
    edges[-1] = 200_000
    assert found.high[0].tolist() == [values[a:b].max() for a, b in itertools.pairwise(edges)]
    assert found.low[0].tolist() == [values[a:b].min() for a, b in itertools.pairwise(edges)]


def test_a_gap_in_the_times_has_no_values(make: Make) -> None:
    times = np.concatenate([np.arange(5000), np.arange(8000, 13_000)]) / 1.0
    found = make(csv(times, np.ones(10_000))).window([0], None, None, 100)
    assert not ((found.at > 5100) & (found.at < 7900)).any()


def test_missing_values_are_left_out_of_the_extremes(make: Make) -> None:
    values = np.where(np.arange(10_000) % 3 == 0, np.nan, 2.0)
    found = make(csv(np.arange(10_000.0), values)).window([0], None, None, 50)
    assert found.low[0].tolist() == found.high[0].tolist() == [2.0] * 50


def test_a_file_without_times_and_one_whose_times_do_not_increase_are_numbered(make: Make) -> None:
    assert make("a,b\n1,2\n3,4\n").description.time is None
    found = make("t,b\n1,2\n2,4\n3,4\n4,1\n2,4\n").description
    assert found.time is None
    assert found.remarks == (building.NUMBERED,)
    assert found.end == 4


def test_dates_are_seconds_decimal_commas_and_text_columns_are_read(make: Make) -> None:
    dates = make("time,rail\n2026-11-26 12:00:00,1\n2026-11-26 12:00:01.5,2\n")
    assert dates.window([0]).at.tolist() == [1795694400.0, 1795694401.5]
    commas = make("t;rail;state\n0,5;1,25;CC\n1,5;2,5;CV\n")
    assert [column.name for column in commas.description.columns] == ["rail"]
    assert commas.window([0]).low[0].tolist() == [1.25, 2.5]


def test_rows_of_another_length_are_left_out_and_counted(make: Make) -> None:
    rows = "".join(f"{n},{n}\n" for n in range(100))
    found = make(f"t,a\n{rows}100,1,7\n101\n\n102,x\n103,\n").description
    assert found.rows == 102
    assert found.remarks == ("2 rows of another length left out",)


def test_blocks_do_not_change_the_result(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    text = csv(np.arange(1000.0), np.random.default_rng(1).normal(size=1000)) + "x,y\n" + "1000.5,3\n" * 3
    whole = make(text)
    monkeypatch.setattr(reading, "BLOCK_ROWS", 97)
    monkeypatch.setattr(reading, "READ_CHARACTERS", 1000)
    parts = make(text)
    assert parts.description == whole.description
    for width in (5, 50, 5000):
        one, other = (pyramid.window([0], None, None, width) for pyramid in (whole, parts))
        np.testing.assert_array_equal(one.low[0], other.low[0])
        np.testing.assert_array_equal(one.high[0], other.high[0])


@pytest.mark.parametrize(
    "content",
    [b"", b"\n\n", b"a,b\n", b"\0\1\2" * 1000, b"name,value\nx,y\nz,w\n", b"x" * 400_000, b'"a\n', b"\x89PNG\r\n\x1a\n\0\0\0"],
    ids=["empty", "blank", "no rows", "binary", "text", "endless line", "quote", "picture"],
)
def test_a_file_that_is_no_trace_is_an_error_with_a_reason(make: Make, content: bytes) -> None:
    with pytest.raises(UnreadableError) as raised:
        make(content)
    assert str(raised.value)


def test_a_damaged_gzip_file_is_an_error(make: Make) -> None:
    with pytest.raises(UnreadableError, match="unreadable"):
        make(b"t,a\n1,2\n", is_gzip=True)


def test_a_file_that_is_too_large_is_an_error(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 1000)
    with pytest.raises(UnreadableError, match="more than 0 MiB"):
        make("t,a\n" + "1,2\n" * 1000)


# ── the cache ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def rail(tmp_path: Path) -> Path:
    path = tmp_path / "rail.csv"
    path.write_text("t,a\n0,1\n1,2\n")
    return path


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The directories that were built."""
    found: list[Path] = []

    def counted(file: io.BufferedReader, directory: Path, *, is_gzip: bool) -> None:
        found.append(directory)
        build(file, directory, is_gzip=is_gzip)

    monkeypatch.setattr(caching, "build", counted)
    return found


def get(cache: TraceCache, path: Path) -> Pyramid:
    with path.open("rb") as file:
        return cache.get("url", file)


def test_a_file_is_read_once_also_by_later_processes(tmp_path: Path, rail: Path, built: list[Path]) -> None:
    cache = TraceCache(tmp_path / ".atlas" / "cache")
    with rail.open("rb") as file:
        assert not cache.is_ready("url", file)
        assert cache.get("url", file) is cache.get("url", file)
        later = TraceCache(cache.directory)
        assert later.is_ready("url", file)
    assert get(later, rail).window([0]).low[0].tolist() == [1, 2]
    assert len(built) == 1
    (directory,) = cache.directory.iterdir()
    assert len(directory.name) == 64


def test_a_file_that_changed_is_read_again(tmp_path: Path, rail: Path, built: list[Path]) -> None:
    cache = TraceCache(tmp_path / ".atlas" / "cache")
    get(cache, rail)
    rail.write_text("t,a\n0,7\n1,8\n2,9\n")
    assert get(cache, rail).window([0]).low[0].tolist() == [7, 8, 9]
    assert len(built) == 2


@pytest.mark.parametrize("damage", ["truncated", "missing", "no json", "other version", "link"])
def test_a_damaged_directory_is_built_again(tmp_path: Path, rail: Path, built: list[Path], damage: str) -> None:
    cache = TraceCache(tmp_path / ".atlas" / "cache")
    get(cache, rail)
    (directory,) = cache.directory.iterdir()
    match damage:
        case "truncated":
            os.truncate(directory / "0.npy", 100)
        case "missing":
            (directory / "0.low.npy").unlink()
        case "no json":
            (directory / "trace.json").write_text("{")
        case "other version":
            (directory / "trace.json").write_text('{"version": 0}')
        case "link":
            (directory / "0.npy").rename(tmp_path / "0.npy")
            (directory / "0.npy").symlink_to(tmp_path / "0.npy")
    again = get(TraceCache(cache.directory), rail)
    assert again.window([0]).low[0].tolist() == [1, 2]
    assert len(built) == 2


def test_the_oldest_directories_beyond_the_limit_are_deleted(tmp_path: Path) -> None:
    cache = TraceCache(tmp_path / ".atlas" / "cache", max_bytes=3000)
    for n in range(6):
        path = tmp_path / f"{n}.csv"
        path.write_text("t,a\n0,1\n1,2\n")
        os.utime(path, (n, n))
        get(cache, path)
        for m, directory in enumerate(sorted(cache.directory.iterdir(), key=lambda one: one.stat().st_mtime_ns)):
            os.utime(directory, (m, m))
    sizes = sum(file.stat().st_size for directory in cache.directory.iterdir() for file in directory.iterdir())
    assert 0 < sizes <= 3000
    assert get(TraceCache(cache.directory), path).description.rows == 2


def test_foreign_files_in_the_cache_are_not_deleted(tmp_path: Path, rail: Path) -> None:
    cache = TraceCache(tmp_path / ".atlas" / "cache", max_bytes=0)
    cache.directory.mkdir(parents=True)
    foreign = cache.directory / ("a" * 64)
    foreign.mkdir()
    (foreign / "notes.txt").write_text("keep")
    (cache.directory / "notes").mkdir()
    get(cache, rail)
    assert (foreign / "notes.txt").read_text() == "keep"
    assert (cache.directory / "notes").is_dir()


def test_a_file_that_is_no_trace_is_read_once_and_leaves_nothing(tmp_path: Path, built: list[Path]) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("only text\nno numbers\n")
    cache = TraceCache(tmp_path / ".atlas" / "cache")
    for _ in range(2):
        with pytest.raises(UnreadableError):
            get(cache, path)
    assert len(built) == 1
    assert list(cache.directory.iterdir()) == []
