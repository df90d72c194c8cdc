"""The fill rules one at a time: queue start, sides, crosses, cancels, cap, ghosts, rebates."""

import pytest

from polyframe.events import (
    BookWitness,
    MarketResolved,
    OrderCancelled,
    OrderFilled,
    RebatePaid,
)

SECOND_NS = 10**9
BIDS = ((52, 60.0), (51, 80.0))
ASKS = ((54, 60.0), (55, 80.0))


def opened(make_bench, **settings):
    bench = make_bench(**settings)
    bench.volume(0)
    bench.book(1, BIDS, ASKS)
    return bench


def by_profile(bench):
    return [bench.filled(p) / 1e6 for p in ("pessimistic", "base", "optimistic")]


def test_r2_the_most_displayed_while_the_order_travels_is_ahead(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 52, 10)
    bench.level(40, True, 52, 90)
    bench.level(60, True, 52, 30)
    bench.to(200)
    assert set(bench.venue.ahead_e6("a").values()) == {90_000_000}


def test_r2_who_is_ahead_of_an_older_own_order_is_ahead_of_a_younger_one(make_bench):
    """A drop that may still prove to be a print has not moved the older one: nor the younger."""
    bench = opened(make_bench)
    bench.place(10, "old", "BUY", 52, 10)
    bench.to(200)
    bench.level(300, True, 52, 20)
    bench.place(310, "young", "BUY", 52, 10)
    bench.to(420)
    assert bench.venue.ahead_e6("young") == bench.venue.ahead_e6("old")
    assert set(bench.venue.ahead_e6("young").values()) == {60_000_000}


def test_r3_a_younger_own_order_waits_behind_the_older(make_bench):
    bench = opened(make_bench)
    bench.place(10, "old", "BUY", 52, 10)
    bench.place(300, "young", "BUY", 52, 10)
    bench.to(500)
    bench.print(1_000, 52, 60)
    bench.print(1_001, 52, 14)
    assert [(e.order_id, e.size_e6) for e in bench.of(OrderFilled)] == [
        ("old", 10_000_000),
        ("young", 4_000_000),
    ]


@pytest.mark.parametrize("claimed", ["BUY", "SELL"])
def test_the_side_comes_from_the_touch_not_from_the_feed(make_bench, claimed):
    bench = opened(make_bench)
    bench.place(10, "bid", "BUY", 53, 10)
    bench.to(500)
    bench.print(1_000, 52, 8, claimed)  # at the best bid: it can only have hit bids
    bench.print(1_001, 54, 8, claimed)  # at the best ask: not ours
    assert by_profile(bench) == [8, 8, 8]


def test_a_print_inside_the_spread_is_nobodys_half_or_all(make_bench):
    bench = opened(make_bench)
    bench.place(10, "bid", "BUY", 53, 50)
    bench.to(500)
    bench.print(1_000, 53, 20)
    assert by_profile(bench) == [0, 10, 20]


def test_a_print_without_a_known_book_can_be_either_side(make_bench):
    from polyframe.events import FeedLost

    bench = opened(make_bench)
    bench.place(10, "bid", "BUY", 53, 50)
    bench.to(500)
    bench.see(FeedLost(bench.T0_NS + SECOND_NS, 0, (bench.yes,), "gone"))
    bench.print(1_100, 52, 20)
    assert by_profile(bench) == [0, 10, 20]
    assert all(f.is_stale for f in bench.venue.fills())


def test_r5_a_cross_without_a_print(make_bench):
    """Pessimistic nothing, optimistic at once, base after the wait; the late print is netted."""
    bench = opened(make_bench)
    bench.place(10, "bid", "BUY", 53, 50)
    bench.to(500)
    bench.level(1_000, False, 53, 30)
    assert by_profile(bench) == [0, 0, 30]
    bench.to(1_499)
    assert by_profile(bench) == [0, 0, 30]
    fills = [e for e in bench.to(1_500) if isinstance(e, OrderFilled)]
    assert [(f.ts_ns, f.size_e6) for f in fills] == [(bench.T0_NS + 1_500_000_000, 30_000_000)]
    bench.level(1_600, False, 53, 30)  # the same display again is not new volume
    bench.to(3_000)
    assert by_profile(bench) == [0, 30, 30]
    bench.print(3_100, 52, 35)  # 30 of it were the cross
    assert by_profile(bench) == [35, 35, 35]


def test_r5_a_cross_that_vanishes_within_the_wait_fills_nothing_in_base(make_bench):
    bench = opened(make_bench)
    bench.place(10, "bid", "BUY", 53, 50)
    bench.to(500)
    bench.level(1_000, False, 53, 30)
    bench.level(1_200, False, 53, 0)
    bench.to(5_000)
    assert by_profile(bench) == [0, 0, 30]


def test_r5_a_print_within_the_wait_explains_the_cross(make_bench):
    bench = opened(make_bench)
    bench.place(10, "bid", "BUY", 53, 50)
    bench.to(500)
    bench.level(1_000, False, 53, 30)
    bench.print(1_200, 52, 25)
    bench.to(5_000)
    assert by_profile(bench) == [25, 30, 30]


def test_r5_a_late_print_is_netted_though_the_order_is_gone(make_bench):
    bench = opened(make_bench)
    bench.place(10, "bid", "BUY", 53, 30)
    bench.to(500)
    bench.level(1_000, False, 53, 30)
    bench.to(1_600)  # filled by the cross
    bench.level(1_700, False, 53, 0)
    bench.place(1_800, "next", "BUY", 53, 30)
    bench.to(2_000)
    bench.print(2_100, 52, 40)
    assert bench.filled("base", "next") == 10_000_000


def test_r6_cancellations_move_us_by_profile_after_the_pairing_window(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 52, 10)  # 60 ahead
    bench.level(500, True, 52, 100)  # R7: 40 join behind
    bench.level(1_000, True, 52, 80)  # 20 leave
    bench.to(1_499)
    assert set(bench.venue.ahead_e6("a").values()) == {60_000_000}
    bench.to(1_500)
    # At n = 1.25: 60 - 0.6^1.25 * 20 = 49.43866, rounded against us.
    assert bench.venue.ahead_e6("a") == {
        "pessimistic": 60_000_000,
        "base": 49_438_660,
        "optimistic": 48_000_000,
    }


@pytest.mark.parametrize("print_at", [900, 1_100])
def test_r6_a_print_explains_the_drop_before_or_after_it(make_bench, print_at):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 52, 10)
    bench.to(500)
    steps = [(1_000, lambda: bench.level(1_000, True, 52, 40))]
    steps.append((print_at, lambda: bench.print(print_at, 52, 20)))
    for _, act in sorted(steps, key=lambda step: step[0]):
        act()
    bench.to(2_000)
    assert set(bench.venue.ahead_e6("a").values()) == {40_000_000}


def test_r8_a_vanished_level_leaves_nobody_ahead_and_fills_nothing(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 52, 10)
    bench.to(500)
    bench.book(1_000, ((51, 80.0),), ASKS)
    bench.to(2_000)
    assert set(bench.venue.ahead_e6("a").values()) == {0}
    assert by_profile(bench) == [0, 0, 0]
    bench.print(2_100, 51, 7)
    assert by_profile(bench) == [7, 7, 7]


def test_r14_own_fills_are_capped_by_the_hours_volume(make_bench):
    bench = make_bench(participation=0.25)
    bench.book(1, BIDS, ASKS)
    bench.place(10, "a", "BUY", 53, 100)
    bench.to(500)
    bench.print(1_000, 52, 40)
    bench.print(2_000, 52, 40)
    result = bench.venue.results()["base"]
    assert bench.fill_sizes() == [10, 10]
    assert result.capacity_limited_e6 == 60_000_000
    # An hour later nothing of it counts any more, neither volume nor own fills.
    bench.print(3_700_000, 52, 8)
    assert bench.fill_sizes() == [10, 10, 2]


def test_a_copy_of_a_print_is_no_print(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 53, 100)
    bench.to(500)
    bench.print(1_000, 52, 10, tx="t")
    bench.print(1_300, 52, 10, tx="t", venue_ms=bench._ms(1_000))
    bench.print(1_301, 52, 10, "BUY", tx="t", venue_ms=bench._ms(1_000))  # says otherwise: counts
    bench.mirrored = True
    bench.print(1_302, 52, 10, tx="t", venue_ms=bench._ms(1_000))
    bench.mirrored = False
    bench.print(1_303, 52, 10, tx="u", venue_ms=bench._ms(1_000))
    assert by_profile(bench) == [30, 30, 30]


def test_r12_a_ghost_fill_is_taken_back_within_a_minute(make_bench):
    bench = opened(make_bench, ghost_probability=1.0, bankroll=100)
    bench.place(10, "a", "BUY", 52, 100)
    bench.to(500)
    bench.print(1_000, 52, 90)
    bench.place(2_000, "sell", "SELL", 55, 20, token_id=bench.yes, price_e4=5_500, side="SELL")
    bench.to(2_500)
    assert bench.accepted() == ["a", "sell"]
    bench.to(70_000)
    fill, reversal = bench.of(OrderFilled)
    assert (reversal.reverses, reversal.size_e6) == (fill.trade_id, fill.size_e6)
    assert reversal.trade_id != fill.trade_id
    assert 2 * SECOND_NS <= reversal.ts_ns - fill.ts_ns <= 60 * SECOND_NS
    # What was to be sold is not there any more.
    assert [(e.order_id, e.reason) for e in bench.of(OrderCancelled)] == [
        ("sell", "insufficient_balance")
    ]
    result = bench.venue.results()["base"]
    assert (result.cash_e12, result.equity_e12) == (100 * 10**12, 100 * 10**12)
    assert (result.fills, result.reversed_fills) == (1, 1)


def test_rebates_are_paid_at_midnight_from_one_dollar_on(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 52, 500)
    bench.to(500)
    bench.print(1_000, 52, 560)
    assert bench.to(12 * 3_600_000 - 1) == []
    (paid,) = bench.to(12 * 3_600_000)
    # 500 shares x 0.05 x 0.52 x 0.48 x 25 %
    assert paid == RebatePaid(bench.T0_NS + 12 * 3_600 * SECOND_NS, "m", 1_560_000_000_000)
    result = bench.venue.results({"m": 520_000})["base"]
    assert result.equity_e12 == 100_000 * 10**12 + paid.amount_e12


def test_a_day_below_one_dollar_lapses(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 52, 300)
    bench.to(500)
    bench.print(1_000, 52, 360)
    assert bench.to(13 * 3_600_000) == []
    result = bench.venue.results()["base"]
    assert (result.rebates_e12, result.rebates_accrued_e12) == (0, 0)
    assert result.rebates_lapsed_e12 == 936_000_000_000


def test_fills_on_an_old_book_are_stale_evidence_and_leave_the_headline(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 53, 100)
    bench.to(500)
    bench.print(5_001, 52, 10)  # 5 s after the snapshot: fresh
    bench.print(5_002, 52, 20)
    bids, asks = ((5_200, 60.0), (5_100, 80.0)), ((5_400, 60.0), (5_500, 80.0))
    bench.see(BookWitness(bench.T0_NS + 6 * SECOND_NS, 0, bench.yes, bids, asks))
    bench.print(7_000, 52, 30)
    assert [f.is_stale for f in bench.venue.fills()] == [False, True, False]
    result = bench.venue.results({"m": 540_000})["base"]
    assert (result.stale_fills, result.stale_filled_e6) == (1, 20_000_000)
    assert result.equity_e12 - result.headline_equity_e12 == 200_000_000_000  # 20 x 1 cent


def test_results_add_up_and_describe_the_queue(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 53, 20)
    bench.place(10, "b", "SELL", 54, 20)
    bench.to(500)
    bench.print(1_110, 52, 12)
    bench.print(2_000, 52, 30)
    for profile in bench.venue.results():
        result = bench.venue.results({"m": 500_000})[profile]
        assert (result.orders, result.orders_filled) == (2, 1)
        assert result.fill_rate_by_order == 0.5
        assert result.fill_rate_by_share == 0.5
        assert result.median_time_to_fill_ns == SECOND_NS
        assert result.positions_e6 == {"m": 20_000_000}
        assert result.volume_e12 == 10_600_000_000_000
        assert result.equity_e12 == 100_000 * 10**12 - 600_000_000_000
        assert result.equity_e12 == result.cash_e12 + 10 * 10**12
    unmarked = bench.venue.results()["base"]
    assert unmarked.unmarked_markets == ("m",)
    assert unmarked.unrealised_e12 == 0


def test_resolution_without_a_winner_leaves_the_position_open(make_bench):
    bench = opened(make_bench)
    bench.place(10, "a", "BUY", 53, 20)
    bench.to(500)
    bench.print(1_000, 52, 30)
    bench.see(MarketResolved(bench.T0_NS + 2 * SECOND_NS, 0, "m", ""))
    assert bench.venue.results()["base"].positions_e6 == {"m": 20_000_000}
