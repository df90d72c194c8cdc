"""What components other than the maker may spend: shares of equity, at cost. Pure.

    used = cost of what the group's components hold
         + what their open orders and the legs to come of their trades may still spend
         + this leg and those of its trade that follow it

``satellite`` has a budget of its own; every other component, also one nobody has heard of,
shares the taker's. What is held counts at what it cost, fees included, until it is sold, merged
or paid out: a budget that grew with the marks would pay for its own mistakes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from polyframe import MAKER, Fill, OrderView, PortfolioView, Quote, TradeLeg, Veto
from polyframe.model import FeeSchedule
from polyframe.money import (
    PRICE_ONE_E4,
    complement_e4,
    notional_e12,
    share_e12,
    taker_fee_e12,
    usd,
)
from polyframe_portfolio_risk.config import Config
from polyframe_portfolio_risk.ledger import Ledger

TAKER_BUDGET = "portfolio_risk.taker_budget"
SATELLITE_BUDGET = "portfolio_risk.satellite_budget"

_TAKER, _SATELLITE = "taker", "satellite"
GROUPS = {_TAKER: TAKER_BUDGET, _SATELLITE: SATELLITE_BUDGET}
"""The veto code of each group of components with a budget."""


def group_of(component: str) -> str | None:
    """Return whose budget a component spends; None for the maker, the taker's if unknown."""
    if component == MAKER:
        return None
    return _SATELLITE if component == _SATELLITE else _TAKER


def limit_e12(group: str, equity_e12: int, factor: float, config: Config) -> int:
    """Return a group's budget in 1e-12 USD: its share of equity, times ``factor``."""
    is_taker = group == _TAKER
    share = config.taker_budget_share if is_taker else config.satellite_budget_share
    return share_e12(equity_e12, share * factor)


def most_spent_e12(price_e4: int, size_e6: int, fees: FeeSchedule | None) -> int:
    """Return the most that buying at ``price_e4`` or better costs, fee included.

    Cost and fee together grow with the price up to a fee of the whole price, except for a fee
    curve steeper than the venue's (an exponent below 1), which then counts at its highest.
    Without a fee schedule (a market nobody knows) a share counts with the dollar it may pay.
    """
    if fees is None:
        return notional_e12(PRICE_ONE_E4, size_e6)
    fee_at_e4 = price_e4 if fees.exponent >= 1 else min(price_e4, PRICE_ONE_E4 // 2)
    fee_e12 = taker_fee_e12(fee_at_e4, size_e6, fees.rate, fees.exponent)
    return notional_e12(price_e4, size_e6) + fee_e12


class _Spending:
    """Adds up what orders and legs may spend, each sale against what its component holds."""

    def __init__(self, ledger: Ledger, portfolio: PortfolioView) -> None:
        self._ledger = ledger
        self._portfolio = portfolio
        self._free_e6: dict[tuple[str, str, bool], int] = {}
        self.total_e12 = 0

    def add(self, component: str, wanted: TradeLeg) -> int:
        """Count one order or leg, and return the most it may spend in 1e-12 USD.

        A sale spends nothing as far as its component holds the token and has not promised it
        to another sale. Beyond that it opens a position: it counts as the other token bought.
        """
        spent_e12 = self._of(component, wanted)
        self.total_e12 += spent_e12
        return spent_e12

    def _of(self, component: str, wanted: TradeLeg) -> int:
        market_id, size_e6, price_e4 = wanted.market_id, wanted.size_e6, wanted.limit_e4
        if not wanted.is_buy:
            key = (component, market_id, wanted.is_yes)
            if key not in self._free_e6:
                held = self._ledger.held(market_id, component)
                self._free_e6[key] = held.shares_e6(wanted.is_yes)
            covered_e6 = min(size_e6, self._free_e6[key])
            self._free_e6[key] -= covered_e6
            size_e6 -= covered_e6
            price_e4 = complement_e4(price_e4)
        if not size_e6:
            return 0
        market = self._portfolio.market(market_id)
        return most_spent_e12(price_e4, size_e6, None if market is None else market.spec.fees)


class Usage(NamedTuple):
    """What a group uses of its budget, in 1e-12 USD: held at cost, and on its way."""

    held_e12: int
    waiting_e12: int


class Budgets:
    """The budgets over one plugin document.

    Args:
        config: the shares.
        store: the plugin's JSON document; changed in place.
    """

    def __init__(self, config: Config, store: dict[str, Any]) -> None:
        self._config = config
        self._ledger = Ledger(store)

    def on_fill(self, fill: Fill, portfolio: PortfolioView) -> None:
        """Book a fill that the portfolio already contains."""
        self._ledger.on_fill(fill, portfolio.position(fill.market_id))

    def settle(self, portfolio: PortfolioView, now_ns: int) -> None:
        """Let go of what resolved, was merged, or was sold by others."""
        self._ledger.settle(portfolio, now_ns)

    def veto(
        self, quote: Quote, portfolio: PortfolioView, factor: float, now_ns: int
    ) -> Veto | None:
        """Return the veto of a leg that its group's budget does not cover, with USD.

        Args:
            quote: what is put to the vetoes; a maker's is none of this module's business.
            portfolio: the account.
            factor: of the leg's market, for its state and time to close.
            now_ns: the time.

        A leg that only sells what its component holds passes, whatever is used. A trade of
        several legs may begin within ``headroom_use`` of the budget, and its last leg may use
        all of it: the first leg's spread and fee lower the equity that the budget is a share of,
        and a last leg refused for that would have the first one unwound.
        """
        group = group_of(quote.component)
        if group is None or quote.is_empty:
            return None
        self.settle(portfolio, now_ns)
        spending = self._waiting(group, portfolio)
        leg, *after = quote.trade_legs or _purchases(quote)
        if not spending.add(quote.component, leg):
            return None
        for later in after:
            spending.add(quote.component, later)
        used_e12 = self._held_e12(group) + spending.total_e12
        most_e12 = limit_e12(group, portfolio.equity_e12, factor, self._config)
        if after:
            most_e12 = share_e12(most_e12, self._config.headroom_use)
        if used_e12 <= most_e12:
            return None
        return Veto(GROUPS[group], leg.side, usd(used_e12), usd(most_e12))

    def usage(self, group: str, portfolio: PortfolioView) -> Usage:
        """Return what a group uses now."""
        return Usage(self._held_e12(group), self._waiting(group, portfolio).total_e12)

    def report(self, portfolio: PortfolioView) -> dict[str, Any]:
        """Return use, limit and utilisation of each budget, for the report."""
        costs = self._ledger.costs_e12()
        told: dict[str, Any] = {}
        for group in GROUPS:
            usage = self.usage(group, portfolio)
            used_e12 = sum(usage)
            most_e12 = limit_e12(group, portfolio.equity_e12, 1.0, self._config)
            told[group] = {
                "used_usd": _usd(used_e12),
                "limit_usd": _usd(most_e12),
                "utilisation": round(used_e12 / most_e12, 6) if most_e12 > 0 else None,
                "on_its_way_usd": _usd(usage.waiting_e12),
                "held_usd": {
                    component: _usd(cost_e12)
                    for component, cost_e12 in costs.items()
                    if group_of(component) == group
                },
            }
        return told

    def _held_e12(self, group: str) -> int:
        costs = self._ledger.costs_e12().items()
        return sum(cost_e12 for component, cost_e12 in costs if group_of(component) == group)

    def _waiting(self, group: str, portfolio: PortfolioView) -> _Spending:
        spending = _Spending(self._ledger, portfolio)
        for order in portfolio.orders():
            if group_of(order.component) == group:
                spending.add(order.component, _leg_of(order))
        for component, legs in portfolio.legs_to_come().items():
            if group_of(component) == group:
                for leg in legs:
                    spending.add(component, leg)
        return spending


def _leg_of(order: OrderView) -> TradeLeg:
    """Return what an open order may still do."""
    return TradeLeg(order.market_id, order.is_yes, order.is_buy, order.price_e4, order.leaves_e6)


def _purchases(quote: Quote) -> list[TradeLeg]:
    """Return what a quote that nobody has explained is at its worst: purchases."""
    found: list[TradeLeg] = []
    if quote.bid is not None:
        price_e4, size_e6 = quote.bid.price_e4, quote.bid.size_e6
        found.append(TradeLeg(quote.market_id, True, True, price_e4, size_e6))
    if quote.ask is not None:
        price_e4, size_e6 = complement_e4(quote.ask.price_e4), quote.ask.size_e6
        found.append(TradeLeg(quote.market_id, False, True, price_e4, size_e6))
    return found


def _usd(amount_e12: int) -> float:
    return round(usd(amount_e12), 6)
