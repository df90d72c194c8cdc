"""Which contract must be allowed to move what, as ``/v2/approvals`` lists it (venue.md 4.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from polyframe.exchange.account_books import Approval
from polyframe.polymarket.contracts import (
    COLLATERAL,
    EXCHANGE_V3,
    NEG_RISK_EXCHANGE,
    STANDARD_EXCHANGE,
)

CHAIN_ID = 137

_CONDITIONAL = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
_POSITIONS = "0x006F54F7f9A22e0000CC2AB60031000000ae9fEF"
_ADAPTER = "0xAdA100Db00Ca00073811820692005400218FcE1f"
_NEG_RISK_ADAPTER = "0xadA2005600Dec949baf300f4C6120000bDB6eAab"
_ROUTER = "0x12121212006e4CD160D18e3f00711DA5c3372600"
_PERPS_DEPOSIT = "0xDCa4af75705dbB50f62437045afF9921947917d2"
_REDEEMER = "0xa1200000d0002264C9a1698e001292D00E1b00af"
_BINARY_MODULE = "0x1000008dD9001B968442c1000017eaE6E0dA00Ba"
_NEG_RISK_MODULE = "0x200000900045e3B6259600682756002200028933"

_CATALOGUE = (
    *(
        (COLLATERAL, spender, "ERC20")
        for spender in (
            STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, _ADAPTER, _NEG_RISK_ADAPTER, _ROUTER, EXCHANGE_V3,
            _PERPS_DEPOSIT,
        )
    ),
    *(
        (_CONDITIONAL, operator, "ERC1155")
        for operator in (
            STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, _ADAPTER, _NEG_RISK_ADAPTER, _REDEEMER,
            _BINARY_MODULE, _NEG_RISK_MODULE,
        )
    ),
    *((_POSITIONS, operator, "ERC1155") for operator in (_ROUTER, EXCHANGE_V3, _REDEEMER)),
)  # fmt: skip


def approvals_of(wallet: str, told: Iterable[Approval]) -> dict[str, Any]:
    """Return a wallet's approvals of the whole catalogue; what is not told is given."""
    closed = {(one.spender.lower(), one.is_collateral) for one in told if not one.is_given}
    contracts = []
    for token, spender, standard in _CATALOGUE:
        is_given = (spender.lower(), standard == "ERC20") not in closed
        row = {"token": token, "spender": spender, "standard": standard, "approved": is_given}
        contracts.append(row | ({"amount": "max"} if standard == "ERC20" else {}))
    return {"address": wallet, "chain_id": CHAIN_ID, "contracts": contracts}
