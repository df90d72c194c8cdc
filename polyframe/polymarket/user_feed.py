"""The user channel: our own orders and fills as they happen, read raw (venue.md 3.4).

One socket for the whole account. Nothing is replayed after a gap: whoever follows closes it over
REST after every ``on_up``. The venue confirms no subscription; the PONG to a PING sent behind the
credentials does, because frames are answered in their order.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable

import anyio
import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, WebSocketException

from polyframe.events import Unrecognised
from polyframe.polymarket.account_codec import IsOurs, Word, decode_frame, nobody
from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.hosts import is_loopback
from polyframe.polymarket.shard import StraightConnect
from polyframe.settings import FeedSettings

_MOST_FRAME_BYTES = 8 * 1024 * 1024
_MOST_FRAMES_WAITING = 1024
_CLOSE_S = 1.0
# The official client waits 30 s for a PONG (venue.md 3.1). So long nobody would tell us of our
# fills; and a new connection costs nothing here: nothing is to be subscribed again.
_ANSWER_S = 5.0
_MOST_DOUBLINGS = 16
# At DEBUG websockets writes down every frame, and the first one holds the credentials.
_SILENT = logging.Logger("polyframe.user_channel", logging.CRITICAL)
# Going away, an error inside, a restart, come again later (RFC 6455 and its registry): a server
# that closes so before it has answered has other troubles than our credentials.
_SERVER_TROUBLES = frozenset({1001, 1011, 1012, 1013, 1014})


class UserFeedStats(msgspec.Struct, frozen=True):
    """The channel's counters since the run began.

    ``sessions`` counts connections that answered, ``refusals`` those that the venue closed
    before it answered (so it treats wrong credentials), ``unread`` what could not be read.
    ``is_up`` is whether it follows now.
    """

    is_up: bool
    sessions: int
    losses: int
    refusals: int
    frames: int
    received_bytes: int
    words: int
    unread: int


class UserFeed:
    """The user channel of one API key, connected until it is cancelled.

    Args:
        url: the channel.
        credentials: sent as they are, in the first frame.
        settings: keepalive, timeouts and backoff (all wall clock).
        clock: UTC nanoseconds, stamps what is heard.
        on_words: takes what each frame said, synchronously and in order.
        on_up: from here on nothing is missed; close the gap before.
        on_down: why it is not so any more, and when it last said anything (UTC ns, 0 for never):
            what it would have said since is missing. Also told of every attempt that failed.
        is_ours: whether an order id of the venue's is known to be ours.
        rng: source of the backoff's jitter.
    """

    def __init__(
        self,
        url: str,
        credentials: ApiCredentials,
        settings: FeedSettings,
        *,
        clock: Callable[[], int],
        on_words: Callable[[list[Word]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str, int], None],
        is_ours: IsOurs = nobody,
        rng: random.Random | None = None,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._settings = settings
        self._clock = clock
        self._on_words = on_words
        self._on_up = on_up
        self._on_down = on_down
        self._is_ours = is_ours
        self._rng = rng or random.Random()
        self._is_up = False
        self._heard_at = 0.0
        self._heard_ns = 0
        self._ended_because = ""
        self._sessions = self._losses = self._refusals = 0
        self._frames = self._received_bytes = self._words = self._unread = 0

    def stats(self) -> UserFeedStats:
        """Return the counters as they stand."""
        return UserFeedStats(
            is_up=self._is_up,
            sessions=self._sessions,
            losses=self._losses,
            refusals=self._refusals,
            frames=self._frames,
            received_bytes=self._received_bytes,
            words=self._words,
            unread=self._unread,
        )

    async def run(self) -> None:
        """Follow until cancelled; only what the callbacks raise gets out."""
        failures = 0
        while True:
            sessions = self._sessions
            reason = await self._session()
            # A socket that opens and never answers is no success: it backs off too.
            failures = 1 if self._sessions > sessions else failures + 1
            self._losses += 1
            self._on_down(reason, self._heard_ns)
            await anyio.sleep(self._backoff_s(failures))

    def _backoff_s(self, failures: int) -> float:
        bound_s = self._settings.backoff_base_s * 2.0 ** min(failures - 1, _MOST_DOUBLINGS)
        return self._rng.uniform(0.0, min(self._settings.backoff_cap_s, bound_s))

    async def _session(self) -> str:
        """One connection from opening to loss; returns why it ended."""
        try:
            socket = await StraightConnect(
                self._url,
                logger=_SILENT,
                compression=None,
                ping_interval=None,  # the venue's keepalive is a text PING
                open_timeout=self._settings.connect_timeout_s,
                close_timeout=_CLOSE_S,
                max_size=_MOST_FRAME_BYTES,
                max_queue=_MOST_FRAMES_WAITING,
                proxy=None if is_loopback(self._url) else True,
            )
        except (OSError, EOFError, WebSocketException) as error:
            return f"cannot connect: {str(error) or type(error).__name__}"[:200]
        try:
            return await self._converse(socket)
        finally:
            self._is_up = False
            with anyio.CancelScope(shield=True):
                await socket.close()

    async def _converse(self, socket: ClientConnection) -> str:
        self._heard_at = anyio.current_time()
        self._ended_because = ""
        closed = ""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._keep, socket, tasks.cancel_scope)
                await self._receive(socket)
        except* ConnectionClosed as lost:
            closed = self._closed(lost.exceptions[0])
        return self._ended_because or closed

    def _closed(self, error: BaseException) -> str:
        received = error.rcvd if isinstance(error, ConnectionClosed) else None
        told = f"closed: {str(error) or type(error).__name__}"[:200]
        if self._is_up or received is None or received.code in _SERVER_TROUBLES:
            return told
        self._refusals += 1
        return f"the user channel closes before it answers, as on wrong credentials ({told})"

    async def _receive(self, socket: ClientConnection) -> None:
        while True:
            data = await socket.recv(decode=False)
            ts_ns = self._heard_ns = self._clock()
            self._heard_at = anyio.current_time()
            if not self._is_up:
                self._is_up = True
                self._sessions += 1
                self._on_up()
            if data == b"PONG":
                continue
            self._frames += 1
            self._received_bytes += len(data)
            words = decode_frame(data, ts_ns, api_key=self._credentials.key, is_ours=self._is_ours)
            self._words += len(words)
            self._unread += sum(isinstance(one, Unrecognised) for one in words)
            if words:
                self._on_words(words)

    async def _keep(self, socket: ClientConnection, scope: anyio.CancelScope) -> None:
        """Credentials, PINGs and the verdict on silence: the socket's only writer."""
        settings = self._settings
        answer_s = min(_ANSWER_S, settings.pong_timeout_s)
        # The oldest PING that nothing was heard since; whatever is heard answers it.
        asked_at = ping_at = anyio.current_time()
        frames = [self._auth_frame()]
        while True:
            now = anyio.current_time()
            is_answered = self._heard_at > asked_at
            if not is_answered and now - asked_at >= answer_s:
                self._ended_because = f"silent for {answer_s:g} s after a PING"
                break
            if now >= ping_at:
                ping_at = now + settings.ping_s
                asked_at = now if is_answered else asked_at
                frames.append("PING")
            # A peer that reads nothing blocks the write; that too is silence.
            with anyio.move_on_after(answer_s) as writing:
                while frames:
                    await socket.send(frames[0])
                    del frames[0]
            if writing.cancelled_caught:
                self._ended_because = f"unwritable for {answer_s:g} s"
                break
            is_answered = self._heard_at > asked_at
            wake_at = ping_at if is_answered else min(ping_at, asked_at + answer_s)
            await anyio.sleep(max(0.0, wake_at - anyio.current_time()))
        scope.cancel()

    def _auth_frame(self) -> str:
        # Without ``markets``: a filter of none has lost trades before (py-sdk#102).
        secret = self._credentials
        auth = {"apiKey": secret.key, "secret": secret.secret, "passphrase": secret.passphrase}
        return msgspec.json.encode({"type": "user", "auth": auth}).decode()
