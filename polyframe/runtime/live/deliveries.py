"""What is bought and not delivered yet: a match promises tokens and moves none; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from polyframe.events import HoldingsSettling
from polyframe.model import MarketSpec
from polyframe.runtime.live.changes import Change
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.rows import FillRow


class Deliveries:
    """Tells the engine what of its holdings it cannot sell yet.

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

    def beside(self, change: Change) -> list[HoldingsSettling]:
        """Return how the markets of a change stand, to be heard before its fills are."""
        return self._told(row.market_id for row in change.rows if isinstance(row, FillRow))

    def under_way(self) -> list[HoldingsSettling]:
        """Return how every market stands in which something is under way."""
        return self._told(row.market_id for row in self._ledger.fills.unsettled())

    def _told(self, market_ids: Iterable[str]) -> list[HoldingsSettling]:
        now_ns = self._clock()
        return [
            HoldingsSettling(now_ns, one, *self._promised_e6(one))
            for one in dict.fromkeys(market_ids)
        ]

    def _promised_e6(self, market_id: str) -> tuple[int, int]:
        spec = self._spec_of(market_id)
        coming = self._ledger.fills.undelivered_e6(market_id)
        yes, no = ("", "") if spec is None else spec.token_ids
        return coming.get(yes, 0), coming.get(no, 0)
