"""The budgets of taker and satellite: what counts, what is refused, and that no leg breaks one."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from component_costs import Costs
from polyframe import MarketState, Quote, QuoteLeg, ReportPeriod, TradeLeg
from polyframe.model import FeeSchedule
from polyframe.money import taker_fee_e12, usd_e12
from polyframe.testing.builders import (
    NOW_NS,
    FakeOrder,
    a_context,
    a_cycle,
    a_fill,
    a_market,
    a_plugin,
    a_portfolio,
    a_position,
    a_spec,
)
from polyframe_portfolio_risk import PortfolioRisk, budgets

SHARE = 1_000_000
FEES = FeeSchedule(rate=0.07)
PERIOD = ReportPeriod(day="2026-05-28", start_ns=0, end_ns=1, facts={})
# Wide enough that only the budgets are in the way.
OPEN = {"market_cap_share": 1.0, "cluster_cap_share": 1.0, "aggregate_cap_share": 1.0}


def a_leg(verb="buy", token="YES", shares=100, limit_e4=5000, market="0xm1"):
    return TradeLeg(market, token == "YES", verb == "buy", limit_e4, round(shares * SHARE))


def an_open(leg, component="taker"):
    return FakeOrder(
        "o", leg.market_id, leg.is_yes, leg.is_buy, leg.limit_e4, leg.size_e6, component
    )


class World:
    """The plugin and an account of 5,000 USD whose holdings follow the fills."""

    def __init__(self, equity_usd=5000, fees=None, **config):
        self.store = {}
        self.config = {**OPEN, **config}
        self.equity_usd = equity_usd
        self.fees = fees or FeeSchedule()
        self.held = {}
        self.orders = []
        self.to_come = {}
        self.fills = 0
        self.rebuild()

    def rebuild(self):
        self.store = json.loads(json.dumps(self.store))
        context = a_context("portfolio_risk", store=self.store)
        self.plugin = a_plugin(PortfolioRisk, context, **self.config)

    def market(self, market_id="0xm1", **changes):
        orders = [order for order in self.orders if order.market_id == market_id]
        position = a_position(*self.held.get(market_id, (0, 0)))
        spec = a_spec(market_id, fees=self.fees)
        return a_market(spec=spec, position=position, orders=orders, **changes)

    def portfolio(self):
        names = sorted({"0xm1", "0xm2", *self.held, *(order.market_id for order in self.orders)})
        markets = [self.market(name) for name in names]
        return a_portfolio(equity_usd=self.equity_usd, markets=markets, to_come=self.to_come)

    def fill(self, component, leg, fee_usd=0.0):
        yes, no = self.held.get(leg.market_id, (0, 0))
        change = leg.size_e6 / SHARE * (1 if leg.is_buy else -1)
        self.held[leg.market_id] = (yes + change, no) if leg.is_yes else (yes, no + change)
        self.fills += 1
        fill = a_fill(self.fills, leg, component=component, fee_e12=usd_e12(fee_usd))
        self.plugin.on_fill(fill, self.portfolio(), NOW_NS)
        return fill

    def refused(self, leg, component="taker", after=(), **market):
        """Return (code, side, observed, limit) of each budget veto."""
        return self.asked(leg.as_quote(component, (), tuple(after)), **market)

    def asked(self, quote, **market):
        view = self.market(quote.market_id, **market)
        found = self.plugin.pre_quote_veto(quote, view, self.portfolio(), NOW_NS)
        return [
            (veto.code.removeprefix("portfolio_risk."), veto.side, veto.observed, veto.limit)
            for veto in found
            if veto.code.endswith("_budget")
        ]


# --- what counts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("component", "shares", "found"),
    [
        ("taker", 500, []),
        ("taker", 500.01, [("taker_budget", "bid", 250.005, 250.0)]),
        ("arb", 600, [("taker_budget", "bid", 300.0, 250.0)]),
        ("a stranger", 600, [("taker_budget", "bid", 300.0, 250.0)]),
        ("satellite", 1500, []),
        ("satellite", 1600, [("satellite_budget", "bid", 800.0, 750.0)]),
        ("maker", 9000, []),
    ],
)
def test_a_purchase_is_held_to_the_budget_of_its_group(component, shares, found):
    assert World().refused(a_leg(shares=shares), component) == found


def test_a_purchase_counts_with_its_fee():
    # 490 shares at 0.50 cost 245 USD and 8.575 of fee.
    found = World(fees=FEES).refused(a_leg(shares=490))
    assert found == [("taker_budget", "bid", 253.575, 250.0)]


def test_a_purchase_of_no_is_an_ask():
    found = World().refused(a_leg(token="NO", shares=900, limit_e4=4000))
    assert found == [("taker_budget", "ask", 360.0, 250.0)]


def test_holdings_of_the_group_count_at_cost_and_other_groups_do_not():
    world = World(fees=FEES)
    world.fill("arb", a_leg(shares=200, limit_e4=6000), fee_usd=3.36)
    world.fill("stranger", a_leg(shares=100, limit_e4=2000, market="0xm2"), fee_usd=1.12)
    world.fill("satellite", a_leg(shares=1000, limit_e4=6000, market="0xm3"))
    world.fill("maker", a_leg(shares=1000, limit_e4=6000, market="0xm4"))
    # 123.36 and 21.12 are held: 100 shares at 0.50 and 1.75 of fee make 196.23.
    assert world.refused(a_leg(shares=100)) == []
    assert world.refused(a_leg(shares=210)) == [("taker_budget", "bid", 253.155, 250.0)]


def test_orders_in_flight_count_with_what_they_may_still_spend():
    world = World()
    world.orders = [an_open(a_leg(shares=300)), an_open(a_leg(shares=900), "maker")]
    assert world.refused(a_leg(shares=200)) == []
    assert world.refused(a_leg(shares=201)) == [("taker_budget", "bid", 250.5, 250.0)]
    world.orders.append(an_open(a_leg("sell", shares=50), "satellite"))
    assert world.refused(a_leg(shares=200)) == []


def test_what_other_trades_have_still_to_send_counts():
    world = World()
    world.to_come = {"arb": [a_leg(shares=300)], "satellite": [a_leg(shares=900)]}
    assert world.refused(a_leg(shares=200)) == []
    assert world.refused(a_leg(shares=201)) == [("taker_budget", "bid", 250.5, 250.0)]


def test_the_mark_does_not_matter():
    world = World()
    world.fill("taker", a_leg(shares=400, limit_e4=6000))
    world.equity_usd = 4800  # they are worth 40 USD now; 240 were spent
    assert world.refused(a_leg(shares=1)) == [("taker_budget", "bid", 240.5, 240.0)]


def test_pairs_count_until_they_are_merged():
    world = World()
    world.fill("arb", a_leg(shares=250, limit_e4=4800))
    world.fill("arb", a_leg(token="NO", shares=250, limit_e4=4800))
    assert world.refused(a_leg(shares=100), "arb") == [("taker_budget", "bid", 290.0, 250.0)]
    world.held["0xm1"] = (0, 0)  # without a fill
    assert world.refused(a_leg(shares=500), "arb") == []


@pytest.mark.parametrize(
    ("market", "limit"),
    [
        ({}, 250.0),
        ({"hours_to_close": 47.9}, 125.0),
        ({"hours_to_close": None}, 125.0),
        ({"state": MarketState.WATCH}, 200.0),
        ({"state": MarketState.CLOSE_WINDOW, "hours_to_close": 3.0}, 62.5),
        ({"state": MarketState.DISPUTED}, 0.0),
    ],
)
def test_budgets_shrink_as_the_caps_do(market, limit):
    ((_, _, observed, most),) = World().refused(a_leg(shares=600), **market)
    assert (observed, most) == (300.0, limit)


def test_without_equity_nothing_is_bought():
    assert World(equity_usd=0).refused(a_leg(shares=10)) == [("taker_budget", "bid", 5.0, 0.0)]


def test_a_share_is_a_setting_with_a_floor():
    assert World(taker_budget_share=0.01).refused(a_leg(shares=101))
    with pytest.raises(msgspec.ValidationError):
        World(satellite_budget_share=1.1)


# --- purchases and sales ----------------------------------------------------------------------


def over_budget():
    """100 YES and 100 NO of the taker's in a budget of nothing."""
    world = World()
    world.fill("taker", a_leg(shares=100))
    world.fill("taker", a_leg(token="NO", shares=100))
    world.equity_usd = 0
    return world


@pytest.mark.parametrize("token", ["YES", "NO"])
def test_an_exit_passes_whatever_is_used(token):
    assert over_budget().refused(a_leg("sell", token, shares=100)) == []


@pytest.mark.parametrize("token", ["YES", "NO"])
def test_a_purchase_does_not_pass_as_an_exit_of_the_other_token(token):
    # Buying 100 YES and selling 100 NO are the same bid.
    ((_, _, observed, _),) = over_budget().refused(a_leg("buy", token, shares=100))
    assert observed == 150.0


def test_what_is_sold_beyond_the_holding_is_the_other_token_bought():
    world = over_budget()
    # 20 of the 120 are somebody else's: as 20 NO at 0.40, with 100 USD held.
    found = world.refused(a_leg("sell", shares=120, limit_e4=6000))
    assert found == [("taker_budget", "ask", 108.0, 0.0)]


def test_a_holding_is_promised_once():
    world = over_budget()
    world.orders = [an_open(a_leg("sell", shares=60))]
    assert world.refused(a_leg("sell", shares=40)) == []
    assert world.refused(a_leg("sell", shares=50)) == [("taker_budget", "ask", 105.0, 0.0)]


def test_nobody_exits_with_another_component_s_tokens():
    assert over_budget().refused(a_leg("sell", shares=10), "arb")
    assert over_budget().refused(a_leg("sell", shares=10), "satellite")


def test_a_leg_nobody_explains_is_a_purchase():
    world = over_budget()
    for side in ("bid", "ask"):
        quote = Quote("0xm1", **{side: QuoteLeg(5000, SHARE)}, component="taker")
        assert [found[:3] for found in world.asked(quote)] == [("taker_budget", side, 100.5)]
    assert world.asked(Quote("0xm1", component="taker")) == []


# --- the whole trade ---------------------------------------------------------------------------


def test_legs_that_pass_alone_are_refused_together():
    world = World()
    first, second = a_leg(shares=300), a_leg(token="NO", shares=300, market="0xm2")
    assert world.refused(first) == world.refused(second) == []
    found = world.refused(first, after=[second])
    assert found == [("taker_budget", "bid", 300.0, 237.5)]


def test_a_trade_of_legs_begins_with_a_distance_that_its_last_leg_may_use():
    world = World()
    first, second = a_leg(shares=240), a_leg(token="NO", shares=240, market="0xm2")
    assert world.refused(first, after=[second]) == [("taker_budget", "bid", 240.0, 237.5)]
    first, second = a_leg(shares=237), a_leg(token="NO", shares=237, market="0xm2")
    assert world.refused(first, after=[second]) == []
    world.fill("taker", first)
    world.equity_usd = 4750  # 5 % less than before the first leg, and 237.50 USD in the budget
    assert world.refused(second) == []


def test_what_follows_does_not_hold_up_an_exit():
    world = over_budget()
    assert world.refused(a_leg("sell", shares=100), after=[a_leg(shares=100)]) == []


def test_a_sale_that_follows_frees_nothing_yet():
    world = World()
    world.fill("taker", a_leg(shares=400))
    after = [a_leg("sell", shares=400)]
    found = world.refused(a_leg(shares=200, market="0xm2"), after=after)
    assert found == [("taker_budget", "bid", 300.0, 237.5)]


def test_the_last_leg_is_judged_beside_what_the_first_got():
    world = World()
    world.fill("arb", a_leg(shares=300))
    assert world.refused(a_leg(token="NO", shares=200), "arb") == []
    assert world.refused(a_leg(token="NO", shares=201), "arb") == [
        ("taker_budget", "ask", 250.5, 250.0)
    ]


def test_the_example_of_the_readme():
    world = World(equity_usd=4990)
    for token in ("YES", "NO"):
        world.fill("arb", a_leg(token=token, shares=150))
    world.orders = [an_open(a_leg(shares=101, limit_e4=6000))]
    assert world.refused(a_leg(shares=80), "stranger") == [("taker_budget", "bid", 250.6, 249.5)]
    pair = a_leg(shares=28), a_leg(token="NO", shares=28)
    found = world.refused(pair[0], "arb", pair[1:])
    assert found == [("taker_budget", "bid", 238.6, 237.025)]
    assert world.refused(a_leg("sell", shares=150), "arb") == []


# --- saved, rebuilt, reported -------------------------------------------------------------------


def test_a_rebuilt_plugin_goes_on_where_it_was():
    world = World(fees=FEES)
    bought = world.fill("taker", a_leg(shares=300), fee_usd=5.25)
    world.rebuild()
    assert world.refused(a_leg(shares=200)) == [("taker_budget", "bid", 258.75, 250.0)]
    world.held["0xm1"] = (0, 0)
    back = msgspec.structs.replace(
        bought, trade_id="back", is_buy=False, fee_e12=-bought.fee_e12, reverses=bought.trade_id
    )
    world.plugin.on_fill(back, world.portfolio(), NOW_NS)
    world.rebuild()
    assert world.refused(a_leg(shares=400)) == []


def test_the_report_has_use_limit_and_utilisation():
    world = World()
    world.fill("arb", a_leg(shares=100))
    world.fill("stranger", a_leg(shares=50, market="0xm2"))
    world.fill("satellite", a_leg(shares=300))
    world.orders = [an_open(a_leg(shares=50))]
    world.plugin.on_cycle_end(a_cycle(), world.portfolio(), NOW_NS)
    assert world.plugin.report_section(PERIOD)["budgets"] == {
        "taker": {
            "used_usd": 100.0,
            "limit_usd": 250.0,
            "utilisation": 0.4,
            "on_its_way_usd": 25.0,
            "held_usd": {"arb": 50.0, "stranger": 25.0},
        },
        "satellite": {
            "used_usd": 150.0,
            "limit_usd": 750.0,
            "utilisation": 0.2,
            "on_its_way_usd": 0.0,
            "held_usd": {"satellite": 150.0},
        },
    }
    world.equity_usd = -1
    world.plugin.on_cycle_end(a_cycle(), world.portfolio(), NOW_NS)
    assert world.plugin.report_section(PERIOD)["budgets"]["taker"]["utilisation"] is None


# --- the most an order spends -------------------------------------------------------------------


@given(
    st.integers(1, 9999),
    st.sampled_from([0.0, 0.02, 0.07, 0.25, 1.0]),
    st.sampled_from([0.0, 0.5, 1.0, 1.3, 2.0, 10.0]),
)
def test_no_better_price_costs_more(limit_e4, rate, exponent):
    most_e12 = budgets.most_spent_e12(limit_e4, SHARE, FeeSchedule(rate, exponent))
    for price_e4 in range(1, limit_e4 + 1, max(1, limit_e4 // 50)):
        fee_e12 = taker_fee_e12(price_e4, SHARE, rate, exponent)
        assert price_e4 * 100 * SHARE + fee_e12 <= most_e12 + 10**7  # a step of the fee


def test_a_market_nobody_knows_costs_a_dollar_a_share():
    assert budgets.most_spent_e12(100, 5 * SHARE, None) == usd_e12(5)


# --- the property ------------------------------------------------------------------------------

COMPONENTS = ("taker", "arb", "satellite", "stranger", "maker")
NAMES = ("m0", "m1")
legs = st.builds(
    a_leg,
    st.sampled_from(["buy", "buy", "sell"]),
    st.sampled_from(["YES", "NO"]),
    st.sampled_from([1, 7, 40, 150, 400]),
    st.integers(1, 99).map(lambda cents: cents * 100),
    st.sampled_from(NAMES),
)
steps = st.one_of(
    st.tuples(st.just("fill"), st.sampled_from(COMPONENTS), legs, st.integers(0, 100)),
    st.tuples(st.just("back"), st.integers(0, 30)),
    st.tuples(st.just("open"), st.sampled_from(COMPONENTS), legs),
    st.tuples(st.just("merge"), st.sampled_from(NAMES)),
    st.tuples(st.just("resolve"), st.sampled_from(NAMES)),
    st.tuples(st.just("rebuild")),
)


def is_of(component, group):
    """Whether a component spends a group's budget."""
    return component != "maker" and (component == "satellite") == (group == "satellite")


class Life:
    """An account over which anything may happen, and an oracle beside the plugin."""

    def __init__(self, equity_usd, rate):
        self.plugin_world = World(equity_usd, FeeSchedule(rate))
        self.costs = Costs()
        self.held = {name: {True: 0, False: 0} for name in NAMES}
        self.fills = []
        self.number = 0

    @property
    def portfolio(self):
        world = self.plugin_world
        world.held = {
            name: (held[True] / SHARE, held[False] / SHARE) for name, held in self.held.items()
        }
        return world.portfolio()

    def tell(self, fill):
        held = self.held[fill.market_id]
        change = fill.size_e6 if fill.is_buy else -fill.size_e6
        held[fill.is_yes] += change
        if held[fill.is_yes] < 0:
            held[not fill.is_yes] -= held[fill.is_yes]
            held[fill.is_yes] = 0
        self.costs.fill(fill)
        self.plugin_world.plugin.on_fill(fill, self.portfolio, NOW_NS)

    def trade(self, component, leg, worse=0):
        """A fill ``worse`` per cent below the limit's price, at the fee that belongs to it."""
        is_sale = not leg.is_buy
        # Nobody but the maker sells what is not its own; nobody at all what is not there.
        most = self.held[leg.market_id][leg.is_yes]
        if component != "maker":
            most = min(most, self.costs.held_e6(leg.market_id, component, leg.is_yes))
        size_e6 = min(leg.size_e6, most) if is_sale else leg.size_e6
        price_e4 = max(1, leg.limit_e4 * (100 - worse) // 100) if leg.is_buy else leg.limit_e4
        if not size_e6:
            return
        fees = self.plugin_world.fees
        leg = msgspec.structs.replace(leg, limit_e4=price_e4, size_e6=size_e6)
        self.number += 1
        fee_e12 = taker_fee_e12(price_e4, size_e6, fees.rate, fees.exponent)
        fill = a_fill(self.number, leg, component=component, fee_e12=fee_e12)
        self.fills.append(fill)
        self.tell(fill)

    def do(self, what, *how):
        world = self.plugin_world
        if what == "fill":
            self.trade(*how)
        elif what == "back" and self.fills:
            fill = self.fills.pop(how[0] % len(self.fills))
            self.tell(
                msgspec.structs.replace(
                    fill,
                    trade_id=f"{fill.trade_id}-back",
                    is_buy=not fill.is_buy,
                    fee_e12=-fill.fee_e12,
                    reverses=fill.trade_id,
                )
            )
        elif what == "open":
            world.orders.append(an_open(how[1], how[0]))
        elif what in ("merge", "resolve"):
            held = self.held[how[0]]
            gone = min(held.values()) if what == "merge" else max(held.values())
            self.held[how[0]] = {token: max(0, size - gone) for token, size in held.items()}
            self.fills = [fill for fill in self.fills if fill.market_id != how[0]]
            self.costs.account(how[0], *self.held[how[0]].values())
        elif what == "rebuild":
            world.rebuild()

    def used_e12(self, group):
        """What the group's components hold, by the oracle."""
        mine = [one for one in self.costs.components() if is_of(one, group)]
        return sum((self.costs.cost_e12(component) for component in mine), Fraction(0))

    def open_purchases(self, group):
        for order in self.plugin_world.orders:
            if order.is_buy and is_of(order.component, group):
                yield (
                    order.component,
                    TradeLeg(order.market_id, order.is_yes, True, order.price_e4, order.leaves_e6),
                )

    def to_the_brim(self, leg, group, most_e12, part):
        """The leg at a size that would use ``part`` of what is left of the budget, if any is."""
        open_e12 = sum(one.limit_e4 * 100 * one.size_e6 for _, one in self.open_purchases(group))
        left_e12 = (most_e12 - self.used_e12(group) - open_e12) * Fraction(part)
        size_e6 = math.floor(left_e12 / (leg.limit_e4 * 100))
        return msgspec.structs.replace(leg, size_e6=size_e6) if size_e6 > 0 else leg


@settings(deadline=None, max_examples=150)
@given(
    st.lists(steps, max_size=15),
    st.sampled_from(["taker", "arb", "satellite", "stranger"]),
    st.lists(legs, min_size=1, max_size=3),
    st.sampled_from([0, 200, 2000, 20_000]),
    st.sampled_from([0.0, 0.07]),
    st.sampled_from([None, 0.5, 0.999, 1.0, 1.01]),
)
def test_what_passes_stays_within_the_budget_when_all_of_it_fills(
    history, component, wanted, equity_usd, rate, part
):
    life = Life(equity_usd, rate)
    for step in history:
        life.do(*step)
    group = "satellite" if component == "satellite" else "taker"
    most_e12 = Fraction(15 if group == "satellite" else 5, 100) * equity_usd * 10**12
    if part is not None:
        wanted[0] = life.to_the_brim(wanted[0], group, most_e12, part)
    world, portfolio = life.plugin_world, life.portfolio
    first, *after = wanted
    view = portfolio.market(first.market_id)
    quote = first.as_quote(component, (), tuple(after))
    found = world.plugin.pre_quote_veto(quote, view, portfolio, NOW_NS)
    if any(veto.code.endswith("_budget") for veto in found):
        return
    own_e6 = life.costs.held_e6(first.market_id, component, first.is_yes)
    promised_e6 = sum(
        order.leaves_e6
        for order in world.orders
        if (order.component, order.market_id, order.is_yes, order.is_buy)
        == (component, first.market_id, first.is_yes, False)
    )
    if not first.is_buy and own_e6 - promised_e6 >= first.size_e6:
        return  # it only reduces
    # The worst that can happen: every purchase that is open fills, and the whole trade.
    for owner, leg in [*life.open_purchases(group), *((component, leg) for leg in wanted)]:
        if leg.is_buy:
            life.trade(owner, leg)
    assert life.used_e12(group) <= most_e12


@settings(deadline=None, max_examples=150)
@given(st.lists(steps, max_size=15), st.sampled_from(["taker", "arb", "satellite"]), legs)
def test_an_exit_of_what_is_held_always_passes(history, component, leg):
    life = Life(0, 0.0)
    for step in history:
        life.do(*step)
    life.plugin_world.orders = []
    own_e6 = life.costs.held_e6(leg.market_id, component, leg.is_yes)
    if not own_e6:
        return
    leg = msgspec.structs.replace(leg, is_buy=False, size_e6=min(leg.size_e6, own_e6))
    portfolio = life.portfolio
    view = portfolio.market(leg.market_id)
    found = life.plugin_world.plugin.pre_quote_veto(
        leg.as_quote(component), view, portfolio, NOW_NS
    )
    assert not [veto for veto in found if veto.code.endswith("_budget")]
