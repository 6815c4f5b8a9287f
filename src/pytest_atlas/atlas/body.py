"""The body of a response, read with size limits: a response can be larger than the memory, compressed or not."""

import zlib

import httpx

MAX_BODY_BYTES = 128 << 20
"""Largest body of a response, compressed or not. A run with 100,000 steps has about 60 MB."""
MAX_ERROR_BYTES = 64 << 10
"""Bytes that are read of an error response (4xx, 5xx): messages show only the start."""
ENCODINGS = "gzip"
"""The value of Accept-Encoding. The other encodings of httpx can't be decoded with a size limit."""

_MAX_MEMBERS = 16  # gzip data can have several members; servers send one
_PIECE = 64 << 10
_GZIP = 16 + zlib.MAX_WBITS


def too_large() -> httpx.DecodingError:
    """Return the error for a body that is larger than MAX_BODY_BYTES."""
    return httpx.DecodingError(f"the response is larger than {MAX_BODY_BYTES >> 20} MiB")


class Body:
    """The body of one response, fed piece by piece. If `is_full`, the rest of an error response is not needed."""

    def __init__(self, status: int, encoding: str) -> None:
        """`encoding` is the header Content-Encoding. Raises httpx.DecodingError if it isn't supported."""
        self._is_error = status >= 400
        self._is_packed = _is_packed(encoding)
        self._gzip = zlib.decompressobj(_GZIP)
        self._members = 1
        self._received = 0  # bytes as sent
        self._content = bytearray()

    @property
    def is_full(self) -> bool:
        """Return whether the start of an error response is complete."""
        return self._is_error and len(self._content) >= MAX_ERROR_BYTES

    def feed(self, data: bytes) -> None:
        """Append the next received bytes. Raises httpx.DecodingError if the body is too large or invalid gzip."""
        self._received += len(data)
        if self._received > MAX_BODY_BYTES and not self._is_error:  # also if the decompressed data is empty
            raise too_large()
        if self._is_packed:
            self._unpack(data)
        else:
            self._take(data)

    def content(self) -> bytes:
        """Return the decoded body. Raises httpx.DecodingError if the gzip data is incomplete."""
        if self._is_packed and self._received and not self._gzip.eof and not self._is_error:
            raise httpx.DecodingError("the response ends in the middle of its gzip data")
        return bytes(self._content)

    def _unpack(self, data: bytes) -> None:
        piece = b""
        try:
            while (data or len(piece) == _PIECE) and not self.is_full:  # zlib can have output without further input
                if self._gzip.eof:
                    self._next_member()
                piece = self._gzip.decompress(data, _PIECE)
                self._take(piece)
                data = self._gzip.unused_data if self._gzip.eof else self._gzip.unconsumed_tail
        except zlib.error as error:
            raise httpx.DecodingError(str(error)) from error

    def _next_member(self) -> None:
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise httpx.DecodingError(f"the response has more than {_MAX_MEMBERS} gzip members")
        self._gzip = zlib.decompressobj(_GZIP)

    def _take(self, data: bytes) -> None:
        if self._is_error:
            data = data[: MAX_ERROR_BYTES - len(self._content)]
        elif len(self._content) + len(data) > MAX_BODY_BYTES:
            raise too_large()
        self._content += data


def _is_packed(encoding: str) -> bool:
    name = encoding.strip().lower()
    if name in ("gzip", "x-gzip"):
        return True
    if name in ("", "identity"):
        return False
    raise httpx.DecodingError(f"the response has the Content-Encoding {encoding[:80]!r}, but only gzip was accepted")
