"""One instant of a scripted world, as a plugin may see it."""

from __future__ import annotations

from dataclasses import dataclass

from polyframe.model import Cycle, Fill, ReportPeriod
from polyframe.testing.builders import NOW_NS
from polyframe.testing.views import FakeMarket, FakePortfolio

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class Moment:
    """What is so at one instant, and what has just happened.

    ``changed`` are the markets whose book, state or position changed, ``top_changed`` those of
    them whose touch did. The other fields are None when nothing of the kind happened.
    """

    at_s: float
    label: str
    markets: tuple[FakeMarket, ...]
    portfolio: FakePortfolio
    changed: tuple[str, ...] = ()
    top_changed: tuple[str, ...] = ()
    fill: Fill | None = None
    cycle: Cycle | None = None
    period: ReportPeriod | None = None

    @property
    def now_ns(self) -> int:
        """The instant, UTC ns."""
        return NOW_NS + round(self.at_s * _SECOND_NS)

    def market(self, market_id: str) -> FakeMarket:
        """Return one market of the world."""
        return next(market for market in self.markets if market.market_id == market_id)
