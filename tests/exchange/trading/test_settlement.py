"""Trades from MATCHED to their end, and books that always balance (quant.md I10-I14)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.errors import VenueError
from polyframe.events import Side
from polyframe.exchange.faults.targets import TradeFate, TradeStatus
from polyframe.exchange.trading.fault_target import DeskFaults
from still_desk import ALICE, BOB, StillDesk

E12 = 10**12


class Fated:
    """Gives every trade the same fate."""

    def __init__(self, *steps: tuple[float, TradeStatus]) -> None:
        self.steps = steps

    def fate_of(self, market_id: str, now_ns: int) -> TradeFate | None:
        return TradeFate(self.steps)


def state(still: StillDesk, who: str = ALICE) -> dict[str, tuple[int, int, int, int]]:
    """Everything a wallet holds, reserves, owes and awaits."""
    holdings = still.desk.custody.wallet(who).holdings
    return {
        asset: (held.balance, held.reserved, held.owed, held.incoming)
        for asset, held in holdings.items()
        if held.balance or held.reserved or held.owed or held.incoming
    }


def statuses(still: StillDesk) -> list[str]:
    return [event.trade.status for event in still.events() if event.trade is not None]


def test_a_failed_trade_leaves_the_wallet_as_it_was_before(still: StillDesk) -> None:
    before = state(still)
    DeskFaults(still.desk).use_fates(Fated((2.0, "RETRYING"), (30.0, "FAILED")))
    still.place(price_e4=still.book.best_ask_e4)
    assert state(still) != before
    still.wait(60)
    assert statuses(still) == ["MATCHED", "RETRYING", "FAILED"]
    assert state(still) == before
    assert still.desk.custody.wallet(ALICE).fees_paid_e12 == 0
    assert still.desk.custody.journal.activity(ALICE) == []


def test_a_reorganised_trade_gives_back_what_it_had_moved(still: StillDesk) -> None:
    before = state(still)
    fate = Fated((2.0, "MINED"), (3.0, "RETRYING"), (4.0, "MINED"), (5.0, "FAILED"))
    DeskFaults(still.desk).use_fates(fate)
    still.place(price_e4=still.book.best_ask_e4)
    still.wait(3)
    mined = state(still)
    assert mined[still.yes] == (10_000_000, 0, 0, 0)
    still.wait(3)
    assert state(still)[still.yes] == (0, 0, 0, 10_000_000)
    still.wait(3)
    assert state(still) == mined
    still.wait(60)
    assert state(still) == before


def test_what_was_spent_since_no_reorganisation_takes_back(still: StillDesk) -> None:
    faults = DeskFaults(still.desk)
    faults.use_fates(Fated((2.0, "MINED"), (20.0, "FAILED")))
    still.place(price_e4=still.book.best_ask_e4)
    still.wait(3)
    faults.use_fates(None)
    still.place(side=Side.SELL, price_e4=still.book.best_bid_e4)
    still.wait(60)
    assert statuses(still)[-2:] == ["CONFIRMED", "CONFIRMED"]
    assert all(held.balance >= 0 for held in still.desk.custody.wallet(ALICE).holdings.values())
    assert still.yes not in state(still)


def test_a_sell_of_shares_that_never_came_is_cancelled(still: StillDesk) -> None:
    still.desk.sells_unsettled = True
    DeskFaults(still.desk).use_fates(Fated((2.0, "FAILED")))
    still.place(price_e4=still.book.best_ask_e4)
    sell = still.place(side=Side.SELL, price_e4=9_000)
    still.wait(3)
    assert still.desk.registry.orders[sell.order_id].status == "CANCELED_NOT_ENOUGH_BALANCE"


def test_a_balance_lag_shows_yesterdays_balance(still: StillDesk) -> None:
    DeskFaults(still.desk).set_balance_lag(10.0, still.now_ns)
    still.place(price_e4=still.book.best_ask_e4)
    still.wait(6)
    text = still.place(side=Side.SELL, price_e4=9_000).error
    assert "balance: 0," in text, "mined, but the venue's cache does not know"
    still.wait(10)
    assert still.place(side=Side.SELL, price_e4=9_000).status == "live"


def test_an_allowance_can_be_taken_away(still: StillDesk) -> None:
    faults = DeskFaults(still.desk)
    faults.set_allowance("", False, still.now_ns)
    assert "the allowance is not enough -> spender: 0xE111" in still.place().error
    faults.set_allowance("", True, still.now_ns)
    assert still.place().status == "live"


def test_a_large_trade_is_split_into_buckets_of_one_price_each(still: StillDesk) -> None:
    levels = still.book.levels(False)[-3:]
    size = sum(size for _, size in levels) // 10**4 * 10**4
    still.desk.custody.wallet(ALICE).add("", 100_000 * E12, still.now_ns)
    placed = still.place(price_e4=levels[0][0], size_e6=size)
    trades = [still.desk.settlement.trades[one] for one in placed.trade_ids]
    assert [trade.bucket_index for trade in trades] == list(range(len(trades)))
    assert len({trade.taker.price_e4 for trade in trades}) >= 3
    for trade in trades:
        assert trade.taker.size_e6 == sum(leg.size_e6 for leg in trade.makers)
        assert len(trade.makers) <= 10
    assert sum(trade.taker.size_e6 for trade in trades) == placed.matched_e6


def test_pairs_merge_and_split_at_a_dollar(still: StillDesk) -> None:
    custody, pair = still.desk.custody, (still.yes, still.no)
    custody.merge(ALICE, still.market_id, pair, -25_000_000, still.now_ns)
    assert state(still) == {
        "": (975 * E12, 0, 0, 0),
        still.yes: (25_000_000, 0, 0, 0),
        still.no: (25_000_000, 0, 0, 0),
    }
    still.place(side=Side.SELL, price_e4=9_000, size_e6=20_000_000)
    with pytest.raises(VenueError, match="too little"):
        custody.merge(ALICE, still.market_id, pair, 6_000_000, still.now_ns)
    custody.merge(ALICE, still.market_id, pair, 5_000_000, still.now_ns)
    assert state(still)[""] == (980 * E12, 0, 0, 0)


@pytest.mark.parametrize("payouts_e6", [(1_000_000, 0), (0, 1_000_000), (500_000, 500_000)])
def test_a_resolved_market_pays_what_it_says(still: StillDesk, payouts_e6: tuple[int, int]) -> None:
    still.give(ALICE, still.yes, 10)
    still.give(ALICE, still.no, 4)
    resting = still.place()
    still.desk.removed(
        still.market_id, [resting.order_id], "CANCELED_MARKET_RESOLVED", still.now_ns
    )
    still.desk.resolved(still.market_id, payouts_e6, still.now_ns)
    still.wait(61)
    paid = 10 * payouts_e6[0] + 4 * payouts_e6[1]
    assert state(still) == {"": (1_000 * E12 + paid * 10**6, 0, 0, 0)}


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from((ALICE, BOB)),
        st.sampled_from(("place", "place", "place", "cancel", "wait")),
        st.sampled_from((Side.BUY, Side.SELL)),
        st.booleans(),
        st.integers(1, 99),
        st.integers(5, 80),
        st.sampled_from(("GTC", "GTC", "FAK", "FOK")),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None)
@given(ACTIONS)
def test_reservations_follow_open_orders_and_nothing_is_made_of_nothing(
    actions: list[tuple[str, str, Side, bool, int, int, str, bool]],
) -> None:
    still = StillDesk(markets=8)
    clear(still)
    custody, pair = still.desk.custody, (still.yes, still.no)
    for who in (ALICE, BOB):
        custody.merge(who, still.market_id, pair, -100_000_000, still.now_ns)
    for who, action, side, is_yes, cents, shares, order_type, post_only in actions:
        if action == "place":
            changes: dict[str, Any] = {
                "token_id": still.yes if is_yes else still.no,
                "side": side,
                "price_e4": cents * 100,
                "size_e6": shares * 10**6,
                "order_type": order_type,
                "post_only": post_only and order_type == "GTC",
            }
            still.place(who, **changes)
        elif action == "cancel":
            still.desk.cancel_all(f"key-{who[:6]}", still.now_ns)
        else:
            still.wait(cents / 10)
        check_reservations(still)
    still.wait(60)
    check_reservations(still)
    for who in (ALICE, BOB):
        assert all(
            held.owed == held.incoming == 0 for held in custody.wallet(who).holdings.values()
        )
        assert all(held.balance >= 0 for held in custody.wallet(who).holdings.values())
    totals = {
        asset: sum(custody.wallet(who).holding(asset).balance for who in (ALICE, BOB))
        for asset in ("", still.yes, still.no)
    }
    fees = sum(custody.wallet(who).fees_paid_e12 for who in (ALICE, BOB))
    trades = still.desk.settlement.trades.values()
    assert fees == sum(trade.taker.fee_e12 for trade in trades)
    for who in (ALICE, BOB):
        positions = {one.token_id: one.size_e6 for one in custody.journal.positions(who)}
        for token_id in pair:
            assert positions[token_id] == custody.wallet(who).holding(token_id).balance
    assert totals[still.yes] == totals[still.no], "pairs are minted and burned whole"
    assert totals[""] + fees + totals[still.yes] * 10**6 == 2_000 * E12


def clear(still: StillDesk) -> None:
    """Empty the market's book, so that only the two accounts trade."""
    for is_bid in (True, False):
        for price, _ in still.book.levels(is_bid):
            for order_id in still.book.queue(is_bid, price):
                still.source.cancel(still.market_id, order_id, still.now_ns)


def check_reservations(still: StillDesk) -> None:
    for who in (ALICE, BOB):
        wallet = still.desk.custody.wallet(who)
        wanted: dict[str, int] = {}
        for order in still.desk.registry.open.values():
            if order.request.wallet == who:
                wanted[order.asset] = wanted.get(order.asset, 0) + order.cost(order.leaves_e6)
        reserved = {a: h.reserved for a, h in wallet.holdings.items() if h.reserved}
        assert reserved == {asset: amount for asset, amount in wanted.items() if amount}
        for order in still.desk.registry.open.values():
            resting = still.book.resting(order.order_id)
            assert resting is not None
            assert resting.leaves_e6 == order.leaves_e6


def test_shares_sold_but_not_yet_mined_are_not_redeemed_too(still: StillDesk) -> None:
    still.give(ALICE, still.yes, 10)
    DeskFaults(still.desk).use_fates(Fated((100.0, "MINED"), (101.0, "CONFIRMED")))
    bid = still.book.best_bid_e4
    assert bid is not None
    assert still.place(side=Side.SELL, price_e4=bid).matched_e6 == 10_000_000
    still.desk.resolved(still.market_id, (1_000_000, 0), still.now_ns)
    still.wait(61)
    assert still.desk.custody.wallet(ALICE).holding("").balance == 1_000 * E12
    still.wait(200)
    assert still.desk.custody.wallet(ALICE).holding(still.yes).balance == 0
    paid = still.desk.custody.wallet(ALICE).holding("").balance - 1_000 * E12
    fee = still.desk.custody.wallet(ALICE).fees_paid_e12
    assert paid == bid * 10 * 10**8 - fee


def test_shares_whose_sale_fails_after_the_resolution_are_redeemed_then(still: StillDesk) -> None:
    still.give(ALICE, still.yes, 10)
    DeskFaults(still.desk).use_fates(Fated((100.0, "FAILED")))
    still.place(side=Side.SELL, price_e4=still.book.best_bid_e4)
    still.desk.resolved(still.market_id, (1_000_000, 0), still.now_ns)
    still.wait(300)
    assert state(still) == {"": (1_010 * E12, 0, 0, 0)}
