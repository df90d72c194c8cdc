"""The user channel: each account's own orders and trades as they happen (venue.md 3.4)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import msgspec
from aiohttp import web

from polyframe.exchange.channel import Channel, ChannelSocket
from polyframe.exchange.payload import read_json
from polyframe.exchange.private.api_keys import ApiKeys
from polyframe.exchange.private.messages import order_event, trade_event
from polyframe.exchange.trading.events import AccountEvent
from polyframe.exchange.wire import encode

_REFUSED = 4001  # the venue's own code is not known; any close says it


class _Auth(msgspec.Struct):
    api_key: str = msgspec.field(name="apiKey", default="")
    secret: str = ""
    passphrase: str = ""


class _Request(msgspec.Struct):
    """What a client may send: its credentials first, then an ``operation``."""

    type: str = ""
    auth: _Auth | None = None
    operation: str = ""
    markets: list[str] | None = None


_request_decoder = msgspec.json.Decoder(_Request)


class UserSocket(ChannelSocket):
    """One client: whose events it gets, and of which markets (None: of all)."""

    def __init__(self, socket: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        super().__init__(socket, transport)
        self.api_key = ""
        self.market_ids: dict[str, None] | None = None


class UserChannel(Channel[UserSocket]):
    """All sockets of ``/ws/user``.

    Args:
        keys: the API keys that exist.
        clock: market time, UTC ns.
        subscribed: called when a client proved who it is.
    """

    def __init__(
        self, keys: ApiKeys, clock: Callable[[], int], subscribed: Callable[[], None]
    ) -> None:
        super().__init__("user", clock)
        self._keys = keys
        self._subscribed = subscribed

    def deliver(self, events: Iterable[AccountEvent]) -> None:
        """Send each event to those it concerns."""
        for event in events:
            for socket in self._sockets:
                if socket.api_key in event.api_keys and _follows(socket, event.market_id):
                    is_order = event.order is not None
                    message = order_event(event) if is_order else trade_event(event, socket.api_key)
                    socket.put(encode(message), event.ts_ns)

    def _opened(
        self, response: web.WebSocketResponse, transport: asyncio.Transport | None
    ) -> UserSocket:
        return UserSocket(response, transport)

    def _request(self, socket: UserSocket, text: str) -> None:
        """Take credentials, or a change of markets; wrong credentials close the socket."""
        try:
            request = read_json(_request_decoder, text)
        except msgspec.MsgspecError:
            return
        if request.type == "user":
            auth = request.auth or _Auth()
            caller = self._keys.caller_of_socket(auth.api_key, auth.secret, auth.passphrase)
            if caller is None:
                self._hang_up(socket, _REFUSED)
                return
            socket.api_key = caller.api_key
            socket.market_ids = dict.fromkeys(request.markets) if request.markets else None
            self._subscribed()
        elif request.operation == "subscribe" and socket.market_ids is not None:
            socket.market_ids.update(dict.fromkeys(request.markets or ()))
        elif request.operation == "unsubscribe" and socket.market_ids is not None:
            for market_id in request.markets or ():
                socket.market_ids.pop(market_id, None)


def _follows(socket: UserSocket, market_id: str) -> bool:
    return socket.market_ids is None or market_id in socket.market_ids
