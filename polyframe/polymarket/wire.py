"""The market channel's messages as lean structs, and its price strings as integers; pure.

Only the fields that are read are declared; everything else on the wire is skipped by the
decoder. Turning these into events is :mod:`polyframe.polymarket.codec`'s work.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

import msgspec

from polyframe.events import Side
from polyframe.money import PRICE_ONE_E4, parse_price_e4, parse_size_e6

# Far above any real size, far below where micro-shares would leave 64 bits on the tape.
_MOST_SHARES = 1e12
_WHOLE_DIGITS = 12
_TABLE_ENTRIES = 32_768  # every legal price in its two or three usual spellings
_TABLE_KEY_CHARS = 8

_Shares = Annotated[float, msgspec.Meta(ge=0, lt=_MOST_SHARES)]
_Millis = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]
_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Level(msgspec.Struct, gc=False):
    """One resting level of a book."""

    price: str
    size: _Shares


class Change(msgspec.Struct, gc=False):
    """One level's new total; ``best_*`` are the touch after it."""

    asset_id: _Id
    price: str
    size: _Shares
    side: Side
    best_bid: str | None = None
    best_ask: str | None = None


class _Message(msgspec.Struct, tag_field="event_type"):
    market: _Id
    timestamp: _Millis


class BookMessage(_Message, tag="book"):
    """A whole book; tick and minimum size are optional on the wire."""

    asset_id: _Id
    bids: list[Level]
    asks: list[Level]
    tick_size: str | None = None
    min_order_size: str | None = None
    hash: str | None = None


class PriceChangeMessage(_Message, tag="price_change"):
    """Levels that changed together (the shape since 2025-09-15)."""

    price_changes: list[Change]


class LastTradeMessage(_Message, tag="last_trade_price"):
    """One public trade; ``size`` stays text, it is counted exactly."""

    asset_id: _Id
    price: str
    size: str
    side: Side
    transaction_hash: str | None = None


class TickSizeMessage(_Message, tag="tick_size_change"):
    """A new price grid for one token."""

    asset_id: _Id
    old_tick_size: str
    new_tick_size: str


class BestBidAskMessage(_Message, tag="best_bid_ask"):
    """The touch of one token."""

    asset_id: _Id
    best_bid: str | None = None
    best_ask: str | None = None


class NewMarketMessage(_Message, tag="new_market"):
    """A market was announced; either id list may be missing."""

    question: str = ""
    assets_ids: list[_Id] | None = None
    clob_token_ids: list[_Id] | None = None


class ResolvedMessage(_Message, tag="market_resolved"):
    """A market paid out."""

    winning_asset_id: str | None = None


class RestBook(msgspec.Struct):
    """A book as REST answers it, without ``event_type``."""

    asset_id: _Id
    timestamp: _Millis
    bids: list[Level]
    asks: list[Level]


AnyMessage = (
    PriceChangeMessage
    | BookMessage
    | LastTradeMessage
    | BestBidAskMessage
    | TickSizeMessage
    | NewMarketMessage
    | ResolvedMessage
)
# Not strict: the venue writes numbers as strings, and msgspec reads those in C, refusing
# NaN, infinities, underscores and blanks that float() would let through.
FRAME: msgspec.json.Decoder[AnyMessage | list[AnyMessage]] = msgspec.json.Decoder(
    AnyMessage | list[AnyMessage],
    strict=False,
)
BOOKS: msgspec.json.Decoder[RestBook | list[RestBook]] = msgspec.json.Decoder(
    RestBook | list[RestBook],
    strict=False,
)


# --- price strings -------------------------------------------------------------------

_T = TypeVar("_T")


class _PriceTable(dict[str | None, _T], Generic[_T]):
    """Price strings seen so far and their integers; bounded, so a hostile feed cannot fill it."""

    def __init__(self, parse: Callable[[str | None], _T]) -> None:
        super().__init__()
        self._parse: Callable[[str | None], _T] = parse

    def __missing__(self, text: str | None) -> _T:
        price = self._parse(text)
        if len(self) < _TABLE_ENTRIES and (text is None or len(text) <= _TABLE_KEY_CHARS):
            self[text] = price
        return price


def _level_price(text: str | None) -> int:
    price_e4 = parse_price_e4(text or "")
    # No order can rest at 0 or 1: both are outside [tick, 1 - tick] on every grid.
    if not 0 < price_e4 < PRICE_ONE_E4:
        raise ValueError(f"no order can rest at {text}")
    return price_e4


def _touch_price(empty: int) -> Callable[[str | None], int | None]:
    """A reader of a best price, where "", null and the far end of the range mean: nothing."""

    def parse(text: str | None) -> int | None:
        price_e4 = parse_price_e4(text) if text else empty
        return None if price_e4 == empty else price_e4

    return parse


LEVEL_PRICE: _PriceTable[int] = _PriceTable(_level_price)
# The venue writes an empty bid side as "0" and an empty ask side as "1".
BEST_BID: _PriceTable[int | None] = _PriceTable(_touch_price(0))
BEST_ASK: _PriceTable[int | None] = _PriceTable(_touch_price(PRICE_ONE_E4))


def tick_e4(text: str) -> int:
    """Return a tick string in ten-thousandths; ValueError unless it divides 1."""
    tick = parse_price_e4(text)
    if not tick or PRICE_ONE_E4 % tick:
        raise ValueError(f"a tick of {text[:20]!r} does not divide 1")
    return tick


def size_e6(text: str) -> int:
    """Return a size string in micro-shares, cut after six decimals; ValueError if unreadable."""
    whole, point, fraction = text.partition(".")
    if len(whole) > _WHOLE_DIGITS:
        raise ValueError(f"{text[:40]!r} is not a credible size")
    if fraction[6:].isdigit():
        text = whole + point + fraction[:6]
    return parse_size_e6(text)
