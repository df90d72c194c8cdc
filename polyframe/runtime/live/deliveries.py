"""What is bought and not delivered, sold and not paid yet: a match promises, and moves nothing.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from polyframe.events import HoldingsSettling, ProceedsSettling, Side
from polyframe.model import MarketSpec
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.rows import FillRow

Settling = HoldingsSettling | ProceedsSettling


class Deliveries:
    """Tells the engine what of its holdings it cannot sell, and of its cash not spend yet.

    Args:
        ledger: whose fills they are.
        spec_of: a market's metadata.
        clock: market time, UTC ns.
    """

    def __init__(
        self,
        ledger: LiveLedger,
        spec_of: Callable[[str], MarketSpec | None],
        clock: Callable[[], int],
    ) -> None:
        self._ledger = ledger
        self._spec_of = spec_of
        self._clock = clock

    def beside(self, change: Change) -> list[Settling]:
        """Return how what a change touches stands, to be heard before its fills are."""
        return self._told([row for row in change.rows if isinstance(row, FillRow)])

    def under_way(self) -> list[Settling]:
        """Return how everything stands of which something is under way."""
        return self._told(self._ledger.fills.unsettled())

    def _told(self, fills: Sequence[FillRow]) -> list[Settling]:
        now_ns = self._clock()
        told: list[Settling] = [
            HoldingsSettling(now_ns, one, *self._promised_e6(one))
            for one in dict.fromkeys(row.market_id for row in fills)
        ]
        if any(row.side is Side.SELL for row in fills):
            told.append(ProceedsSettling(now_ns, self._ledger.fills.unsettled_proceeds_e12()))
        return told

    def _promised_e6(self, market_id: str) -> tuple[int, int]:
        spec = self._spec_of(market_id)
        coming = self._ledger.fills.undelivered_e6(market_id)
        yes, no = ("", "") if spec is None else spec.token_ids
        return coming.get(yes, 0), coming.get(no, 0)
