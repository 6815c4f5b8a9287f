"""A server that accepts connections and never answers, or sends a byte of its response now and then."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
PAUSE_S = 0.05


@contextmanager
def slow_server(*, drips: bool) -> Iterator[str]:
    """The URL of the server, until the block ends."""
    stop = threading.Event()
    kept: list[socket.socket] = []

    def drip(connection: socket.socket) -> None:
        try:
            connection.sendall(HEAD)
            while not stop.wait(PAUSE_S):
                connection.sendall(b" ")
        except OSError:
            pass  # the client has gone

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            connection.settimeout(None)
            kept.append(connection)
            if drips:
                threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PAUSE_S)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            stop.set()
            thread.join()
            for connection in kept:
                connection.close()
