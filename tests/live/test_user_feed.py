"""The user channel against the embedded exchange, with everything that can go wrong on it."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import msgspec
import pytest
from websockets.asyncio.server import ServerConnection, serve

from live_account import START_NS, Venue
from polyframe.events import Side, Unrecognised
from polyframe.exchange.faults import message_kinds, socket_kinds
from polyframe.polymarket import user_feed
from polyframe.polymarket.account_words import (
    OrderWord,
    PlaceResult,
    TradeStatus,
    VenueFill,
    VenueOrder,
)
from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.user_feed import UserFeed
from polyframe.settings import FeedSettings

pytestmark = pytest.mark.anyio
PATIENCE_S = 20.0
# Long where a test does not want it, so that only what it provokes can happen.
QUIET = FeedSettings(
    ping_s=30.0,
    pong_timeout_s=60.0,
    connect_timeout_s=5.0,
    backoff_base_s=0.001,
    backoff_cap_s=0.01,
)
QUICK = msgspec.structs.replace(QUIET, ping_s=0.05, pong_timeout_s=0.3)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Listener:
    """A feed and everything it told."""

    def __init__(self, url: str, credentials: ApiCredentials, settings: FeedSettings) -> None:
        self.words: list[Any] = []
        self.ups = 0
        self.downs: list[str] = []
        self.heard_ns: list[int] = []
        self._moved = anyio.Event()
        self.feed = UserFeed(
            url,
            credentials,
            settings,
            clock=lambda: START_NS,
            on_words=self._heard,
            on_up=self._up,
            on_down=self._down,
            rng=random.Random(1),
        )

    def _heard(self, words: list[Any]) -> None:
        self.words += words
        self._move()

    def _up(self) -> None:
        self.ups += 1
        self._move()

    def _down(self, reason: str, heard_ns: int) -> None:
        self.downs.append(reason)
        self.heard_ns.append(heard_ns)
        self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()

    async def until(self, wanted: Callable[[], object]) -> None:
        with anyio.fail_after(PATIENCE_S):
            while not wanted():
                await self._moved.wait()

    def orders(self, venue_id: str) -> list[VenueOrder]:
        return [
            one for one in self.words if isinstance(one, VenueOrder) and one.order_id == venue_id
        ]

    def fills(self) -> list[VenueFill]:
        return [one for one in self.words if isinstance(one, VenueFill)]

    async def word(self, venue_id: str, word: OrderWord) -> VenueOrder:
        """The first event of an order with a word."""
        await self.until(lambda: any(one.word is word for one in self.orders(venue_id)))
        return next(one for one in self.orders(venue_id) if one.word is word)


@asynccontextmanager
async def following(
    url: str, credentials: ApiCredentials, settings: FeedSettings = QUIET
) -> AsyncIterator[Listener]:
    listener = Listener(url, credentials, settings)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(listener.feed.run)
        yield listener
        tasks.cancel_scope.cancel()


@asynccontextmanager
async def listening(
    venue: Venue, clob: Clob, settings: FeedSettings = QUIET
) -> AsyncIterator[Listener]:
    url = venue.exchange.urls.user_ws_url
    async with following(url, clob.credentials, settings) as listener:
        await listener.until(lambda: listener.ups)
        yield listener


async def test_an_orders_whole_life_is_heard() -> None:
    async with Venue() as venue, venue.account() as clob, listening(venue, clob) as heard:
        intent = venue.sign(clob, venue.plain())
        await clob.place([intent])
        placed = await heard.word(intent.venue_id, OrderWord.LIVE)
        assert (placed.side, placed.price_e4, placed.size_e6) == (Side.BUY, 500, 10_000_000)
        assert (placed.owner, placed.matched_e6) == (clob.credentials.key, 0)
        await clob.cancel([intent.venue_id])
        await heard.word(intent.venue_id, OrderWord.CANCELED)
        stats = heard.feed.stats()
        assert (stats.is_up, stats.sessions, stats.losses, stats.unread) == (True, 1, 0, 0)
        assert stats.words == len(heard.words) == stats.frames
        assert stats.received_bytes > 500


async def test_a_fill_is_heard_from_match_to_confirmation() -> None:
    async with Venue() as venue, venue.account() as clob, listening(venue, clob) as heard:
        spec = venue.plain()
        gamma = next(
            one for one in venue.exchange.source.markets() if one["conditionId"] == spec.market_id
        )
        ask_e4 = round(gamma["bestAsk"] * 10_000)
        intent = venue.sign(clob, spec, price_e4=ask_e4, post_only=False)
        assert (await clob.place([intent]))[0].result is PlaceResult.ACCEPTED
        await heard.until(heard.fills)
        await venue.pass_s(60)
        await heard.until(lambda: heard.fills()[-1].status is TradeStatus.CONFIRMED)
        assert {one.order_id for one in heard.fills()} == {intent.venue_id}
        by_status = {one.status for one in heard.fills()}
        assert by_status == {TradeStatus.MATCHED, TradeStatus.MINED, TradeStatus.CONFIRMED}
        # The same legs as REST tells.
        rest = {one.key: one for one in await clob.fills_since(0)}
        assert {one.key for one in heard.fills()} == set(rest)
        for one in heard.fills():
            same = msgspec.structs.replace(rest[one.key], ts_ns=one.ts_ns, status=one.status)
            assert one == same


async def test_odd_events_are_read_all_the_same() -> None:
    async with Venue() as venue, venue.account() as clob, listening(venue, clob) as heard:
        spec = venue.plain()
        for fault in (
            message_kinds.SuffixedStatus(channel="user"),
            message_kinds.EmptyNumerics(channel="user"),
            message_kinds.MillisecondTimes(channel="user"),
            message_kinds.Duplicate(channel="user"),
        ):
            venue.fault(fault)
        intent = venue.sign(clob, spec)
        await clob.place([intent])
        await clob.cancel([intent.venue_id])
        gone = await heard.word(intent.venue_id, OrderWord.CANCELED)
        assert gone.reason == (
            "order couldn't be fully filled. FOK orders are fully filled or killed."
        )
        assert gone.matched_e6 is None
        await heard.until(lambda: len(heard.orders(intent.venue_id)) >= 4)
        assert not [one for one in heard.words if isinstance(one, Unrecognised)]


async def test_nonsense_is_counted_and_kept_and_the_channel_goes_on() -> None:
    async with Venue() as venue, venue.account() as clob, listening(venue, clob) as heard:
        spec = venue.plain()
        for count, fault in enumerate(
            (
                message_kinds.UnknownEvent(channel="user", count=1),
                message_kinds.TruncatedJson(channel="user", count=1),
                message_kinds.DeepNesting(channel="user", count=1),
            ),
            1,
        ):
            venue.fault(fault)
            await clob.place([venue.sign(clob, spec)])
            await heard.until(
                lambda wanted=count: (
                    sum(isinstance(one, Unrecognised) for one in heard.words) == wanted
                )
            )
        last = venue.sign(clob, spec)
        await clob.place([last])
        await heard.word(last.venue_id, OrderWord.LIVE)
        assert heard.feed.stats().unread >= 3
        assert heard.downs == []


async def test_a_lost_line_comes_back_and_says_so_both_times() -> None:
    async with Venue() as venue, venue.account() as clob, listening(venue, clob) as heard:
        intent = venue.sign(clob, venue.plain())
        await clob.place([intent])
        await heard.word(intent.venue_id, OrderWord.LIVE)
        venue.fault(socket_kinds.Disconnect(channel="user"))
        await venue.pass_s(1)
        await heard.until(lambda: heard.ups == 2)
        assert len(heard.downs) == 1
        assert heard.downs[0].startswith("closed")
        await clob.cancel([intent.venue_id])
        await heard.word(intent.venue_id, OrderWord.CANCELED)
        stats = heard.feed.stats()
        assert (stats.sessions, stats.losses, stats.refusals) == (2, 1, 0)


async def test_a_dropped_event_is_for_rest_to_tell() -> None:
    async with Venue() as venue, venue.account() as clob, listening(venue, clob) as heard:
        venue.fault(message_kinds.Drop(channel="user", count=1))
        spec = venue.plain()
        lost, heard_of = venue.sign(clob, spec), venue.sign(clob, spec)
        await clob.place([lost])
        await clob.place([heard_of])
        await heard.word(heard_of.venue_id, OrderWord.LIVE)
        assert heard.orders(lost.venue_id) == []
        assert {one.order_id for one in await clob.open_orders()} == {
            lost.venue_id, heard_of.venue_id,
        }  # fmt: skip


async def test_a_half_open_line_is_found_by_its_silence() -> None:
    async with Venue() as venue, venue.account() as clob, listening(venue, clob, QUICK) as heard:
        venue.fault(socket_kinds.HalfOpen(channel="user", for_s=5))
        await venue.pass_s(1)
        await heard.until(lambda: any("silent for" in one for one in heard.downs))
        await venue.pass_s(10)
        await heard.until(lambda: heard.ups > 1)


async def test_a_ping_that_nothing_answers_is_not_waited_for_as_long_as_the_venues_own_client_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_feed, "_ANSWER_S", 0.3)
    patient = msgspec.structs.replace(QUIET, ping_s=0.05)  # pong_timeout_s stays 60
    async with Venue() as venue, venue.account() as clob, listening(venue, clob, patient) as heard:
        venue.fault(socket_kinds.HalfOpen(channel="user", for_s=5))
        await venue.pass_s(1)
        await heard.until(lambda: bool(heard.downs))
        assert heard.downs[0] == "silent for 0.3 s after a PING"
        assert heard.heard_ns[0] == START_NS  # when it last said something, not when that showed
        ups = heard.ups
        await venue.pass_s(10)
        await heard.until(lambda: heard.ups > ups)


async def test_a_channel_that_answers_pings_and_is_quiet_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_feed, "_ANSWER_S", 0.3)
    pings = 0
    enough = anyio.Event()

    async def answer(socket: ServerConnection) -> None:
        nonlocal pings
        async for frame in socket:
            if frame == "PING":
                pings += 1
                await socket.send("PONG")
            if pings > 20:
                enough.set()

    settings = msgspec.structs.replace(QUIET, ping_s=0.04)
    async with serve(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        secret = ApiCredentials("k", "s", "p")
        async with following(f"ws://127.0.0.1:{port}", secret, settings) as heard:
            with anyio.fail_after(PATIENCE_S):
                await enough.wait()
            assert (heard.ups, heard.downs) == (1, [])


async def test_a_channel_that_never_says_anything_is_given_up_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(user_feed, "_ANSWER_S", 0.1)

    async def listen(socket: ServerConnection) -> None:
        async for _ in socket:
            pass

    async with serve(listen, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with following(f"ws://127.0.0.1:{port}", ApiCredentials("k", "s", "p")) as heard:
            await heard.until(lambda: len(heard.downs) >= 3)
    assert heard.ups == 0
    assert set(heard.downs) == {"silent for 0.1 s after a PING"}
    assert set(heard.heard_ns) == {0}


async def test_wrong_credentials_are_told_as_such_and_never_shown() -> None:
    async with Venue() as venue, venue.account() as clob:
        wrong = ApiCredentials(clob.credentials.key, clob.credentials.secret, "open sesame")
        async with following(venue.exchange.urls.user_ws_url, wrong) as heard:
            await heard.until(lambda: len(heard.downs) >= 2)
            stats = heard.feed.stats()
    assert heard.ups == 0
    assert stats.refusals >= 2
    assert all("wrong credentials" in one for one in heard.downs)
    assert not any("sesame" in one or wrong.secret in one for one in heard.downs)


async def test_no_log_has_the_credentials(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Venue() as venue, venue.account() as clob, listening(venue, clob) as heard:
        assert heard.ups
        known = clob.credentials
    assert known.secret not in caplog.text
    assert known.passphrase not in caplog.text


async def test_nobody_there_backs_off_and_says_why() -> None:
    async with following("ws://127.0.0.1:9", ApiCredentials("k", "s", "p")) as heard:
        await heard.until(lambda: len(heard.downs) >= 3)
    assert all(one.startswith("cannot connect") for one in heard.downs)
    assert heard.feed.stats().refusals == 0


async def test_what_is_sent_and_that_up_waits_for_an_answer() -> None:
    sent: list[Any] = []
    allowed = anyio.Event()
    arrived = anyio.Event()

    async def talk(socket: ServerConnection) -> None:
        async for text in socket:
            sent.append(text)
            if text == "PING":
                arrived.set()
                await allowed.wait()
                await socket.send("PONG")
                await socket.send("[]")

    async with serve(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        known = ApiCredentials("key", "secret", "passphrase")
        async with following(f"ws://127.0.0.1:{port}/ws/user", known) as heard:
            with anyio.fail_after(PATIENCE_S):
                await arrived.wait()
            assert heard.ups == 0
            assert not heard.feed.stats().is_up
            allowed.set()
            await heard.until(lambda: heard.ups)
            await heard.until(lambda: heard.feed.stats().is_up)
    assert json.loads(sent[0]) == {
        "type": "user",
        "auth": {"apiKey": "key", "secret": "secret", "passphrase": "passphrase"},
    }
    assert sent[1:] == ["PING"]
    assert "passphrase'" not in repr(heard.feed) + repr(known)
