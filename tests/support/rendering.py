"""Render Markdown like GitHub, and texts that can break a page."""

from html.parser import HTMLParser

import pytest
from hypothesis import strategies as st

PIECES = (
    "</details>", "<details>", "</summary>", "</code>", "<b>", "<!--", "-->", "<script>", "&lt;", "&#124;", "&amp;", "|", "\\|",
    "\\", "`", "```", "~~~", "~~", "*", "**", "_", "__", "#", "# ", "- ", "1. ", "> ", "    ", "\t", "\n", "\n\n", "\r\n", "\r",
    "---", "===", "[a](b)", "![a](b)", "[a]: b", "[^1]", "](", "[ ]", "http://a.example/b", "www.a.example", "a@b.example",
    "@team", "#12", "!7", "GH-3", ":bug:", "$a$", "\x00", "\x1b[31m", "\u202e", "\u2028", "\u200b", "\ud800",
    "é", "漢", "word", " ",
)  # fmt: skip
HOSTILE = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=5)), max_size=8).map("".join)


class Page(HTMLParser):
    """The tags of a rendered page in order, and the text between them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.comments = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._is_address_in_code(tag, attrs):
            self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and "a" not in self.tags:
            return
        self.tags.append(f"/{tag}")

    def _is_address_in_code(self, tag: str, attrs: list[tuple[str, str | None]]) -> bool:
        """Return whether an address is inside of code, where a link that the renderer creates does no harm."""
        return tag == "a" and self.tags[-1:] == ["code"] and (attrs[0][1] or "").startswith("mailto:")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def rendered(text: str) -> Page:
    """Return `text` rendered like GitHub, before its sanitizer."""
    cmarkgfm = pytest.importorskip("cmarkgfm", reason="GitHub's own renderer")
    return Page(cmarkgfm.github_flavored_markdown_to_html(text, options=cmarkgfm.cmark.Options.CMARK_OPT_UNSAFE))
