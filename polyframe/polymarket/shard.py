"""One market socket: its tokens, its keepalive, its reconnects.

A shard owns one connection at a time and a set of wanted tokens. It reconciles what is
subscribed with what is wanted, answers for silence, and hands every frame on undecoded,
a whole drain of the socket at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

import anyio
import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from polyframe.events import FeedConnected, FeedLost, InputEvent, RawFrame
from polyframe.polymarket.hosts import is_loopback
from polyframe.settings import FeedSettings

# An initial dump of 200 deep books on the 0.001 grid is about 10 MB.
_MOST_FRAME_BYTES = 32 * 1024 * 1024
# Bounds how long one drain keeps the loop from anything else.
_MOST_FRAMES_IN_BATCH = 1024
_CLOSE_S = 1.0
_MOST_DOUBLINGS = 16


Batch = list[RawFrame | InputEvent]
Sink = Callable[[Batch], None]


class StraightConnect(connect):
    """A connection that goes where it was told: redirects are failures."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        """Return the failure itself instead of another address."""
        return exc


class Shard:
    """One socket and the tokens it follows.

    Args:
        number: names the shard in events.
        url: the market channel.
        settings: keepalive, timeouts and backoff (all wall clock).
        clock: UTC nanoseconds of market time, for stamps.
        sink: takes each batch, synchronously.
        rng: source of the backoff's jitter.

    ``asked_ns`` maps each token on the wire to the moment its book was asked for;
    ``frames`` and ``received_bytes`` count data (PONGs left out) over all connections;
    ``sessions`` counts connections that opened; ``up_since`` is the loop time at which the
    present one did, None without one.
    """

    def __init__(
        self,
        number: int,
        url: str,
        settings: FeedSettings,
        *,
        clock: Callable[[], int],
        sink: Sink,
        rng: random.Random,
    ) -> None:
        self.number = number
        self.tokens: dict[str, None] = {}
        self.asked_ns: dict[str, int] = {}
        self.frames = 0
        self.received_bytes = 0
        self.sessions = 0
        self.up_since: float | None = None
        self._url = url
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._rng = rng
        self._again: dict[str, None] = {}
        self._changed = anyio.Event()
        self._ended_because = ""
        self._heard_at = 0.0
        self._heard = False
        self._stopped = False
        self._scope = anyio.CancelScope()

    # --- what is wanted (synchronous; takes effect without a reconnect) --------------

    def add(self, token_ids: Iterable[str]) -> None:
        """Follow these tokens too."""
        self.tokens.update(dict.fromkeys(token_ids))
        self._changed.set()

    def remove(self, token_ids: Iterable[str]) -> None:
        """Stop following these tokens."""
        for token_id in token_ids:
            self.tokens.pop(token_id, None)
        self._changed.set()

    def redrive(self, token_ids: Iterable[str]) -> None:
        """Unsubscribe and subscribe these tokens, to be sent their books again."""
        self._again.update(dict.fromkeys(token_ids))
        self._changed.set()

    def rebuild(self, reason: str) -> None:
        """Give this connection up and open another one."""
        if self.up_since is not None:
            self._ended_because = reason
            self._changed.set()

    def stop(self) -> None:
        """End :meth:`run`; not a loss, nobody is told."""
        self._stopped = True
        self._scope.cancel()

    # --- the connection ---------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected until stopped or cancelled; no failure of the network gets out."""
        failures = 0
        with self._scope:
            while not self._stopped:
                self._heard = False
                reason = await self._session()
                # A socket that opens and says nothing is no success: it backs off too.
                failures = 1 if self._heard else failures + 1
                self._sink([FeedLost(self._clock(), self.number, tuple(self.tokens), reason)])
                await anyio.sleep(self._backoff_s(failures))

    def _backoff_s(self, failures: int) -> float:
        doublings = min(failures - 1, _MOST_DOUBLINGS)
        bound_s = self._settings.backoff_base_s * 2.0**doublings
        return self._rng.uniform(0.0, min(self._settings.backoff_cap_s, bound_s))

    async def _session(self) -> str:
        """One connection from opening to loss; returns why it ended."""
        try:
            socket = await StraightConnect(
                self._url,
                compression=None,
                ping_interval=None,  # the venue's keepalive is a text PING
                open_timeout=self._settings.connect_timeout_s,
                close_timeout=_CLOSE_S,
                max_size=_MOST_FRAME_BYTES,
                max_queue=_MOST_FRAMES_IN_BATCH,
                proxy=None if is_loopback(self._url) else True,
            )
        except (OSError, EOFError, WebSocketException) as error:
            return _told("cannot connect", error)
        try:
            return await self._converse(socket)
        finally:
            self.up_since = None
            self.asked_ns.clear()
            with anyio.CancelScope(shield=True):
                await socket.close()

    async def _converse(self, socket: ClientConnection) -> str:
        self._heard_at = self.up_since = anyio.current_time()
        self.sessions += 1
        self._ended_because = ""
        self._again.clear()
        closed = ""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep, socket, tasks.cancel_scope)
                await self._receive(socket)
        except* ConnectionClosed as lost:
            closed = _told("closed", lost.exceptions[0])
        return self._ended_because or closed

    async def _receive(self, socket: ClientConnection) -> None:
        # Whatever one read of the socket brought waits here; taking it does not suspend,
        # so a burst becomes one batch with one clock read and no polling.
        waiting = socket.recv_messages.frames
        while True:
            data = await socket.recv(decode=False)
            ts_ns = self._clock()
            batch: Batch = []
            while True:
                if data != b"PONG":
                    batch.append(RawFrame(ts_ns, self.number, data))
                    self.received_bytes += len(data)
                if not len(waiting) or len(batch) >= _MOST_FRAMES_IN_BATCH:
                    break
                data = await socket.recv(decode=False)
            self._heard_at = anyio.current_time()
            self._heard = True
            if batch:
                self.frames += len(batch)
                self._sink(batch)

    async def _keep(self, socket: ClientConnection, scope: anyio.CancelScope) -> None:
        """Subscriptions, PINGs and the verdict on silence: the socket's only writer."""
        settings = self._settings
        ping_at = anyio.current_time() + settings.ping_s
        await self._subscribe_all(socket)
        while True:
            wake_at = min(ping_at, self._heard_at + settings.pong_timeout_s)
            with anyio.move_on_after(max(0.0, wake_at - anyio.current_time())):
                await self._changed.wait()
            if self._ended_because:
                break
            now = anyio.current_time()
            if now - self._heard_at >= settings.pong_timeout_s:
                self._ended_because = f"silent for {settings.pong_timeout_s:g} s"
                break
            # A peer that reads nothing blocks the write; that too is silence.
            with anyio.move_on_after(settings.pong_timeout_s) as writing:
                if self._changed.is_set():
                    self._changed = anyio.Event()
                    await self._reconcile(socket)
                if now >= ping_at:
                    ping_at = now + settings.ping_s
                    await socket.send("PING")
            if writing.cancelled_caught:
                self._ended_because = f"unwritable for {settings.pong_timeout_s:g} s"
                break
        scope.cancel()

    async def _subscribe_all(self, socket: ClientConnection) -> None:
        self._changed = anyio.Event()
        tokens = tuple(self.tokens)
        self._announce(tokens)
        await _send(
            socket, {"type": "market", "assets_ids": tokens, "custom_feature_enabled": True}
        )

    async def _reconcile(self, socket: ClientConnection) -> None:
        gone = [token_id for token_id in self.asked_ns if token_id not in self.tokens]
        again = [
            token_id
            for token_id in self._again
            if token_id in self.asked_ns and token_id in self.tokens
        ]
        fresh = [token_id for token_id in self.tokens if token_id not in self.asked_ns]
        self._again.clear()
        for token_id in gone:
            del self.asked_ns[token_id]
        self._announce((*again, *fresh))
        if gone or again:
            await _send(socket, {"operation": "unsubscribe", "assets_ids": [*gone, *again]})
        if again or fresh:
            await _send(
                socket,
                {
                    "operation": "subscribe",
                    "assets_ids": [*again, *fresh],
                    "custom_feature_enabled": True,
                },
            )

    def _announce(self, token_ids: Sequence[str]) -> None:
        """Say that these books are unknown now, before their snapshots can possibly come."""
        if token_ids:
            now_ns = self._clock()
            self.asked_ns.update(dict.fromkeys(token_ids, now_ns))
            self._sink([FeedConnected(now_ns, self.number, tuple(token_ids))])


async def _send(socket: ClientConnection, frame: dict[str, object]) -> None:
    await socket.send(msgspec.json.encode(frame).decode())


def _told(what: str, error: BaseException) -> str:
    return f"{what}: {str(error) or type(error).__name__}"[:200]
