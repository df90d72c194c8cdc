"""Orders through the gateway, taken and refused by the embedded exchange over loopback."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

import msgspec
import pytest

from live_account import PATIENT, START_NS, Hidden, Venue
from loopback_exchange import S_NS
from polyframe.events import Side
from polyframe.exchange.faults import rest_kinds as kinds
from polyframe.live_settings import LimitSettings
from polyframe.polymarket.account_words import OrderWord, PlaceResult, TradeStatus, VenueMode
from polyframe.polymarket.auth import ApiCredentials
from polyframe.polymarket.clob import ClobError, SignedIntent
from polyframe.polymarket.clob_opening import open_clob
from polyframe.polymarket.hosts import LIVE_URLS, loopback_urls
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.order_signing import SignatureType
from polyframe.polymarket.signed_intent import SigningRefused
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet

pytestmark = pytest.mark.anyio
ACCEPTED, REJECTED, UNKNOWN = PlaceResult


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.parametrize("kind", SignatureType)
async def test_every_wallet_type_trades_on_every_exchange(kind: SignatureType) -> None:
    async with Venue(120) as venue, venue.account(signature_type=kind) as clob:
        specs = [
            venue.plain(),
            venue.market(lambda one: one["negRisk"]),
            venue.market(lambda one: one.get("version") == "v2"),
        ]
        expires_ns = venue.exchange.clock() + 600 * S_NS
        intents = [
            venue.sign(clob, spec, order_id=f"o-{at}", expires_ns=expires_ns if at else None)
            for at, spec in enumerate(specs)
        ]
        assert len({one.exchange for one in intents}) == 3

        placed = await clob.place(intents)

        assert [(one.order_id, one.result, one.message) for one in placed] == [
            (f"o-{at}", ACCEPTED, "live") for at in range(3)
        ]
        rest = {one.order_id: one for one in await clob.open_orders()}
        assert list(rest) == [one.venue_id for one in intents]
        for intent, spec in zip(intents, specs, strict=True):
            order = await clob.order(intent.venue_id)
            assert order == rest[intent.venue_id]
            assert (order.market_id, order.token_id) == (spec.market_id, spec.token_ids[0])
            assert (order.side, order.price_e4, order.size_e6) == (Side.BUY, 500, 10_000_000)
            assert (order.word, order.matched_e6) == (OrderWord.LIVE, 0)
            assert order.owner == clob.credentials.key
        done = await clob.cancel([one.venue_id for one in intents])
        assert sorted(done.gone) == sorted(rest)
        assert (done.refused, done.is_known) == ({}, True)
        assert await clob.open_orders() == []


async def test_wallets_are_those_of_the_key() -> None:
    owner = PrivateKey((77).to_bytes(32)).address
    async with Venue() as venue:
        found = {}
        for kind in SignatureType:
            async with venue.account(signature_type=kind) as clob:
                found[kind] = clob.wallet.address
                assert (clob.wallet.owner, clob.wallet.signature_type) == (owner, kind)
        assert found[SignatureType.EOA] == owner
        assert found[SignatureType.POLY_PROXY] == proxy_wallet(owner)
        assert found[SignatureType.GNOSIS_SAFE] == safe_wallet(owner)
        assert found[SignatureType.DEPOSIT_WALLET] in deposit_wallets(owner)
        async with venue.account(signature_type=None, wallet=safe_wallet(owner)) as clob:
            assert clob.wallet.signature_type is SignatureType.GNOSIS_SAFE


async def test_an_order_that_takes_fills_and_its_fills_are_read_back() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec = venue.plain()
        gamma = next(
            one for one in venue.exchange.source.markets() if one["conditionId"] == spec.market_id
        )
        ask_e4 = round(gamma["bestAsk"] * 10_000)
        intent = venue.sign(clob, spec, price_e4=ask_e4, size_e6=7_130_000, post_only=False)
        assert intent.post.order_type == "FAK"
        assert int(intent.post.order.maker_amount) % 10_000 == 0

        (placed,) = await clob.place([intent])

        assert (placed.result, placed.message) == (ACCEPTED, "matched")
        fills = await clob.fills_since(START_NS // S_NS)
        assert fills
        assert {one.order_id for one in fills} == {intent.venue_id}
        assert {(one.side, one.token_id) for one in fills} == {(Side.BUY, spec.token_ids[0])}
        assert {one.price_e4 for one in fills} == {ask_e4}
        assert not any(one.is_maker for one in fills)
        assert {one.status for one in fills} == {TradeStatus.MATCHED}
        assert sum(one.size_e6 for one in fills) == int(intent.post.order.taker_amount)
        assert await clob.fills_since(START_NS // S_NS + 10_000) == []
        await venue.pass_s(30)
        settled = await clob.fills_since(0)
        assert [one.key for one in settled] == [one.key for one in fills]
        assert {one.status for one in settled} == {TradeStatus.CONFIRMED}
        held = await clob.balances(spec.token_ids)
        assert held.tokens_e6 == {spec.token_ids[0]: sum(one.size_e6 for one in fills),
                                  spec.token_ids[1]: 0}  # fmt: skip


async def test_our_resting_order_is_a_maker_of_a_fill_of_its_own_token() -> None:
    async with Venue() as venue, venue.account(1) as maker, venue.account(2) as taker:
        spec = venue.market(
            lambda one: one["bestAsk"] - one["bestBid"] > 0.015 and not one["negRisk"]
        )
        gamma = next(
            one for one in venue.exchange.source.markets() if one["conditionId"] == spec.market_id
        )
        inside_e4 = round(gamma["bestBid"] * 10_000) + spec.tick_e4
        rests = venue.sign(maker, spec, price_e4=inside_e4)
        assert (await maker.place([rests]))[0].result is ACCEPTED
        # Buying NO at one minus the price meets it: a pair is minted.
        takes = venue.sign(
            taker, spec, token_id=spec.token_ids[1], price_e4=10_000 - inside_e4, size_e6=5_000_000,
            post_only=False,
        )  # fmt: skip
        assert (await taker.place([takes]))[0].result is ACCEPTED

        (made,) = await maker.fills_since(0)
        (took,) = await taker.fills_since(0)

        assert (made.order_id, made.token_id, made.side) == (
            rests.venue_id, spec.token_ids[0], Side.BUY,
        )  # fmt: skip
        assert (made.price_e4, made.is_maker, made.leg) == (inside_e4, True, 0)
        assert (took.order_id, took.token_id, took.side) == (
            takes.venue_id, spec.token_ids[1], Side.BUY,
        )  # fmt: skip
        assert (took.price_e4, took.is_maker) == (10_000 - inside_e4, False)
        assert made.size_e6 == took.size_e6
        order = await maker.order(rests.venue_id)
        assert order is not None
        assert (order.word, order.matched_e6) == (OrderWord.LIVE, made.size_e6)


async def test_many_orders_go_in_batches_and_come_back_in_their_order() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec = venue.plain()
        intents = [
            venue.sign(clob, spec, order_id=f"o-{at}", price_e4=100 + 100 * (at % 5))
            for at in range(35)
        ]
        placed = await clob.place(intents)
        assert [one.order_id for one in placed] == [f"o-{at}" for at in range(35)]
        assert {one.result for one in placed} == {ACCEPTED}
        assert venue.exchange.requests < 10
        assert clob.heard.orders.tier == "Standard"
        done = await clob.cancel([one.venue_id for one in intents])
        assert len(done.gone) == 35
        assert clob.budget.cancels == 35
        assert clob.heard.cancels.remaining == 120 - 35


async def test_refused_legs_of_a_batch_are_told_apart() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec = venue.plain()
        fine = venue.sign(clob, spec, order_id="o-1")
        crosses = venue.sign(clob, spec, order_id="o-2", price_e4=9_000)
        small = venue.sign(clob, spec, order_id="o-3", size_e6=1_000_000)
        sells = venue.sign(clob, spec, order_id="o-4", side=Side.SELL, price_e4=9_000)
        finer = msgspec.structs.replace(spec, tick_e4=10)
        off_grid = venue.sign(clob, finer, order_id="o-5", price_e4=510)
        nothing = venue.sign(clob, spec, order_id="o-6", post_only=False, price_e4=100)
        intents = [fine, crosses, small, sells, off_grid, nothing]
        wanted = [
            (ACCEPTED, ""),
            (REJECTED, "post_only_would_cross"),
            (REJECTED, "min_size"),
            (REJECTED, "balance"),
            (REJECTED, "tick"),
            (REJECTED, "no_match"),
        ]

        placed = await clob.place(intents)
        assert [(one.result, one.code) for one in placed] == wanted
        assert all(one.message for one in placed)

        alone = [(await clob.place([one]))[0] for one in intents]
        assert [(one.result, one.code) for one in alone[1:]] == wanted[1:]
        # What is in is refused as a duplicate: evidence, not a refusal.
        assert (alone[0].result, alone[0].code) == (UNKNOWN, "duplicate")
        rest = await clob.open_orders()
        assert [one.order_id for one in rest] == [fine.venue_id]


async def test_a_stored_intent_is_sent_as_the_same_signed_bytes() -> None:
    async with Venue() as venue, venue.account() as clob:
        intent = venue.sign(clob, venue.plain())
        again = SignedIntent.from_bytes(intent.to_bytes())
        assert again == intent
        assert (await clob.place([again]))[0].result is ACCEPTED
        assert (await clob.place([intent]))[0].code == "duplicate"
        order = await clob.order(intent.venue_id)
        assert order is not None


async def test_two_signatures_of_one_command_are_two_orders() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec = venue.plain()
        assert venue.sign(clob, spec).venue_id != venue.sign(clob, spec).venue_id


async def test_a_gtd_order_lives_as_long_as_asked_and_never_less_than_the_venue_takes() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec = venue.plain()
        now_ns = venue.exchange.clock()
        long = venue.sign(clob, spec, expires_ns=now_ns + 600 * S_NS)
        short = venue.sign(clob, spec, expires_ns=now_ns + 5 * S_NS)
        assert {one.result for one in await clob.place([long, short])} == {ACCEPTED}
        await venue.pass_s(130)
        assert [one.order_id for one in await clob.open_orders()] == [long.venue_id]
        await venue.pass_s(465)
        assert len(await clob.open_orders()) == 1
        await venue.pass_s(10)
        assert await clob.open_orders() == []
        gone = await clob.order(long.venue_id)
        assert gone is not None
        assert (gone.word, gone.reason) == (OrderWord.CANCELED, "EXPIRED_ORDER")


async def test_the_last_gate_signs_nothing_wrong() -> None:
    async with Venue() as venue:
        limits = LimitSettings(max_order_usd=2.0)
        async with venue.account(limits=limits) as clob:
            spec = venue.plain()
            now_ns = venue.exchange.clock()
            cases: list[tuple[str, dict[str, Any]]] = [
                ("tick", {"price_e4": 505}),
                ("tick", {"price_e4": 0}),
                ("tick", {"price_e4": 10_000}),
                ("tick", {"price_e4": -100}),
                ("invalid", {"size_e6": 0}),
                ("invalid", {"size_e6": -5_000_000}),
                ("limit", {"price_e4": 2_100}),
                ("limit", {"price_e4": 2_100, "side": Side.SELL}),
                ("limit", {"price_e4": 2_100, "post_only": False}),
                ("expiration", {"expires_ns": now_ns}),
                ("invalid", {"token_id": "123"}),
                ("invalid", {"market_id": "0x1"}),
            ]
            for code, changes in cases:
                with pytest.raises(SigningRefused) as refused:
                    venue.sign(clob, spec, **changes)
                assert refused.value.code == code, changes
                assert "o-000001" in str(refused.value)
            assert venue.sign(clob, spec, price_e4=2_000).order_id == "o-000001"


async def test_cancels_name_what_is_gone_already() -> None:
    async with Venue() as venue, venue.account() as clob:
        intent = venue.sign(clob, venue.plain())
        await clob.place([intent])
        strange = "0x" + "ab" * 32
        first = await clob.cancel([intent.venue_id, strange, intent.venue_id])
        assert first.gone == (intent.venue_id,)
        assert list(first.refused) == [strange]
        assert first.is_known
        again = await clob.cancel([intent.venue_id])
        assert (again.gone, list(again.refused)) == ((), [intent.venue_id])
        assert (await clob.cancel([])).gone == ()


async def test_cancel_all_takes_everything_of_the_key() -> None:
    async with Venue() as venue, venue.account() as clob, venue.account(78) as other:
        spec = venue.plain()
        await clob.place([venue.sign(clob, spec, price_e4=100 * at) for at in range(1, 6)])
        await other.place([venue.sign(other, spec)])
        done = await clob.cancel_all()
        assert len(done.gone) == 5
        assert await clob.open_orders() == []
        assert len(await other.open_orders()) == 1


async def test_pages_of_orders_are_all_read() -> None:
    async with Venue(tier="Elite", funds_usd=1e6) as venue, venue.account() as clob:
        spec = venue.plain()
        intents = [venue.sign(clob, spec, order_id=f"o-{at}") for at in range(510)]
        placed = await clob.place(intents)
        assert {one.result for one in placed} == {ACCEPTED}
        found = await clob.open_orders()
        assert {one.order_id for one in found} == {one.venue_id for one in intents}


async def test_what_the_account_is_asked_besides() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec = venue.plain()
        held = await clob.balances(spec.token_ids)
        assert held.cash_e6 == 10_000_000_000
        assert held.tokens_e6 == dict.fromkeys(spec.token_ids, 0)
        assert set(held.allowances.values()) == {2**256 - 1}
        assert set(held.token_allowances[spec.token_ids[0]]) == set(held.allowances)
        assert await clob.closed_only() is False
        assert await clob.server_time() == venue.exchange.clock() // S_NS
        assert await clob.rate_tier() == "Standard"
        assert await clob.order("0x" + "00" * 32) is None
        assert clob.mode.mode is VenueMode.RUNNING
        with pytest.raises(ClobError, match="Invalid asset type"):
            await clob.balances([*spec.token_ids, "1"])


async def test_heartbeats_chain_and_take_the_expected_id_at_once() -> None:
    async with Venue() as venue, venue.account() as clob:
        first = await clob.heartbeat("")
        second = await clob.heartbeat(first)
        assert len({first, second}) == 2
        third = await clob.heartbeat(first)  # stale: repaired in the same call
        assert third not in (first, second)
        await clob.place([venue.sign(clob, venue.plain())])
        await venue.pass_s(9)
        await clob.heartbeat(third)
        await venue.pass_s(9)
        assert len(await clob.open_orders()) == 1
        await venue.pass_s(10)
        assert await clob.open_orders() == []


async def test_credentials_that_are_given_are_used_and_wrong_ones_are_told() -> None:
    async with Venue() as venue:
        async with venue.account() as clob:
            known = clob.credentials
        async with venue.account(credentials=known) as clob:
            assert clob.credentials == known
            assert (await clob.place([venue.sign(clob, venue.plain())]))[0].result is ACCEPTED
        wrong = ApiCredentials("0d2a9e2c-0000-4000-8000-000000000000", known.secret, "secret words")
        with pytest.raises(ClobError, match="is not one of") as refused:
            async with venue.account(credentials=wrong):
                pass
        assert "secret words" not in str(refused.value)
        assert known.secret not in str(refused.value)


async def test_a_wallet_of_another_key_is_refused_before_anything_is_asked() -> None:
    stranger = PrivateKey((5).to_bytes(32)).address
    async with Venue() as venue:
        with pytest.raises(ClobError, match="is not a wallet of"):
            async with venue.account(signature_type=None, wallet=stranger):
                pass
        owner = PrivateKey((77).to_bytes(32)).address
        with pytest.raises(ClobError, match="signature type 0, not 3"):
            async with venue.account(signature_type=SignatureType.DEPOSIT_WALLET, wallet=owner):
                pass
        assert venue.exchange.requests == 0


class _NoKey:
    def reveal(self) -> str:
        return "twelve words that open everything"


async def test_a_bad_key_is_told_without_repeating_it() -> None:
    urls = loopback_urls("http://127.0.0.1:9")
    options: dict[str, Any] = {
        "settings": PATIENT, "limits": LimitSettings(), "clock": lambda: START_NS,
    }  # fmt: skip
    with pytest.raises(ClobError, match="64 hex digits") as refused:
        async with open_clob(urls, _NoKey(), **options):
            pass
    assert "twelve" not in str(refused.value)
    with pytest.raises(ClobError, match="cannot be opened"):
        async with open_clob(urls, Hidden(7), signature_type=SignatureType.EOA, **options):
            pass
    half = LIVE_URLS._replace(clob="http://127.0.0.1:9")
    with pytest.raises(ClobError, match="or all of this machine"):
        async with open_clob(half, Hidden(7), signature_type=SignatureType.EOA, **options):
            pass


async def test_a_closed_account_may_only_reduce() -> None:
    async with Venue() as venue, venue.account() as clob:
        assert venue.exchange.private is not None
        venue.exchange.private.desk.closed_only[clob.wallet.owner.lower()] = None
        assert await clob.closed_only() is True
        (placed,) = await clob.place([venue.sign(clob, venue.plain())])
        assert (placed.result, placed.code) == (REJECTED, "closed_only")


async def test_many_requests_at_once_do_not_disturb_each_other() -> None:
    async with Venue() as venue, venue.account() as clob:
        spec = venue.plain()
        intents = [venue.sign(clob, spec, order_id=f"o-{at}") for at in range(20)]
        answers = await asyncio.gather(
            *(clob.place([one]) for one in intents),
            *(clob.balances(spec.token_ids) for _ in range(3)),
        )
        assert [one[0].order_id for one in answers[:20]] == [f"o-{at}" for at in range(20)]


async def test_no_proxy_of_the_environment_stands_before_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    before = dict(os.environ)
    async with Venue() as venue, venue.account(signature_type=None) as clob:
        assert dict(os.environ) == before
        assert (await clob.place([venue.sign(clob, venue.plain())]))[0].result is ACCEPTED
        assert len(await clob.open_orders()) == 1


async def test_no_log_repr_or_error_has_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with Venue() as venue, venue.account() as clob:
        intent = venue.sign(clob, venue.plain())
        await clob.place([intent])
        venue.fault(kinds.ServerError())
        told = [repr(await clob.place([intent])), repr(await clob.cancel_all())]
        with pytest.raises(ClobError) as failed:
            await clob.heartbeat("")
        told += [str(failed.value), repr(clob), repr(clob.wallet), repr(clob.credentials)]
        told += [repr(one) for one in vars(clob).values()]
        known = clob.credentials
    for secret in (f"{77:064x}", known.secret, known.passphrase):
        assert secret not in caplog.text
        assert not any(secret in one for one in told)
