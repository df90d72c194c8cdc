"""The stored books, read as the engine's are: what a report holds against them."""

from __future__ import annotations

from collections.abc import Mapping

from polyframe.money import SHARE_E6
from polyframe.runtime.engine import Engine
from polyframe.runtime.live.ledger import LiveLedger


class VenueBooks:
    """Cash and holdings folded from what was stored, beside the engine's own.

    Args:
        ledger: the fold.
        engine: knows which tokens are whose, and what resolved markets pay.
    """

    def __init__(self, ledger: LiveLedger, engine: Engine) -> None:
        self._ledger = ledger
        self._engine = engine

    def cash_e12(self) -> int:
        """Return our cash, payouts that are not turned in yet included."""
        owed_e12 = sum(self._engine.portfolio.unredeemed_e12.values())
        return self._ledger.books.cash_e12 + owed_e12

    def net_yes_e6(self) -> Mapping[str, int]:
        """Return YES minus NO by market; what has been paid out is held no more."""
        held = self._ledger.books.tokens_e6
        net: dict[str, int] = {}
        for market in self._engine.markets.known():
            if self._engine.portfolio.has_paid_out(market.market_id):
                continue
            yes, no = market.spec.token_ids
            net_e6 = held.get(yes, 0) - held.get(no, 0)
            if net_e6 or market.market_id in self._engine.portfolio.held():
                net[market.market_id] = net_e6
        return net

    def payout_e6(self, market_id: str) -> int | None:
        """Return what a YES share of a market pays, 1e-6 USD; None when it has not resolved."""
        return self._engine.portfolio.payouts_e6().get(market_id)

    def payouts_e6(self) -> Mapping[str, int]:
        """Return what a share of each resolved market's tokens pays, 1e-6 USD by token id."""
        found: dict[str, int] = {}
        for market_id, yes_e6 in self._engine.portfolio.payouts_e6().items():
            market = self._engine.markets.find(market_id)
            if market is not None:
                yes, no = market.spec.token_ids
                found[yes], found[no] = yes_e6, SHARE_E6 - yes_e6
        return found
