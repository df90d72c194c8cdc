"""The exchange contracts on Polygon (venue.md 1.4): who verifies an order and moves its money."""

from __future__ import annotations

from typing import Final

STANDARD_EXCHANGE: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE: Final = "0xe2222d279d744050d28e00520010520000310F59"
EXCHANGE_V3: Final = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
EXCHANGES: Final = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, EXCHANGE_V3)


def exchange_contract(version: str, *, neg_risk: bool) -> str:
    """Return the contract of a market by Gamma's ``version`` ("v2", else CTF) and its kind."""
    if version == "v2":
        return EXCHANGE_V3
    return NEG_RISK_EXCHANGE if neg_risk else STANDARD_EXCHANGE
