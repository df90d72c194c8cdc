"""What the venue refuses of a new order, in its exact words (venue.md 2.9)."""

from __future__ import annotations

from collections.abc import Container

from polyframe.events import Side
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.accounts import (
    CASH,
    Wallet,
    allowance_text,
    balance_text,
    shortage,
)
from polyframe.exchange.trading.orders import AccountOrder, OrderRequest
from polyframe.money import taker_fee_e12

NO_BOOK = "No orderbook exists for the requested token id"
NOT_READY = "the market is not yet ready to process new orders"
_S_NS = 10**9
_GTD_LEAST_S = 180

STANDARD_EXCHANGE = "0xE111180000d2663C0091e4f400237545B87B996B"
NEG_RISK_EXCHANGE = "0xe2222d279d744050d28e00520010520000310F59"
EXCHANGE_V3 = "0xe3333700cA9d93003F00f0F71f8515005F6c00Aa"
EXCHANGES = (STANDARD_EXCHANGE, NEG_RISK_EXCHANGE, EXCHANGE_V3)


def spender(terms: MarketTerms) -> str:
    """Return the exchange contract that moves money for a market's orders (venue.md 1.4)."""
    if terms.version == "v2":
        return EXCHANGE_V3
    return NEG_RISK_EXCHANGE if terms.neg_risk else STANDARD_EXCHANGE


def refuse_account(
    request: OrderRequest, banned: Container[str], closed_only: Container[str]
) -> str:
    """Return why an address may not send this order; a closed-only one may sell."""
    address = request.signer
    if address.lower() in banned:
        return f"'{address}' address banned"
    if address.lower() in closed_only and request.side is Side.BUY:
        return f"'{address}' address in closed only mode"
    return ""


def refuse_terms(request: OrderRequest, terms: MarketTerms, now_ns: int) -> str:
    """Return why the market or the order's life does not allow it."""
    if not terms.is_accepting:
        return NOT_READY
    is_gtd = request.order_type == "GTD"
    if not is_gtd and request.expiration_s:
        return "invalid expiration"
    if is_gtd and request.expiration_s * _S_NS < now_ns + _GTD_LEAST_S * _S_NS:
        return "invalid expiration"
    return ""


def refuse_money(
    order: AccountOrder,
    wallet: Wallet,
    terms: MarketTerms,
    *,
    refused_spenders: Container[str],
    counts_incoming: bool,
    now_ns: int,
    lag_ns: int,
) -> str:
    """Return why balance or allowance does not cover an order, fees included."""
    held = wallet.refresh(order.asset, now_ns, lag_ns)
    amount = order_amount(order, terms)
    if spender(terms) in refused_spenders:
        return allowance_text(order.asset, held, amount, spender(terms))
    if shortage(held, amount, counts_incoming=counts_incoming):
        return balance_text(order.asset, held, amount)
    return ""


def order_amount(order: AccountOrder, terms: MarketTerms) -> int:
    """Return what an order may cost of its asset: a buyer that may take pays the fee on top."""
    request = order.request
    amount = order.cost(request.size_e6)
    if order.asset == CASH and not request.post_only:
        amount += taker_fee_e12(
            request.price_e4, request.size_e6, terms.fee_rate, terms.fee_exponent
        )
    return amount
