"""How many operations a second `AsyncAtlasClient` sends, by transport: `python -m benchmarks.client [rounds]`.

CreateStep with a short description, 32 in flight, with pydantic, against a server in another process that responds at once
(on a separate processor if the system supports it). The transports are measured in interleaved rounds; the table has medians.
The first two rows are bounds: the maximum of the server, and the cost of encoding and decoding without a network.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.util import find_spec
from uuid import UUID

import httpx
from benchmarks.measuring import apart
from benchmarks.responder import ANSWER, BODY

from pytest_atlas.atlas import AsyncAtlasClient, CreateStep, Step
from pytest_atlas.atlas.wire import answer_of, request_of

OPERATIONS_PER_ROUND = 3000
IN_FLIGHT = 32
RUN = UUID("c9d0e1f2-a3b4-5678-cdef-789012345678")
LIMITS = httpx.Limits(max_connections=None, max_keepalive_connections=None)

Send = Callable[[CreateStep], Awaitable[object]]


def operation(number: int) -> CreateStep:
    title = f"test_trip[{number}]"
    return CreateStep(
        run_id=RUN,
        card_id=RUN,
        title=title,
        description=f"Trips in time.\n\npytest: tests/hil/test_trip.py::{title}",
        order=number,
    )


@asynccontextmanager
async def over(port: int, transport: httpx.AsyncBaseTransport | None) -> AsyncIterator[Send]:
    async with AsyncAtlasClient(f"http://127.0.0.1:{port}", "t0ken", transport=transport) as atlas:
        yield atlas.send


@asynccontextmanager
async def bare_sockets(port: int) -> AsyncIterator[Send]:
    request = b"POST / HTTP/1.1\r\nContent-Length: 160\r\n\r\n" + b"x" * 160
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in range(IN_FLIGHT)]
    free = list(pairs)

    async def send(_: CreateStep) -> None:
        reader, writer = free.pop()
        writer.write(request)
        await reader.readexactly(len(ANSWER))
        free.append((reader, writer))

    yield send
    for _, writer in pairs:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def no_network() -> AsyncIterator[Send]:
    async def send(op: CreateStep) -> Step:
        request_of(op)
        return answer_of(op, 200, {}, BODY)

    yield send


def candidates(port: int) -> dict[str, Callable[[], AbstractAsyncContextManager[Send]]]:
    found: dict[str, Callable[[], AbstractAsyncContextManager[Send]]] = {
        "bare sockets (maximum of the server)": lambda: bare_sockets(port),
        "no network (encoding and decoding)": no_network,
        "AsyncAtlasClient": lambda: over(port, None),
        "… with httpx's transport": lambda: over(port, httpx.AsyncHTTPTransport(limits=LIMITS)),
    }
    if find_spec("httpx_aiohttp"):
        from httpx_aiohttp import AiohttpTransport

        found["… with httpx-aiohttp's transport"] = lambda: over(port, AiohttpTransport(limits=LIMITS))
    return found


async def measured(sender: AbstractAsyncContextManager[Send]) -> tuple[float, float]:
    """Operations per second, and microseconds of this process's processor time for each."""
    async with sender as send:
        for number in range(2 * IN_FLIGHT):  # opens connections and fills caches
            await send(operation(number))
        numbers = iter(range(OPERATIONS_PER_ROUND))

        async def slot() -> None:
            for number in numbers:
                await send(operation(number))

        start, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(slot() for _ in range(IN_FLIGHT)))
        return OPERATIONS_PER_ROUND / (time.perf_counter() - start), (time.process_time() - cpu) / OPERATIONS_PER_ROUND * 1e6


def main(rounds: int) -> None:
    with subprocess.Popen([sys.executable, "-m", "benchmarks.responder"], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = int(server.stdout.readline())
            apart(server.pid)
            names = candidates(port)
            figures: dict[str, list[tuple[float, float]]] = {name: [] for name in names}
            for _ in range(rounds):
                for name, make in names.items():
                    figures[name].append(asyncio.run(measured(make())))
        finally:
            server.kill()
    print(f"{OPERATIONS_PER_ROUND} operations, {IN_FLIGHT} in flight, median of {rounds} rounds")
    print(f"{'':44}{'operations/s':>14}{'CPU each':>12}")
    for name, rows in figures.items():
        rate, cpu = (statistics.median(column) for column in zip(*rows, strict=True))
        print(f"{name:44}{rate:14,.0f}{cpu:9,.0f} µs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
