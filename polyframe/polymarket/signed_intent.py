"""An order signed once and sent as often as it takes, and the last gate before the signature; pure.

The gate trusts nobody before it: it reads the amounts as the venue will, and compares contracts
with those of the official client.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from polyframe.commands import PlaceOrder
from polyframe.errors import PolyframeError
from polyframe.events import Side
from polyframe.model import MarketSpec
from polyframe.money import PRICE_ONE_E4, price_text, size_text
from polyframe.polymarket import contracts
from polyframe.polymarket.amounts import order_terms
from polyframe.polymarket.keys import PrivateKey
from polyframe.polymarket.order_building import BuiltOrder, TradingWallet, build_order
from polyframe.polymarket.order_signing import CHAIN_ID, Exchange, order_id, sign_order
from polyframe.polymarket.order_wire import OrderPost, signed_order

SALT_BITS: Final = 53
"""A salt is a JSON number on the wire, and must survive one that is read as a double."""

ExchangeName = Literal["STANDARD", "NEG_RISK", "V3"]


class SigningRefused(PolyframeError):
    """An order that polyframe does not sign. ``code`` is a reject code, the text one line."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class VenueContracts(msgspec.Struct, frozen=True):
    """The chain and the contracts that the official client signs for; addresses as it has them."""

    chain_id: int = CHAIN_ID
    standard: str = contracts.STANDARD_EXCHANGE
    neg_risk: str = contracts.NEG_RISK_EXCHANGE
    v3: str = contracts.EXCHANGE_V3

    def address_of(self, exchange: Exchange) -> str:
        """Return its address of an exchange."""
        match exchange:
            case Exchange.STANDARD:
                return self.standard
            case Exchange.NEG_RISK:
                return self.neg_risk
            case Exchange.V3:
                return self.v3


class SignedIntent(msgspec.Struct, frozen=True, kw_only=True):
    """A signed order, to be stored before it leaves and sent again as the same signed bytes.

    ``order_id`` is ours, ``venue_id`` the venue's: the EIP-712 digest, known before the venue
    has seen it. ``post`` is the body of ``POST /order``. It holds no secret: a signature
    allows this one order.
    """

    order_id: str
    venue_id: str
    exchange: ExchangeName
    post: OrderPost

    def to_bytes(self) -> bytes:
        """Return it as JSON, to be stored."""
        return msgspec.json.encode(self)

    @classmethod
    def from_bytes(cls, raw: bytes) -> SignedIntent:
        """Read what :meth:`to_bytes` wrote.

        Raises:
            ValueError: it is none, or its id is not the digest of its order.
        """
        try:
            intent = _DECODER.decode(raw)
            digest = order_id(intent.post.order.order(), Exchange[intent.exchange])
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            raise ValueError(f"not a stored order: {error}") from None
        if digest != intent.venue_id:
            raise ValueError(f"a stored order says it is {intent.venue_id[:80]}, and is {digest}")
        return intent


_DECODER = msgspec.json.Decoder(SignedIntent)


def sign_intent(
    command: PlaceOrder,
    spec: MarketSpec,
    *,
    wallet: TradingWallet,
    key: PrivateKey,
    api_key: str,
    salt: int,
    now_ns: int,
    max_order_usd: float,
    venue: VenueContracts = VenueContracts(),  # noqa: B008 - immutable
) -> SignedIntent:
    """Return a command's order, signed.

    CPU only: about a tenth of a millisecond.

    Args:
        command: what is asked.
        spec: of the command's market, as it is now.
        wallet: whose order it is; its owner is ``key``'s address.
        key: signs.
        api_key: who posts it.
        salt: makes it unique, below 2**53.
        now_ns: UTC nanoseconds.
        max_order_usd: most that one order may be worth at its price.
        venue: the chain and contracts of the official client.

    Raises:
        SigningRefused: the gate does not let it through.
    """
    _refuse_command(command, spec, now_ns)
    try:
        built = build_order(
            command,
            tick_e4=spec.tick_e4,
            neg_risk=spec.neg_risk,
            wallet=wallet,
            salt=salt,
            now_ns=now_ns,
        )
    except ValueError as error:
        raise SigningRefused("invalid", f"{command.order_id}: {error}") from None
    _refuse_built(command, built, spec.tick_e4, max_order_usd, venue)
    if wallet.owner != key.address:
        raise SigningRefused(
            "auth", f"{command.order_id}: {wallet.address} is not a wallet of {key.address}"
        )
    if not 0 <= salt < 2**SALT_BITS:
        raise SigningRefused("invalid", f"{command.order_id}: the salt has more than 53 bits")
    signature = sign_order(built.order, built.exchange, key)
    name: ExchangeName = _NAMES[built.exchange]
    return SignedIntent(
        order_id=command.order_id,
        venue_id=order_id(built.order, built.exchange),
        exchange=name,
        post=OrderPost(
            order=signed_order(built.order, signature, built.expiration_s),
            order_type=built.order_type,
            owner=api_key,
            post_only=True if command.post_only else msgspec.UNSET,
        ),
    )


_NAMES: dict[Exchange, ExchangeName] = {
    Exchange.STANDARD: "STANDARD",
    Exchange.NEG_RISK: "NEG_RISK",
    Exchange.V3: "V3",
}


def _refuse_command(command: PlaceOrder, spec: MarketSpec, now_ns: int) -> None:
    """Refuse what no arithmetic can repair."""
    name, price_e4 = command.order_id, command.price_e4
    if command.market_id != spec.market_id or command.token_id not in spec.token_ids:
        raise SigningRefused("invalid", f"{name}: its token is not one of market {spec.market_id}")
    if not 0 < price_e4 < PRICE_ONE_E4:
        raise SigningRefused("tick", f"{name}: {price_e4} ten-thousandths is not inside (0, 1)")
    tick_e4 = spec.tick_e4
    if price_e4 % tick_e4 or not tick_e4 <= price_e4 <= PRICE_ONE_E4 - tick_e4:
        raise SigningRefused(
            "tick", f"{name}: {price_text(price_e4)} is off the grid of {price_text(tick_e4)}"
        )
    if command.expires_ns is not None and command.expires_ns <= now_ns:
        raise SigningRefused("expiration", f"{name}: it would have expired already")


def _refuse_built(
    command: PlaceOrder,
    built: BuiltOrder,
    tick_e4: int,
    max_order_usd: float,
    venue: VenueContracts,
) -> None:
    """Refuse an order whose amounts or contract are not what was asked for."""
    name, order = command.order_id, built.order
    terms = order_terms(order.side, order.maker_amount, order.taker_amount)
    # A BUY that takes lies a hair above its limit: what counts is the grid price below it.
    price_e4 = terms.price_e4 if command.post_only else terms.price_e4 // tick_e4 * tick_e4
    is_exact = terms.is_on_e4_grid or (not command.post_only and order.side is Side.BUY)
    if price_e4 != command.price_e4 or not is_exact or terms.size_e6 > command.size_e6:
        raise SigningRefused(
            "invalid",
            f"{name}: its amounts say {size_text(terms.size_e6)} at {float(terms.price):.6g}, "
            f"asked were {size_text(command.size_e6)} at {price_text(command.price_e4)}",
        )
    usd_e6 = order.maker_amount if order.side is Side.BUY else order.taker_amount
    if usd_e6 > max_order_usd * 1e6:
        raise SigningRefused(
            "limit",
            f"{name}: {size_text(usd_e6)} USD is more than max_order_usd, {max_order_usd:g}",
        )
    if venue.chain_id != CHAIN_ID:
        raise SigningRefused("contract", f"{name}: chain {venue.chain_id} is not {CHAIN_ID}")
    address = venue.address_of(built.exchange)
    if address.lower() != built.exchange.contract.lower():
        raise SigningRefused(
            "contract", f"{name}: the official client's exchange {address} is not "
            f"{built.exchange.contract}",
        )  # fmt: skip
