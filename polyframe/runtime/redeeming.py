"""Redeeming: holdings of a resolved market become the cash that the ledger has paid already.

On paper a resolution pays at once. At the venue winning tokens have to be turned in, and until
they are their dollars cannot be spent. Asked for once a cycle, one market at a time each.
"""

from __future__ import annotations

from collections.abc import Callable

from polyframe.commands import RedeemTokens
from polyframe.events import RedeemFailed, TokensRedeemed
from polyframe.money import usd
from polyframe.runtime.portfolio import Portfolio


class Redeeming:
    """Which payouts are still to be fetched, and which are on their way.

    Args:
        portfolio: what resolved markets owe us.
        is_wanted: False leaves every payout to somebody else.
        log: called as ``log(message, **fields)``.
        first_number: of the redemptions' names, which are never used twice for an account.
    """

    def __init__(
        self, portfolio: Portfolio, is_wanted: bool, log: Callable[..., None], first_number: int = 1
    ) -> None:
        self._portfolio = portfolio
        self._is_wanted = is_wanted
        self._log = log
        self._number = first_number - 1
        self._under_way: set[str] = set()
        self.asked = 0
        self.failed = 0

    def ask(self) -> list[RedeemTokens]:
        """Return the redemptions worth asking for now."""
        if not self._is_wanted:
            return []
        commands = []
        for market_id, owed_e12 in self._portfolio.unredeemed_e12.items():
            if market_id in self._under_way or owed_e12 <= 0:
                continue
            self._under_way.add(market_id)
            self._number += 1
            self.asked += 1
            command = RedeemTokens(f"r-{self._number:04d}", market_id)
            self._log("Redeem", id=command.redeem_id, market=market_id,
                      owed_usd=f"{usd(owed_e12):.2f}")  # fmt: skip
            commands.append(command)
        return commands

    def redeemed(self, event: TokensRedeemed) -> None:
        """The cash is here."""
        self._under_way.discard(event.market_id)
        self._portfolio.redeem(event.market_id)

    def refused(self, event: RedeemFailed) -> None:
        """Forget one that did not happen; the next cycle may ask again."""
        self._under_way.discard(event.market_id)
        self.failed += 1
        self._log("Redeem failed", id=event.redeem_id, market=event.market_id,
                  reason=event.message)  # fmt: skip
