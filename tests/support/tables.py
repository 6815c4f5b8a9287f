"""Files behind URLs, for tests of what reads them: no store, no Atlas."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from pytest_atlas.analysis.reading import MAX_REPORT_BYTES, Budget, Table, open_table


class Files:
    """Objects that are in memory."""

    def __init__(self, **content: str | bytes) -> None:
        self.content = {name: text.encode() if isinstance(text, str) else text for name, text in content.items()}

    def exists(self, url: str) -> bool:
        return url in self.content

    def open(self, url: str) -> BinaryIO:
        if url not in self.content:
            raise FileNotFoundError(2, "No such file", url)
        return io.BytesIO(self.content[url])


@contextmanager
def table(content: str | bytes, *, packed: bool = False) -> Iterator[Table]:
    """A table with this content, opened."""
    with open_table(Files(x=content), "x", is_gzip=packed, budget=Budget(MAX_REPORT_BYTES)) as made:
        yield made
