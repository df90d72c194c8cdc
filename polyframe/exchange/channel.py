"""What the market channel and the user channel share: delivery that never waits, and its faults.

Each socket has its own bounded buffer and its own sender; a reader too slow for the buffer is
cut off, as a venue does, and nobody else notices.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from typing import Generic, Literal, TypeVar

from aiohttp import WSMsgType, web

from polyframe.exchange.faults.plan import FaultPlan
from polyframe.exchange.faults.streams import StreamFaults

_MOST_BUFFERED_FRAMES = 20_000
_MOST_BUFFERED_BYTES = 64 * 2**20
_LARGEST_REQUEST_BYTES = 2**20


class ChannelSocket:
    """One client of a channel: a bounded buffer and its own sender."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.is_overflowed = False
        self.faults: StreamFaults | None = None
        self._socket = socket
        self._transport = transport
        self._buffer: deque[bytes] = deque()
        self._buffered_bytes = 0
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    def put(self, payload: bytes, now_ns: int) -> None:
        """Send one text frame, or what the socket's faults make of it."""
        if self.faults is None:
            self.queue(payload)
        else:
            self.queue_all(self.faults.outgoing(payload, now_ns))

    def queue_all(self, payloads: Iterable[bytes]) -> None:
        """Queue text frames as they are."""
        for payload in payloads:
            self.queue(payload)

    def queue(self, payload: bytes) -> None:
        """Queue one text frame as it is; a full buffer cuts the socket off."""
        if self.is_overflowed:
            return
        self._buffer.append(payload)
        self._buffered_bytes += len(payload)
        self._wake.set()
        self._idle.clear()
        if len(self._buffer) > _MOST_BUFFERED_FRAMES or self._buffered_bytes > _MOST_BUFFERED_BYTES:
            self.is_overflowed = True
            self._buffer.clear()
            self._idle.set()
            self.cut()

    def cut(self) -> None:
        """Cut the line without a close frame."""
        if self._transport is not None:
            self._transport.abort()

    async def send_queued(self) -> None:
        """Send what is queued, forever; ends when the socket is closed."""
        try:
            while not self._socket.closed:
                while self._buffer:
                    payload = self._buffer.popleft()
                    self._buffered_bytes -= len(payload)
                    await self._socket.send_frame(payload, WSMsgType.TEXT)
                self._wake.clear()
                self._idle.set()
                await self._wake.wait()
        except ConnectionError:
            pass  # the client is gone; the reading side ends the connection
        finally:
            self._idle.set()

    async def close(self, code: int = 1001) -> None:
        """Close as a venue going away does."""
        await self._socket.close(code=code, message=b"going away", drain=False)

    async def drained(self) -> None:
        """Wait until everything queued so far was handed to the network."""
        await self._idle.wait()


SocketT = TypeVar("SocketT", bound=ChannelSocket)


class Channel(ABC, Generic[SocketT]):
    """The sockets of one channel.

    Args:
        name: as fault scripts call it.
        clock: market time, UTC ns.
    """

    def __init__(self, name: Literal["market", "user"], clock: Callable[[], int]) -> None:
        self._name = name
        self._clock = clock
        self._plan: FaultPlan | None = None
        self._closing: set[asyncio.Task[None]] = set()  # kept alive, never walked
        self._sockets: dict[SocketT, None] = {}

    @property
    def sockets(self) -> int:
        """Sockets connected now."""
        return len(self._sockets)

    @abstractmethod
    def _opened(
        self, response: web.WebSocketResponse, transport: asyncio.Transport | None
    ) -> SocketT:
        """Return a new client's socket."""

    @abstractmethod
    def _request(self, socket: SocketT, text: str) -> None:
        """Act on a client's frame."""

    def _forget(self, socket: SocketT) -> None:
        """Let go of a client that left."""
        self._sockets.pop(socket, None)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it closes."""
        response = web.WebSocketResponse(compress=False, max_msg_size=_LARGEST_REQUEST_BYTES)
        await response.prepare(request)
        socket = self._opened(response, request.transport)
        self._strike(socket)
        self._sockets[socket] = None
        sender = asyncio.create_task(socket.send_queued())
        try:
            async for message in response:
                if message.type is not WSMsgType.TEXT:
                    continue
                if message.data == "PING":
                    if socket.faults is None or socket.faults.answers_ping(self._clock()):
                        socket.queue(b"PONG")
                else:
                    self._request(socket, message.data)
        finally:
            sender.cancel()
            self._forget(socket)
        return response

    async def drained(self) -> None:
        """Wait until every socket's buffer is empty (a cut-off socket counts as empty)."""
        for socket in list(self._sockets):
            await socket.drained()

    async def close(self) -> None:
        """Close every socket."""
        for socket in list(self._sockets):
            await socket.close()

    # --- faults --------------------------------------------------------------------

    def use_faults(self, plan: FaultPlan | None) -> None:
        """Strike every socket by this plan from now on; None ends it."""
        self._plan = plan
        for socket in self._sockets:
            if plan is None and socket.faults is not None:
                socket.queue_all(socket.faults.release())
                socket.faults = None
            elif socket.faults is None:
                self._strike(socket)

    def tick(self, now_ns: int) -> None:
        """Send what faults held back; close what they close."""
        for socket in self._sockets:
            faults = socket.faults
            if faults is None:
                continue
            socket.queue_all(faults.due(now_ns))
            code = faults.hangs_up(now_ns)
            if code is None:
                continue
            if code == 0:
                socket.cut()
            else:
                self._hang_up(socket, code)

    def _hang_up(self, socket: SocketT, code: int) -> None:
        """Close a socket without waiting for it."""
        task = asyncio.create_task(socket.close(code))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _strike(self, socket: SocketT) -> None:
        if self._plan is not None:
            socket.faults = StreamFaults(self._plan, self._name, self._clock())
