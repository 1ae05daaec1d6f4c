"""Sends results as benches do, and times the answers; a program of its own, so lean that the server gets the machine.

Reads a JSON line from standard input (`Order`), and writes one (what came of it) to standard output.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Order:
    """What to send."""

    host: str
    port: int
    token: str
    body: str
    """Body of a result, with ``@SCREENING@`` and ``@SCAN@`` where those belong."""
    places: list[list[str]]
    """Screening and scan of each result to be sent."""
    connections: int
    seconds: float
    rate: float
    """Results per second; 0 for as many as are answered."""


class Lane(asyncio.Protocol):
    """One connection that is kept, and one request on it at a time."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._answer: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def send(self, request: bytes) -> asyncio.Future[int]:
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._data += data
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._data[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
        if len(self._data) >= end + 4 + length and self._answer is not None:
            status, answer = int(head[9:12]), self._answer
            self._data.clear()
            self._answer = None
            answer.set_result(status)

    def connection_lost(self, error: Exception | None) -> None:
        if self._answer is not None:
            self._answer.set_exception(error or ConnectionResetError("the server hung up"))


class Load:
    """What is sent, and what came back."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._head = (
            f"Host: {order.host}\r\nAuthorization: Bearer {order.token}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        self._places = iter(order.places)
        self.accepted: list[str] = []
        self.took: list[float] = []
        self.statuses: dict[int, int] = {}

    def requests(self) -> Iterator[tuple[str, bytes]]:
        for screening, scan in self._places:
            name = str(uuid.uuid4())
            body = self._order.body.replace("@SCREENING@", screening).replace("@SCAN@", scan).encode()
            yield (
                name,
                f"PUT /api/v1/results/{name} HTTP/1.1\r\n{self._head}{len(body)}\r\n\r\n".encode() + body,
            )

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        order = self._order
        lanes = [
            (await loop.create_connection(Lane, order.host, order.port))[1] for _ in range(order.connections)
        ]
        requests, began = self.requests(), time.perf_counter()
        if order.rate:
            await self._at_rate(lanes, requests, began)
        else:
            await asyncio.gather(*(self._steadily(one, requests, began) for one in lanes))
        for lane in lanes:
            lane.transport.close()

    async def _steadily(self, lane: Lane, requests: Iterator[tuple[str, bytes]], began: float) -> None:
        for name, request in requests:
            sent = time.perf_counter()
            if sent - began >= self._order.seconds:
                return
            self._note(name, await lane.send(request), sent)

    async def _at_rate(self, lanes: list[Lane], requests: Iterator[tuple[str, bytes]], began: float) -> None:
        free: asyncio.Queue[Lane] = asyncio.Queue()
        for lane in lanes:
            free.put_nowait(lane)
        under_way = set()
        for number in range(round(self._order.rate * self._order.seconds)):
            due = began + number / self._order.rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            task = asyncio.create_task(self._once(free, *next(requests), due))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)

    async def _once(self, free: asyncio.Queue[Lane], name: str, request: bytes, due: float) -> None:
        # Timed from when it was due, so that a server that stalls is not spared what would have come meanwhile.
        lane = await free.get()
        self._note(name, await lane.send(request), due)
        free.put_nowait(lane)

    def _note(self, name: str, status: int, since: float) -> None:
        self.took.append(time.perf_counter() - since)
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status == 201:
            self.accepted.append(name)


def main() -> None:
    given: dict[str, Any] = json.loads(sys.stdin.readline())
    load = Load(Order(**given))
    began, busy = time.perf_counter(), time.process_time()
    asyncio.run(load.run())
    json.dump(
        {
            "accepted": load.accepted,
            "took": load.took,
            "statuses": load.statuses,
            "seconds": time.perf_counter() - began,
            "busy": time.process_time() - busy,
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
