"""Exposures and vetoes against brute force: every way all can end, times every set of fills.

The brute force shares nothing with the plugin: it plays each token's payoff for each ending and
each subset of the orders that may still fill, in exact 64-bit integers, many cases at once. It
knows no bid and no ask, and folds nothing.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from random import Random

import numpy
import pytest

from polyframe import MarketState, Quote, QuoteLeg
from polyframe.money import usd
from polyframe.testing.builders import NOW_NS, a_plugin
from polyframe_portfolio_risk import PortfolioRisk
from polyframe_portfolio_risk.account import exposures, grouped, market_values
from random_portfolios import a_draw, a_layout, an_account

# A tracer makes these four times as slow, and shows nothing that other tests do not reach.
pytestmark = pytest.mark.no_cover

PAYS_E12 = 10**6  # a micro-share of the token that wins pays this much
PRICE_E12 = 100  # and costs this much for each 0.0001 of its price
LEVELS = ("market", "cluster", "aggregate")
SHARES_PPM = {"market": 10_000, "cluster": 120_000, "aggregate": 400_000}
# A market's state, the hours to its close, and the share of every cap that is left in percent.
STATES = (
    *[(MarketState.NORMAL, 240.0, 100)] * 6,
    (MarketState.NORMAL, 47.0, 50),
    (MarketState.NORMAL, None, 50),
    (MarketState.WATCH, 60.0, 80),
    (MarketState.WATCH, 20.0, 40),
    (MarketState.CLOSE_WINDOW, 10.0, 25),
    (MarketState.DISPUTED, 240.0, 0),
)


class Cases:
    """One layout and many draws: holdings and orders as arrays, by draw and by ending."""

    def __init__(self, layout, draws):
        self.layout, self.draws = layout, draws
        self.yes_wins = numpy.array(layout.endings()).T  # by market and ending
        self.events = list(layout.worlds.values())
        self.held = [self._held(number) for number in range(len(layout.places))]

    def _held(self, market):
        numbers = [
            (one.holdings[market].yes_e6, one.holdings[market].no_e6, one.holdings[market].cost_e12)
            for one in self.draws
        ]
        yes_e6, no_e6, cost_e12 = numpy.array(numbers, dtype=numpy.int64).T[:, :, None]
        return numpy.where(self.yes_wins[market], yes_e6, no_e6) * PAYS_E12 - cost_e12

    def trade(self, market, is_yes, is_buy, terms):
        """One order that filled, ``terms`` by draw: its market, and its payoff."""
        price_e4, size_e6 = numpy.array(terms, dtype=numpy.int64).T[:, :, None]
        gained = numpy.where(self.yes_wins[market] == is_yes, PAYS_E12, 0) - price_e4 * PRICE_E12
        return market, size_e6 * (gained if is_buy else -gained)

    def orders(self, wanted=lambda slot: True):
        """The live orders that are wanted, as trades."""
        return [
            self.trade(
                slot.market, slot.is_yes, slot.is_buy, [d.orders[number] for d in self.draws]
            )
            for number, slot in enumerate(self.layout.slots)
            if slot.is_live and wanted(slot)
        ]

    def values(self, trades):
        """Each market's value by draw, subset of the trades that filled, and ending."""
        values = [held[:, None, :] for held in self.held]
        for market, payoff in trades:
            values = [
                numpy.concatenate([one, one + payoff[:, None, :] * (number == market)], axis=1)
                for number, one in enumerate(values)
            ]
        return values

    def losses(self, trades, fills=slice(None), endings=slice(None)):
        """The worst losses, never below zero: by market, event and cluster, and in all.

        What one event gains for certain pays for no other event's loss.
        """
        values = [one[:, fills, endings] for one in self.values(trades)]
        events = [_lost(sum(values[m] for m in members)) for members in self.events]
        clusters = {}
        for members, lost in zip(self.events, events, strict=True):
            name = self.layout.places[members[0]].cluster_id
            clusters[name] = clusters.get(name, 0) + lost
        return (
            [_worst(_lost(one)) for one in values],
            [_worst(lost) for lost in events],
            {name: _worst(lost) for name, lost in clusters.items()},
            _worst(sum(events)),
        )

    def losses_of_first(self, trades, endings=slice(None)):
        """The same around the first market, by level: its own, its cluster's and all."""
        markets, _, clusters, aggregate = self.losses(trades, endings=endings)
        return dict(
            zip(LEVELS, (markets[0], clusters[self.layout.places[0].cluster_id], aggregate),
                strict=True)
        )  # fmt: skip


def _lost(values):
    return numpy.maximum(0, -values)


def _worst(losses):
    return losses.max(axis=(1, 2)).tolist()


def cases(rng, layouts, draws):
    for _ in range(layouts):
        layout = a_layout(rng)
        yield Cases(layout, [a_draw(layout, rng) for _ in range(draws)])


# --- exposures -----------------------------------------------------------------------


def test_every_exposure_is_the_worst_over_all_endings_and_all_fills():
    seen, wrong, count = Counter(), [], 0
    for case in cases(Random("exposures by brute force"), layouts=400, draws=250):
        layout, orders = case.layout, case.orders()
        markets, events, clusters, aggregate = case.losses(orders)
        seen.update(dict.fromkeys(kinds_of(layout), len(case.draws)))
        seen.update(rare_kinds_of(case, orders, aggregate))
        for number, draw in enumerate(case.draws):
            count += 1
            portfolio = an_account(layout, draw)
            found = exposures(portfolio)
            groups = grouped(market_values(portfolio), portfolio).values()
            ours = (
                [found.markets.get(place.market_id, 0) for place in layout.places],
                sorted(group.loss_e12 for group in groups if group.loss_e12),
                {name: found.clusters.get(name, 0) for name in clusters},
                found.aggregate_e12,
            )
            theirs = (
                [losses[number] for losses in markets],
                sorted(losses[number] for losses in events if losses[number]),
                {name: losses[number] for name, losses in clusters.items()},
                aggregate[number],
            )
            seen["an event nets its markets"] += sum(theirs[0]) > aggregate[number]
            if ours != theirs:
                wrong.append((layout, draw, ours, theirs))
    assert not wrong, f"{len(wrong)} of {count}, the first: {wrong[0]}"
    assert count == 100_000
    assert len(seen) == 25
    assert {kind: times for kind, times in seen.items() if times < 1_000} == {}


def kinds_of(layout):
    """What a layout has in it: counted, so that the check cannot pass for want of cases."""
    places, slots = layout.places, [slot for slot in layout.slots if slot.is_live]
    exclusive = [places[members[0]] for members in layout.worlds.values() if len(members) > 1]
    worlds = {(place.cluster_id, place.world) for place in places}
    by_market = [{slot.side for slot in slots if slot.market == n} for n in range(len(places))]
    found = {
        "exclusive event, plain": any(not one.view.spec.neg_risk_augmented for one in exclusive),
        "exclusive event, augmented": any(one.view.spec.neg_risk_augmented for one in exclusive),
        "two exclusive events": len(exclusive) == 2,
        "events in one cluster": len(worlds) > len({cluster for cluster, _ in worlds}),
        "ordinary event": [place.kind for place in places].count("dates") > 1,
        "unknown market": any(place.view is None for place in places),
        "bid and ask in one market": {"bid", "ask"} in by_market,
        "quote and trade": {"maker", "arb"} <= {slot.component for slot in slots},
        "six live orders": len(slots) == 6,
        "order that is gone": len(slots) < len(layout.slots),
    }
    for slot in slots:
        found[slot.fate] = True
        found[f"{'buy' if slot.is_buy else 'sell'} {'YES' if slot.is_yes else 'NO'}"] = True
    return [name for name, is_so in found.items() if is_so]


def rare_kinds_of(case, orders, aggregate):
    """How many draws have what only their numbers decide."""
    one_is_listed = numpy.ones(case.yes_wins.shape[1], dtype=bool)
    for members in case.events:
        if len(members) > 1:
            one_is_listed &= case.yes_wins[members].any(axis=0)
    *_, all_filled = case.losses(orders, fills=slice(-1, None))
    *_, listed = case.losses(orders, endings=one_is_listed)
    worst = numpy.array(aggregate)
    return {
        "pair": sum(
            any(held.yes_e6 and held.no_e6 for held in draw.holdings) for draw in case.draws
        ),
        "reduction": sum(_has_reduction(case.layout, draw) for draw in case.draws),
        "worst when none of the listed wins": int((worst > listed).sum()),
        "worst when only some fill": int((worst > all_filled).sum()),
        "nothing to lose": int((worst == 0).sum()),
    }


def _has_reduction(layout, draw):
    """Whether an order sells no more than is held."""
    for slot, (_, leaves_e6) in zip(layout.slots, draw.orders, strict=True):
        held = draw.holdings[slot.market]
        in_hand_e6 = held.yes_e6 if slot.is_yes else held.no_e6
        if slot.is_live and not slot.is_buy and leaves_e6 <= in_hand_e6:
            return True
    return False


# --- decisions -----------------------------------------------------------------------


def test_a_leg_is_refused_exactly_when_it_breaks_a_cap_and_makes_things_worse():
    rng, seen, wrong = Random("vetoes by brute force"), Counter(), []
    risk = a_plugin(PortfolioRisk, headroom_use=1.0)
    for case in cases(rng, layouts=300, draws=100):
        worst = {side: worst_with_leg(case, side) for side in ("bid", "ask")}
        before = case.losses_of_first(case.orders(lambda slot: slot.market != 0))
        for number, draw in enumerate(case.draws):
            state, hours, percent = rng.choice(STATES)
            equity_e12 = telling_equity_e12(rng, worst, number, percent)
            caps = {level: equity_e12 * ppm * percent // 10**8 for level, ppm in SHARES_PPM.items()}
            expected = set()
            for side, losses in worst.items():
                for level in LEVELS:
                    with_leg, without = losses[level][number], before[level][number]
                    breaks, worsens = with_leg > caps[level], with_leg > without
                    if breaks and worsens:
                        code = f"portfolio_risk.{level}_cap"
                        expected.add((code, side, usd(with_leg), usd(caps[level])))
                    seen[level, "breaks" if breaks else "keeps", worsens] += 1
                    seen["exactly at a cap, worse"] += with_leg == caps[level] and worsens
            found = {
                veto
                for veto in vetoes(risk, case.layout, draw, equity_e12, state, hours)
                if veto[0].endswith("_cap")  # budgets have tests of their own
            }
            if found != expected:
                wrong.append((case.layout, draw, equity_e12, state, hours, found, expected))
    assert not wrong, f"{len(wrong)}, the first: {wrong[0]}"
    assert len(seen) == 3 * 2 * 2 + 1
    assert {kind: times for kind, times in seen.items() if times < 500} == {}


def worst_with_leg(case, side):
    """The worst losses by level, in the endings in which a leg on this side loses.

    All of our other orders may fill, those of the other side too. What the leg replaces and
    the leg itself never both fill: a replacement is sent when the cancel is confirmed.
    """
    component = case.layout.quote_component

    def is_replaced(slot):
        at_the_leg = slot.market == 0 and slot.side == side
        return at_the_leg and slot.component == component == "maker"

    yes_wins = side == "ask"
    leg = case.trade(0, True, not yes_wins, [getattr(draw, side) for draw in case.draws])
    endings = case.yes_wins[0] == yes_wins
    one = case.losses_of_first(case.orders(), endings)
    other = case.losses_of_first([*case.orders(lambda slot: not is_replaced(slot)), leg], endings)
    return {level: numpy.maximum(one[level], other[level]).tolist() for level in LEVELS}


def telling_equity_e12(rng, worst, number, percent):
    """An equity around which some cap begins to bind; often exactly there, or one unit less."""
    level = rng.choice(LEVELS)
    loss_e12 = worst[rng.choice(("bid", "ask"))][level][number]
    exactly_e12 = -(-loss_e12 * 10**8 // (SHARES_PPM[level] * (percent or 100)))
    kind = rng.random()
    if kind < 0.25:
        return exactly_e12
    if kind < 0.5:
        return max(0, exactly_e12 - 1)
    return int(exactly_e12 * rng.uniform(0.3, 2.0))


def vetoes(risk, layout, draw, equity_e12, state, hours):
    portfolio = an_account(layout, draw, equity_e12)
    market = dataclasses.replace(
        layout.places[0].view,
        state=state,
        hours_to_close=hours,
        orders=portfolio.orders("m0"),
        position=draw.holdings[0],
    )
    quote = Quote(
        "m0", 0.5, QuoteLeg(*draw.bid), QuoteLeg(*draw.ask), component=layout.quote_component
    )
    found = risk.pre_quote_veto(quote, market, portfolio, NOW_NS)
    return {(veto.code, veto.side, veto.observed, veto.limit) for veto in found}
