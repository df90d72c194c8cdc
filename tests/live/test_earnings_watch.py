"""Our prediction of rewards and rebates against what the exchange, which knows all, works out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.events import Side
from polyframe.exchange.rewards import RestingOrder, sample
from polyframe.exchange.rewards import RewardTerms as VenueTerms
from polyframe.exchange.trading.programmes import utc_day
from polyframe.model import BookSide, FeeSchedule, Fill, MarketSpec, RewardTerms
from polyframe.polymarket.gamma_market import parse_market
from polyframe.runtime.books import MarketBook
from polyframe.runtime.live.earnings_watch import (
    LEAST_AGE_NS,
    RebateEstimate,
    RewardEstimate,
    share_of,
)
from still_desk import ALICE, BOB, S_NS, START_NS, StillDesk

TERMS = RewardTerms(min_size=50.0, max_spread_c=3.0, daily_usd=100.0)
DAY = utc_day(START_NS)
NOW = START_NS


@dataclass
class Ours:
    """An order of ours as the runtime keeps it."""

    side: BookSide
    yes_price_e4: int
    leaves_e6: int
    placed_ns: int = NOW - LEAST_AGE_NS
    order_id: str = "o-000001"
    market_id: str = ""
    is_yes: bool = True
    is_buy: bool = True
    price_e4: int = 0
    component: str = "maker"


def book_of(bids: dict[int, float], asks: dict[int, float]) -> MarketBook:
    book = MarketBook(10)
    book.replace(bids.items(), asks.items())
    return book


def quote(bid_e4: int, ask_e4: int, shares: int) -> list[Ours]:
    return [Ours("bid", bid_e4, shares * 10**6), Ours("ask", ask_e4, shares * 10**6)]


# --- one moment --------------------------------------------------------------------------


def test_the_golden_interval() -> None:
    """quant.md G24 and G25: our score 88.8889, competitors' 600 and 300, all a cent away."""
    share = share_of(
        TERMS, book_of({4_900: 1_550.0}, {5_100: 875.0}), quote(4_900, 5_100, 200), NOW
    )
    assert share is not None
    assert (share.low, share.high) == pytest.approx((0.1818182, 0.2831858), abs=1e-7)


def test_alone_is_all_and_nobody_is_nothing() -> None:
    book = book_of({4_900: 200.0}, {5_100: 200.0})
    alone = share_of(TERMS, book, quote(4_900, 5_100, 200), NOW)
    assert alone is not None
    assert (alone.low, alone.high) == (1.0, 1.0)
    absent = share_of(TERMS, book, [], NOW)
    assert absent is not None
    assert (absent.low, absent.high) == (0.0, 0.0)
    for empty in (
        book_of({}, {}),
        book_of({4_900: 200.0}, {}),
        book_of({4_900: 49.0}, {5_100: 200.0}),
        book_of({4_000: 200.0}, {6_000: 200.0}),
    ):
        assert share_of(TERMS, empty, [], NOW) is None
    for terms in (RewardTerms(50.0, 3.0, 0.0), RewardTerms(50.0, 0.0, 100.0)):
        assert share_of(terms, book, [], NOW) is None


def test_what_is_young_small_far_or_one_sided() -> None:
    book = book_of({4_900: 1_000.0, 4_700: 300.0}, {5_100: 1_000.0})

    def low(*orders: Ours) -> float:
        share = share_of(TERMS, book, orders, NOW)
        assert share is not None
        return share.low

    bid = Ours("bid", 4_900, 100_000_000)
    one_sided = low(bid)
    assert one_sided > 0
    assert low(*quote(4_900, 5_100, 100)) > 2.5 * one_sided
    assert low(Ours("bid", 4_900, 100_000_000, placed_ns=NOW - LEAST_AGE_NS + 1)) == 0
    assert low(Ours("bid", 4_900, 49_000_000)) == 0
    assert low(Ours("bid", 4_700, 100_000_000)) == 0
    near_the_end = book_of({300: 1_000.0}, {500: 1_000.0})
    share = share_of(TERMS, near_the_end, [Ours("bid", 300, 100_000_000)], NOW)
    assert share is not None
    assert (share.low, share.high) == (0.0, 0.0)


_ORDERS = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        st.booleans(),
        st.integers(1, 60).map(lambda ticks: ticks * 10),
        st.integers(50, 900),
    ),
    min_size=1,
    max_size=12,
)


@given(_ORDERS, st.integers(60, 940).map(lambda ticks: ticks * 10))
def test_the_interval_holds_what_the_venue_works_out(
    orders: list[tuple[str, bool, int, int]], mid_e4: int
) -> None:
    """Orders of three owners, each large enough to count: nothing but the owners is unknown."""
    resting = [
        RestingOrder(str(n), who, True, Side.BUY if is_bid else Side.SELL,
                     mid_e4 - away if is_bid else mid_e4 + away, shares * 10**6, 0)
        for n, (who, is_bid, away, shares) in enumerate(orders)
    ]  # fmt: skip
    venue = sample(resting, VenueTerms(50_000_000, 300), NOW)
    levels: dict[bool, dict[int, float]] = {True: {}, False: {}}
    for one in resting:
        side = levels[one.side is Side.BUY]
        side[one.price_e4] = side.get(one.price_e4, 0.0) + one.size_e6 / 1e6
    ours = [
        Ours("bid" if one.side is Side.BUY else "ask", one.price_e4, one.size_e6)
        for one in resting
        if one.owner == "a"
    ]
    share = share_of(TERMS, book_of(levels[True], levels[False]), ours, NOW)
    if not venue:
        assert share is None or share.low == 0.0
        return
    assert share is not None
    exact = venue.get("a", 0) / 1e12
    assert share.low - 1e-9 <= exact <= share.high + 1e-9


# --- against the exchange ----------------------------------------------------------------


def spec_of(gamma: Any) -> MarketSpec:
    spec = parse_market(gamma)
    assert isinstance(spec, MarketSpec), spec
    return spec


def view_of(still: StillDesk) -> Any:
    """The market as a run sees it: aggregated levels and metadata."""
    told = still.desk.book(still.yes)
    assert told is not None
    sides = [
        {round(float(one["price"]) * 10_000): float(one["size"]) for one in told[side]}
        for side in ("bids", "asks")
    ]
    return SimpleNamespace(
        spec=spec_of(still.gamma), book=book_of(*sides), has_book=True, market_id=still.market_id
    )


def choose(still: StillDesk, gamma: Any) -> None:
    still.gamma = gamma
    still.market_id = gamma["conditionId"]
    still.yes, still.no = gamma.get("positionIds") or json.loads(gamma["clobTokenIds"])


def rest_both_sides(
    still: StillDesk, who: str, bid_e4: int, ask_e4: int, shares: int
) -> list[Ours]:
    size_e6 = shares * 10**6
    ask = {"token_id": still.no, "price_e4": 10_000 - ask_e4}
    for order in ({"token_id": still.yes, "price_e4": bid_e4}, ask):
        assert still.place(who, size_e6=size_e6, post_only=True, **order).status == "live"
    return [Ours(side, price, size_e6, placed_ns=still.now_ns)
            for side, price in (("bid", bid_e4), ("ask", ask_e4))]  # fmt: skip


def test_a_crowds_book_is_estimated_within_two_hundredths() -> None:
    still = StillDesk(markets=120, funds_usd=10**6)
    programmes = still.desk.programmes
    rewarded = [
        one
        for one in still.source.markets()
        if one["clobRewards"] and 0.05 < one.get("bestBid", 0) < one.get("bestAsk", 1) < 0.95
        and not one["secondsDelay"]
    ]  # fmt: skip
    checked = 0
    for gamma in rewarded[:12]:
        choose(still, gamma)
        bid_e4, ask_e4 = still.book.best_bid_e4, still.book.best_ask_e4
        if bid_e4 is None or ask_e4 is None:
            continue
        shares = int(gamma["rewardsMinSize"]) * 2
        ours = rest_both_sides(still, ALICE, bid_e4, ask_e4, shares)
        still.wait(4)
        view = view_of(still)
        share = share_of(view.spec.rewards, view.book, ours, still.now_ns)
        exact = programmes.shares(ALICE, still.now_ns).get(still.market_id, 0.0) / 100
        assert share is not None
        assert share.low - 0.02 <= exact <= share.high + 0.02, gamma["slug"]
        checked += exact > 0
    assert checked >= 5


@pytest.fixture
def emptied() -> StillDesk:
    """A market with a programme and nobody in it."""
    still = StillDesk(markets=60, funds_usd=10**6)
    choose(still, next(
        one
        for one in still.source.markets()
        if one["clobRewards"] and one.get("bestBid", 0) > 0.2 and one.get("bestAsk", 1) < 0.8
        and one.get("version", "v1") == "v1"
    ))  # fmt: skip
    for is_bid in (True, False):
        for price, _ in still.book.levels(is_bid):
            for order_id in still.book.queue(is_bid, price):
                still.source.cancel(still.market_id, order_id, still.now_ns)
    return still


def test_twenty_scripted_minutes_come_to_what_the_venue_pays(emptied: StillDesk) -> None:
    """Ten minutes alone, ten beside an equal: three quarters, each minute looked at once."""
    estimate = RewardEstimate()
    ours = rest_both_sides(emptied, ALICE, 4_900, 5_100, 200)
    for minute in range(20):
        if minute == 10:
            rest_both_sides(emptied, BOB, 4_900, 5_100, 200)
        emptied.wait(30)
        estimate.sample(view_of(emptied), ours, emptied.now_ns)
        emptied.wait(30)
    (told,) = estimate.of_day(DAY, minutes_a_day=20).values()
    earned = emptied.desk.programmes.earned("reward", DAY)
    paid_usd = next(one.amount_e12 for one in earned if one.wallet == ALICE) / 1e12
    pool = spec_of(emptied.gamma).rewards.daily_usd
    assert told.minutes == 20
    # An equal competitor may be one maker or many: a half at least, two thirds at most.
    assert told.low_usd == pytest.approx(0.75 * pool, rel=1e-9)
    assert told.high_usd == pytest.approx((10 + 10 * 2 / 3) / 20 * pool, rel=1e-9)
    # The venue's random moments put one sample more or less on either side of the change.
    assert told.low_usd - 0.03 * pool <= paid_usd <= told.high_usd + 0.03 * pool


def test_a_minute_counts_once_and_what_cannot_be_seen_counts_as_others() -> None:
    estimate = RewardEstimate()
    view = SimpleNamespace(
        spec=SimpleNamespace(rewards=TERMS), has_book=True, market_id="m",
        book=book_of({4_900: 200.0}, {5_100: 200.0}),
    )  # fmt: skip
    midnight = (NOW // (86_400 * S_NS)) * 86_400 * S_NS
    ours = [Ours("bid", 4_900, 200_000_000, 0), Ours("ask", 5_100, 200_000_000, 0)]
    for second in (0, 1, 59, 60, 119):
        estimate.sample(view, ours, midnight + second * S_NS)
    (told,) = estimate.of_day(DAY).values()
    assert (told.minutes, told.low_usd) == (2, pytest.approx(100.0 * 2 / 1_440))
    view.book = book_of({}, {})
    estimate.sample(view, ours, midnight + 180 * S_NS)
    (told,) = estimate.of_day(DAY).values()
    assert (told.minutes, told.low_usd) == (3, pytest.approx(100.0 * 2 / 1_439))
    view.has_book = False
    estimate.sample(view, ours, midnight + 240 * S_NS)
    view.has_book, view.spec = True, SimpleNamespace(rewards=RewardTerms())
    estimate.sample(view, ours, midnight + 300 * S_NS)
    (told,) = estimate.of_day(DAY).values()
    assert told.minutes == 3
    view.spec = SimpleNamespace(rewards=TERMS)
    estimate.sample(view, ours, midnight + 4 * 86_400 * S_NS)
    assert (estimate.of_day(DAY), len(estimate.of_day(DAY + 4))) == ({}, 1)


# --- rebates -----------------------------------------------------------------------------


def fill(number: int, price_e4: int, shares: int, **changes: Any) -> Fill:
    known: dict[str, Any] = {
        "ts_ns": NOW, "trade_id": f"t{number}", "order_id": "o", "market_id": "m", "token_id": "y",
        "is_yes": True, "is_buy": True, "price_e4": price_e4, "size_e6": shares * 10**6,
        "fee_e12": 0, "is_maker": True, "component": "maker", "decision_id": 1,
        "mid_before_e6": None,
    }  # fmt: skip
    return Fill(**(known | changes))


def test_rebates_of_fills_are_the_golden_ones_and_a_failure_takes_them_back() -> None:
    """quant.md G26: a quarter of a cent a share at a half, politics."""
    fees = FeeSchedule(rate=0.04, exponent=1.0, rebate_share=0.25)
    estimate = RebateEstimate()
    estimate.on_fill(fill(1, 5_000, 100), fees)
    estimate.on_fill(fill(2, 2_000, 100, market_id="n"), fees)
    estimate.on_fill(fill(3, 5_000, 100, is_maker=False), fees)
    assert estimate.of_day(DAY) == {"m": 25 * 10**10, "n": 16 * 10**10}
    failed = {"is_buy": False, "ts_ns": NOW + 86_400 * S_NS}
    estimate.on_fill(fill(4, 5_000, 100, reverses="t1", **failed), fees)
    estimate.on_fill(fill(5, 5_000, 100, reverses="t1", **failed), fees)
    assert estimate.of_day(DAY) == {"n": 16 * 10**10}
    estimate.on_fill(fill(6, 5_000, 1, ts_ns=NOW + 9 * 86_400 * S_NS), fees)
    assert estimate.of_day(DAY) == {}


def test_the_exchange_rebates_what_our_fill_predicts() -> None:
    still = StillDesk(markets=24)
    bid_e4 = still.book.best_bid_e4
    assert bid_e4 is not None
    still.desk.custody.wallet(BOB).add("", 10**17, still.now_ns)
    mine = still.place(ALICE, price_e4=bid_e4, size_e6=30_000_000, post_only=True)
    ahead_e6 = still.book.level_e6(True, bid_e4) - 30_000_000
    still.give(BOB, still.yes, 100_000)
    size_e6 = ahead_e6 // 10**4 * 10**4 + 30_010_000
    still.place(BOB, side=Side.SELL, price_e4=bid_e4, size_e6=size_e6)
    assert still.desk.registry.orders[mine.order_id].matched_e6 == 30_000_000
    estimate = RebateEstimate()
    estimate.on_fill(
        fill(1, bid_e4, 30, ts_ns=still.now_ns, market_id=still.market_id),
        spec_of(still.gamma).fees,
    )
    (earned,) = still.desk.programmes.earned("rebate", DAY)
    assert estimate.of_day(DAY)[still.market_id] == pytest.approx(earned.amount_e12, rel=1e-3)
