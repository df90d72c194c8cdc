"""maker: the quoting policy. Proposes where to rest; never judges whether quoting is allowed."""

from __future__ import annotations

from collections.abc import Callable

from polyframe import MarketView, Plugin, PortfolioView, Quote, QuoteLeg, hookimpl
from polyframe.money import PRICE_ONE_E4, usd
from polyframe_maker import classic
from polyframe_maker.config import Config as MakerConfig

__all__ = ["Maker"]


class Maker(Plugin):
    """Quotes a skewed band around the mid (README.md has the rule and its source)."""

    Config = MakerConfig
    config: MakerConfig

    @hookimpl
    def propose_quote(self, market: MarketView, portfolio: PortfolioView) -> Quote | None:
        """Return the wanted bid and ask, or None without a two-sided, uncrossed book."""
        book, config = market.book, self.config
        mid, best_bid_e4, best_ask_e4 = book.mid, book.best_bid_e4, book.best_ask_e4
        if mid is None or best_bid_e4 is None or best_ask_e4 is None:
            return None
        tick_e4 = market.tick_e4
        band = classic.band(config, market.updates_per_s, market.jump_1h, market.hours_to_close)
        cap_usd = config.market_cap_share * usd(portfolio.equity_e12)
        inventory = classic.inventory_fraction(market.position.net_yes_e6, mid, cap_usd)
        skew = -inventory * config.skew_max
        bid, ask = classic.raw_prices(
            mid, band.half_width, config.outside, skew, tick_e4 / PRICE_ONE_E4
        )
        bid_e4, ask_e4 = classic.on_grid(bid, ask, tick_e4, best_bid_e4, best_ask_e4)
        bid_usd, ask_usd = classic.side_budgets_usd(config, inventory)
        return Quote(
            market_id=market.market_id,
            fair=mid,
            bid=_leg(bid_e4, classic.bid_size_e6, bid_usd, market.min_size_e6),
            ask=_leg(ask_e4, classic.ask_size_e6, ask_usd, market.min_size_e6),
            policy=config.policy,
            inputs=(
                ("mid", mid),
                ("half_width", band.half_width),
                ("skew", skew),
                ("f", inventory),
                ("churn_factor", band.churn_factor),
                ("jump_factor", band.jump_factor),
                ("close_factor", band.close_factor),
                ("cap_usd", cap_usd),
            ),
        )


def _leg(
    price_e4: int | None,
    size_e6: Callable[[float, int], int],
    budget_usd: float,
    min_size_e6: int,
) -> QuoteLeg | None:
    if price_e4 is None:
        return None
    affordable_e6 = size_e6(budget_usd, price_e4)
    # A budget that does not buy the market's minimum buys nothing: raising the size to the
    # minimum would lose more than the side may.
    return QuoteLeg(price_e4, affordable_e6) if affordable_e6 >= max(min_size_e6, 1) else None
