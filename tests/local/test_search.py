"""The expression of a full-text search."""

import pytest

from pytest_atlas.local.search import quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("over", '"over"*'),
        ("  over\tvoltage\n", '"over"* "voltage"*'),
        ('say "trip"', '"say"* """trip"""*'),
        ("a AND NOT b*", '"a"* "AND"* "NOT"* "b*"*'),
        ("a\0b", '"a"* "b"*'),
        ('- * " 🚀', ""),
        ("5 Ω", '"5"* "Ω"*'),
    ],
)
def test_words_become_quoted_prefixes(text: str, expected: str) -> None:
    assert quoted(text) == expected
