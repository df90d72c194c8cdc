"""A trading plugin's budget: a share of equity, less what it holds and what is under way.

For plugins that propose trades (``parity_arb`` and ``satellite`` use it): a trade counts with
the most it may still spend from the moment it is proposed, not only once it has filled.
"""

from __future__ import annotations

from typing import NamedTuple

from polyframe.model import Fill, Trade, Veto
from polyframe.money import notional_e12, share_e12, usd
from polyframe.views import PortfolioView


class _UnderWay(NamedTuple):
    trade: Trade
    until_ns: int
    left_e12: int


class TradeBudget:
    """What a plugin may still spend; one trade a market at a time.

    Args:
        share: of equity, 0..1.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._under_way: dict[str, _UnderWay] = {}

    def start(self, market_id: str, trade: Trade, until_ns: int, most_e12: int) -> None:
        """Count a proposed trade until ``until_ns`` with the most it may spend."""
        self._under_way[market_id] = _UnderWay(trade, until_ns, most_e12)

    def on_fill(self, fill: Fill) -> None:
        """What a trade has spent it no longer reserves. The caller passes its own fills only."""
        under_way = self._under_way.get(fill.market_id)
        if under_way is not None and fill.is_buy and not fill.is_reversal:
            spent_e12 = notional_e12(fill.price_e4, fill.size_e6) + fill.fee_e12
            self._under_way[fill.market_id] = under_way._replace(
                left_e12=max(0, under_way.left_e12 - spent_e12)
            )

    def under_way(self, market_id: str, now_ns: int) -> Trade | None:
        """Return the trade that still counts in a market, None without one."""
        found = self._under_way.get(market_id)
        return None if found is None or found.until_ns <= now_ns else found.trade

    def limit_e12(self, portfolio: PortfolioView) -> int:
        """Return the budget at the equity of the moment, in 1e-12 USD."""
        return share_e12(portfolio.equity_e12, self._share)

    def used_e12(self, held_cost_e12: int, now_ns: int) -> int:
        """Return what is held at cost plus what trades under way may still spend."""
        return held_cost_e12 + self._waiting_e12(now_ns)

    def spendable_e12(
        self, portfolio: PortfolioView, held_cost_e12: int, now_ns: int, use: float = 1.0
    ) -> int:
        """Return what a new trade may spend: within ``use`` of the budget and the free cash.

        A trade under way may have no order yet, so its money is not reserved: it counts
        twice for a moment rather than never. A trade of several legs is sized with ``use``
        below 1: equity lost between its legs must not break the budget for the last one.
        """
        free_cash_e12 = portfolio.cash_e12 - portfolio.reserved_e12 - self._waiting_e12(now_ns)
        most_e12 = share_e12(self.limit_e12(portfolio), use)
        left_e12 = most_e12 - self.used_e12(held_cost_e12, now_ns)
        return max(0, min(left_e12, free_cash_e12))

    def veto(
        self,
        code: str,
        portfolio: PortfolioView,
        held_cost_e12: int,
        opening_e12: int,
        now_ns: int,
    ) -> list[Veto] | None:
        """Return a veto under ``code`` when ``opening_e12`` more would break the budget.

        ``observed`` and ``limit`` are dollars.
        """
        used_e12 = self.used_e12(held_cost_e12, now_ns) + opening_e12
        limit_e12 = self.limit_e12(portfolio)
        if used_e12 <= limit_e12:
            return None
        return [Veto(code, None, usd(used_e12), usd(limit_e12))]

    def _waiting_e12(self, now_ns: int) -> int:
        for market_id, under_way in list(self._under_way.items()):
            if under_way.until_ns <= now_ns:
                del self._under_way[market_id]
        return sum(one.left_e12 for one in self._under_way.values())
