"""A server that responds to every HTTP/1.1 request with the same step: `python -m benchmarks.responder` prints its port.

It only parses the end of a request, so that a benchmark measures the client.
"""

import asyncio
import re

BODY = (
    b'{"uuid":"e3f4a5b6-c7d8-9012-efab-456789012345","title":"Apply 13V to input rail","description":"","order":1,'
    b'"step_type":"passfail","execution_status":"passed","exception":null,"started_at":null,"ended_at":null,'
    b'"observations":[],"test_data":[],"issues":[],"reports":[],"created_at":"2026-04-13T11:04:00.000000",'
    b'"updated_at":"2026-04-13T11:10:00.000000"}'
)
"""The example of a step in the API document."""

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class _Responder(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(b"\r\n\r\n")
        if head < 0:
            return
        length = _LENGTH.search(self._received, 0, head)
        if len(self._received) >= head + 4 + (int(length[1]) if length else 0):
            self._received = b""
            self._transport.write(ANSWER)


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(_Responder, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
