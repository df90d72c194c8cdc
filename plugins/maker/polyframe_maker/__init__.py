"""maker: the quoting policy. Proposes where to rest; never judges whether quoting is allowed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from polyframe import (
    Context,
    Cycle,
    Fill,
    MarketView,
    Plugin,
    PortfolioView,
    Quote,
    QuoteLeg,
    ReportPeriod,
    hookimpl,
)
from polyframe.money import PRICE_ONE_E4, usd
from polyframe_maker import classic
from polyframe_maker.chase import ChaseLimit, adding_sides
from polyframe_maker.config import Config as MakerConfig
from polyframe_maker.policy import LogitPolicy

__all__ = ["Maker"]

Sized = Callable[[int], int]
Inputs = tuple[tuple[str, float], ...]


class Maker(Plugin):
    """Quotes around the fair value, against the inventory (plugins/maker/README.md)."""

    Config = MakerConfig
    config: MakerConfig
    api_versions = (1, 1)
    on_book_when = "top"

    def __init__(self, config: MakerConfig, context: Context) -> None:
        super().__init__(config, context)
        self._chase = ChaseLimit(config.chase_ticks_per_min)
        self._chase.restore(context.store.get("chase", {}))
        self._held_back = 0
        self._logit = LogitPolicy(config, context.store) if config.policy == "logit" else None

    # --- facts -----------------------------------------------------------------------

    @hookimpl
    def on_book(self, market: MarketView, now_ns: int) -> None:
        """Measure belief volatility and price impact (``logit`` only)."""
        if self._logit is not None:
            self._logit.on_book(market, now_ns)

    @hookimpl
    def on_fill(self, fill: Fill, market: MarketView, now_ns: int) -> None:
        """Follow the inventory and open the fill for judgement (``logit`` only)."""
        if self._logit is not None:
            self._logit.on_fill(fill, market, now_ns)

    @hookimpl
    def on_cycle_end(self, cycle: Cycle, portfolio: PortfolioView, now_ns: int) -> None:
        """Forget old quotes and keep what was measured."""
        self._chase.prune(now_ns)
        self.context.store["chase"] = self._chase.as_document()
        if self._logit is not None:
            self._logit.on_cycle_end(portfolio, now_ns)
            self.context.store.update(self._logit.learning.as_document())

    # --- opinions --------------------------------------------------------------------

    @hookimpl
    def propose_quote(
        self, market: MarketView, portfolio: PortfolioView, now_ns: int
    ) -> Quote | None:
        """Return the wanted bid and ask, or None without a two-sided, uncrossed book."""
        book, config, tick_e4 = market.book, self.config, market.tick_e4
        mid, best_bid_e4, best_ask_e4 = book.mid, book.best_bid_e4, book.best_ask_e4
        if mid is None or best_bid_e4 is None or best_ask_e4 is None:
            return None
        fair = classic.fair_value(config.fair, mid, book.microprice, tick_e4 / PRICE_ONE_E4)
        band = classic.band(config, market.updates_per_s, market.jump_1h, market.hours_to_close)
        if self._logit is None:
            bid, ask, bid_size, ask_size, inputs = self._classic(market, portfolio, fair, band)
        else:
            wanted = self._logit.quote(market, portfolio, fair, band.factor, now_ns)
            bid, ask, inputs = wanted.bid, wanted.ask, wanted.inputs
            bid_size, ask_size = _fixed(wanted.bid_size_e6), _fixed(wanted.ask_size_e6)
        bid_e4, ask_e4 = classic.on_grid(bid, ask, tick_e4, best_bid_e4, best_ask_e4)
        bid_e4, ask_e4 = self._held(market, bid_e4, ask_e4, now_ns)
        return Quote(
            market_id=market.market_id,
            fair=fair,
            bid=_leg(bid_e4, bid_size, market.min_size_e6),
            ask=_leg(ask_e4, ask_size, market.min_size_e6),
            policy=config.policy,
            inputs=(
                ("mid", mid),
                *inputs,
                ("churn_factor", band.churn_factor),
                ("jump_factor", band.jump_factor),
                ("close_factor", band.close_factor),
            ),
        )

    @hookimpl
    def report_section(self, period: ReportPeriod) -> Mapping[str, Any]:
        """Return the policy, how often the chase limit held a quote back, and the measures."""
        section: dict[str, Any] = {
            "policy": self.config.policy,
            "fair": self.config.fair,
            "quotes_held_back": self._held_back,
        }
        if self._logit is not None:
            section["measured"] = self._logit.section(period.end_ns)
        return section

    # --- inside ----------------------------------------------------------------------

    def _classic(
        self, market: MarketView, portfolio: PortfolioView, fair: float, band: classic.Band
    ) -> tuple[float, float, Sized, Sized, Inputs]:
        config = self.config
        cap_usd = config.market_cap_share * usd(portfolio.equity_e12)
        inventory = classic.inventory_fraction(market.position.net_yes_e6, fair, cap_usd)
        skew = -inventory * config.skew_max
        bid, ask = classic.raw_prices(
            fair, band.half_width, config.outside, skew, market.tick_e4 / PRICE_ONE_E4
        )
        bid_usd, ask_usd = classic.side_budgets_usd(config, inventory)
        return (
            bid,
            ask,
            lambda price_e4: classic.bid_size_e6(bid_usd, price_e4),
            lambda price_e4: classic.ask_size_e6(ask_usd, price_e4),
            (
                ("half_width", band.half_width),
                ("skew", skew),
                ("f", inventory),
                ("cap_usd", cap_usd),
            ),
        )

    def _held(
        self, market: MarketView, bid_e4: int | None, ask_e4: int | None, now_ns: int
    ) -> tuple[int | None, int | None]:
        """Return the prices after the chase limit on the side that adds, and remember them."""
        prices = {"bid": bid_e4, "ask": ask_e4}
        for side in adding_sides(market.position.net_yes_e6):
            wanted_e4 = prices[side]
            if wanted_e4 is None:
                continue
            prices[side] = self._chase.clamp(
                market.market_id, side, wanted_e4, market.tick_e4, now_ns
            )
            if prices[side] != wanted_e4:
                self._held_back += 1
        if prices["bid"] is not None:
            self._chase.note(market.market_id, "bid", prices["bid"], now_ns)
        if prices["ask"] is not None:
            self._chase.note(market.market_id, "ask", prices["ask"], now_ns)
        return prices["bid"], prices["ask"]


def _fixed(size_e6: int) -> Sized:
    return lambda _price_e4: size_e6


def _leg(price_e4: int | None, size_e6: Sized, min_size_e6: int) -> QuoteLeg | None:
    if price_e4 is None:
        return None
    affordable_e6 = size_e6(price_e4)
    # A budget that does not buy the market's minimum buys nothing: raising the size to the
    # minimum would lose more than the side may.
    return QuoteLeg(price_e4, affordable_e6) if affordable_e6 >= max(min_size_e6, 1) else None
