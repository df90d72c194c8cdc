"""A small guard with a report, for tests of what plugin authors are given."""

from __future__ import annotations

from collections.abc import Sequence

from polyframe import Config, Context, MarketView, Plugin, Quote, Veto, hookimpl


class Guard(Plugin):
    """Refuses spreads under two cents, and counts what it refused."""

    api_versions = (1, 1)
    codes = ("guard.tight",)

    def __init__(self, config: Config, context: Context) -> None:
        super().__init__(config, context)
        self._refused = 0

    @hookimpl
    def pre_quote_veto(self, quote: Quote, market: MarketView) -> Sequence[Veto] | None:
        spread_e4 = market.book.spread_e4
        if spread_e4 is None or spread_e4 >= 200:
            return None
        self._refused += 1
        return [Veto("guard.tight", None, spread_e4 / 100, 2.0)]

    @hookimpl
    def report_section(self) -> dict[str, int]:
        return {"refused": self._refused}
