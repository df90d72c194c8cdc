"""From a :class:`~polyframe.commands.PlaceOrder` to the order that is signed; pure.

What only the moment knows (salt, time) is the caller's. Rules: venue.md 1.4, 1.5, 4.1, 4.2.
"""

from __future__ import annotations

from typing import Final

import msgspec

from polyframe.commands import PlaceOrder
from polyframe.events import Side
from polyframe.money import floor_size_e6
from polyframe.polymarket.amounts import limit_amounts, market_buy_amounts
from polyframe.polymarket.order_signing import Exchange, Order, SignatureType
from polyframe.polymarket.order_wire import OrderType
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet

_S_NS = 10**9
_MS_NS = 10**6
# An order dies this long before the expiration it states, which must lie 180 s ahead when the
# venue looks at it (venue.md 4.2): a little more than that when it leaves, for the way and for a
# clock that differs by max_clock_skew_s.
DIES_BEFORE_S: Final = 60
_LEAST_AHEAD_S: Final = 180
_ON_THE_WAY_S: Final = 3
# Bits 40 to 103 of a Protocol V2 position id are zero; a CTF token id is a hash (venue.md 1.4).
_V2_ZERO_BITS = ((1 << 64) - 1) << 40
_MOST_ID_DIGITS = 78


class TradingWallet(msgspec.Struct, frozen=True):
    """Whose money an order moves: the wallet, the key that signs for it, and how.

    Addresses have their checksum. For an EOA both are the same.
    """

    address: str
    owner: str
    signature_type: SignatureType

    @property
    def order_signer(self) -> str:
        """What an order names as its signer: a deposit wallet names itself (venue.md 1.5)."""
        is_deposit = self.signature_type is SignatureType.DEPOSIT_WALLET
        return self.address if is_deposit else self.owner


class BuiltOrder(msgspec.Struct, frozen=True):
    """An order to sign, where it is signed for, and what rides beside it unsigned.

    ``expiration_s`` is Unix seconds, 0 unless GTD.
    """

    order: Order
    exchange: Exchange
    order_type: OrderType
    expiration_s: int


def wallet_address(owner: str, signature_type: SignatureType) -> str:
    """Return the address of an owner's wallet of a type; of a deposit wallet the newer one.

    Raises:
        ValueError: ``owner`` is no address.
    """
    match signature_type:
        case SignatureType.EOA:
            return owner
        case SignatureType.POLY_PROXY:
            return proxy_wallet(owner)
        case SignatureType.GNOSIS_SAFE:
            return safe_wallet(owner)
        case SignatureType.DEPOSIT_WALLET:
            return deposit_wallets(owner)[0]


def is_v2_token(token_id: str) -> bool:
    """Whether a token is a Protocol V2 position (venue.md 1.4).

    The id itself says it, as it does to the official client 0.14.0; 64 bits of a CTF token's
    hash would have to be zero for a mistake.
    """
    if not token_id.isascii() or not token_id.isdigit() or len(token_id) > _MOST_ID_DIGITS:
        return False
    return int(token_id) & _V2_ZERO_BITS == 0


def exchange_of(token_id: str, *, neg_risk: bool) -> Exchange:
    """Return the exchange whose contract verifies an order on this token."""
    return Exchange.of_market("v2" if is_v2_token(token_id) else "v1", neg_risk=neg_risk)


def stated_expiration_s(expires_ns: int, now_ns: int) -> int:
    """Return the expiration to state for an order that shall leave the book at ``expires_ns``.

    Unix seconds. One that asks for less life than the venue's least lives that least.
    """
    least_s = -(-now_ns // _S_NS) + _LEAST_AHEAD_S + _ON_THE_WAY_S
    return max(expires_ns // _S_NS + DIES_BEFORE_S, least_s)


def order_amounts(command: PlaceOrder, tick_e4: int) -> tuple[int, int]:
    """Return (makerAmount, takerAmount) of a command.

    What rests, and a SELL that takes, has its exact price. A BUY that takes has whole cents to
    spend: it asks for up to a cent's worth of shares less than the command does, never for more.
    It is its dollars that bind the venue: below its limit it may get more shares than it asked
    for, never for more dollars.

    Raises:
        ValueError: the price is off the grid, or an amount rounds to nothing.
    """
    if command.post_only or command.side is Side.SELL:
        return limit_amounts(command.side, command.price_e4, command.size_e6, tick_e4)
    usd_e6 = floor_size_e6(command.size_e6) // 10_000 * command.price_e4
    return market_buy_amounts(usd_e6, command.price_e4, tick_e4)


def build_order(
    command: PlaceOrder,
    *,
    tick_e4: int,
    neg_risk: bool,
    wallet: TradingWallet,
    salt: int,
    now_ns: int,
) -> BuiltOrder:
    """Return the order a command asks for.

    Post-only orders are GTC, or GTD where they expire; every other one is FAK.

    Args:
        command: what is asked.
        tick_e4: the market's grid now.
        neg_risk: whether the market is a negative-risk one.
        wallet: whose order it is.
        salt: makes the order unique; below 2**53, it is a JSON number on the wire.
        now_ns: UTC nanoseconds.

    Raises:
        ValueError: the price is off the grid, or an amount rounds to nothing.
    """
    maker_amount, taker_amount = order_amounts(command, tick_e4)
    order_type: OrderType = "FAK"
    expiration_s = 0
    if command.post_only:
        order_type = "GTC"
        if command.expires_ns is not None:
            order_type = "GTD"
            expiration_s = stated_expiration_s(command.expires_ns, now_ns)
    order = Order(
        salt=salt,
        maker=wallet.address,
        signer=wallet.order_signer,
        token_id=command.token_id,
        maker_amount=maker_amount,
        taker_amount=taker_amount,
        side=command.side,
        signature_type=wallet.signature_type,
        timestamp_ms=now_ns // _MS_NS,
    )
    exchange = exchange_of(command.token_id, neg_risk=neg_risk)
    return BuiltOrder(order, exchange, order_type, expiration_s)
