"""Messages of the market channel and the REST book, built to the venue's exact shape.

All numbers are strings but for ``neg_risk``; arrays are worst-first; key order matters to the
book hash (venue.md 2.3, 3.2, 3.3).
"""

from __future__ import annotations

from typing import Any

import msgspec

from polyframe.exchange.source import BookMessage
from polyframe.money import PRICE_ONE_E4, size_text
from polyframe.polymarket.codec import book_hash

encode = msgspec.json.encode

# The venue writes prices without trailing zeros; a table is faster than formatting.
_PRICE_TEXT = tuple(
    f"{price_e4 / PRICE_ONE_E4:.4f}".rstrip("0").rstrip(".") for price_e4 in range(10_001)
)


def wire_price(price_e4: int) -> str:
    """Return a price as the socket carries it: ``0.5``, ``0.525``."""
    return _PRICE_TEXT[price_e4]


def book_message(
    *,
    market: str,
    asset_id: str,
    timestamp: str,
    bids: list[dict[str, str]],
    asks: list[dict[str, str]],
    min_order_size: str,
    tick_size: str,
    neg_risk: bool,
    last_trade_price: str,
) -> BookMessage:
    """Return a REST book with its hash; ``bids`` ascending and ``asks`` descending."""
    book: BookMessage = {
        "market": market,
        "asset_id": asset_id,
        "timestamp": timestamp,
        "hash": "",
        "bids": bids,
        "asks": asks,
        "min_order_size": min_order_size,
        "tick_size": tick_size,
        "neg_risk": neg_risk,
        "last_trade_price": last_trade_price,
    }
    book["hash"] = book_hash(book)
    return book


def socket_book(book: BookMessage) -> dict[str, Any]:
    """Return a REST book as the ``book`` message of the market channel."""
    return {"event_type": "book", **book}


def token_levels(levels: list[tuple[int, int]], *, is_yes: bool) -> list[dict[str, str]]:
    """Return worst-first YES levels as one token's wire levels.

    For the NO token the caller passes the opposite side; the mirror keeps worst-first order.
    """
    if is_yes:
        return [{"price": _PRICE_TEXT[p], "size": size_text(s)} for p, s in levels]
    return [{"price": _PRICE_TEXT[PRICE_ONE_E4 - p], "size": size_text(s)} for p, s in levels]


def level_change(
    asset_id: str,
    *,
    price_e4: int,
    size_e6: int,
    is_bid: bool,
    order_hash: str,
    best_bid_e4: int | None,
    best_ask_e4: int | None,
) -> dict[str, str]:
    """Return one entry of a ``price_change``: the level's new total, "0" deletes it.

    A missing touch is an empty string, as the venue may send it.
    """
    return {
        "asset_id": asset_id,
        "price": _PRICE_TEXT[price_e4],
        "size": size_text(size_e6),
        "side": "BUY" if is_bid else "SELL",
        "hash": order_hash,
        "best_bid": "" if best_bid_e4 is None else _PRICE_TEXT[best_bid_e4],
        "best_ask": "" if best_ask_e4 is None else _PRICE_TEXT[best_ask_e4],
    }
