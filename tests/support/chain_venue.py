"""Traders of every wallet type on the embedded exchange's chain, and what they hold to the unit."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from polymarket import AsyncSecureClient
from polymarket.auth import RelayerApiKey

from client_venue import Quiet, address_of, trader
from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.server import EmbeddedExchange
from polyframe.exchange.trading.accounts import CASH
from polyframe.exchange.trading.desk import OrderDesk
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet

FAST = 100.0
NUMBER = 31
WALLETS = {
    "EOA": address_of(NUMBER),
    "POLY_PROXY": proxy_wallet(address_of(NUMBER)),
    "GNOSIS_SAFE": safe_wallet(address_of(NUMBER)),
    "DEPOSIT_WALLET": deposit_wallets(address_of(NUMBER))[0],
}
MARKETS = ("standard", "neg_risk", "v2")


def desk_of(exchange: EmbeddedExchange) -> OrderDesk:
    """The order desk, whose custody the chain moves."""
    assert exchange.private is not None
    return exchange.private.desk


def market_of(exchange: EmbeddedExchange, kind: str) -> Quiet:
    """A market of one kind that nobody else trades in."""
    for gamma in exchange.source.markets():
        found = (
            "v2" if gamma.get("version") == "v2" else "neg_risk" if gamma["negRisk"] else "standard"
        )
        if found == kind and not gamma["secondsDelay"]:
            return Quiet(dict(gamma))
    raise AssertionError(f"no {kind} market")


def tokens_of(market: Quiet) -> tuple[str, str]:
    """What the market trades: position ids under version 2."""
    yes, no = market.gamma.get("positionIds") or json.loads(market.gamma["clobTokenIds"])
    return yes, no


def holdings(exchange: EmbeddedExchange, wallet: str, market: Quiet) -> tuple[int, int, int]:
    """Cash (1e-12 USD), YES and NO (micro-shares) of a wallet."""
    custody = desk_of(exchange).custody
    yes, no = tokens_of(market)
    return (
        custody.balance(wallet, CASH), custody.balance(wallet, yes), custody.balance(wallet, no)
    )  # fmt: skip


def give(exchange: EmbeddedExchange, wallet: str, market: Quiet, yes_e6: int, no_e6: int) -> None:
    """Put settled tokens into a wallet."""
    desk, now_ns = desk_of(exchange), exchange.clock()
    for token_id, size_e6 in zip(tokens_of(market), (yes_e6, no_e6), strict=True):
        assert desk.terms(token_id) is not None
        if size_e6:
            desk.custody.fund(wallet, token_id, size_e6, now_ns, market.condition_id)


def resolve(exchange: EmbeddedExchange, market: Quiet, yes_pays_e6: int = 1_000_000) -> None:
    """Let a market pay out."""
    source: Any = desk_of(exchange).source
    payouts_e6 = (yes_pays_e6, 1_000_000 - yes_pays_e6)
    source.resolve(market.condition_id, payouts_e6, exchange.clock())


def strike(exchange: EmbeddedExchange, *faults: Fault) -> None:
    """Plan faults from now on."""
    exchange.injection.add(faults, from_now=True)


@asynccontextmanager
async def chain_trader(
    exchange: EmbeddedExchange, kind: str, **options: Any
) -> AsyncIterator[AsyncSecureClient]:
    """An unmodified official client of one wallet type, market time running."""
    key = RelayerApiKey(key="any", address=address_of(NUMBER))
    exchange.start()
    chosen = {"wallet": WALLETS[kind], "api_key": key, **options}
    async with trader(exchange, NUMBER, **chosen) as client:
        assert client.wallet_type == kind
        yield client


def every(kinds: Sequence[str] = tuple(WALLETS)) -> Any:
    """Parametrise a test over wallet types."""
    import pytest

    return pytest.mark.parametrize("kind", kinds)
