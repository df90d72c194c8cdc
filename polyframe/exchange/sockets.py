"""The market channel: subscriptions, initial dumps, and who gets which frame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import Any

import msgspec
from aiohttp import web

from polyframe.exchange.channel import Channel, ChannelSocket
from polyframe.exchange.payload import read_json
from polyframe.exchange.source import Frame, Source
from polyframe.exchange.wire import encode, socket_book

_MOST_TOKENS = 20_000


class _Request(msgspec.Struct):
    """What a client may send: a first subscription, or an ``operation``."""

    type: str = ""
    operation: str = ""
    assets_ids: list[str] = []
    custom_feature_enabled: bool | None = None
    initial_dump: bool = True


_request_decoder = msgspec.json.Decoder(_Request)


class MarketSocket(ChannelSocket):
    """One client of the market channel and what it follows."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        super().__init__(socket, transport)
        self.token_ids: dict[str, None] = {}
        self.awaits_book: set[str] = set()  # asked about membership only, never walked
        self.is_flagged = False


class MarketChannel(Channel[MarketSocket]):
    """All sockets of ``/ws/market`` and who follows what.

    Args:
        source: answers initial dumps.
        clock: market time, UTC ns; only faults ask for it.
    """

    def __init__(self, source: Source, clock: Callable[[], int]) -> None:
        super().__init__("market", clock)
        self.subscribed = asyncio.Event()
        self._source = source
        self._followers: dict[str, dict[MarketSocket, None]] = {}

    def _opened(
        self, response: web.WebSocketResponse, transport: asyncio.Transport | None
    ) -> MarketSocket:
        return MarketSocket(response, transport)

    def deliver(self, frames: Iterable[Frame]) -> None:
        """Queue frames for everybody who follows them."""
        for array, group in groupby(frames, key=lambda frame: frame.array):
            if array:
                self._deliver_array(list(group))
            else:
                for frame in group:
                    self._deliver_one(frame)

    # --- subscriptions -------------------------------------------------------------

    def _request(self, socket: MarketSocket, text: str) -> None:
        """Act on a client's frame; what is no subscription is met with silence (venue.md 3.1)."""
        try:
            request = read_json(_request_decoder, text)
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
        super()._forget(socket)

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
