"""The venue's maintained client (polymarket-client), unmodified, trades on the embedded exchange.

Every answer is parsed by the client's own models, which refuse a missing field or a wrong type.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from polymarket.errors import (
    OrderHeartbeatMismatchError,
    RateLimitError,
    RequestRejectedError,
)
from polymarket.models.clob.notifications import NotificationType
from polymarket.models.clob.requests import PriceRequest

from client_venue import (
    Quiet,
    address_of,
    lively_market,
    market_stream,
    open_exchange,
    quiet_market,
    trader,
    user_stream,
)
from polyframe.exchange.faults.targets import ModeChange
from polyframe.exchange.server import EmbeddedExchange
from polyframe.polymarket.order_signing import Exchange
from polyframe.polymarket.wallets import deposit_wallets

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = [pytest.mark.anyio, pytest.mark.no_cover]

MAKER, TAKER = 11, 12
FAST = 25.0


async def bought_pairs(exchange: EmbeddedExchange, market: Quiet, shares: str = "100") -> None:
    """Let MAKER hold YES and TAKER hold NO, minted from their two bids, and settled."""
    async with trader(exchange, MAKER) as maker, trader(exchange, TAKER) as taker:
        bid = await maker.place_limit_order(
            asset_id=market.yes, price="0.5", size=shares, side="BUY"
        )
        assert bid.ok, bid
        taken = await taker.place_limit_order(
            asset_id=market.no, price="0.5", size=shares, side="BUY"
        )
        assert taken.ok, taken
        assert taken.status == "matched"
        await taker.wait_for_order_fill_settlement(taken)


# --- keys ----------------------------------------------------------------------------


async def test_a_key_is_created_once_and_derived_after() -> None:
    async with (
        open_exchange() as exchange,
        trader(exchange, MAKER) as first,
        trader(exchange, MAKER) as second,
    ):
        assert first.credentials == second.credentials
        assert await second.fetch_api_keys() == (first.credentials.key,)
        async with trader(exchange, MAKER, nonce=1) as another:
            assert another.credentials.key != first.credentials.key
            assert len(await another.fetch_api_keys()) == 2
        async with trader(exchange, MAKER, credentials=first.credentials) as given:
            assert await given.get_closed_only_mode() is False
        await second.delete_api_key()
        with pytest.raises(RequestRejectedError) as caught:
            await first.get_closed_only_mode()
        assert caught.value.status == 401


# --- reading -------------------------------------------------------------------------


async def test_markets_are_listed_and_read() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        found = [one async for one in client.list_markets(page_size=50).iter_items()]
        assert len(found) == len(exchange.source.markets())
        market = lively_market(exchange)
        (one,) = (
            await client.list_markets(clob_token_ids=[market.yes], closed=False).first_page()
        ).items
        by_id = await client.get_market(id=market.gamma["id"])
        assert one.id == by_id.id == market.gamma["id"]
        assert by_id.condition_id == market.condition_id
        assert by_id.outcomes.yes.token_id == market.yes
        assert by_id.trading.minimum_tick_size == Decimal(
            str(market.gamma["orderPriceMinTickSize"])
        )
        assert by_id.state.accepting_orders is True


async def test_a_market_is_read_by_its_slug() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = lively_market(exchange)
        assert (await client.get_market(slug=market.gamma["slug"])).id == market.gamma["id"]


async def test_books_are_read() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = lively_market(exchange)
        book = await client.get_order_book(asset_id=market.yes)
        bid, ask = book.bids[-1].price, book.asks[-1].price
        assert bid < ask
        assert [level.price for level in book.bids] == sorted(level.price for level in book.bids)
        assert book.condition_id == market.condition_id
        no_book, same = await client.get_order_books(asset_ids=[market.no, market.yes])
        assert no_book.asks[-1].price == 1 - bid
        assert same.bids == book.bids
        assert await client.get_midpoint(asset_id=market.yes) == (bid + ask) / 2
        assert (await client.get_midpoints(asset_ids=[market.yes]))[market.yes] == (bid + ask) / 2
        assert await client.get_spread(asset_id=market.yes) == ask - bid
        assert (await client.get_spreads(asset_ids=[market.no]))[market.no] == ask - bid
        assert await client.get_last_trade_price(asset_id=market.yes) is None
        with pytest.raises(RequestRejectedError, match="No orderbook exists") as caught:
            await client.get_order_book(asset_id="12345")
        assert caught.value.status == 404


async def test_prices_are_read() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = lively_market(exchange)
        book = await client.get_order_book(asset_id=market.yes)
        price = await client.get_price(asset_id=market.yes, side="BUY")
        assert price in (book.bids[-1].price, book.asks[-1].price)
        prices = await client.get_prices(requests=[PriceRequest(market.yes, "BUY")])
        assert prices == {market.yes: {"BUY": price}}
        assert await client.get_last_trade_prices(asset_ids=[market.yes]) == ()


# --- orders that rest ----------------------------------------------------------------


async def test_orders_rest_are_listed_and_are_cancelled_in_every_way() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = quiet_market(exchange)

        async def place(price: str, token: str = market.yes, **options: object) -> str:
            placed = await client.place_limit_order(
                asset_id=token, price=price, size="10", side="BUY", **options
            )
            assert placed.ok, placed
            assert (placed.status, placed.trade_ids) == ("live", ())
            return placed.order_id

        async def open_ids(**filters: str) -> set[str]:
            pages = client.list_open_orders(**filters)
            return {order.id async for order in pages.iter_items()}

        expiration = int(time.time()) + 600
        gtc = await place("0.41")
        gtd = await place("0.42", expiration=expiration)
        post_only = await place("0.43", post_only=True)
        no = await place("0.44", market.no)

        order = await client.get_order(order_id=gtd)
        assert (order.status, order.order_type, order.side) == ("LIVE", "GTD", "BUY")
        assert (order.price, order.original_size, order.size_matched) == (
            Decimal("0.42"),
            Decimal(10),
            Decimal(0),
        )
        assert order.expires_at == datetime.fromtimestamp(expiration, UTC)
        assert order.owner == client.credentials.key
        assert order.maker_address == client.wallet
        assert order.outcome == market.outcomes[0]
        assert (await client.get_order(order_id=gtc)).expires_at is None

        assert await open_ids() == {gtc, gtd, post_only, no}
        assert await open_ids(asset_id=market.no) == {no}
        assert await open_ids(market=market.condition_id) == {gtc, gtd, post_only, no}
        assert await open_ids(id=gtc) == {gtc}

        gone = await client.cancel_order(order_id=gtc)
        assert (gone.canceled, gone.not_canceled) == ((gtc,), {})
        again = await client.cancel_orders(order_ids=[gtc, gtd, gtd])
        assert again.canceled == (gtd,)
        assert set(again.not_canceled) == {gtc}
        assert (await client.get_order(order_id=gtc)).status == "CANCELED"
        of_market = await client.cancel_market_orders(asset_id=market.no)
        assert of_market.canceled == (no,)
        assert (await client.cancel_market_orders(market="0x" + "00" * 32)).canceled == ()
        last = await place("0.45")
        assert set((await client.cancel_all()).canceled) == {post_only, last}
        assert await open_ids() == set()
        with pytest.raises(RequestRejectedError) as caught:
            await client.get_order(order_id="0x" + "00" * 32)
        assert caught.value.status == 404


async def test_many_open_orders_come_in_pages() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = quiet_market(exchange)
        placed: set[str] = set()
        for batch in range(3):
            signed = [
                await client.create_limit_order(
                    asset_id=market.yes, price=f"0.{10 + n}", size=5 + batch, side="BUY"
                )
                for n in range(15)
            ]
            placed |= {answer.order_id for answer in await client.post_orders(signed)}
        pages = client.list_open_orders()
        assert {order.id async for order in pages.iter_items()} == placed
        assert len(placed) == 45


async def test_another_accounts_orders_are_not_ours() -> None:
    async with (
        open_exchange() as exchange,
        trader(exchange, MAKER) as maker,
        trader(exchange, TAKER) as stranger,
    ):
        market = quiet_market(exchange)
        placed = await maker.place_limit_order(
            asset_id=market.yes, price="0.4", size="10", side="BUY"
        )
        assert [order async for order in stranger.list_open_orders().iter_items()] == []
        refused = await stranger.cancel_order(order_id=placed.order_id)
        assert refused.canceled == ()
        assert (await stranger.cancel_all()).canceled == ()
        assert (await maker.get_order(order_id=placed.order_id)).status == "LIVE"


# --- orders that are refused ---------------------------------------------------------


async def test_refusals_have_the_venues_words() -> None:
    async with (
        open_exchange() as exchange,
        trader(exchange, MAKER) as maker,
        trader(exchange, TAKER) as taker,
    ):
        market = quiet_market(exchange)
        resting = await maker.place_limit_order(
            asset_id=market.yes, price="0.4", size="10", side="BUY"
        )
        assert resting.ok

        async def refused(client=taker, **order: object) -> str:
            try:
                answer = await client.place_limit_order(side="BUY", **order)
            except RequestRejectedError as error:
                return f"{error.status}: {error}"
            assert not answer.ok, answer
            return answer.message

        # Through the other outcome: a bid of NO at 0.60 meets the bid of YES at 0.40.
        crossing = await refused(asset_id=market.no, price="0.6", size="10", post_only=True)
        assert crossing == "400: invalid post-only order: order crosses book"
        small = await refused(asset_id=market.yes, price="0.3", size="4")
        assert small.endswith("Size (4) lower than the minimum: 5")
        poor = await refused(asset_id=market.yes, price="0.3", size="100000")
        assert poor.startswith("400: not enough balance / allowance")
        assert "order amount (inc. fees)" in poor

        signed = await taker.create_limit_order(
            asset_id=market.yes, price="0.2", size="10", side="BUY"
        )
        assert (await taker.post_order(signed)).ok
        with pytest.raises(RequestRejectedError, match="Duplicated"):
            await taker.post_order(signed)
        with pytest.raises(RequestRejectedError, match="the order owner has to be"):
            await taker._ctx.secure_clob.post_json(
                "/order",
                json={**_body(signed), "owner": maker.credentials.key},
            )
        with pytest.raises(RequestRejectedError, match="order signer address"):
            await maker.post_order(signed)
        with pytest.raises(RequestRejectedError, match="Invalid order payload"):
            await taker._ctx.secure_clob.post_json("/order", json={"order": {}})


def _body(signed) -> dict:
    from polymarket._internal.actions.orders.post import build_post_order_request

    return build_post_order_request(signed, owner_api_key="nobody")[1]


async def test_a_batch_of_fifteen_answers_leg_by_leg() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = quiet_market(exchange)
        signed = [
            await client.create_limit_order(
                asset_id=market.yes,
                price=f"0.{10 + n}",
                size="900000" if n == 7 else "10",
                side="BUY",
                post_only=True,
            )
            for n in range(15)
        ]
        answers = await client.post_orders(signed)
        assert [answer.ok for answer in answers] == [n != 7 for n in range(15)]
        assert answers[7].code == "not_enough_balance"
        by_price = {order.price: order.id async for order in client.list_open_orders().iter_items()}
        assert len(by_price) == 14
        assert by_price[Decimal("0.14")] == answers[4].order_id
        cancelled = await client.cancel_orders(order_ids=list(by_price.values()))
        assert len(cancelled.canceled) == 14


# --- orders that take ----------------------------------------------------------------


async def test_market_orders_fill_kill_and_fail() -> None:
    async with (
        open_exchange(FAST) as exchange,
        trader(exchange, MAKER) as maker,
        trader(exchange, TAKER) as taker,
    ):
        market = quiet_market(exchange)
        async with market_stream(maker, [market.yes]):
            await bought_pairs(exchange, market, "200")
            for price, size in (("0.6", "50"), ("0.62", "50")):
                ask = await maker.place_limit_order(
                    asset_id=market.yes, price=price, size=size, side="SELL", post_only=True
                )
                assert ask.ok, ask

            with pytest.raises(RequestRejectedError, match="FOK orders are fully filled"):
                await taker.place_market_order(
                    asset_id=market.yes, side="BUY", amount=500, max_price="0.62", order_type="FOK"
                )
            fak = await taker.place_market_order(
                asset_id=market.yes, side="BUY", amount=12, max_price="0.6", order_type="FAK"
            )
            assert fak.ok, fak
            assert (fak.status, fak.making_amount, fak.taking_amount) == (
                "matched",
                Decimal(12),
                Decimal(20),
            )
            fok = await taker.place_market_order(
                asset_id=market.yes, side="BUY", amount=18, max_price="0.6", order_type="FOK"
            )
            assert fok.ok, fok
            assert (fok.making_amount, fok.taking_amount) == (Decimal(18), Decimal(30))
            # Half of what is asked for: the rest of a FAK is cancelled.
            part = await taker.place_market_order(
                asset_id=market.yes, side="BUY", amount=62, max_price="0.62", order_type="FAK"
            )
            assert part.ok, part
            assert part.taking_amount == Decimal(50)
            await taker.wait_for_order_fill_settlement(part)
            with pytest.raises(RequestRejectedError, match="no orders found to match with FAK"):
                await taker.place_market_order(
                    asset_id=market.yes, side="BUY", amount=5, max_price="0.62"
                )

            bid = await maker.place_limit_order(
                asset_id=market.yes, price="0.55", size="40", side="BUY"
            )
            assert bid.ok, bid
            await taker.wait_for_order_fill_settlement(fak)
            sold = await taker.place_market_order(
                asset_id=market.yes, side="SELL", shares=15, min_price="0.55"
            )
            assert sold.ok, sold
            assert (sold.making_amount, sold.taking_amount) == (Decimal(15), Decimal("8.25"))
            unprotected = await taker.place_market_order(
                asset_id=market.yes, side="SELL", shares=10, order_type="FOK"
            )
            assert unprotected.ok, unprotected
            assert (await maker.get_order(order_id=bid.order_id)).size_matched == Decimal(25)


# --- a fill, seen by both sides ------------------------------------------------------


async def test_one_fill_is_seen_by_both_sides_to_the_end() -> None:
    async with (
        open_exchange(FAST) as exchange,
        trader(exchange, MAKER) as maker,
        trader(exchange, TAKER) as taker,
    ):
        market = quiet_market(exchange)
        async with (
            market_stream(maker, [market.yes, market.no]) as prints,
            user_stream(maker, market) as makers,
            user_stream(taker, market) as takers,
        ):
            before = await taker.get_balance_allowance(asset_type="COLLATERAL")
            bid = await maker.place_limit_order(
                asset_id=market.yes, price="0.52", size="10", side="BUY", post_only=True
            )
            placed = await makers.order(bid.order_id, "PLACEMENT")
            assert (placed.status, placed.original_size, placed.size_matched) == ("LIVE", 10, 0)
            assert placed.order_owner == placed.owner == maker.credentials.key

            # A bid of NO at 0.48 meets it: the pair is minted from the two payments.
            taken = await taker.place_limit_order(
                asset_id=market.no, price="0.49", size="6", side="BUY"
            )
            assert taken.ok, taken
            assert taken.status == "matched"
            assert (taken.making_amount, taken.taking_amount) == (Decimal("2.88"), Decimal(6))
            (trade_id,) = taken.trade_ids

            updated = await makers.order(bid.order_id, "UPDATE")
            assert (updated.status, updated.size_matched) == ("LIVE", 6)
            assert updated.associate_trades == (trade_id,)
            done = await takers.order(taken.order_id, "UPDATE")
            assert (done.status, done.size_matched) == ("MATCHED", 6)

            for status in ("MATCHED", "MINED", "CONFIRMED"):
                seen = await makers.trade(trade_id, status)
                assert seen.trader_side == "MAKER"
                assert seen.taker_order_id == taken.order_id
                (leg,) = seen.maker_orders
                assert (leg.order_id, leg.owner) == (bid.order_id, maker.credentials.key)
                assert (leg.asset_id, leg.side) == (market.yes, "BUY")
                assert (leg.matched_amount, leg.price) == (Decimal(6), Decimal("0.52"))
                seen = await takers.trade(trade_id, status)
                assert seen.trader_side == "TAKER"
                assert (seen.asset_id, seen.side) == (market.no, "BUY")
                assert (seen.size, seen.price) == (Decimal(6), Decimal("0.48"))
            hashes = await taker.wait_for_order_fill_settlement(taken)
            assert len(hashes) == 1

            for client, side in ((maker, "MAKER"), (taker, "TAKER")):
                (trade,) = [
                    one async for one in client.list_account_trades(id=trade_id).iter_items()
                ]
                assert (trade.status, trade.trader_side) == ("CONFIRMED", side)
                assert trade.transaction_hash == hashes[0]
                assert trade.maker_orders[0].order_id == bid.order_id
                assert [
                    one.id
                    async for one in client.list_account_trades(
                        market=market.condition_id
                    ).iter_items()
                ] == [trade_id]

            after = await taker.get_balance_allowance(asset_type="COLLATERAL")
            fee = Decimal(str(market.gamma["feeSchedule"]["rate"])) * 6 * Decimal("0.2496")
            assert before.balance - after.balance == int((Decimal("2.88") + fee) * 10**6)
            held = await maker.get_balance_allowance(asset_type="CONDITIONAL", asset_id=market.yes)
            assert held.balance == 6_000_000
            assert all(
                allowance > 10**30
                for spender, allowance in held.allowances.items()
                if spender == Exchange.STANDARD.contract
            )
            assert Exchange.STANDARD.contract in held.allowances

            news = {one.payload.order_id: one for one in await maker.get_notifications()}
            told = news[bid.order_id]
            assert told.type is NotificationType.ORDER_FILL
            assert (told.payload.trade_id, told.payload.matched_size) == (trade_id, Decimal(6))
            assert told.payload.remaining_size == Decimal(4)
            await maker.drop_notifications(ids=[told.id])
            assert await maker.get_notifications() == ()

            printed = await prints.until(lambda event: event.type == "last_trade_price")
            assert printed.payload.price in (Decimal("0.48"), Decimal("0.52"))
            assert printed.payload.size == Decimal(6)
            last = await maker.get_last_trade_price(asset_id=market.yes)
            assert last is not None


async def test_positions_and_trades_reach_the_data_api() -> None:
    async with open_exchange(FAST) as exchange, trader(exchange, MAKER) as maker:
        market = quiet_market(exchange)
        async with market_stream(maker, [market.yes]):
            await bought_pairs(exchange, market, "40")
            positions = [one async for one in maker.list_positions(user=maker.wallet).iter_items()]
            (held,) = positions
            assert (held.asset_id, held.condition_id) == (market.yes, market.condition_id)
            assert (held.current_size, held.avg_price) == (Decimal(40), Decimal("0.5"))
            assert held.outcome == market.outcomes[0]
            assert held.status == "OPEN"
            (same,) = [
                one
                async for one in maker.list_positions(
                    user=maker.wallet, condition_id=market.condition_id, status="OPEN"
                ).iter_items()
            ]
            assert same == held
            value = await maker.get_portfolio_value(user=maker.wallet)
            assert value.value == held.current_value
            assert [one async for one in maker.list_trades(user=maker.wallet).iter_items()] == []
            everything = maker.list_trades(user=maker.wallet, taker_only=False)
            (trade,) = [one async for one in everything.iter_items()]
            assert (trade.asset_id, trade.side, trade.size) == (market.yes, "BUY", Decimal(40))


async def test_what_else_it_reads() -> None:
    async with open_exchange(FAST) as exchange, trader(exchange, MAKER) as client:
        market, lively = quiet_market(exchange), lively_market(exchange)
        async with market_stream(client, [market.yes, lively.yes]):
            await bought_pairs(exchange, market, "40")
            event = await client.get_event(id=market.gamma["events"][0]["id"])
            assert market.gamma["id"] in [one.id for one in event.markets]
            assert event in [one async for one in client.list_events().iter_items()]
            assert await client.get_market_tags(market.gamma["id"])
            (trade,) = [one async for one in client.list_activity(user=client.wallet).iter_items()]
            assert (trade.shares, trade.amount) == (Decimal(40), Decimal(20))
            holders = {
                meta.asset_id: [holder.wallet for holder in meta.holders]
                async for meta in client.list_market_holders(
                    condition_ids=market.condition_id
                ).iter_items()
            }
            assert holders[market.yes] == [client.wallet]
            assert holders[market.no] == [address_of(TAKER)]
            (interest,) = await client.get_open_interests(condition_ids=market.condition_id)
            assert interest.value == Decimal(40)
            await client.get_resolutions(condition_ids=[market.condition_id])
            history = client.list_price_history(asset_id=lively.yes, interval="1h")
            assert [one async for one in history.iter_items()]
            approvals = await client.get_trading_approvals_state()
            assert approvals.is_fully_approved
            estimate = await client.estimate_market_price(asset_id=lively.yes, side="BUY", amount=5)
            assert 0 < estimate < 1


# --- streams -------------------------------------------------------------------------


async def test_the_market_stream_shows_our_orders() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = quiet_market(exchange)
        async with market_stream(client, [market.yes], custom_feature_enabled=True) as stream:
            placed = await client.place_limit_order(
                asset_id=market.no, price="0.4", size="12", side="BUY"
            )
            assert placed.ok
            change = await stream.until(lambda event: event.type == "price_change")
            mine = [one for one in change.payload.price_changes if one.asset_id == market.yes]
            assert [(one.side, one.price, one.size) for one in mine] == [
                ("SELL", Decimal("0.6"), Decimal(12))
            ]
            assert mine[0].best_ask == Decimal("0.6")
            other = await client.place_limit_order(
                asset_id=market.yes, price="0.5", size="12", side="BUY"
            )
            touch = await stream.until(lambda event: event.type == "best_bid_ask")
            assert (touch.payload.best_bid, touch.payload.best_ask) == (
                Decimal("0.5"),
                Decimal("0.6"),
            )
            await client.cancel_order(order_id=other.order_id)
            gone = await stream.until(lambda event: event.type == "price_change")
            assert [one.size for one in gone.payload.price_changes] == [0, 0]


async def test_a_user_stream_of_one_market_keeps_to_it() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market, other = quiet_market(exchange), lively_market(exchange)
        async with user_stream(client, market, markets=[market.condition_id]) as stream:
            elsewhere = await client.place_limit_order(
                asset_id=other.yes, price="0.02", size="5", side="BUY"
            )
            here = await client.place_limit_order(
                asset_id=market.yes, price="0.02", size="5", side="BUY"
            )
            await stream.order(here.order_id, "PLACEMENT")
            assert elsewhere.order_id not in [event.payload.id for event in stream.seen]


# --- heartbeats ----------------------------------------------------------------------


async def test_lost_heartbeats_cancel_everything() -> None:
    async with (
        open_exchange(FAST) as exchange,
        trader(exchange, MAKER) as client,
        trader(exchange, TAKER) as other,
    ):
        market = quiet_market(exchange)
        async with market_stream(client, [market.yes]), user_stream(client, market) as stream:
            placed = await client.place_limit_order(
                asset_id=market.yes, price="0.4", size="10", side="BUY"
            )
            kept = await other.place_limit_order(
                asset_id=market.yes, price="0.3", size="10", side="BUY"
            )
            first = await client.send_order_heartbeat()
            second = await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
            assert second.heartbeat_id != first.heartbeat_id
            with pytest.raises(OrderHeartbeatMismatchError) as caught:
                await client.send_order_heartbeat(heartbeat_id=first.heartbeat_id)
            assert caught.value.heartbeat_id == second.heartbeat_id
            gone = await stream.order(placed.order_id, "CANCELLATION")
            assert gone.status == "CANCELED"
            assert (await client.get_order(order_id=placed.order_id)).status == "CANCELED"
            assert (await other.get_order(order_id=kept.order_id)).status == "LIVE"


# --- modes ---------------------------------------------------------------------------


async def test_modes_are_read_as_restrictions() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        assert exchange.private is not None
        market, modes = quiet_market(exchange), exchange.private.desk.modes

        async def place(**options: object) -> str:
            placed = await client.place_limit_order(
                asset_id=market.yes, price="0.3", size="10", side="BUY", **options
            )
            assert placed.ok, placed
            return placed.order_id

        resting = await place()
        for mode, restriction, status in (
            ("restarting", "restarting", 425),
            ("post_only", "post_only", 503),
            ("cancel_only", "cancel_only", 503),
            ("disabled", None, 503),
        ):
            modes.change = ModeChange(mode=mode, retry_after_s=79)
            with pytest.raises(RequestRejectedError) as caught:
                await place()
            assert (caught.value.status, caught.value.restriction) == (status, restriction)
            if restriction in ("restarting", "post_only"):
                assert caught.value.retry_after == 79
        modes.change = ModeChange(mode="post_only", retry_after_s=79)
        quoted = await place(post_only=True)
        signed = [
            await client.create_limit_order(
                asset_id=market.yes, price=price, size="10", side="BUY", post_only=is_quote
            )
            for price, is_quote in (("0.31", True), ("0.32", False))
        ]
        answers = await client.post_orders(signed)
        assert [answer.ok for answer in answers] == [True, False]
        assert answers[1].code == "post_only_mode"
        modes.change = ModeChange(mode="cancel_only")
        gone = await client.cancel_orders(order_ids=[resting, quoted])
        assert set(gone.canceled) == {resting, quoted}


# --- limits --------------------------------------------------------------------------


async def test_rate_limits_are_told_and_enforced() -> None:
    updates = []
    async with (
        open_exchange() as exchange,
        trader(exchange, MAKER, on_rate_limit_update=updates.append) as client,
    ):
        market = quiet_market(exchange)
        signed = [
            await client.create_limit_order(
                asset_id=market.yes, price="0.1", size=5 + n, side="BUY", post_only=True
            )
            for n in range(75)
        ]
        for start in range(0, 60, 15):
            await client.post_orders(signed[start : start + 15])
        with pytest.raises(RateLimitError) as caught:
            await client.post_orders(signed[60:])
        assert updates[0].tier == "Standard"
        assert updates[0].remaining == 45
        assert caught.value.retry_after is not None
        assert caught.value.rate_limit is not None
        assert caught.value.rate_limit.remaining is not None
        cancelled = await client.cancel_all()
        assert len(cancelled.canceled) >= 60
        # One for the request, then one for every order: the bucket held 120.
        assert updates[-1].remaining == 120 - 1 - len(cancelled.canceled)


# --- balances, rewards, the rest -----------------------------------------------------


async def test_balances_of_a_new_account() -> None:
    async with open_exchange() as exchange, trader(exchange, MAKER) as client:
        market = quiet_market(exchange)
        cash = await client.get_balance_allowance(asset_type="COLLATERAL")
        assert cash.balance > 10**9
        for exchange_kind in Exchange:
            assert cash.allowances[exchange_kind.contract] > 10**30
        tokens = await client.get_balance_allowance(asset_type="CONDITIONAL", asset_id=market.yes)
        assert tokens.balance == 0
        assert await client.get_notifications() == ()


async def test_a_quote_scores_and_earns() -> None:
    async with open_exchange(FAST) as exchange, trader(exchange, MAKER) as client:
        market = lively_market(exchange, is_rewarded=True)
        programmes = [one async for one in client.list_current_rewards().iter_items()]
        (mine,) = [one for one in programmes if one.condition_id == market.condition_id]
        assert mine.rewards_min_size == Decimal(str(market.gamma["rewardsMinSize"]))
        (detail,) = [
            one
            async for one in client.list_market_rewards(
                condition_id=market.condition_id
            ).iter_items()
        ]
        assert {token.asset_id for token in detail.tokens} == {market.yes, market.no}
        listed = [one async for one in client.list_reward_markets().iter_items()]
        assert {one.condition_id for one in listed} == {one.condition_id for one in programmes}

        async with market_stream(client, [market.yes]) as stream:
            book = await client.get_order_book(asset_id=market.yes)
            cent = Decimal("0.01")
            quotes = []
            for token, price in (
                (market.yes, book.bids[-1].price - cent),
                (market.no, 1 - book.asks[-1].price - cent),
            ):
                placed = await client.place_limit_order(
                    asset_id=token, price=price, size="2000", side="BUY"
                )
                assert placed.ok, placed
                quotes.append(placed.order_id)
            far = await client.place_limit_order(
                asset_id=market.yes, price="0.02", size="2000", side="BUY"
            )
            young = await client.get_orders_scoring(order_ids=[*quotes, far.order_id])
            answered_s = exchange.clock() / 1e9
            begun = (await client.get_order(order_id=quotes[1])).created_at
            assert young[far.order_id] is False
            if answered_s < begun.timestamp() + 3.5:  # a slow machine may be later
                assert young[quotes[1]] is False

            async def at(seconds: float) -> None:
                after = begun + timedelta(seconds=seconds)
                await stream.until(
                    lambda event: (
                        event.payload.timestamp is not None and event.payload.timestamp >= after
                    )
                )

            await at(6)
            assert await client.get_orders_scoring(order_ids=[*quotes, far.order_id]) == {
                quotes[0]: True,
                quotes[1]: True,
                far.order_id: False,
            }
            assert await client.get_order_scoring(order_id=quotes[0]) is True
            assert 0 < (await client.get_reward_percentages())[market.condition_id] <= 100
            await at(130)  # two whole minutes hold a sample for certain
            day = (await client.get_order(order_id=quotes[1])).created_at.date().isoformat()
            (earned,) = [
                one async for one in client.list_user_earnings_for_day(date=day).iter_items()
            ]
            assert earned.condition_id == market.condition_id
            assert earned.earnings > 0
            (total,) = await client.get_total_earnings_for_user_for_day(date=day)
            assert total.earnings > 0
            of_markets = {
                one.condition_id: one
                async for one in client.list_user_earnings_and_markets_config(date=day).iter_items()
            }
            assert of_markets[market.condition_id].earnings[0].earnings > 0
            assert await client.get_current_rebates(date=day, maker_address=address_of(99)) == ()


# --- deposit wallets -----------------------------------------------------------------


async def test_a_deposit_wallet_trades_and_only_its_owners() -> None:
    owner, wallet = address_of(MAKER), deposit_wallets(address_of(MAKER))[0]
    async with (
        open_exchange() as exchange,
        trader(exchange, MAKER, wallet=wallet) as client,
        trader(exchange, TAKER) as thief,
    ):
        market = quiet_market(exchange)
        placed = await client.place_limit_order(
            asset_id=market.yes, price="0.4", size="10", side="BUY"
        )
        assert placed.ok, placed
        order = await client.get_order(order_id=placed.order_id)
        assert order.maker_address == wallet != owner
        cash = await client.get_balance_allowance(asset_type="COLLATERAL")
        assert cash.balance > 0
        signed = await client.create_limit_order(
            asset_id=market.yes, price="0.41", size="10", side="BUY"
        )
        with pytest.raises(RequestRejectedError, match="invalid signature"):
            await thief.post_order(signed)


async def test_a_client_that_names_no_wallet_gets_its_deposit_wallet_and_sees_its_money() -> None:
    async with open_exchange(FAST) as exchange, trader(exchange, MAKER, wallet=None) as client:
        assert client.wallet in deposit_wallets(address_of(MAKER))
        before = await client.get_balance_allowance(asset_type="COLLATERAL")
        market = lively_market(exchange)
        async with market_stream(client, [market.yes]):
            bought = await client.place_market_order(
                asset_id=market.yes, amount="20", side="BUY", order_type="FAK"
            )
            await client.wait_for_order_fill_settlement(bought)
        after = await client.get_balance_allowance(asset_type="COLLATERAL")
        assert after.balance < before.balance
        assert client.wallet.lower() in exchange.private.desk.custody.wallets
