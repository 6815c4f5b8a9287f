"""Buckets and the keys of data files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_atlas.base.content_types import content_type
from pytest_atlas.base.file_names import MAX_NAME_BYTES, safe_name
from pytest_atlas.publisher.files.bucket import MAX_PREFIX, Bucket, beside, split, url_of

RUN = "c9d0e1f2-a3b4-5678-cdef-789012345678"
SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "name", "prefix"),
    [
        ("s3://bench-data", "bench-data", ""),
        ("s3://bench-data/", "bench-data", ""),
        (" s3://bench-data/atlas \n", "bench-data", "atlas"),
        ("S3://bench.data/atlas//hil/", "bench.data", "atlas/hil"),
        ("s3://Old_Bucket/year=2026/(a)", "Old_Bucket", "year=2026/(a)"),
    ],
)
def test_a_bucket_and_its_prefix_are_read(text: str, name: str, prefix: str) -> None:
    assert Bucket.parse(text) == Bucket(name, prefix)
    assert str(Bucket.parse(text)) == f"s3://{name}/{prefix}"


@pytest.mark.parametrize(
    "text",
    [
        "", "bench-data", "s3:/bench-data", "s3://", "s3:///atlas", "https://bench-data.s3.amazonaws.com/atlas",
        "s3://ab", "s3://-bench", "s3://be..nch", "s3://bench data/x", "s3://bench/a b", "s3://bench/a?b", "s3://bench/a#b",
        "s3://bench/50%", "s3://bench/../other", "s3://bench/./x", "s3://bench/ä", f"s3://bench/{'x' * (MAX_PREFIX + 1)}",
        "s3://arn:aws:s3:us-west-2:123456789012:accesspoint/mine",
    ],
)  # fmt: skip
def test_an_invalid_bucket_is_an_error_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|contains) .*Use s3://bucket/prefix, for example s3://"):
        Bucket.parse(text)


def test_credentials_in_a_bucket_are_rejected_and_not_shown() -> None:
    with pytest.raises(ValueError, match="Credentials come from the settings of AWS") as raised:
        Bucket.parse("s3://AKIA1234:hidden-words@bench/atlas")
    assert "hidden-words" not in str(raised.value)


def test_a_key_is_prefix_run_hash_and_name() -> None:
    assert Bucket("bench", "a/b").key(run_id=RUN, sha256=SHA, name="bus.mf4") == f"a/b/{RUN}/0123456789abcdef-bus.mf4"
    assert Bucket("bench").key(run_id=RUN, sha256=SHA, name="bus.mf4") == f"{RUN}/0123456789abcdef-bus.mf4"


@given(st.text(max_size=300), st.sampled_from([".mf4", ".csv.gz"]))
def test_a_key_of_any_name_is_portable_and_keeps_its_suffix(stem: str, suffix: str) -> None:
    bucket = Bucket("bench", "x" * MAX_PREFIX)
    key = bucket.key(run_id=RUN, sha256=SHA, name=safe_name(stem + suffix))
    assert key.isascii()
    assert not set(key) & set(" ?#%\\\"'<>[]{}^`|~&:+")
    assert len(beside(key, RUN)) <= MAX_PREFIX + 2 * len(RUN) + 16 + MAX_NAME_BYTES + 4 <= 1024
    assert content_type(key) == content_type("x" + suffix)
    assert split(url_of("bench", key)) == ("bench", key)


def test_the_key_of_a_copy_contains_its_entity() -> None:
    assert beside("a/run/0123-bus.mf4", "step/1") == "a/run/step_1/0123-bus.mf4"


@pytest.mark.parametrize("url", ["", "s3://bench", "s3://bench/", "s3:///key", "https://bench/key"])
def test_a_url_without_bucket_or_key_is_invalid(url: str) -> None:
    with pytest.raises(ValueError, match="is not the s3:// URL"):
        split(url)


HELD = {
    f"s3://bench/atlas/{RUN}/0123-log.csv": True,
    f"s3://bench/atlas/{RUN}/step-1/0123-log.csv": True,
    f"s3://bench/atlas/{RUN}/": False,
    "s3://bench/atlas/another-run/0123-log.csv": False,
    f"s3://bench/atlas2/{RUN}/0123-log.csv": False,
    f"s3://bench/{RUN}/0123-log.csv": False,
    f"s3://theirs/atlas/{RUN}/0123-log.csv": False,
    f"https://bench/atlas/{RUN}/0123-log.csv": False,
    "": False,
}


@pytest.mark.parametrize(("url", "is_held"), HELD.items())
def test_only_urls_below_the_prefix_and_the_run_are_own(url: str, is_held: bool) -> None:
    assert Bucket("bench", "atlas").holds(url, run_id=RUN) == is_held
