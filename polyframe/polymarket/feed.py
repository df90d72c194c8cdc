"""The market feed: tokens spread over sockets, and proof that the books are current.

Frames leave undecoded so that they can be recorded as they came; between socket and sink
there is no queue. PONGs prove nothing about data, so two independent watches do: a token
without a first book is asked for again, then given a new socket; a book nobody has proved
for a while is fetched over REST and handed on as a :class:`~polyframe.events.BookWitness`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence

import anyio
import msgspec
from anyio.abc import TaskGroup

from polyframe.events import BookWitness, RawFrame
from polyframe.polymarket.clob_public import fetch_books
from polyframe.polymarket.rest import RestClient, RestError
from polyframe.polymarket.shard import Batch, Shard, Sink
from polyframe.settings import FeedSettings

__all__ = ["Batch", "FeedStats", "MarketFeed", "RawFrame", "ShardStats", "Sink"]

_NS = 1_000_000_000
_LOOKS_PER_PERIOD = 4  # a period is overrun by at most a quarter of itself
_SHORTEST_LOOK_S = 0.02
_MOST_DOUBLINGS = 5
# One silent round may be a frame still on its way; two are a dead subscription.
_SILENT_ROUNDS = 2


class ShardStats(msgspec.Struct, frozen=True):
    """One socket's counters; ``uptime_s`` is wall clock, None while it is down."""

    shard: int
    tokens: int
    frames: int
    received_bytes: int
    sessions: int
    uptime_s: float | None


class FeedStats(msgspec.Struct, frozen=True):
    """The feed's counters since the run began; shards given up are in the totals only."""

    shards: tuple[ShardStats, ...]
    reconnects: int
    frames: int
    received_bytes: int
    redriven_tokens: int
    moved_tokens: int
    rebuilt_sockets: int
    witness_books: int
    witness_failures: int


class MarketFeed:
    """The market channel for any number of tokens.

    Args:
        ws_url: the market channel.
        rest_url: the CLOB's REST host, for witnesses.
        settings: every threshold. ``first_book_s`` and the witness ages are market time,
            keepalive, timeouts and backoff wall clock.
        clock: UTC nanoseconds of market time; stamps everything that leaves here.
        sink: takes each batch synchronously, in the order of receipt; it may call
            :meth:`set_tokens` and :meth:`resubscribe`.
        proof_ns: when a token's book was last proved current, None while it has no book.
        speed: market seconds in a wall second.
        rng: source of the backoff's jitter.
    """

    def __init__(
        self,
        ws_url: str,
        rest_url: str,
        settings: FeedSettings,
        *,
        clock: Callable[[], int],
        sink: Sink,
        proof_ns: Callable[[str], int | None],
        speed: float = 1.0,
        rng: random.Random | None = None,
    ) -> None:
        self._ws_url = ws_url
        self._rest_url = rest_url
        self._settings = settings
        self._clock = clock
        self._sink = sink
        self._proof_ns = proof_ns
        self._speed = speed
        self._rng = rng or random.Random()
        self._first_book_ns = round(settings.first_book_s * _NS)
        self._witness_age_ns = round(settings.witness_share * settings.max_book_age_s * _NS)
        self._shards: dict[int, Shard] = {}
        self._shard_of: dict[str, Shard] = {}
        self._next_number = 0
        self._tasks: TaskGroup | None = None
        self._strikes: dict[str, int] = {}
        self._witness_asked_ns: dict[str, int] = {}
        self._last_witness: dict[str, tuple[frozenset[tuple[bool, int, float]], int]] = {}
        self._silent_rounds: dict[int, int] = {}
        self._resubscribed: dict[int, tuple[tuple[int, int], int]] = {}
        self._retired = [0, 0, 0]  # reconnects, frames, bytes of shards given up
        self._redriven_tokens = 0
        self._moved_tokens = 0
        self._rebuilt_sockets = 0
        self._witness_books = 0
        self._witness_failures = 0

    # --- what is followed (synchronous, from the event loop's thread only) -----------

    def set_tokens(self, token_ids: Iterable[str]) -> None:
        """Follow exactly these tokens; what stays is not disturbed.

        Name both tokens of a market next to each other: they then share a socket, and the
        venue's joint messages arrive once.
        """
        wanted = dict.fromkeys(token_ids)
        for shard in list(self._shards.values()):
            gone = [token_id for token_id in shard.tokens if token_id not in wanted]
            if gone:
                self._drop(shard, gone)
        new = [token_id for token_id in wanted if token_id not in self._shard_of]
        for shard in list(self._shards.values()):
            room = self._settings.tokens_per_socket - len(shard.tokens)
            if new and room > 0:
                self._give(shard, new[:room])
                new = new[room:]
        self._open(new)

    def resubscribe(self, token_ids: Iterable[str]) -> None:
        """Ask for fresh books of these tokens; unknown tokens are ignored.

        A socket asked a second time, a witness age later, without a frame in between does
        not answer at all: it is rebuilt.
        """
        now_ns = self._clock()
        for shard, tokens in self._by_shard(token_ids):
            heard = (shard.sessions, shard.frames)
            heard_then, at_ns = self._resubscribed.get(shard.number, (None, now_ns))
            if heard_then != heard:
                self._resubscribed[shard.number] = (heard, now_ns)
            elif now_ns - at_ns >= self._witness_age_ns:
                self._rebuild(shard, "asked for books twice and heard nothing")
                continue
            self._redrive(shard, tokens)

    async def run(self) -> None:
        """Feed the sink until cancelled. Only what the sink itself raises gets out."""
        # One attempt: the next look at the ages is the retry.
        rest = RestClient(self._rest_url, attempts=1, timeout_s=self._settings.connect_timeout_s)
        try:
            async with rest, anyio.create_task_group() as tasks:
                self._tasks = tasks
                for shard in self._shards.values():
                    tasks.start_soon(shard.run)
                tasks.start_soon(self._watch_first_books)
                tasks.start_soon(self._watch_ages, rest)
        finally:
            self._tasks = None

    def stats(self) -> FeedStats:
        """Return the counters as they stand."""
        shards = tuple(
            ShardStats(
                shard=shard.number,
                tokens=len(shard.tokens),
                frames=shard.frames,
                received_bytes=shard.received_bytes,
                sessions=shard.sessions,
                uptime_s=None if shard.up_since is None else anyio.current_time() - shard.up_since,
            )
            for shard in self._shards.values()
        )
        return FeedStats(
            shards=shards,
            reconnects=self._retired[0] + sum(max(0, each.sessions - 1) for each in shards),
            frames=self._retired[1] + sum(each.frames for each in shards),
            received_bytes=self._retired[2] + sum(each.received_bytes for each in shards),
            redriven_tokens=self._redriven_tokens,
            moved_tokens=self._moved_tokens,
            rebuilt_sockets=self._rebuilt_sockets,
            witness_books=self._witness_books,
            witness_failures=self._witness_failures,
        )

    # --- sharding --------------------------------------------------------------------

    def _open(self, token_ids: Sequence[str]) -> None:
        size = self._settings.tokens_per_socket
        for start in range(0, len(token_ids), size):
            shard = Shard(
                self._next_number,
                self._ws_url,
                self._settings,
                clock=self._clock,
                sink=self._sink,
                rng=self._rng,
            )
            self._next_number += 1
            self._shards[shard.number] = shard
            self._give(shard, token_ids[start : start + size])
            if self._tasks is not None:
                self._tasks.start_soon(shard.run)

    def _give(self, shard: Shard, token_ids: Sequence[str]) -> None:
        shard.add(token_ids)
        self._shard_of.update(dict.fromkeys(token_ids, shard))

    def _drop(self, shard: Shard, token_ids: Sequence[str]) -> None:
        shard.remove(token_ids)
        for token_id in token_ids:
            del self._shard_of[token_id]
            self._strikes.pop(token_id, None)
            self._witness_asked_ns.pop(token_id, None)
            self._last_witness.pop(token_id, None)
        if not shard.tokens:
            shard.stop()
            del self._shards[shard.number]
            self._silent_rounds.pop(shard.number, None)
            self._resubscribed.pop(shard.number, None)
            self._retired[0] += max(0, shard.sessions - 1)
            self._retired[1] += shard.frames
            self._retired[2] += shard.received_bytes

    def _by_shard(self, token_ids: Iterable[str]) -> list[tuple[Shard, list[str]]]:
        grouped: dict[int, list[str]] = {}
        for token_id in token_ids:
            shard = self._shard_of.get(token_id)
            if shard is not None:
                grouped.setdefault(shard.number, []).append(token_id)
        return [(self._shards[number], tokens) for number, tokens in grouped.items()]

    def _redrive(self, shard: Shard, token_ids: Sequence[str]) -> None:
        self._redriven_tokens += len(token_ids)
        shard.redrive(token_ids)

    def _rebuild(self, shard: Shard, reason: str) -> None:
        self._rebuilt_sockets += 1
        self._silent_rounds.pop(shard.number, None)
        self._resubscribed.pop(shard.number, None)
        shard.rebuild(reason)

    # --- the first book --------------------------------------------------------------

    async def _watch_first_books(self) -> None:
        while True:
            await anyio.sleep(self._look_s(self._settings.first_book_s))
            for shard in list(self._shards.values()):
                self._judge_first_books(shard, self._clock())

    def _judge_first_books(self, shard: Shard, now_ns: int) -> None:
        """Ask again for what never came: first on this socket, then on a new one, ever slower.

        About half of such tokens come with the first redrive (venue.md 7.2).
        """
        redrive: list[str] = []
        move: list[str] = []
        for token_id, asked_ns in shard.asked_ns.items():
            if token_id not in shard.tokens:
                continue
            if self._proof_ns(token_id) is not None:
                self._strikes.pop(token_id, None)
                continue
            strikes = self._strikes.get(token_id, 0)
            if now_ns - asked_ns >= self._first_book_ns << min(strikes, _MOST_DOUBLINGS):
                self._strikes[token_id] = strikes + 1
                (move if strikes % 2 else redrive).append(token_id)
        if len(move) * 2 > len(shard.tokens):
            self._rebuild(shard, f"no first book for {len(move)} tokens")
        elif move:
            strikes_of = {token_id: self._strikes[token_id] for token_id in move}
            self._drop(shard, move)
            self._strikes.update(strikes_of)
            self._moved_tokens += len(move)
            self._open(move)
        if redrive:
            self._redrive(shard, redrive)

    def _look_s(self, period_s: float) -> float:
        """Wall seconds between two looks at a period of market time."""
        return max(_SHORTEST_LOOK_S, period_s / _LOOKS_PER_PERIOD / self._speed)

    # --- witnesses -------------------------------------------------------------------

    async def _watch_ages(self, rest: RestClient) -> None:
        while True:
            await anyio.sleep(self._look_s(self._witness_age_ns / _NS))
            due = self._unproved(self._clock())
            for start in range(0, len(due), self._settings.witness_batch):
                batch = due[start : start + self._settings.witness_batch]
                try:
                    books = await fetch_books(rest, batch, clock=self._clock)
                except RestError:
                    self._witness_failures += 1
                else:
                    self._testify(books)

    def _unproved(self, now_ns: int) -> list[str]:
        """Tokens whose book has gone unproved for a witness age, and unasked as long."""
        latest_ns = now_ns - self._witness_age_ns
        due: list[str] = []
        for token_id in self._shard_of:
            proof_ns = self._proof_ns(token_id)
            if (
                proof_ns is not None
                and proof_ns <= latest_ns
                and self._witness_asked_ns.get(token_id, 0) <= latest_ns
            ):
                self._witness_asked_ns[token_id] = now_ns
                due.append(token_id)
        return due

    def _testify(self, books: Sequence[BookWitness]) -> None:
        books = [book for book in books if book.token_id in self._shard_of]
        if not books:
            return
        self._witness_books += len(books)
        self._sink(list(books))
        moved: dict[int, bool] = {}
        for book in books:
            shard = self._shard_of.get(book.token_id)
            if shard is None:  # the sink may just have dropped it
                continue
            levels = frozenset(
                [(True, *level) for level in book.bids] + [(False, *level) for level in book.asks]
            )
            before, frames = self._last_witness.get(book.token_id, (levels, shard.frames))
            self._last_witness[book.token_id] = (levels, shard.frames)
            if frames != shard.frames:
                self._silent_rounds.pop(shard.number, None)
            elif before != levels:
                moved[shard.number] = True
        for number in moved:
            rounds = self._silent_rounds.get(number, 0) + 1
            self._silent_rounds[number] = rounds
            if rounds >= _SILENT_ROUNDS and number in self._shards:
                self._rebuild(self._shards[number], "REST books move and the socket is silent")
