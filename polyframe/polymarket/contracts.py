"""Polymarket's contracts on Polygon (venue.md 1.4): who verifies an order and moves its money.

The addresses are those of the official client 0.14.0; a test compares them.
"""

from __future__ import annotations

from typing import Final

STANDARD_EXCHANGE: Final = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE: Final = "0xe2222d279d744050d28e00520010520000310F59"
EXCHANGE_V3: Final = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
COLLATERAL: Final = "0xC011a7E12a19f7B1f670d46F03B03f3342E82DFB"
EXCHANGES: Final = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, EXCHANGE_V3)

# Who holds outcome tokens: the CTF, and for markets of version 2 the position manager. The
# neg-risk adapter answers for the balances of neg-risk markets.
CONDITIONAL_TOKENS: Final = "0x4D97DCd97eC945f40cF65F87097ACe5EA0476045"
POSITION_MANAGER: Final = "0x006F54F7f9A22e0000CC2AB60031000000ae9fEF"
NEG_RISK_ADAPTER: Final = "0xd91E80cF2E7be2e162c6513ceD06f1dD0dA35296"

# Who splits, merges and redeems: an adapter for each kind of CTF market, the router for version 2.
COLLATERAL_ADAPTER: Final = "0xAdA100Db00Ca00073811820692005400218FcE1f"
NEG_RISK_COLLATERAL_ADAPTER: Final = "0xadA2005600Dec949baf300f4C6120000bDB6eAab"
ROUTER: Final = "0x12121212006e4CD160D18e3f00711DA5c3372600"
BINARY_MODULE: Final = "0x1000008dD9001B968442c1000017eaE6E0dA00Ba"
NEG_RISK_MODULE: Final = "0x200000900045e3B6259600682756002200028933"
AUTO_REDEEMER: Final = "0xa1200000d0002264C9a1698e001292D00E1b00af"
PERPS_DEPOSIT: Final = "0xDCa4af75705dbB50f62437045afF9921947917d2"

# Who carries calls for wallets that are contracts.
PROXY_FACTORY: Final = "0xaB45c5A4B0c941a2F231C04C3f49182e1A254052"
DEPOSIT_WALLET_FACTORY: Final = "0x00000000000Fb5C9ADea0298D729A0CB3823Cc07"
SAFE_MULTISEND: Final = "0xA238CBeb142c10Ef7Ad8442C6D1f9E89e07e7761"
RELAY_HUB: Final = "0xD216153c06E857cD7f72665E0aF1d7D82172F494"

# What a wallet must allow before it can trade, split, merge and redeem (venue.md 4.5).
COLLATERAL_SPENDERS: Final = (
    STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, COLLATERAL_ADAPTER, NEG_RISK_COLLATERAL_ADAPTER, ROUTER,
    EXCHANGE_V3, PERPS_DEPOSIT,
)  # fmt: skip
TOKEN_OPERATORS: Final = (
    *(
        (CONDITIONAL_TOKENS, operator)
        for operator in (
            STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, COLLATERAL_ADAPTER, NEG_RISK_COLLATERAL_ADAPTER,
            AUTO_REDEEMER, BINARY_MODULE, NEG_RISK_MODULE,
        )
    ),
    *((POSITION_MANAGER, operator) for operator in (ROUTER, EXCHANGE_V3, AUTO_REDEEMER)),
)  # fmt: skip


def exchange_contract(version: str, *, neg_risk: bool) -> str:
    """Return the contract of a market by Gamma's ``version`` ("v2", else CTF) and its kind."""
    if version == "v2":
        return EXCHANGE_V3
    return NEG_RISK_EXCHANGE if neg_risk else STANDARD_EXCHANGE


def token_contract(version: str) -> str:
    """Return who keeps a market's outcome tokens, by Gamma's ``version``."""
    return POSITION_MANAGER if version == "v2" else CONDITIONAL_TOKENS


def converter_contract(version: str, *, neg_risk: bool) -> str:
    """Return who splits, merges and redeems a market's tokens, by its version and kind."""
    if version == "v2":
        return ROUTER
    return NEG_RISK_COLLATERAL_ADAPTER if neg_risk else COLLATERAL_ADAPTER
