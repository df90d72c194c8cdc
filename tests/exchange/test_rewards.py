"""Liquidity rewards and maker rebates: the venue's worked example, exact edges, conservation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.events import Side
from polyframe.exchange.rewards import (
    LEAST_AGE_NS,
    MINUTE_NS,
    SHARE_ONE,
    MakerFill,
    RestingOrder,
    RewardEpoch,
    RewardTerms,
    Score,
    midpoint_half_e4,
    order_score,
    payable_e12,
    rebates_e12,
    sample,
    sample_instant_ns,
    score_unit,
    scores,
    scoring_orders,
)
from polyframe.money import USD_E12, complement_e4
from polyframe_qs.rewards import side_score, two_sided_score

NOW = 1_782_753_357 * 10**9
TERMS = RewardTerms(min_size_e6=50_000_000, max_spread_e4=300)
MID = 2 * 5_000


def rest(
    owner: str,
    side: Side,
    price_e4: int,
    shares: int,
    *,
    is_yes: bool = True,
    age_ns: int = LEAST_AGE_NS,
) -> RestingOrder:
    order_id = f"{owner} {side} {price_e4} {shares}"
    return RestingOrder(order_id, owner, is_yes, side, price_e4, shares * 10**6, NOW - age_ns)


def no(order: RestingOrder) -> RestingOrder:
    """The same interest written on the other outcome."""
    return RestingOrder(
        order.order_id,
        order.owner,
        not order.is_yes,
        Side.BUY if order.side is Side.SELL else Side.SELL,
        complement_e4(order.price_e4),
        order.size_e6,
        order.since_ns,
    )


EXAMPLE = [
    rest("maker", Side.BUY, 4_900, 100),
    rest("maker", Side.BUY, 4_800, 200),
    rest("maker", Side.SELL, 5_100, 100, is_yes=False),
    rest("maker", Side.SELL, 5_150, 100),
    rest("maker", Side.BUY, 4_800, 100, is_yes=False),
    rest("maker", Side.SELL, 5_050, 200),
]


def test_the_venues_worked_example() -> None:
    score = scores(EXAMPLE, MID, TERMS, NOW)["maker"]
    unit = score_unit(TERMS)
    assert score.one / unit == pytest.approx(111.1111, abs=1e-4)
    assert score.two / unit == pytest.approx(175.0, abs=1e-9)
    assert score.least(MID) / 3 / unit == pytest.approx(111.1111, abs=1e-4)


def test_an_order_exactly_at_the_widest_spread_scores_exactly_nothing() -> None:
    for price_e4, expected in ((4_700, 0), (4_699, 0), (4_701, 4 * 100 * 10**6)):
        order = rest("maker", Side.BUY, price_e4, 100)
        assert order_score(order, MID, TERMS, NOW) == expected
        assert order_score(no(order), MID, TERMS, NOW) == expected


def test_too_small_and_too_young_do_not_score() -> None:
    assert not order_score(rest("maker", Side.BUY, 4_900, 49), MID, TERMS, NOW)
    young = rest("maker", Side.BUY, 4_900, 100, age_ns=LEAST_AGE_NS - 1)
    assert not order_score(young, MID, TERMS, NOW)
    assert order_score(young, MID, TERMS, NOW + 1)


def test_small_orders_do_not_move_the_midpoint() -> None:
    book = [
        rest("a", Side.BUY, 4_900, 50),
        rest("b", Side.BUY, 4_990, 49),
        rest("c", Side.SELL, 4_850, 50, is_yes=False),
        rest("d", Side.SELL, 5_200, 60),
    ]
    assert midpoint_half_e4(book, TERMS.min_size_e6) == 5_150 + 5_200
    assert midpoint_half_e4(book[:3], TERMS.min_size_e6) is None
    assert not sample(book[:3], TERMS, NOW)
    assert not scoring_orders(book[:3], TERMS, NOW)


def test_one_side_alone_scores_a_third_and_nothing_near_the_ends() -> None:
    assert Score(90, 0).least(MID) == 90  # three times Q_min, so Q_min is 30
    assert Score(90, 60).least(MID) == 180
    assert Score(90, 0).least(2 * 1_000) == 90
    assert Score(90, 0).least(2 * 1_000 - 1) == 0
    assert Score(90, 0).least(2 * 9_000 + 1) == 0
    assert Score(90, 60).least(2 * 9_500) == 180


def test_scoring_orders_are_those_that_earn() -> None:
    book = [
        rest("two sided", Side.BUY, 400, 100),
        rest("two sided", Side.SELL, 600, 100),
        rest("one sided", Side.BUY, 400, 100),
        rest("far", Side.SELL, 9_000, 100),
    ]
    assert scoring_orders(book, TERMS, NOW) == (book[0].order_id, book[1].order_id)
    assert sample(book, TERMS, NOW) == {"two sided": SHARE_ONE}


owners = st.sampled_from(["a", "b", "c"])
books = st.lists(
    st.builds(
        rest,
        owners,
        st.sampled_from(Side),
        st.integers(1, 9_999),
        st.integers(1, 500),
        is_yes=st.booleans(),
        age_ns=st.integers(0, 2 * LEAST_AGE_NS),
    ),
    max_size=20,
)


@given(books)
def test_a_book_and_its_mirror_score_alike(book: list[RestingOrder]) -> None:
    mirror = [no(order) for order in book]
    assert sample(book, TERMS, NOW) == sample(mirror, TERMS, NOW)
    assert scoring_orders(book, TERMS, NOW) == scoring_orders(mirror, TERMS, NOW)


@given(books)
def test_shares_add_up_to_at_most_one(book: list[RestingOrder]) -> None:
    shares = sample(book, TERMS, NOW)
    assert SHARE_ONE - len(shares) <= sum(shares.values()) <= SHARE_ONE or not shares
    earning = {order.owner for order in book if order.order_id in scoring_orders(book, TERMS, NOW)}
    assert earning == set(shares) or len({order.order_id for order in book}) < len(book)


@given(books, st.integers(2_000, 8_000))
def test_scores_are_those_a_trader_computes(book: list[RestingOrder], mid_e4: int) -> None:
    """The strategy's own scoring in floats sees the same book (plugins/qs)."""
    old = [rest(o.owner, o.side, o.price_e4, o.size_e6 // 10**6, is_yes=o.is_yes) for o in book]
    big = [order for order in old if order.size_e6 >= TERMS.min_size_e6]
    unit = score_unit(TERMS)
    for owner, score in scores(old, 2 * mid_e4, TERMS, NOW).items():
        one, two = (
            side_score(
                [(o.yes_price_e4, o.size_e6 / 1e6) for o in big if o.owner == owner and is_side(o)],
                mid_e4 * 100,
                TERMS.max_spread_e4 * 100,
            )
            for is_side in (lambda o: o.is_yes_bid, lambda o: not o.is_yes_bid)
        )
        assert score.one / unit == pytest.approx(one)
        assert score.two / unit == pytest.approx(two)
        assert score.least(2 * mid_e4) / 3 / unit == pytest.approx(
            two_sided_score(one, two, in_band=1_000 <= mid_e4 <= 9_000)
        )


# --- samples and payouts -------------------------------------------------------------


def test_samples_fall_once_in_every_minute_by_the_seed() -> None:
    minutes = range(29_712_556, 29_712_656)
    instants = [sample_instant_ns(7, minute) for minute in minutes]
    assert [instant // MINUTE_NS for instant in instants] == list(minutes)
    assert instants == [sample_instant_ns(7, minute) for minute in minutes]
    assert instants != [sample_instant_ns(8, minute) for minute in minutes]
    offsets = [instant % MINUTE_NS for instant in instants]
    assert max(offsets) - min(offsets) > MINUTE_NS // 2


def test_a_day_pays_by_the_sum_of_samples() -> None:
    epoch = RewardEpoch()
    epoch.add("market", {"a": SHARE_ONE})
    epoch.add("market", {"a": SHARE_ONE // 4, "b": SHARE_ONE * 3 // 4})
    epoch.add("other", {"b": SHARE_ONE})
    epoch.add("quiet", {})
    pools = {"market": 80 * USD_E12, "other": USD_E12 // 2}
    earned = epoch.earned_e12(pools)
    assert earned == {
        "a": {"market": 50 * USD_E12},
        "b": {"market": 30 * USD_E12, "other": USD_E12 // 2},
    }
    assert payable_e12(earned) == {"a": 50 * USD_E12, "b": 30 * USD_E12 + USD_E12 // 2}
    assert payable_e12({"c": {"x": USD_E12 - 1}, "d": {"x": USD_E12 - 1, "y": 1}}) == {"d": USD_E12}


def test_rebates_follow_the_fee_a_taker_would_have_paid() -> None:
    fills = [
        MakerFill("a", "market", 5_000, 100_000_000),
        MakerFill("b", "market", 1_000, 100_000_000),
        MakerFill("b", "free", 5_000, 100_000_000),
    ]
    # 0.25 and 0.09 of a share each: 25/34 and 9/34 of the pool.
    assert rebates_e12(fills, {"market": 34 * USD_E12}) == {
        "a": {"market": 25 * USD_E12},
        "b": {"market": 9 * USD_E12},
    }
    squared = [MakerFill(f.owner, f.market_id, f.price_e4, f.size_e6, 2.0) for f in fills[:2]]
    (a, b) = (one["market"] for one in rebates_e12(squared, {"market": USD_E12}).values())
    assert a / b == pytest.approx((0.25 / 0.09) ** 2)


@given(
    st.lists(
        st.builds(
            MakerFill,
            owners,
            st.sampled_from(["x", "y"]),
            st.integers(1, 9_999),
            st.integers(1, 10**12),
            st.sampled_from([1.0, 2.0, 0.5]),
        ),
        max_size=12,
    ),
    st.integers(0, 10**18),
)
def test_no_more_than_the_pool_is_paid(fills: list[MakerFill], pool_e12: int) -> None:
    paid = rebates_e12(fills, {"x": pool_e12})
    assert sum(of["x"] for of in paid.values()) <= pool_e12
    assert all(set(of) == {"x"} for of in paid.values())
