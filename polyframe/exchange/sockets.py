"""The market channel's sockets: subscriptions, initial dumps, and delivery that never waits.

Each socket has its own bounded buffer and its own sender; a reader too slow for the buffer is
cut off, as a venue does, and nobody else notices.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from polyframe.exchange.faults.plan import FaultPlan
from polyframe.exchange.faults.streams import StreamFaults
from polyframe.exchange.source import Frame, Source
from polyframe.exchange.wire import encode, socket_book

_MOST_BUFFERED_FRAMES = 20_000
_MOST_BUFFERED_BYTES = 64 * 2**20
_LARGEST_REQUEST_BYTES = 2**20
_MOST_TOKENS = 20_000


class _Request(msgspec.Struct):
    """What a client may send: a first subscription, or an ``operation``."""

    type: str = ""
    operation: str = ""
    assets_ids: list[str] = []
    custom_feature_enabled: bool | None = None
    initial_dump: bool = True


_request_decoder = msgspec.json.Decoder(_Request)


class MarketSocket:
    """One client of the market channel."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.token_ids: dict[str, None] = {}
        self.awaits_book: set[str] = set()  # asked about membership only, never walked
        self.is_flagged = False
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


class MarketChannel:
    """All sockets of ``/ws/market`` and who follows what.

    Args:
        source: answers initial dumps.
        clock: market time, UTC ns; only faults ask for it.
    """

    def __init__(self, source: Source, clock: Callable[[], int]) -> None:
        self.subscribed = asyncio.Event()
        self._source = source
        self._clock = clock
        self._plan: FaultPlan | None = None
        self._closing: set[asyncio.Task[None]] = set()  # kept alive, never walked
        self._sockets: dict[MarketSocket, None] = {}
        self._followers: dict[str, dict[MarketSocket, None]] = {}

    @property
    def sockets(self) -> int:
        """Sockets connected now."""
        return len(self._sockets)

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one socket until it closes."""
        response = web.WebSocketResponse(compress=False, max_msg_size=_LARGEST_REQUEST_BYTES)
        await response.prepare(request)
        socket = MarketSocket(response, request.transport)
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

    def deliver(self, frames: Iterable[Frame]) -> None:
        """Queue frames for everybody who follows them."""
        for array, group in groupby(frames, key=lambda frame: frame.array):
            if array:
                self._deliver_array(list(group))
            else:
                for frame in group:
                    self._deliver_one(frame)

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
                task = asyncio.create_task(socket.close(code))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)

    def _strike(self, socket: MarketSocket) -> None:
        if self._plan is not None:
            socket.faults = StreamFaults(self._plan, "market", self._clock())

    # --- subscriptions -------------------------------------------------------------

    def _request(self, socket: MarketSocket, text: str) -> None:
        """Act on a client's frame; what is no subscription is met with silence (venue.md 3.1)."""
        try:
            request = _request_decoder.decode(text)
        except msgspec.DecodeError:
            return
        # The flag counts even when every token is already followed.
        if request.custom_feature_enabled is not None:
            socket.is_flagged = request.custom_feature_enabled
        if request.operation == "unsubscribe":
            for token_id in request.assets_ids:
                self._unfollow(socket, token_id)
        elif request.operation == "subscribe" or request.type == "market":
            self._subscribe(socket, request)

    def _subscribe(self, socket: MarketSocket, request: _Request) -> None:
        self.subscribed.set()
        books: list[dict[str, Any]] = []
        faults = socket.faults
        if faults is not None:
            faults.subscribed(request.assets_ids)
        for token_id in request.assets_ids:
            if token_id in socket.token_ids or len(socket.token_ids) >= _MOST_TOKENS:
                continue
            socket.token_ids[token_id] = None
            self._followers.setdefault(token_id, {})[socket] = None
            if not request.initial_dump:
                continue
            if faults is not None and not faults.gives_snapshot(
                len(socket.token_ids), self._clock()
            ):
                continue
            book = self._source.book(token_id)
            if book is None:
                socket.awaits_book.add(token_id)
            else:
                books.append(socket_book(book))
        if books:
            socket.put(encode(books), self._clock())

    def _unfollow(self, socket: MarketSocket, token_id: str) -> None:
        socket.token_ids.pop(token_id, None)
        socket.awaits_book.discard(token_id)
        followers = self._followers.get(token_id)
        if followers is not None:
            followers.pop(socket, None)
            if not followers:
                del self._followers[token_id]

    def _forget(self, socket: MarketSocket) -> None:
        for token_id in list(socket.token_ids):
            self._unfollow(socket, token_id)
        self._sockets.pop(socket, None)

    # --- delivery ------------------------------------------------------------------

    def _receivers(self, frame: Frame) -> list[MarketSocket]:
        if frame.for_everyone:
            receivers = list(self._sockets)
        elif len(frame.token_ids) == 1:
            receivers = list(self._followers.get(frame.token_ids[0], ()))
        else:
            followers: dict[MarketSocket, None] = {}
            for token_id in frame.token_ids:
                followers.update(self._followers.get(token_id, {}))
            receivers = list(followers)
        if frame.flagged:
            return [socket for socket in receivers if socket.is_flagged]
        return receivers

    def _deliver_one(self, frame: Frame) -> None:
        for socket in self._receivers(frame):
            if frame.book_of in socket.awaits_book:  # its first book is its initial dump
                socket.awaits_book.discard(frame.book_of)
                socket.put(b"[%b]" % frame.payload, frame.ts_ns)
            else:
                socket.put(frame.payload, frame.ts_ns)

    def _deliver_array(self, frames: list[Frame]) -> None:
        """Send each socket the part of an array it follows, still as an array."""
        parts: dict[MarketSocket, list[bytes]] = {}
        for frame in frames:
            for socket in self._receivers(frame):
                parts.setdefault(socket, []).append(frame.payload)
                socket.awaits_book.discard(frame.book_of)
        for socket, payloads in parts.items():
            socket.put(b"[%b]" % b",".join(payloads), frames[0].ts_ns)
