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
from polyframe.exchange.trading.allowances import Allowances
from polyframe.exchange.trading.orders import AccountOrder, OrderRequest
from polyframe.money import taker_fee_e12
from polyframe.polymarket.contracts import COLLATERAL, exchange_contract, token_contract

NO_BOOK = "No orderbook exists for the requested token id"
NOT_READY = "the market is not yet ready to process new orders"
_S_NS = 10**9
_GTD_LEAST_S = 180


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


def refuse_life(request: OrderRequest, now_ns: int) -> str:
    """Return why the order's life does not allow it."""
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
    allowances: Allowances,
    counts_incoming: bool,
    now_ns: int,
    lag_ns: int,
) -> str:
    """Return why balance or allowance does not cover an order, fees included."""
    held = wallet.refresh(order.asset, now_ns, lag_ns)
    amount = order_amount(order, terms)
    spender = exchange_contract(terms.version, neg_risk=terms.neg_risk)
    token = COLLATERAL if order.asset == CASH else token_contract(terms.version)
    if not allowances.is_given(wallet.address, token, spender):
        return allowance_text(order.asset, held, amount, spender)
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
