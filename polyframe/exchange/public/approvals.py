"""Which contract must be allowed to move what, as ``/v2/approvals`` lists it (venue.md 4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyframe.exchange.account_books import Approval
from polyframe.polymarket.contracts import COLLATERAL, COLLATERAL_SPENDERS, TOKEN_OPERATORS

CHAIN_ID = 137

_CATALOGUE = (
    *((COLLATERAL, spender, "ERC20") for spender in COLLATERAL_SPENDERS),
    *((token, operator, "ERC1155") for token, operator in TOKEN_OPERATORS),
)


def approvals_of(wallet: str, told: Iterable[Approval]) -> dict[str, Any]:
    """Return a wallet's approvals of the whole catalogue; what is not told is without limit."""
    limits = {(one.token.lower(), one.spender.lower()): one.amount for one in told}
    contracts = []
    for token, spender, standard in _CATALOGUE:
        amount = limits.get((token.lower(), spender.lower()))
        row = {"token": token, "spender": spender, "standard": standard, "approved": amount != 0}
        if standard == "ERC20":
            # A row that is not approved says "max" too: an index remembers what was asked for.
            row["amount"] = str(amount) if amount else "max"
        contracts.append(row)
    return {"address": wallet, "chain_id": CHAIN_ID, "contracts": contracts}
