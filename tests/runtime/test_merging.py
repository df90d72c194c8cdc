"""Pairs become cash: what is merged, what is left alone, and that no number but cash moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from polyframe import Plugin, QuoteLeg, Trade, TradeLeg, events, hookimpl
from polyframe.model import Quote
from polyframe.runtime.portfolio import Portfolio
from polyframe.settings import LatencySettings, PaperSettings
from polyframe.testing.builders import a_fill
from runtime_driver import SETTINGS, SHARE, Driver, spec


class Buyer(Plugin):
    """Proposes the trades it is told to, and sells 100 YES at 60 cents when told so."""

    def __init__(self, config, context):
        super().__init__(config, context)
        self.wanted = []
        self.sells = False

    @hookimpl
    def propose_trades(self, markets):
        trades, self.wanted = self.wanted, []
        return trades

    @hookimpl
    def propose_quote(self, market):
        leg = QuoteLeg(6000, 100 * SHARE) if self.sells else None
        return Quote(market.market_id, 0.5, None, leg)


def buys(*, is_yes, shares=100, component="taker"):
    return Trade(component, (TradeLeg("m1", is_yes, True, 5100, shares * SHARE),))


@pytest.fixture
def driver():
    driver = Driver(SETTINGS, classes=(Buyer,))
    driver.start(spec("m1"))
    driver.book(1, 49, 51, size=400.0)
    driver.at(2)
    return driver


def hold(driver, *trades):
    """Take each trade, one after the other, from a book shown anew."""
    for number, trade in enumerate(trades):
        driver.plugin.wanted = [trade]
        driver.book(3 + number, 49, 51, size=401.0 + number)
        driver.at(3.5 + number)
    assert len(driver.fills) == len(trades)


def merges(driver):
    return [a for a in driver.answers if isinstance(a, events.PairsMerged | events.MergeFailed)]


def until_next_cycle_and_merged(driver):
    for seconds in (61, 62, 63, 200):
        driver.book(seconds, 49, 51, size=500.0 + seconds)


def money(driver):
    """Everything but cash and holdings; the venue's own books must agree with ours."""
    portfolio = driver.engine.portfolio
    results = driver.machine.paper.results(portfolio.marks())
    assert results["base"].cash_e12 == portfolio.cash_e12
    assert results["base"].equity_e12 == portfolio.equity_e12
    assert portfolio.attribution_error_e12 == 0
    return (
        portfolio.equity_e12,
        portfolio.realised_e12 + portfolio.unrealised_e12,
        {name: result.equity_e12 for name, result in results.items()},
        {m: p.net_yes_e6 for m, p in portfolio.held().items() if p.net_yes_e6},
    )


def test_pairs_nobody_needs_become_cash_and_nothing_else_moves(driver):
    hold(driver, buys(is_yes=True), buys(is_yes=False, shares=80))
    before, cash = money(driver), driver.engine.portfolio.cash_e12
    until_next_cycle_and_merged(driver)
    (merged,) = merges(driver)
    assert (merged.market_id, merged.size_e6) == ("m1", 80 * SHARE)
    position = driver.engine.portfolio.position_of("m1")
    assert (position.yes_e6, position.no_e6) == (20 * SHARE, 0)
    assert driver.engine.portfolio.cash_e12 == cash + 80 * 10**12
    assert money(driver) == before
    assert ("Merge", {"id": "m-0001", "market": "m1", "frees_usd": "80.00"}) in driver.lines
    # Average costs: 80 of 100 YES at 0.51 and 80 NO at 0.51 cost 81.60 and paid 80.
    assert position.realised_e12 == -1_600_000_000_000


def test_each_profile_merges_what_its_own_fills_brought():
    slow = LatencySettings(p50_s=0.2, p99_s=0.2)
    paper = PaperSettings(entry=slow, cancel=slow, participation=1.0)
    driver = Driver(replace(SETTINGS, paper=paper), classes=(Buyer,))
    driver.start(spec("m1"))
    driver.plugin.wanted = [buys(is_yes=True)]
    driver.book(2, 49, 51, size=40.0)
    driver.level(2.1, False, 51, 400)  # too late for the pessimistic profile: it gets 40
    driver.at(2.5)
    driver.plugin.wanted = [buys(is_yes=False)]
    driver.book(3, 49, 51, size=500.0)
    driver.at(3.5)
    results = driver.machine.paper.results()
    nets = {name: result.positions_e6["m1"] for name, result in results.items()}
    assert nets == {"pessimistic": -60 * SHARE, "base": 0, "optimistic": 0}
    before = money(driver)
    until_next_cycle_and_merged(driver)
    assert [type(a).__name__ for a in merges(driver)] == ["PairsMerged"]
    assert money(driver) == before
    cash = {n: r.cash_e12 for n, r in driver.machine.paper.results().items()}
    assert cash["base"] - results["base"].cash_e12 == 100 * 10**12
    assert cash["pessimistic"] - results["pessimistic"].cash_e12 == 40 * 10**12


def test_a_long_and_a_short_component_keep_what_they_need(driver):
    # The satellite's 60 YES and the taker's 60 NO are 60 pairs of the account, and nobody's.
    hold(driver, buys(is_yes=True, shares=60, component="satellite"), buys(is_yes=False, shares=60))
    until_next_cycle_and_merged(driver)
    assert merges(driver) == []
    # 40 pairs more of the taker's own are free.
    driver.fills.clear()
    hold_at = 210
    for is_yes in (True, False):
        driver.plugin.wanted = [buys(is_yes=is_yes, shares=40)]
        driver.book(hold_at, 49, 51, size=700.0 + hold_at)
        driver.at(hold_at + 0.5)
        hold_at += 1
    for seconds in (262, 263, 400):
        driver.book(seconds, 49, 51, size=500.0 + seconds)
    (merged,) = merges(driver)
    assert merged.size_e6 == 40 * SHARE


def test_what_is_promised_to_a_sell_order_is_not_merged(driver):
    hold(driver, buys(is_yes=True), buys(is_yes=False))
    driver.plugin.sells = True
    until_next_cycle_and_merged(driver)
    assert driver.live() == ["o-000003 SELL YES 100@0.60"]
    assert merges(driver) == []


def test_little_is_left_where_it_is(driver):
    hold(driver, buys(is_yes=True, shares=19), buys(is_yes=False, shares=19))
    until_next_cycle_and_merged(driver)
    assert merges(driver) == []


def test_tokens_being_merged_are_not_free(driver):
    hold(driver, buys(is_yes=True), buys(is_yes=False, shares=80))
    driver.book(61, 49, 51, size=561.0)
    assert driver.engine.merging.under_way_e6("m1") == 80 * SHARE
    assert driver.engine.account.free_tokens_e6("m1") == (20 * SHARE, 0)
    assert driver.engine.merging.ask(()) == []  # one at a time


def test_a_market_that_pays_out_first_pays_each_dollar_once(driver):
    hold(driver, buys(is_yes=True), buys(is_yes=False))
    driver.book(61, 49, 51, size=561.0)
    assert driver.engine.merging.under_way_e6("m1")
    driver.at(61.01, events.MarketResolved(driver.ts(61.01), 0, "m1", "m1-yes"))
    driver.at(300)
    assert [type(a).__name__ for a in merges(driver)] == ["MergeFailed"]
    assert driver.engine.merging.failed == 1
    assert driver.engine.merging.under_way_e6("m1") == 0
    portfolio = driver.engine.portfolio
    assert portfolio.equity_e12 == portfolio.cash_e12 == money(driver)[0]
    # The venue's word coming late, as it may when it is real, books nothing twice.
    driver.engine.apply(events.PairsMerged(driver.ts(301), "m-0001", "m1", 100 * SHARE))
    assert portfolio.cash_e12 == money(driver)[0]


def test_what_the_chain_merged_beyond_our_books_is_said(driver):
    hold(driver, buys(is_yes=True), buys(is_yes=False, shares=30))
    driver.engine.apply(events.PairsMerged(driver.ts(60), "m-0001", "m1", 40 * SHARE))
    position = driver.engine.portfolio.position_of("m1")
    assert (position.yes_e6, position.no_e6) == (70 * SHARE, 0)
    (line,) = [fields for message, fields in driver.lines if message == "Merged more than is held"]
    assert line["lacking_pairs"] == "10"


def test_more_than_is_held_cannot_be_merged():
    portfolio = Portfolio(10**15, 10**9)
    with pytest.raises(ValueError, match="cannot be merged"):
        portfolio.merge("m1", 1)


fills = st.lists(
    st.tuples(
        st.sampled_from(["maker", "arb", "satellite"]), st.booleans(), st.integers(1, 9_999),
        st.integers(1, 500),
    ),
    min_size=1,
    max_size=12,
)  # fmt: skip


@given(fills, st.integers(1, 999_999))
def test_a_merge_leaves_every_component_what_it_needs(bought, mark_e6):
    portfolio = Portfolio(10**17, 10**9)
    nets: dict[str, int] = {}
    for number, (component, is_yes, price_e4, shares) in enumerate(bought):
        portfolio.apply(
            a_fill(
                trade_id=str(number), order_id=str(number), market_id="m", component=component,
                is_yes=is_yes, is_buy=True, price_e4=price_e4, size_e6=shares * SHARE,
            )
        )  # fmt: skip
        nets[component] = nets.get(component, 0) + (shares if is_yes else -shares)
    portfolio.mark("m", mark_e6)
    equity_e12 = portfolio.equity_e12
    size_e6 = portfolio.unneeded_pairs_e6("m")
    if size_e6:
        portfolio.merge("m", size_e6)
    position = portfolio.position_of("m")
    assert portfolio.equity_e12 == equity_e12
    assert portfolio.attribution_error_e12 == 0
    # Exactly enough is left for everyone to get out by selling.
    assert position.yes_e6 == SHARE * sum(max(0, net) for net in nets.values())
    assert position.no_e6 == SHARE * sum(max(0, -net) for net in nets.values())
    assert portfolio.unneeded_pairs_e6("m") == 0
