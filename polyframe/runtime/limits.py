"""The hard limits of the strategy file, held whatever the plugins think (``limits:``).

What a market may cost: what is held there unpaired, at its mark, and every open BUY as if all of
them filled and none helped another. That is more than the worst case of any one outcome, and
needs no opinion: the risk plugin's finer caps come first, this is the belt.
"""

from __future__ import annotations

from polyframe.live_settings import LimitSettings
from polyframe.model import BookSide, Veto
from polyframe.money import notional_e12, usd, usd_e12
from polyframe.runtime.markets import Market
from polyframe.runtime.orders import Orders, Route
from polyframe.runtime.portfolio import Portfolio

CODES = (
    "runtime.limit_order", "runtime.limit_market", "runtime.limit_total",
    "runtime.limit_open_orders",
)  # fmt: skip


class Limits:
    """Checks one leg at a time against ``limits:`` of the strategy file.

    Args:
        settings: the limits.
        portfolio: what is held, at its marks.
        orders: what is open.
    """

    def __init__(self, settings: LimitSettings, portfolio: Portfolio, orders: Orders) -> None:
        self._order_e12 = usd_e12(settings.max_order_usd)
        self._market_e12 = usd_e12(settings.max_market_usd)
        self._total_e12 = usd_e12(settings.max_total_usd)
        self._open_orders = settings.max_open_orders
        self._daily_loss_e12 = usd_e12(settings.max_daily_loss_usd)
        self._portfolio = portfolio
        self._orders = orders
        self._unpaired: tuple[int, int, int] | None = None

    def vetoes(
        self,
        side: BookSide,
        routed: Route,
        market: Market,
        now_ns: int,
        component: str,
        more_e12: int = 0,
        more_orders: int = 0,
    ) -> list[Veto]:
        """Return what one more order would break.

        Args:
            side: of the YES book.
            routed: the order.
            market: its market.
            now_ns: the moment; marks are added up once for each.
            component: orders of it on the same side are replaced by this one.
            more_e12: what leaves with it and is not registered yet, 1e-12 USD.
            more_orders: and how many orders that is.
        """  # fmt: skip
        found: list[Veto] = []
        replaced = [
            order for order in market.orders if order.side == side and order.component == component
        ]
        count = self._orders.live_count + more_orders + (0 if replaced else 1)
        if count > self._open_orders:
            found.append(Veto("runtime.limit_open_orders", side, count, self._open_orders))
        cost_e12 = notional_e12(routed.price_e4, routed.size_e6)
        if cost_e12 > self._order_e12:
            found.append(_broken("runtime.limit_order", side, cost_e12, self._order_e12))
        if not routed.is_buy:
            return found  # a sell of what is held costs nothing
        net_e6 = market.position.net_yes_e6
        # What other components have open on this side pairs the same holding first.
        reduces_e6 = (net_e6 if side == "ask" else -net_e6) - sum(
            order.leaves_e6
            for order in market.orders
            if order.side == side and order not in replaced
        )
        if routed.size_e6 <= reduces_e6:
            return found  # nor does a purchase that pairs what is held
        replaced_e12 = sum(order.reserved_e12 for order in replaced)
        added_e12 = cost_e12 + more_e12 - replaced_e12
        here_e12 = (
            self._portfolio.unpaired_e12(market.market_id)
            + sum(order.reserved_e12 for order in market.orders)
            + added_e12
        )
        if here_e12 > self._market_e12:
            found.append(_broken("runtime.limit_market", side, here_e12, self._market_e12))
        total_e12 = self.at_risk_e12(now_ns) + added_e12
        if total_e12 > self._total_e12:
            found.append(_broken("runtime.limit_total", side, total_e12, self._total_e12))
        return found

    def at_risk_e12(self, now_ns: int) -> int:
        """Return what all markets cost now: unpaired holdings at their marks, and open BUYs."""
        known = self._unpaired
        if known is None or known[:2] != (now_ns, self._portfolio.fills):
            total = sum(self._portfolio.unpaired_e12(one) for one in self._portfolio.held())
            known = self._unpaired = (now_ns, self._portfolio.fills, total)
        return known[2] + self._orders.reserved_e12

    def daily_loss(self) -> Veto | None:
        """Return the loss since the UTC day began where it is beyond its limit."""
        loss_e12 = self._portfolio.loss_basis_e12 - self._portfolio.equity_e12
        if loss_e12 <= self._daily_loss_e12:
            return None
        return Veto("runtime.limit_broken", None, usd(loss_e12), usd(self._daily_loss_e12))


def _broken(code: str, side: BookSide, observed_e12: int, limit_e12: int) -> Veto:
    return Veto(code, side, usd(observed_e12), usd(limit_e12))
