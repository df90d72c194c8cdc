"""Trades that take: vetted as a whole, leg after leg, unwound when the last one fails."""

import pytest

from polyframe import Plugin, Trade, TradeLeg, Veto, events, hookimpl
from polyframe.model import FeeSchedule
from polyframe.money import taker_fee_e12
from runtime_driver import SETTINGS, SHARE, Driver, codes, spec

FEES = FeeSchedule(rate=0.04, rebate_share=0.25)


class Taker(Plugin):
    """Proposes what it is told to, once."""

    codes = ("taker.no",)

    def __init__(self, config, context):
        super().__init__(config, context)
        self.wanted = []
        self.offered = []
        self.refuse = False
        self.vetted = []

    @hookimpl
    def propose_trades(self, markets):
        self.offered.append([market.market_id for market in markets])
        trades, self.wanted = self.wanted, []
        return trades

    @hookimpl
    def pre_quote_veto(self, quote, market):
        self.vetted.append(quote)
        return [Veto("taker.no")] if self.refuse and quote.component != "maker" else None


def leg(market="m1", *, is_yes=True, is_buy=True, limit_e4=5100, shares=100):
    return TradeLeg(market, is_yes, is_buy, limit_e4, shares * SHARE)


@pytest.fixture
def driver():
    driver = Driver(SETTINGS, classes=(Taker,))
    driver.start(spec("m1", fees=FEES), spec("m2", fees=FEES))
    driver.book(1, 49, 51, market="m1", size=150.0)
    driver.book(1, 49, 51, market="m2", size=150.0)
    driver.at(2)
    return driver


def books_agree(driver):
    """The paper venue's own ledger and the engine's, to the last unit."""
    results = driver.machine.paper.results(driver.engine.portfolio.marks())
    base = results["base"]
    portfolio = driver.engine.portfolio
    assert base.cash_e12 == portfolio.cash_e12
    assert base.equity_e12 == portfolio.equity_e12
    assert portfolio.attribution_error_e12 == 0
    assert results["pessimistic"].filled_e6 <= base.filled_e6 <= results["optimistic"].filled_e6
    return results


def touch(driver, seconds, market="m1", size=151.0):
    driver.book(seconds, 49, 51, market=market, size=size)


def test_one_leg_takes_the_book_and_pays_the_fee(driver):
    driver.plugin.wanted = [Trade("taker", (leg(),))]
    touch(driver, 3)
    assert driver.last.outcome == "taking"
    assert driver.last.commands == ("take o-000001 BUY YES 100@0.51",)
    driver.at(3.5)
    (fill,) = driver.fills
    fees = driver.engine.markets.find("m1").spec.fees
    assert (fill.is_maker, fill.component, fill.price_e4) == (False, "taker", 5100)
    assert fill.fee_e12 == taker_fee_e12(5100, 100 * SHARE, fees.rate, fees.exponent) > 0
    books_agree(driver)
    assert driver.engine.desk.completed == 1
    assert driver.engine.desk.busy == frozenset()


def test_what_was_taken_is_not_there_twice(driver):
    driver.plugin.wanted = [Trade("taker", (leg(),))]
    touch(driver, 3)
    driver.plugin.wanted = [Trade("taker", (leg(),))]
    driver.level(3.5, True, 48, 7)
    driver.level(3.6, True, 49, 9)
    driver.at(4)
    # 151 displayed: 100 and 51, not 100 and 100.
    assert [fill.size_e6 // SHARE for fill in driver.fills] == [100, 51]
    assert [type(a).__name__ for a in driver.answers[-1:]] == ["OrderCancelled"]
    books_agree(driver)


def test_walking_down_the_book_pays_each_level_its_own_price(driver):
    driver.at(
        3,
        events.BookSnapshot(
            driver.ts(3), 0, "m1", "m1-yes", ((4900, 50.0),), ((5100, 40.0), (5200, 30.0))
        ),
    )
    driver.plugin.wanted = [Trade("taker", (leg(limit_e4=5200),))]
    driver.level(3.1, True, 49, 60)
    driver.at(3.5)
    assert [(f.price_e4, f.size_e6 // SHARE) for f in driver.fills] == [(5100, 40), (5200, 30)]
    books_agree(driver)


def test_no_taker_takes_beyond_its_limit(driver):
    driver.plugin.wanted = [Trade("taker", (leg(limit_e4=5000),))]
    touch(driver, 3)
    driver.at(3.5)
    assert driver.fills == []
    assert driver.engine.orders.rejected_by_code == {"no_match": 1}
    assert driver.engine.desk.busy == frozenset()


def test_legs_go_one_after_the_other_for_what_the_first_got(driver):
    driver.book(3, 49, 51, market="m1", size=60.0)
    driver.plugin.wanted = [
        Trade("arb", (leg("m1"), leg("m2", is_yes=False, limit_e4=5100)), inputs=(("edge", 0.01),))
    ]
    touch(driver, 3.1, "m2")
    driver.at(3.2)
    driver.at(3.3)
    assert [(f.market_id, f.is_yes, f.size_e6 // SHARE) for f in driver.fills] == [
        ("m1", True, 60), ("m2", False, 60),
    ]  # fmt: skip
    assert {f.component for f in driver.fills} == {"arb"}
    assert driver.engine.desk.completed == 1
    parts = {component for _, component, _ in driver.engine.portfolio.attribution()}
    assert parts == {"arb"}
    books_agree(driver)


def test_a_leg_is_put_to_the_vetoes_with_what_follows_it(driver):
    buys, sells = leg("m1"), leg("m2", is_buy=False, limit_e4=4900, shares=120)
    driver.plugin.refuse = True
    driver.plugin.wanted = [Trade("arb", (buys, sells))]
    touch(driver, 3)
    first, second = (quote for quote in driver.plugin.vetted if quote.component == "arb")
    # What follows is sent for at most what is asked for now.
    assert first.trade_legs == (buys, leg("m2", is_buy=False, limit_e4=4900, shares=100))
    assert second.trade_legs == (sells,)
    assert {decision.proposal for decision in driver.decisions[-2:]} == {first, second}


def test_a_leg_vetted_again_is_shown_at_the_size_it_would_be_sent_for(driver):
    driver.book(3, 49, 51, market="m1", size=60.0)
    other = leg("m2", is_yes=False)
    driver.plugin.wanted = [Trade("arb", (leg("m1"), other))]
    touch(driver, 3.1, "m2")
    driver.plugin.vetted.clear()
    driver.at(3.2)
    driver.at(3.3)
    (again,) = (quote for quote in driver.plugin.vetted if quote.component == "arb")
    assert again.trade_legs == (leg("m2", is_yes=False, shares=60),)


def test_what_a_trade_has_still_to_send_is_known_until_it_is_out(driver):
    seen = []
    first, last = leg("m1"), leg("m2", is_yes=False, shares=120)
    driver.plugin.wanted = [Trade("arb", (first, last))]
    touch(driver, 3)
    account = driver.engine.account
    seen.append(account.legs_to_come())
    driver.at(3.2)  # the first has filled and the last is out
    seen.append(account.legs_to_come())
    # For at most what the first one may get.
    assert seen == [{"arb": [leg("m2", is_yes=False, shares=100)]}, {}]


def test_a_leg_in_hand_is_not_to_come_as_well(driver):
    vetted = []
    ask = driver.engine.dispatcher.pre_quote_veto

    def watched(quote, market, portfolio, now_ns):
        if quote.trade_legs:
            to_come = portfolio.legs_to_come().get("arb", [])
            vetted.append((len(quote.trade_legs), len(to_come)))
        return ask(quote, market, portfolio, now_ns)

    driver.engine.dispatcher.pre_quote_veto = watched
    no = leg("m2", is_yes=False)
    driver.plugin.wanted = [Trade("arb", (leg("m1"), no, no))]
    touch(driver, 3)
    for step in range(2, 6):
        driver.at(3 + step / 10)
    # Three at the start, then what is left of them, each time counted once.
    assert vetted == [(3, 0), (2, 0), (1, 0), (2, 0), (1, 0)]


def test_a_failed_second_leg_is_unwound(driver):
    driver.plugin.wanted = [Trade("arb", (leg("m1"), leg("m2", limit_e4=5000)))]
    touch(driver, 3)
    for n in range(1, 6):
        driver.at(3 + n / 10)
    assert [(f.market_id, f.is_buy, f.price_e4) for f in driver.fills] == [
        ("m1", True, 5100), ("m1", False, 4900),
    ]  # fmt: skip
    assert not driver.engine.portfolio.held()
    assert (driver.engine.desk.unwound, driver.engine.desk.completed) == (1, 0)
    assert [d.outcome for d in driver.decisions[-3:]] == ["taking", "taking", "unwinding"]
    books_agree(driver)


def test_a_crumb_that_no_order_can_be_sent_for_is_held(driver):
    # 60.004 shares are there: the second leg is sent for 60, and nobody sells 0.004.
    driver.book(3, 49, 51, market="m1", size=60.004)
    driver.plugin.wanted = [Trade("arb", (leg("m1"), leg("m2", is_yes=False)))]
    touch(driver, 3.1, "m2")
    for n in range(2, 6):
        driver.at(3 + n / 10)
    assert [f.size_e6 for f in driver.fills] == [60_004_000, 60_000_000]
    desk = driver.engine.desk
    assert (desk.completed, desk.unwound, driver.engine.orders.placed) == (1, 0, 2)
    assert desk.busy == frozenset()


def test_a_second_leg_that_comes_too_late_is_not_sent(driver):
    trade = Trade("arb", (leg("m1"), leg("m2")), within_s=1.0)
    driver.plugin.wanted = [trade]
    touch(driver, 3)
    driver.at(5)
    driver.at(5.1)
    driver.at(5.2)
    assert [fill.market_id for fill in driver.fills] == ["m1", "m1"]
    assert not driver.engine.portfolio.held()
    books_agree(driver)


def test_an_unwind_nobody_takes_is_said_and_given_up(driver):
    driver.plugin.wanted = [Trade("arb", (leg("m1"), leg("m2", limit_e4=5000)))]
    touch(driver, 3)
    driver.at(3.1, events.BookSnapshot(driver.ts(3.1), 0, "m1", "m1-yes", (), ((5100, 9.0),)))
    for n in range(2, 20):
        driver.at(3 + n / 10)
    assert "could not be unwound" in driver.engine.warnings[0]
    assert driver.engine.desk.busy == frozenset()
    assert driver.engine.portfolio.held()["m1"].yes_e6 == 100 * SHARE
    books_agree(driver)


def test_a_veto_on_any_leg_stops_the_whole_trade(driver):
    driver.plugin.refuse = True
    driver.plugin.wanted = [Trade("arb", (leg("m1"), leg("m2")))]
    touch(driver, 3)
    assert [d.outcome for d in driver.decisions[-2:]] == ["vetoed", "vetoed"]
    assert driver.engine.vetoes["taker.no"] == 2
    assert driver.engine.orders.placed == 0


def test_a_leg_that_nobody_refused_says_that_the_other_was(driver):
    driver.plugin.wanted = [Trade("arb", (leg("m1", limit_e4=5150), leg("m2")))]
    touch(driver, 3)
    refused = {d.market_id: d for d in driver.decisions[-2:]}
    assert {d.outcome for d in refused.values()} == {"vetoed"}
    assert codes(refused["m1"]) == {"runtime.off_tick"}
    assert codes(refused["m2"]) == {"runtime.other_leg"}
    assert refused["m2"].target.is_empty


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (leg(limit_e4=5150), "runtime.off_tick"),
        (leg(shares=1), "runtime.below_min_size"),
        (leg(is_buy=False), "runtime.insufficient_funds"),
        (leg(shares=50_000), "runtime.insufficient_funds"),
    ],
)
def test_facts_against_a_leg(driver, bad, code):
    driver.plugin.wanted = [Trade("taker", (bad,))]
    touch(driver, 3)
    assert code in {v.veto.code for v in driver.last.vetoes}
    assert driver.engine.orders.placed == 0


def test_states_that_allow_nothing_new(driver):
    closing = spec("m1", fees=FEES, end_ns=driver.ts(3600))
    driver.at(3, events.MarketsFetched(driver.ts(3), (closing,), universe=False))
    driver.plugin.wanted = [Trade("taker", (leg(),))]
    touch(driver, 4)
    assert "runtime.reduce_only" in {v.veto.code for v in driver.last.vetoes}


def test_markets_busy_or_without_a_fresh_book_are_not_offered(driver):
    driver.plugin.wanted = [Trade("taker", (leg(),))]
    driver.plugin.offered.clear()
    touch(driver, 3)
    assert driver.plugin.offered == [["m1"]]
    assert driver.engine.desk.busy == {"m1"}
    assert driver.engine.desk.propose([driver.engine.markets.find("m1")], driver.now_ns) == []
    assert driver.plugin.offered == [["m1"]]
    driver.at(4, events.FeedLost(driver.ts(4), 0, ("m2-yes", "m2-no"), "gone"))
    driver.at(65)
    assert driver.plugin.offered[-1] == ["m1"]


def test_taking_never_meets_our_own_quote():
    from runtime_driver import TwoCents

    driver = Driver(SETTINGS, classes=(Taker, TwoCents))
    driver.start()
    driver.book(1, 49, 51)
    driver.at(2)
    driver.at(2.1)
    driver.plugin.wanted = [Trade("taker", (leg(limit_e4=5200),))]
    touch(driver, 3)
    assert "runtime.own_cross" in {v.veto.code for v in driver.last.vetoes}
    driver.plugin.wanted = [Trade("taker", (leg(limit_e4=5100),))]
    touch(driver, 4, size=140.0)
    driver.at(4.2)
    # The maker's quote is left alone by the taking order in flight.
    assert [order.component for order in driver.engine.orders.all_live()] == ["maker", "maker"]
    assert driver.fills[0].component == "taker"
