"""How an exchange treats accounts."""

from __future__ import annotations

import msgspec


class PrivateTerms(msgspec.Struct, frozen=True, kw_only=True):
    """How the exchange treats accounts where Polymarket's own way is not certain or varies.

    ``funds_usd`` is what a wallet never seen before holds.
    ``tier`` and ``enforces_limits`` are venue.md 2.11; ``max_skew_s`` is how old a request's
    timestamp may be, None takes any; ``takes_eoa`` False sends plain EOA makers to the
    deposit-wallet flow; ``legs_fail_openly`` lets a batch's refused leg say ``success: false``;
    ``sells_unsettled`` lets shares be sold before the trade that brought them is mined.
    ``binds_dollars`` lets a BUY that takes spend its dollars, so that it gets more shares where
    the price is better than its limit.
    ``allowances_given`` False lets every wallet begin without allowances, so that it has to
    grant them; ``auto_redeems`` False leaves winnings to whoever holds them.
    """

    seed: int = 0
    funds_usd: float = 10_000.0
    tier: str = "Standard"
    enforces_limits: bool = True
    max_skew_s: float | None = None
    takes_eoa: bool = True
    legs_fail_openly: bool = False
    sells_unsettled: bool = False
    binds_dollars: bool = False
    allowances_given: bool = True
    auto_redeems: bool = True
