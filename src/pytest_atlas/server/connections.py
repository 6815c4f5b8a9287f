"""Limits of a connection to the server: time for a request, time for its response, number of connections.

uvicorn does not limit the time of a client for sending a request, or the number of clients with incomplete requests.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MAX_CONNECTIONS = 256
"""The largest number of connections. A further one closes the connection that has waited longest for its request."""
HEAD_TIMEOUT_S = 10.0
"""Seconds from the connection, or from the first byte of a later request, to the end of the request's headers."""
REQUEST_TIMEOUT_S = 60.0
"""Seconds until the whole request has arrived."""
STALLED_S = 30.0
"""Seconds in which a client must read some of its response."""

_TOO_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class LimitedProtocol(H11Protocol):
    """A connection that closes itself if a request is not complete in time, or if its response is not read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # the signature of uvicorn
        """Start the time for the first request."""
        super().connection_made(transport)
        self.receiving_since: float | None = None
        """The start of the incomplete request, in seconds of the loop's clock."""
        self._request_timer: asyncio.TimerHandle | None = None
        self._response_timer: asyncio.TimerHandle | None = None
        self._begin_request()
        _make_room(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._end_request()
        self._cancel_response_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Start or stop the time for a request."""
        super().data_received(data)
        self._follow_request()

    def on_response_complete(self) -> None:
        """Start the time for the next request, if a part of it has arrived."""
        super().on_response_complete()
        self._follow_request()

    def _follow_request(self) -> None:
        if self.conn.their_state not in (h11.IDLE, h11.SEND_BODY) or self.transport.is_closing():
            self._end_request()
        elif self._request_timer is None and (self.conn.their_state is h11.SEND_BODY or self.conn.trailing_data[0]):
            self._begin_request()

    def pause_writing(self) -> None:
        """Start the time for the client to read."""
        super().pause_writing()
        self._cancel_response_timer()
        self._watch_response(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        """Stop the time for the client to read."""
        super().resume_writing()
        self._cancel_response_timer()

    def _begin_request(self) -> None:
        self.receiving_since = self.loop.time()
        self._request_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def _end_request(self) -> None:
        self.receiving_since = None
        if self._request_timer:
            self._request_timer.cancel()
            self._request_timer = None

    def _head_is_late(self) -> None:
        if self.conn.their_state is h11.SEND_BODY:
            self._request_timer = self.loop.call_later(REQUEST_TIMEOUT_S - HEAD_TIMEOUT_S, self.transport.abort)
        else:
            self.transport.write(_TOO_LATE)
            self.transport.close()

    def _watch_response(self, unread: int) -> None:
        def check() -> None:
            left = self.transport.get_write_buffer_size()
            if left < unread:
                self._watch_response(left)
            else:
                self.transport.abort()

        self._response_timer = self.loop.call_later(STALLED_S, check)

    def _cancel_response_timer(self) -> None:
        if self._response_timer:
            self._response_timer.cancel()
            self._response_timer = None


def _make_room(new: LimitedProtocol) -> None:
    """Close the connection that has waited longest for the rest of its request, if there are too many connections."""
    others = [c for c in new.connections if isinstance(c, LimitedProtocol) and not c.transport.is_closing()]
    if len(others) > MAX_CONNECTIONS:
        receiving = [c for c in others if c.receiving_since is not None]  # `new` is one of them
        min(receiving, key=lambda c: c.receiving_since or 0.0).transport.abort()
