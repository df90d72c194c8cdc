"""What the venue refuses and takes off the book (R1, R10, R13), and finite capital."""

import pytest
from msgspec.structs import replace

from polyframe.events import (
    BestBidAsk,
    BookSnapshot,
    CancelRejected,
    FeedConnected,
    FeedLost,
    MarketResolved,
    MarketsFetched,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    PriceChange,
    Side,
    TickSizeChange,
    TradePrint,
)

SECOND_NS = 10**9
BIDS = ((52, 60.0), (51, 80.0))
ASKS = ((54, 60.0), (55, 80.0))


@pytest.fixture
def bench(make_bench):
    bench = make_bench()
    bench.volume(0)
    bench.book(1, BIDS, ASKS)
    return bench


def reasons(bench):
    return [(e.order_id, e.reason) for e in bench.of(OrderCancelled)]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price_e4": 5_050}, "off_tick"),
        ({"price_e4": 0}, "off_tick"),
        ({"price_e4": 10_000}, "off_tick"),
        ({"size_e6": 4_990_000}, "below_min_size"),
        ({"size_e6": 10_005_000}, "size_step"),
        ({"size_e6": 0}, "size_step"),
        ({"market_id": "nowhere"}, "unknown_market"),
        ({"token_id": "other"}, "unknown_market"),
        ({"side": "SELL"}, "insufficient_balance"),
        ({"size_e6": 10**12}, "insufficient_balance"),
    ],
)
def test_each_venue_rule_is_a_reject_with_its_code(bench, changes, code):
    order = bench.order("a", "BUY", 50, 10, **changes)
    bench.venue.submit([order], bench.T0_NS + SECOND_NS)
    bench.to(2_000)
    assert bench.codes() == [code]
    assert bench.venue.ahead_e6("a") is None


@pytest.mark.parametrize(
    ("spec_changes", "code"),
    [({"closed": True}, "market_closed"), ({"accepting_orders": False}, "not_accepting")],
)
def test_a_market_that_is_not_open_takes_no_order(make_bench, spec_changes, code):
    bench = make_bench(spec=make_bench.make_spec(**spec_changes))
    bench.book(1, BIDS, ASKS)
    bench.place(10, "a", "BUY", 50, 10)
    bench.to(500)
    assert bench.codes() == [code]


def test_an_order_id_is_used_once(bench):
    bench.place(10, "a", "BUY", 50, 10)
    bench.place(20, "a", "BUY", 51, 10)
    bench.to(500)
    assert bench.codes() == ["duplicate_order_id"]
    assert bench.accepted() == ["a"]


def test_gtd_lives_at_least_two_minutes_and_expires_on_the_dot(bench):
    bench.place(0, "short", "BUY", 50, 10, expires_ns=bench.T0_NS + 120 * SECOND_NS - 1)
    bench.place(0, "least", "BUY", 50, 10, expires_ns=bench.T0_NS + 120 * SECOND_NS)
    bench.to(130_000)
    assert bench.codes() == ["expires_too_soon"]
    assert reasons(bench) == [("least", "expired")]
    assert bench.of(OrderCancelled)[0].ts_ns == bench.T0_NS + 120 * SECOND_NS


def test_without_a_known_book_no_order_is_simulated(bench):
    bench.see(FeedLost(bench.T0_NS + 5_000_000, 0, (bench.yes, bench.no), "gone"))
    bench.place(10, "a", "BUY", 50, 10)
    bench.to(500)
    assert bench.codes() == ["no_book"]


def test_capital_is_finite_and_reservations_come_back(make_bench):
    bench = make_bench(bankroll=10)
    bench.book(1, BIDS, ASKS)
    bench.place(10, "a", "BUY", 50, 15)  # 7.50 of 10
    bench.place(20, "b", "BUY", 50, 15)
    bench.to(500)
    assert bench.codes() == ["insufficient_balance"]
    bench.cancel(600, "a")
    bench.to(1_000)
    bench.place(1_100, "c", "BUY", 50, 20)  # exactly all
    bench.to(2_000)
    assert bench.accepted() == ["a", "c"]


def test_selling_needs_held_shares_less_those_on_offer(bench):
    bench.place(10, "buy", "BUY", 51, 20)
    bench.to(500)
    bench.print(1_000, 51, 1_000)
    assert bench.filled() == 20_000_000
    for number, size in enumerate((12, 9, 8)):
        order = bench.order(f"s{number}", "SELL", 54, size, token_id=bench.yes,
                            price_e4=5_400, side="SELL")  # fmt: skip
        bench.venue.submit([order], bench.T0_NS + 2 * SECOND_NS + number)
    bench.to(3_000)
    assert bench.accepted() == ["buy", "s0", "s2"]
    assert bench.codes() == ["insufficient_balance"]


def test_shares_of_a_resumed_run_can_be_sold(bench):
    bench.venue.adopt("m", True, 20_000_000, 9 * 10**12)
    order = bench.order("s", "SELL", 54, 20, token_id=bench.yes, price_e4=5_400, side="SELL")
    bench.venue.submit([order], bench.T0_NS)
    bench.to(500)
    bench.print(1_000, 54, 100)
    result = bench.venue.results()["base"]
    assert result.realised_e12 == 1_800_000_000_000  # 20 x 0.54 - 9
    assert result.cash_e12 == 100_000 * 10**12 + result.realised_e12


def test_tick_change_takes_off_grid_orders_only(make_bench):
    bench = make_bench(spec=make_bench.make_spec(tick_e4=10))
    bench.book(1, BIDS, ASKS)
    bench.place(10, "on", "BUY", 51, 10)
    bench.place(10, "off", "BUY", 51.1, 10)
    bench.to(500)
    change = TickSizeChange(bench.T0_NS + SECOND_NS, 0, "m", bench.yes, 10, 100)
    bench.see(change)
    bench.see(TickSizeChange(bench.T0_NS + SECOND_NS, 0, "m", bench.no, 10, 100))
    assert reasons(bench) == [("off", "tick_change")]
    assert bench.venue.ahead_e6("on") is not None


def test_resolution_cancels_all_pays_out_and_closes(bench):
    bench.place(10, "a", "BUY", 52, 10)
    bench.place(10, "b", "BUY", 51, 10)
    bench.to(500)
    bench.print(1_000, 52, 70)
    bench.place(1_990, "late", "BUY", 50, 10)
    bench.see(MarketResolved(bench.T0_NS + 2 * SECOND_NS, 0, "m", bench.yes))
    bench.to(3_000)
    assert reasons(bench) == [("b", "market_resolved")]
    assert bench.codes() == ["market_closed"]
    result = bench.venue.results()["base"]
    assert result.positions_e6 == {}
    assert result.realised_e12 == 4_800_000_000_000  # 10 shares at 0.52 paid 1.00
    assert result.equity_e12 == result.cash_e12


def test_metadata_that_says_closed_cancels(bench):
    bench.place(10, "a", "BUY", 52, 10)
    bench.to(500)
    bench.see(
        MarketsFetched(bench.T0_NS + SECOND_NS, (bench.make_spec(closed=True),), universe=False)
    )
    assert reasons(bench) == [("a", "market_closed")]


def test_a_cancel_is_effective_after_its_latency_and_fills_before_it_count(bench):
    bench.place(10, "a", "BUY", 53, 50)
    bench.to(500)
    bench.cancel(1_000, "a")
    bench.print(1_050, 52, 20)
    bench.print(1_150, 52, 25)
    assert bench.fill_sizes() == [20]
    assert reasons(bench) == [("a", "requested")]
    assert bench.of(OrderCancelled)[0].ts_ns == bench.T0_NS + 1_100_000_000


def test_cancels_of_unknown_ended_and_travelling_orders(make_bench):
    bench = make_bench(entry_s=0.5, cancel_s=0.1)
    bench.book(1, BIDS, ASKS)
    bench.cancel(10, "never")
    bench.place(10, "a", "BUY", 50, 10)
    bench.cancel(20, "a")  # would overtake its order: takes effect on arrival instead
    bench.cancel(30, "a")
    bench.to(2_000)
    kinds = [(type(e), e.order_id, e.ts_ns - bench.T0_NS) for e in bench.events]
    assert kinds == [
        (CancelRejected, "never", 110_000_000),
        (OrderAccepted, "a", 510_000_000),
        (OrderCancelled, "a", 510_000_000),
        (CancelRejected, "a", 510_000_000),
    ]


def test_own_resting_orders_cross_too(bench):
    bench.place(10, "bid", "BUY", 53, 10)
    bench.to(500)
    bench.place(600, "offer", "SELL", 53, 10)
    bench.to(1_000)
    assert bench.codes() == ["post_only_would_cross"]


def test_next_due_is_what_advance_does_next(bench):
    assert bench.venue.next_due_ns() is None
    bench.place(10, "a", "BUY", 50, 10)
    assert bench.venue.next_due_ns() == bench.T0_NS + 110_000_000
    assert bench.to(109.9) == []
    assert len(bench.to(110)) == 1


def test_a_new_connection_makes_books_unknown_until_the_snapshot(bench):
    bench.place(10, "a", "BUY", 52, 50)
    bench.to(500)
    bench.see(FeedConnected(bench.T0_NS + SECOND_NS, 0, (bench.yes, bench.no)))
    bench.level(1_100, True, 52, 0)  # of the old epoch: says nothing
    bench.to(3_000)
    assert bench.venue.ahead_e6("a")["optimistic"] == 60_000_000
    bench.book(4_000, ((52, 25.0),), ASKS)
    assert set(bench.venue.ahead_e6("a").values()) == {25_000_000}


def test_order_events_are_ignored_as_input(bench):
    assert bench.see(OrderFilled(bench.T0_NS + 10**9, "x", "t", 5_000, 1, 0, True)) == []


def test_the_feeds_tick_beats_the_metadata_while_the_book_is_known(bench):
    snapshot = BookSnapshot(
        bench.T0_NS + SECOND_NS, 0, "m", bench.yes,
        ((5_200, 60.0),), ((5_400, 60.0),), tick_e4=10, min_size_e6=20_000_000,
    )  # fmt: skip
    bench.see(snapshot)
    bench.see(MarketsFetched(bench.T0_NS + 2 * SECOND_NS, (bench.make_spec(),), universe=False))
    bench.place(3_000, "small", "BUY", 51.1, 10)
    bench.to(4_000)
    assert bench.codes() == ["below_min_size"]  # the metadata says what it said before
    metadata = MarketsFetched(
        bench.T0_NS + 5 * SECOND_NS, (bench.make_spec(min_size_e6=8_000_000),), universe=False
    )
    bench.see(metadata)
    bench.place(6_000, "again", "BUY", 51.1, 10)
    bench.to(7_000)
    assert bench.accepted() == ["again"]


def test_metadata_that_lags_does_not_undo_the_feeds_tick(bench):
    bench.see(TickSizeChange(bench.T0_NS + SECOND_NS, 0, "m", bench.yes, 100, 10))
    bench.see(MarketsFetched(bench.T0_NS + 2 * SECOND_NS, (bench.make_spec(),), universe=False))
    snapshot = BookSnapshot(
        bench.T0_NS + 3 * SECOND_NS, 0, "m", bench.yes, ((5_200, 60.0),), ((5_400, 60.0),)
    )
    bench.see(snapshot)
    bench.place(4_000, "fine", "BUY", 51.1, 100)
    bench.to(5_000)
    assert bench.accepted() == ["fine"]


def test_a_touch_that_agrees_is_proof_and_one_that_differs_is_not(bench):
    bench.place(10, "a", "BUY", 53, 100)
    bench.to(500)
    for second, bid in ((4, 5_200), (8, 5_100)):
        for token, best in ((bench.yes, (bid, 5_400)), (bench.no, (4_600, 10_000 - bid))):
            bench.see(BestBidAsk(bench.T0_NS + second * SECOND_NS, 0, "m", token, *best))
        bench.print(second * 1_000 + 500, 52, 10)
    bench.print(9_500, 52, 10, tx="later")
    assert [f.is_stale for f in bench.venue.fills()] == [False, False, True]


def test_events_of_markets_never_fetched_say_nothing(bench):
    ns = bench.T0_NS + SECOND_NS
    strangers = (
        BookSnapshot(ns, 0, "x", "x-yes", (), ()),
        BestBidAsk(ns, 0, "x", "x-yes", None, None),
        TickSizeChange(ns, 0, "x", "x-yes", 100, 10),
        TradePrint(ns, 0, "x", "x-yes", 5_000, 10**6, Side.BUY),
        MarketResolved(ns, 0, "x", "x-yes"),
        PriceChange(ns, 0, "x", ()),
    )
    assert [bench.see(event) for event in strangers] == [[]] * len(strangers)


def test_an_order_on_its_way_through_a_gap_queues_behind_what_the_snapshot_shows(make_bench):
    bench = make_bench(entry_s=0.5)
    bench.place(0, "a", "BUY", 52, 10)
    bench.book(100, BIDS, ASKS)
    bench.level(200, True, 52, 20)
    bench.to(600)
    assert set(bench.venue.ahead_e6("a").values()) == {60_000_000}


def test_a_reversed_sale_cancels_the_bids_it_paid_for(make_bench):
    """A reversed sale takes its proceeds back; bids they paid for go, youngest first."""
    bench = make_bench(bankroll=10, ghost_probability=1.0)
    bench.volume(0)
    bench.book(1, BIDS, ASKS)
    bench.venue.adopt("m", True, 20_000_000, 0)
    sell = bench.order("s", "SELL", 54, 20)
    sell = replace(sell, token_id=bench.yes, side=Side.SELL, price_e4=5_400)
    bench.venue.submit([sell], bench.T0_NS)
    bench.to(500)
    bench.print(1_000, 54, 100)  # + 10.80
    bench.place(1_100, "old", "BUY", 50, 16)  # 8.00
    bench.place(1_200, "young", "BUY", 50, 20)  # 10.00
    bench.to(70_000)
    assert reasons(bench) == [("young", "insufficient_balance")]
