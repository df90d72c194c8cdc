"""From a posted body to an order the desk can take: whose it is, who signed it, what it asks for.

The checks and their texts are venue.md 2.9; signatures of types 0 to 2 are recovered against the
market's exchange, type 3 by the structure its wallet would check (venue.md 1.5).
"""

from __future__ import annotations

import msgspec

from polyframe.events import Side
from polyframe.exchange.private.api_keys import Caller
from polyframe.exchange.source import MarketTerms
from polyframe.exchange.trading.orders import OrderRequest
from polyframe.exchange.wire import wire_price
from polyframe.polymarket.amounts import OrderTerms, order_terms
from polyframe.polymarket.order_signing import (
    Exchange,
    Order,
    SignatureType,
    is_session_signature,
    order_id,
    order_signer,
)
from polyframe.polymarket.order_wire import OrderPost, SignedOrder
from polyframe.polymarket.wallets import deposit_wallets, proxy_wallet, safe_wallet

BAD_PAYLOAD = "Invalid order payload"
_BAD_OWNER = "the order owner has to be the owner of the API KEY"
_BAD_SIGNER = "the order signer address has to be the address of the API KEY"
_BAD_SIGNATURE = "invalid signature"
_BAD_VERSION = "order_version_mismatch"
_E6 = 10**6
_NO_EOA = "maker address not allowed, please use the deposit wallet flow"


class Intake(msgspec.Struct, frozen=True):
    """What the exchange accepts beyond the protocol; ``takes_eoa`` False sends EOAs away.

    ``binds_dollars`` lets a BUY that takes spend the dollars of its amounts, not get its shares.
    """

    takes_eoa: bool = True
    binds_dollars: bool = False

    def request(
        self, post: OrderPost, caller: Caller, terms: MarketTerms, tick_e4: int
    ) -> OrderRequest | str:
        """Return the order, or the text with which it is refused.

        Args:
            post: the decoded body.
            caller: who sent it.
            terms: of the market of its token.
            tick_e4: the market's grid now.
        """
        signed = post.order
        if post.owner != caller.api_key:
            return _BAD_OWNER
        if post.is_post_only and post.order_type not in ("GTC", "GTD"):
            return BAD_PAYLOAD
        refusal = self._refuse_parties(signed, caller)
        if refusal:
            return refusal
        order, exchange = signed.order(), Exchange.of_market(terms.version, neg_risk=terms.neg_risk)
        refusal = _refuse_signature(order, exchange, signed.signature_bytes, caller)
        if refusal:
            return refusal
        identity = order_id(order, exchange)
        try:
            asked = order_terms(order.side, order.maker_amount, order.taker_amount)
        except ValueError:
            return BAD_PAYLOAD
        takes_only = post.order_type in ("FAK", "FOK")
        if not takes_only and not asked.is_on_e4_grid:
            return (
                f"order {identity} is invalid. Price ({float(asked.price):.6g}) breaks minimum "
                f"tick size rule: {wire_price(tick_e4)}"
            )
        return OrderRequest(
            order_id=identity,
            api_key=caller.api_key,
            signer=caller.address,
            wallet=signed.maker,
            token_id=signed.token_id,
            side=order.side,
            price_e4=_on_tick(asked, order.side, tick_e4) if takes_only else asked.price_e4,
            size_e6=asked.size_e6,
            order_type=post.order_type,
            expiration_s=signed.expiration_s,
            post_only=post.is_post_only,
            spends_e12=order.maker_amount * _E6
            if takes_only and self.binds_dollars and order.side is Side.BUY
            else 0,
        )

    def _refuse_parties(self, signed: SignedOrder, caller: Caller) -> str:
        """Return why maker and signer do not go with the caller's key, or an empty string."""
        kind, maker = signed.signature_type, signed.maker.lower()
        if kind is SignatureType.DEPOSIT_WALLET:
            if signed.signer.lower() != maker:
                return _BAD_SIGNER
            own = [wallet.lower() for wallet in deposit_wallets(caller.address)]
            # Which wallets a session key may sign for is known to the chain alone.
            is_its = maker in own or is_session_signature(signed.signature_bytes)
            return "" if is_its else _BAD_SIGNATURE
        if signed.signer.lower() != caller.address.lower():
            return _BAD_SIGNER
        if kind is SignatureType.EOA:
            if maker != caller.address.lower():
                return _BAD_SIGNATURE
            return "" if self.takes_eoa else _NO_EOA
        derive = proxy_wallet if kind is SignatureType.POLY_PROXY else safe_wallet
        return "" if maker == derive(caller.address).lower() else _BAD_SIGNATURE


def wallet_of(address: str, signature_type: int, known: tuple[str, ...] = ()) -> str:
    """Return the wallet an address trades from with a signature type.

    ``known`` are wallets that exist already: of two deposit wallets the existing one counts.

    Raises:
        ValueError: no such type, or no address.
    """
    match SignatureType(signature_type):
        case SignatureType.EOA:
            return address
        case SignatureType.POLY_PROXY:
            return proxy_wallet(address)
        case SignatureType.GNOSIS_SAFE:
            return safe_wallet(address)
        case _:
            wallets = deposit_wallets(address)
            return next((one for one in wallets if one.lower() in known), wallets[0])


def _refuse_signature(order: Order, exchange: Exchange, signature: bytes, caller: Caller) -> str:
    try:
        signer = order_signer(order, exchange, signature)
    except ValueError:
        return _BAD_SIGNATURE
    if signer.lower() == caller.address.lower():
        return ""
    if order.signature_type is not SignatureType.DEPOSIT_WALLET:
        for other in Exchange:
            was_signed = order_signer(order, other, signature).lower() == caller.address.lower()
            if was_signed and (other is Exchange.V3) != (exchange is Exchange.V3):
                return _BAD_VERSION
    return _BAD_SIGNATURE


def _on_tick(asked: OrderTerms, side: Side, tick_e4: int) -> int:
    """Return the worst grid price a taking order may match at: its amounts were rounded."""
    below = asked.price_e4 // tick_e4 * tick_e4
    if side is Side.BUY or below == asked.price_e4:
        return below
    return below + tick_e4
