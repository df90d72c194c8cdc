"""Rewards and rebates that accounts earn on the exchange, and what their journal says of it."""

from __future__ import annotations

import json

import pytest

from polyframe.events import Side
from polyframe.exchange.faults.targets import TradeFate
from polyframe.exchange.trading.fault_target import DeskFaults
from polyframe.exchange.trading.programmes import Earning
from polyframe.money import share_e12, taker_fee_e12
from still_desk import ALICE, BOB, S_NS, START_NS, StillDesk

E12 = 10**12
DAY_S = 86_400
TODAY = START_NS // S_NS // DAY_S


@pytest.fixture
def rewarded() -> StillDesk:
    """A still desk on a market with a reward programme, its book emptied."""
    still = StillDesk(markets=60)
    still.gamma = next(
        one
        for one in still.source.markets()
        if one["clobRewards"] and one.get("bestBid", 0) > 0.2 and one.get("bestAsk", 1) < 0.8
    )
    still.market_id = still.gamma["conditionId"]
    still.yes, still.no = json.loads(still.gamma["clobTokenIds"])
    for is_bid in (True, False):
        for price, _ in still.book.levels(is_bid):
            for order_id in still.book.queue(is_bid, price):
                still.source.cancel(still.market_id, order_id, still.now_ns)
    return still


def quote(still: StillDesk, who: str, bid_e4: int, ask_e4: int, shares: int) -> tuple[str, str]:
    """Bid for YES and, as buyer of NO, offer it."""
    size_e6 = shares * 10**6
    bid = still.place(who, price_e4=bid_e4, size_e6=size_e6, post_only=True)
    ask = still.place(
        who, token_id=still.no, price_e4=10_000 - ask_e4, size_e6=size_e6, post_only=True
    )
    assert bid.status == ask.status == "live"
    return bid.order_id, ask.order_id


def test_two_equal_makers_share_a_programme_by_their_samples(rewarded: StillDesk) -> None:
    pool = sum(one["rewardsDailyRate"] for one in rewarded.gamma["clobRewards"])
    quote(rewarded, ALICE, 4_900, 5_100, 200)
    rewarded.wait(600)
    assert rewarded.desk.programmes.shares(ALICE, rewarded.now_ns) == {rewarded.market_id: 100.0}
    quote(rewarded, BOB, 4_900, 5_100, 200)
    rewarded.wait(600)
    shares = rewarded.desk.programmes.shares(ALICE, rewarded.now_ns)
    assert shares == {rewarded.market_id: 50.0}
    so_far = rewarded.desk.programmes.earned("reward", TODAY)
    amounts = {one.wallet: one.amount_e12 / E12 for one in so_far}
    assert sum(amounts.values()) == pytest.approx(pool, rel=1e-9)
    # About ten samples alone, then about ten at half: three quarters of what was sampled.
    assert amounts[ALICE] / pool == pytest.approx(0.75, abs=0.04)


def test_rewards_are_paid_at_midnight_and_only_from_a_dollar_on(rewarded: StillDesk) -> None:
    pool = sum(one["rewardsDailyRate"] for one in rewarded.gamma["clobRewards"])
    cash = rewarded.desk.custody.wallet(ALICE).holding("")
    quote(rewarded, ALICE, 4_900, 5_100, 200)
    before = cash.balance
    rewarded.wait(DAY_S - START_NS // S_NS % DAY_S + 1)
    assert cash.balance - before == pytest.approx(pool * E12, rel=1e-9)
    (paid,) = rewarded.desk.programmes.earned("reward", TODAY)
    assert isinstance(paid, Earning)
    assert paid.amount_e12 == cash.balance - before
    told = rewarded.desk.custody.journal.activity(ALICE)
    assert [(one.kind, one.amount_e12) for one in told] == [("REWARD", paid.amount_e12)]


def test_an_order_scores_when_it_is_large_near_and_old_enough(rewarded: StillDesk) -> None:
    near = quote(rewarded, ALICE, 4_900, 5_100, 200)
    far = rewarded.place(price_e4=1_000, size_e6=200_000_000, post_only=True)
    small = rewarded.place(price_e4=4_900, size_e6=5_000_000, post_only=True)
    assert rewarded.desk.programmes.scoring(rewarded.market_id, rewarded.now_ns) == ()
    rewarded.wait(4)
    scoring = rewarded.desk.programmes.scoring(rewarded.market_id, rewarded.now_ns)
    assert scoring == near
    assert far.order_id not in scoring
    assert small.order_id not in scoring


def test_makers_share_a_markets_fees_by_their_volume(still: StillDesk) -> None:
    bid = still.book.best_bid_e4
    assert bid is not None
    still.desk.custody.wallet(BOB).add("", 100_000 * E12, still.now_ns)
    mine = still.place(ALICE, price_e4=bid, size_e6=30_000_000, post_only=True)
    ahead = still.book.level_e6(True, bid) - 30_000_000
    still.give(BOB, still.yes, 100_000)
    sell = {"side": Side.SELL, "price_e4": bid}
    still.place(BOB, size_e6=ahead // 10**4 * 10**4 + 30_010_000, **sell)
    order = still.desk.registry.orders[mine.order_id]
    assert order.matched_e6 == 30_000_000
    terms = still.desk.known_terms(still.market_id)
    assert terms is not None
    fees_e12 = still.desk.programmes._day(TODAY).fees_e12[still.market_id]
    (earned,) = still.desk.programmes.earned("rebate", TODAY)
    assert earned.wallet == ALICE
    pool_e12 = share_e12(fees_e12, terms.rebate_share)
    volume = sum(still.desk.programmes._day(TODAY).volume_e6.values())
    assert earned.amount_e12 == pytest.approx(pool_e12 * 30_000_000 / volume, rel=1e-6)


def test_a_failed_trade_earns_nobody_a_rebate(still: StillDesk) -> None:
    class Fails:
        def fate_of(self, market_id: str, now_ns: int) -> TradeFate:
            return TradeFate(((1.0, "FAILED"),))

    DeskFaults(still.desk).use_fates(Fails())
    bid = still.book.best_bid_e4
    assert bid is not None
    still.place(ALICE, price_e4=bid + 0, size_e6=30_000_000, post_only=True)
    ahead = still.book.level_e6(True, bid) - 30_000_000
    still.give(BOB, still.yes, 100_000)
    still.place(BOB, side=Side.SELL, price_e4=bid, size_e6=ahead // 10**4 * 10**4 + 30_010_000)
    assert still.desk.programmes.earned("rebate", TODAY)
    still.wait(5)
    assert [one for one in still.desk.programmes.earned("rebate", TODAY) if one.amount_e12] == []


def test_positions_are_the_fold_of_what_happened_at_average_cost(still: StillDesk) -> None:
    ask = still.book.best_ask_e4
    assert ask is not None
    fee = taker_fee_e12(ask, 10_000_000, still.gamma["feeSchedule"]["rate"], 1)
    still.place(price_e4=ask, size_e6=10_000_000)
    still.wait(30)
    journal = still.desk.custody.journal
    (held,) = journal.positions(ALICE)
    assert (held.size_e6, held.cost_e12, held.fees_e12) == (10_000_000, ask * 10 * 10**8, fee)
    assert held.average_price == pytest.approx(ask / 1e4)
    still.desk.custody.merge(
        ALICE, still.market_id, (still.yes, still.no), -10_000_000, still.now_ns
    )
    held = {one.token_id: one for one in journal.positions(ALICE)}[still.yes]
    assert held.average_price == pytest.approx((ask / 1e4 + 0.5) / 2)
    bid = still.book.best_bid_e4
    assert bid is not None
    sold = still.place(side=Side.SELL, price_e4=bid, size_e6=5_000_000, order_type="FAK")
    still.wait(30)
    after = {one.token_id: one for one in journal.positions(ALICE)}[still.yes]
    assert after.size_e6 == 15_000_000
    fee = taker_fee_e12(bid, 5_000_000, still.gamma["feeSchedule"]["rate"], 1)
    assert after.realised_e12 == sold.matched_e12 - fee - held.cost_e12 // 4
    assert after.average_price == pytest.approx(held.average_price)
    assert [one.kind for one in journal.activity(ALICE)].count("TRADE") == 2


def test_a_trade_that_fails_after_midnight_leaves_the_paid_day_alone(still: StillDesk) -> None:
    class FailsLate:
        def fate_of(self, market_id: str, now_ns: int) -> TradeFate:
            return TradeFate(((3_600.0, "FAILED"),))

    DeskFaults(still.desk).use_fates(FailsLate())
    bid = still.book.best_bid_e4
    assert bid is not None
    still.wait((TODAY + 1) * 86_400 - still.now_ns / 10**9 - 60)
    still.place(ALICE, price_e4=bid, size_e6=30_000_000, post_only=True)
    ahead = still.book.level_e6(True, bid) - 30_000_000
    still.give(BOB, still.yes, 100_000)
    still.place(BOB, side=Side.SELL, price_e4=bid, size_e6=ahead // 10**4 * 10**4 + 30_010_000)
    still.wait(120)
    paid = still.desk.programmes.earned("rebate", TODAY)
    assert paid
    still.wait(7_200)
    assert still.desk.programmes.earned("rebate", TODAY) == paid
