"""The engine end to end, without a socket: what comes in, what is quoted, what is refused."""

import msgspec
import pytest

from polyframe import Plugin, Veto, events, hookimpl
from polyframe.commands import Resubscribe, Subscribe
from polyframe.model import MarketState
from polyframe.settings import CapitalSettings
from runtime_driver import (
    DAY,
    NOW,
    SECOND,
    SETTINGS,
    SHARE,
    Driver,
    TwoCents,
    codes,
    quoting_driver,
    spec,
    witness,
)

replace = msgspec.structs.replace


@pytest.fixture
def driver():
    return Driver()


@pytest.fixture
def quoting():
    return quoting_driver()


# --- the straight line -------------------------------------------------------------------


def test_from_the_universe_to_resting_orders(driver):
    commands = driver.start()
    assert commands == [Subscribe(("m1-yes", "m1-no"))]
    driver.book(1, 49, 51)
    driver.at(2)
    assert driver.last.outcome == "quoted"
    assert driver.live() == ["o-000001 BUY YES 100@0.48", "o-000002 BUY NO 100@0.48"]
    driver.at(3)
    assert [type(answer).__name__ for answer in driver.answers] == ["OrderAccepted"] * 2
    names = [message for message, _ in driver.lines]
    assert names[:5] == [
        "Run started", "Prefilter", "Warmup complete", "Active set", "FEED_HEALTH",
    ]  # fmt: skip


def test_a_print_through_our_price_fills_and_the_fill_is_told(quoting):
    quoting.trade(3, 48, 40)
    (fill,) = quoting.fills
    assert (fill.price_e4, fill.size_e6, fill.mid_before_e6) == (4800, 40 * SHARE, 500_000)
    assert ("fill", fill) in quoting.plugin.told
    portfolio = quoting.engine.portfolio
    assert portfolio.cash_e12 == portfolio.bankroll_e12 - round(19.2 * 10**12)
    assert portfolio.equity_e12 - portfolio.bankroll_e12 == round(0.8 * 10**12)
    assert portfolio.attribution_error_e12 == 0


def test_a_drifted_quote_is_cancelled_first_and_placed_when_gone(quoting):
    quoting.book(3, 59, 61)
    assert quoting.last.commands == ("cancel o-000001 drift", "cancel o-000002 drift")
    quoting.at(3.1)
    assert quoting.live() == ["o-000003 BUY YES 100@0.58", "o-000004 BUY NO 100@0.38"]


def test_a_small_move_keeps_the_place_in_the_queue(quoting):
    quoting.book(3, 50, 52)
    assert quoting.last.outcome == "unchanged"
    assert quoting.live()[0].startswith("o-000001")


# --- what must never be quoted -----------------------------------------------------------


@pytest.mark.parametrize(("bid", "ask"), [(52, 50), (50, 50), (50, None), (None, 50)])
def test_nothing_rests_on_a_crossed_locked_or_one_sided_book(quoting, bid, ask):
    quoting.book(3, bid, ask)
    assert quoting.last.outcome == "pulled"
    assert "runtime.no_mid" in codes(quoting.last)
    quoting.at(3.1)
    assert quoting.live() == []


def test_a_lost_feed_pulls_at_once_and_needs_a_new_snapshot(quoting):
    quoting.at(3, events.FeedLost(quoting.ts(3), 0, ("m1-yes", "m1-no"), "gone"))
    assert "runtime.feed_down" in codes(quoting.last)
    quoting.at(3.2)
    assert quoting.live() == []
    quoting.at(4, events.FeedConnected(quoting.ts(4), 0, ("m1-yes", "m1-no")))
    quoting.level(4.1, True, 49, 10)
    assert quoting.live() == []
    quoting.book(5, 49, 51)
    quoting.at(5.1)
    assert len(quoting.live()) == 2


def test_a_silent_book_is_pulled_when_its_proof_is_too_old(quoting):
    quoting.at(121)
    assert quoting.live()
    quoting.at(121.6)
    assert "runtime.not_fresh" in codes(quoting.last)
    assert quoting.last.outcome == "pulled"


def test_a_quiet_book_that_a_witness_confirms_is_quiet_not_stale(quoting):
    witness(quoting, 100, 49, 51)
    quoting.at(121.6)
    assert len(quoting.live()) == 2
    assert quoting.engine.markets.witness_agreed == 1
    # the NO token's book confirms the same market, mirrored
    witness(quoting, 200, 49, 51, token="no")
    quoting.at(230)
    assert quoting.engine.markets.witness_agreed == 2
    assert len(quoting.live()) == 2


def test_two_doubts_in_a_row_throw_the_book_away(quoting):
    assert witness(quoting, 3, 40, 45) == []
    assert len(quoting.live()) == 2
    commands = witness(quoting, 4, 40, 45)
    assert commands == [Resubscribe(("m1-yes", "m1-no"), "REST shows another book")]
    assert quoting.last.outcome == "pulled"
    assert witness(quoting, 5, 40, 45) == []


def test_a_new_tick_is_a_new_epoch(quoting):
    quoting.at(
        3,
        events.TickSizeChange(quoting.ts(3), 0, "m1", "m1-yes", 100, 10),
        events.TickSizeChange(quoting.ts(3), 0, "m1", "m1-no", 100, 10),
    )
    market = quoting.engine.markets.find("m1")
    assert (market.tick_e4, market.book_epoch, market.has_book) == (10, 1, False)
    assert quoting.last.outcome == "pulled"
    quoting.book(4, 49, 51)
    quoting.at(4.1)
    assert len(quoting.live()) == 2


def test_a_plugins_veto_pulls_one_side_or_both(quoting):
    quoting.plugin.refuse = Veto("two_cents.no", "bid")
    quoting.book(3, 49, 51, size=400.0)
    assert quoting.last.commands == ("cancel o-000001 pulled",)
    quoting.plugin.refuse = Veto("two_cents.no")
    quoting.book(4, 49, 51, size=300.0)
    quoting.at(4.1)
    assert quoting.live() == []
    assert quoting.engine.vetoes["two_cents.no"] >= 2


def test_reduce_only_quotes_the_side_that_gets_out(quoting):
    quoting.trade(3, 48, 40)
    quoting.at(3.1)
    end = NOW + 48 * 3600 * SECOND
    quoting.at(4, events.MarketsFetched(quoting.ts(4), (spec(end_ns=end),), universe=False))
    assert quoting.last.state is MarketState.WATCH
    assert "runtime.reduce_only" in codes(quoting.last)
    quoting.at(4.1)
    quoting.at(4.2)
    assert quoting.live() == ["o-000004 SELL YES 40@0.52"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"accepting_orders": False}, "runtime.not_accepting"),
        ({"uma_statuses": ("proposed",)}, "runtime.state"),
        ({"uma_statuses": ("proposed", "disputed")}, "runtime.state"),
        ({"end_ns": NOW}, "runtime.state"),
        ({"min_size_e6": 200 * SHARE}, "runtime.below_min_size"),
    ],
)
def test_new_metadata_pulls(quoting, change, code):
    quoting.at(3, events.MarketsFetched(quoting.ts(3), (spec(**change),), universe=False))
    assert code in codes(quoting.last)
    assert quoting.last.outcome == "pulled"


def test_more_than_the_cash_is_refused():
    driver = Driver(replace(SETTINGS, capital=CapitalSettings(bankroll_usd=60)))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(2)
    assert driver.live() == ["o-000001 BUY YES 100@0.48"]
    assert driver.engine.orders.reserved_e12 <= 60 * 10**12
    driver.book(3, 49, 51, size=400.0)
    assert "runtime.insufficient_funds" in codes(driver.last)


class Close(Plugin):
    """Quotes whatever price it is told to."""

    legs = (4800, 5200)

    @hookimpl
    def propose_quote(self, market):
        from polyframe import Quote, QuoteLeg

        bid, ask = self.legs
        return Quote(market.market_id, 0.5, QuoteLeg(bid, 100 * SHARE), QuoteLeg(ask, 100 * SHARE))


@pytest.mark.parametrize(
    ("legs", "code", "side"),
    [
        ((5100, 5200), "runtime.would_cross", "bid"),
        ((4800, 4900), "runtime.would_cross", "ask"),
        ((4850, 5200), "runtime.off_tick", "bid"),
        ((4800, 5250), "runtime.off_tick", "ask"),
    ],
)
def test_prices_the_venue_would_refuse(legs, code, side, monkeypatch):
    monkeypatch.setattr(Close, "legs", legs)
    driver = Driver(classes=(Close,))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(2)
    assert (code, side) in {(v.veto.code, v.veto.side) for v in driver.last.vetoes}
    assert len(driver.live()) == 1


def test_never_across_our_own_other_side(monkeypatch):
    driver = Driver(classes=(Close,))
    driver.start()
    driver.book(1, 40, 60)
    driver.at(2)
    # The bid of old is gone, the ask of old has drifted little enough to stay: it may not,
    # the new bid would cross it.
    first_bid = next(iter(driver.engine.orders.all_live()))
    driver.at(3, events.OrderCancelled(driver.ts(3), first_bid.order_id, "venue"))
    assert driver.live()[-1] == "o-000003 BUY YES 100@0.48"
    third = driver.engine.orders.find("o-000003")
    monkeypatch.setattr(Close, "legs", (5200, 5400))
    driver.at(4, events.OrderCancelled(driver.ts(4), third.order_id, "venue"))
    assert driver.last.commands == ("cancel o-000002 own_cross",)
    driver.at(4.1)
    assert driver.live() == ["o-000004 BUY YES 100@0.52", "o-000005 BUY NO 100@0.46"]


def test_legs_that_cross_each_other_are_refused(monkeypatch):
    from polyframe.model import Quote, QuoteLeg
    from polyframe.runtime.checks import check

    driver = Driver()
    driver.start()
    driver.book(1, 40, 60)
    market = driver.engine.markets.find("m1")
    leg = QuoteLeg(5000, 100 * SHARE)
    quote = Quote("m1", 0.5, leg, leg)
    engine = driver.engine
    found = check(quote, quote, market, engine.account, engine.limits, 0).vetoes
    assert [(veto.code, veto.side) for veto in found] == [
        ("runtime.own_cross", "bid"), ("runtime.own_cross", "ask"),
    ]  # fmt: skip


# --- the rest of life ----------------------------------------------------------------------


def test_an_order_is_renewed_before_it_expires(quoting):
    for n in range(1, 10):
        witness(quoting, 60 * n, 49, 51)
    quoting.at(570.9)
    assert quoting.live()[0].startswith("o-000001")
    quoting.at(571.1)
    quoting.at(571.2)
    assert quoting.live()[0].startswith("o-000003")


def test_time_alone_changes_a_state(driver):
    driver.start(spec(end_ns=NOW + 72 * 3600 * SECOND + 10 * SECOND))
    driver.book(1, 49, 51)
    driver.at(2)
    assert len(driver.live()) == 2
    driver.at(9)
    driver.at(11)
    states = [fields for message, fields in driver.lines if message == "Market state"]
    assert [(str(s["old"]), str(s["new"])) for s in states] == [("NORMAL", "WATCH")]
    assert driver.last.outcome == "pulled"


def test_a_resolution_pays_out_and_pulls(quoting):
    quoting.trade(3, 48, 40)
    quoting.at(4, events.MarketResolved(quoting.ts(4), 0, "m1", "m1-yes"))
    portfolio = quoting.engine.portfolio
    assert portfolio.cash_e12 - portfolio.bankroll_e12 == round(20.8 * 10**12)
    assert not portfolio.held()
    assert portfolio.attribution_error_e12 == 0
    assert quoting.live() == []
    assert "runtime.state" in codes(quoting.last)
    quoting.at(5, events.MarketResolved(quoting.ts(5), 0, "unknown", ""))


def test_stopping_pulls_everything_once(quoting):
    quoting.at(3, events.RunStopping(quoting.ts(3), "enough"))
    assert quoting.last.outcome == "pulled"
    count = len(quoting.decisions)
    quoting.at(3.1)
    quoting.at(3.2)
    assert quoting.live() == []
    assert len(quoting.decisions) == count


def test_messages_are_counted_by_type(quoting):
    quoting.at(
        3,
        events.BestBidAsk(quoting.ts(3), 0, "m1", "m1-yes", 4900, 5100),
        events.MarketListed(quoting.ts(3), 0, "m9", ("a", "b"), "?"),
        events.Unrecognised(quoting.ts(3), "not JSON", "x"),
        events.BookSnapshot(quoting.ts(3), 0, "m9", "stranger", (), ()),
        events.TickSizeChange(quoting.ts(3), 0, "m9", "stranger", 100, 10),
        events.BookWitness(quoting.ts(3), 0, "stranger", (), ()),
    )
    health = quoting.engine.markets.health()
    assert health.messages["best_bid_ask"] == health.messages["new_market"] == 1
    assert health.parse_errors == 1
    assert quoting.engine.markets.unknown_token == 2


def test_a_one_sided_book_marks_with_a_flag():
    capital = CapitalSettings(one_sided_mark_offset=0.02)
    driver = Driver(replace(SETTINGS, capital=capital))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(2)
    driver.at(2.1)
    driver.trade(3, 48, 40)
    driver.book(4, None, 60)
    assert driver.engine.portfolio.mark_e6("m1") == 580_000
    assert driver.engine.portfolio.flagged_marks == {"m1": "one-sided book"}
    driver.book(5, 30, None)
    assert driver.engine.portfolio.mark_e6("m1") == 320_000
    driver.book(6, None, None)
    assert driver.engine.portfolio.mark_e6("m1") == 320_000
    driver.book(7, 49, 51)
    assert driver.engine.portfolio.flagged_marks == {}


def test_a_guard_that_raises_vetoes_every_market():
    class Broken(Plugin):
        codes = ("broken.never",)

        @hookimpl
        def pre_quote_veto(self, market):
            raise RuntimeError("boom")

    driver = Driver(classes=(TwoCents, Broken))
    driver.start(spec("m1"), spec("m2"))
    driver.book(1, 49, 51, market="m1")
    driver.book(1, 49, 51, market="m2")
    driver.at(2)
    assert driver.live() == []
    for market in ("m1", "m2"):
        votes = [(v.plugin, v.veto.code) for v in driver.engine.last_decision[market].vetoes]
        assert ("broken", "runtime.plugin_error") in votes


def test_an_observer_that_raises_is_detached_and_named():
    class Nosy(Plugin):
        @hookimpl
        def on_book(self, market):
            raise RuntimeError("boom")

    driver = Driver(classes=(TwoCents, Nosy))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(2)
    assert driver.machine.dispatcher.detached == ("nosy",)
    assert len(driver.live()) == 2
    assert [f["plugin"] for m, f in driver.lines if m == "Plugin problem"] == ["nosy"]


def test_a_fill_nobody_ordered_is_a_warning(driver):
    driver.at(0, events.OrderFilled(driver.ts(0), "o-9", "t", 5000, SHARE, 0, True))
    assert driver.engine.warnings == ["fill for an unknown order o-9"]
    assert driver.engine.portfolio.fills == 0


def test_a_rebate_is_booked(quoting):
    quoting.at(3, events.RebatePaid(quoting.ts(3), "m1", 10**12))
    assert quoting.engine.portfolio.equity_e12 == quoting.engine.portfolio.bankroll_e12 + 10**12


def test_the_day_rolls_at_midnight(quoting):
    quoting.engine.portfolio.mark("m1", 500_000)
    before = quoting.engine.portfolio.day_start_equity_e12
    quoting.at(DAY / SECOND + 1)
    assert quoting.engine.portfolio.day_start_equity_e12 == before
