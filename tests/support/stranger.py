"""A plugin of somebody else's that trades at random, often to the brim of a budget and beyond."""

from fractions import Fraction
from typing import Annotated

from component_costs import Costs
from exposures import exposures_e12
from polyframe import Config, MarketState, Plugin, Trade, TradeLeg, hookimpl, setting
from polyframe.money import floor_size_e6
from polyframe.testing.views import FakeOrder
from random_markets import SHARE

COMPONENTS = ("arb", "taker", "satellite")
# Parts of what a budget has left that a trade asks for: some a little more than there is.
PARTS = (0.1, 0.5, 0.95, 0.999, 0.999, 1.005, 1.015)


def _share(words):
    return Annotated[float, setting(words, unit="share", ge=0, le=1)]


class StrangerConfig(Config, frozen=True, kw_only=True):
    market_cap_share: _share("of equity, that a market may lose") = 0.01
    cluster_cap_share: _share("of equity, that a cluster may lose") = 0.12
    aggregate_cap_share: _share("of equity, that the account may lose") = 0.4
    taker_budget_share: _share("of equity, that arb and taker may spend") = 0.05
    satellite_budget_share: _share("of equity, that satellite may spend") = 0.15


def _is_open(market):
    age_s = market.book_age_s
    is_fresh = market.has_book and age_s is not None and age_s <= market.max_book_age_s
    return is_fresh and market.state is MarketState.NORMAL and market.spec.accepting_orders


class Stranger(Plugin):
    """Takes one leg, both outcomes of a market, or two markets; and gets out again."""

    Config = StrangerConfig

    def __init__(self, config, context):
        super().__init__(config, context)
        self.costs = Costs()
        self.known = {}

    @hookimpl
    def on_fill(self, fill, portfolio):
        self.costs.fill(fill)
        position = portfolio.position(fill.market_id)
        self.costs.account(fill.market_id, position.yes_e6, position.no_e6)

    @hookimpl
    def propose_trades(self, markets, portfolio):
        rng, found = self.context.rng, []
        self.known.update((market.market_id, None) for market in markets)
        if rng.random() < 0.4:
            # Everywhere at once, whatever was offered: orders in flight have to count.
            markets = [portfolio.market(market_id) for market_id in self.known]
        two_sided = [
            market
            for market in markets
            if market.book.best_bid_e4 is not None and market.book.best_ask_e4 is not None
            # What is refused for its state anyway would use up the run.
            if _is_open(market) or rng.random() < 0.1
        ]
        # All as one component at one moment, or as any: bursts share one budget.
        components = rng.choice([COMPONENTS, *((name,) for name in COMPONENTS)])
        eagerness = rng.choice([0.2, 0.9])
        for market in two_sided:
            if rng.random() > eagerness:
                continue
            component = rng.choice(components)
            kinds = [(True,), (False,), (True,), (False,), (True, False), (False, True)]
            kinds.append((True, False, True))
            tokens = rng.choice(kinds)
            others = [market, rng.choice(two_sided)] if rng.random() < 0.3 else [market, market]
            legs = [
                self._buys(others[at % 2], is_yes, rng.choice([0, 1, 3]))
                for at, is_yes in enumerate(tokens)
            ]
            legs = self._sized(component, legs, portfolio)
            exits = self._exits(component, market)
            # What is used up has to be sold before the next trade can be too large.
            if exits and rng.random() < (0.3 if legs else 0.9):
                legs = exits[: rng.choice([1, 1, 2])]
            if legs:
                found.append(Trade(component, tuple(legs), rng.choice([0.5, 5.0])))
        return found

    def _buys(self, market, is_yes, ticks_away):
        book, tick_e4 = market.book, market.tick_e4
        price_e4 = book.best_ask_e4 if is_yes else 10_000 - book.best_bid_e4
        return self._leg(market, is_yes, True, price_e4 + ticks_away * tick_e4, 0)

    def _leg(self, market, is_yes, is_buy, price_e4, size_e6):
        tick_e4 = market.tick_e4
        limit_e4 = min(max(price_e4 // tick_e4 * tick_e4, tick_e4), 10_000 - tick_e4)
        return TradeLeg(market.market_id, is_yes, is_buy, limit_e4, size_e6)

    def _sized(self, component, legs, portfolio):
        """The legs at one size: some number, or a part of what budget and market cap leave."""
        rng = self.context.rng
        prices = [Fraction(leg.limit_e4, 10_000) for leg in legs]
        # Mostly what is tightest: another limit would hide that it is not kept.
        tightest = min(self._cap_shares(), key=lambda at_and_share: at_and_share[1])[1]
        if rng.random() < 0.2:
            size_e6 = rng.choice([5, 20, 60, 200]) * SHARE
        elif rng.random() < (0.7 if tightest < self._budget_share(component) else 0.2):
            del legs[1:]
            size_e6 = self._to_a_cap(legs[0], portfolio)
        else:
            part = Fraction(str(rng.choice(PARTS)))
            fees = [
                Fraction(str(portfolio.market(leg.market_id).spec.fees.rate)) * price * (1 - price)
                for leg, price in zip(legs, prices, strict=True)
            ]
            left_e12 = self._left_e12(component, portfolio) / (sum(prices) + sum(fees))
            if rng.random() < 0.8:
                may_lose_e12 = Fraction(str(self.config.market_cap_share)) * portfolio.equity_e12
                left_e12 = min(left_e12, max(0, may_lose_e12) / max(prices))
            size_e6 = floor_size_e6(int(left_e12 * part / 10**6))
        least_e6 = max(portfolio.market(leg.market_id).min_size_e6 for leg in legs)
        if size_e6 <= 0 or (size_e6 < least_e6 and rng.random() < 0.9):
            return []
        return [
            TradeLeg(leg.market_id, leg.is_yes, leg.is_buy, leg.limit_e4, size_e6) for leg in legs
        ]

    def _to_a_cap(self, leg, portfolio):
        """The size at which market, cluster or account would lose a part of its cap."""
        rng, market = self.context.rng, portfolio.market(leg.market_id)
        by_share = sorted(self._cap_shares(), key=lambda at_and_share: at_and_share[1])
        at, share = by_share[0] if rng.random() < 0.7 else rng.choice(by_share)
        near = 0.5 if market.hours_to_close is None or market.hours_to_close < 48 else 1.0
        most_e12 = portfolio.equity_e12 * share * near * rng.choice(PARTS[3:])
        size_e6, step_e6 = 0, 2**20 * 10_000
        while step_e6 >= 10_000:
            order = FakeOrder("", leg.market_id, leg.is_yes, True, leg.limit_e4, size_e6 + step_e6)
            found = exposures_e12(portfolio, more=(order,))
            lost_e12 = (found[0][leg.market_id], found[1][market.cluster_id], found[2])[at]
            if lost_e12 <= most_e12:
                size_e6 += step_e6
            step_e6 //= 2
            step_e6 -= step_e6 % 10_000
        return size_e6

    def _left_e12(self, component, portfolio):
        is_satellite = component == "satellite"
        share = self._budget_share(component)
        used_e12 = sum(
            self.costs.cost_e12(name)
            for name in self.costs.components()
            if (name == "satellite") is is_satellite
        )
        for order in portfolio.orders():
            if order.component != "maker" and (order.component == "satellite") is is_satellite:
                used_e12 += order.is_buy * order.price_e4 * 100 * order.leaves_e6
        return max(0, Fraction(str(share)) * portfolio.equity_e12 - used_e12)

    def _cap_shares(self):
        config = self.config
        shares = config.market_cap_share, config.cluster_cap_share, config.aggregate_cap_share
        return list(enumerate(shares))

    def _budget_share(self, component):
        config = self.config
        if component == "satellite":
            return config.satellite_budget_share
        return config.taker_budget_share

    def _exits(self, component, market):
        """Sales of what the component holds, sometimes of somebody else's."""
        rng, legs = self.context.rng, []
        for is_yes in rng.sample([True, False], 2):
            own_e6 = self.costs.held_e6(market.market_id, component, is_yes)
            if rng.random() < 0.2:
                own_e6 = market.position.yes_e6 if is_yes else market.position.no_e6
            size_e6 = floor_size_e6(rng.choice([own_e6, own_e6 // 3]))
            book = market.book
            price_e4 = book.best_bid_e4 if is_yes else 10_000 - book.best_ask_e4
            if size_e6:
                price_e4 -= rng.choice([0, 1]) * market.tick_e4
                legs.append(self._leg(market, is_yes, False, price_e4, size_e6))
        return legs
