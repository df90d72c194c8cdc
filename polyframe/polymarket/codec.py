"""Market-channel frames and REST books to events; pure, and deaf to nothing.

Two ways through, one meaning. The fast way decodes a frame straight into lean structs (a
tagged union on ``event_type``, only the fields that are read). Whatever it refuses goes the
tolerant way: the frame is read object by object with every number kept as text, and what
still makes no sense becomes an :class:`~polyframe.events.Unrecognised`, never an exception.
Formats: docs/market-data.md; the order of levels on the wire means nothing here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from polyframe.events import (
    BestBidAsk,
    BookSnapshot,
    BookWitness,
    LevelChange,
    MarketDataEvent,
    MarketListed,
    MarketResolved,
    PriceChange,
    Side,
    TickSizeChange,
    TradePrint,
    Unrecognised,
)
from polyframe.polymarket.wire import (
    BEST_ASK,
    BEST_BID,
    BOOKS,
    FRAME,
    LEVEL_PRICE,
    AnyMessage,
    BestBidAskMessage,
    BookMessage,
    Change,
    LastTradeMessage,
    Level,
    NewMarketMessage,
    PriceChangeMessage,
    ResolvedMessage,
    RestBook,
    TickSizeMessage,
    size_e6,
    tick_e4,
)

_SAMPLE_CHARS = 200
_REASON_CHARS = 160
_UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)

# --- wire structs to events ----------------------------------------------------------


def _levels(levels: list[Level]) -> tuple[tuple[int, float], ...]:
    table = LEVEL_PRICE
    found = tuple([(table[level.price], level.size) for level in levels])
    if len({price_e4 for price_e4, _ in found}) != len(found):
        raise ValueError("a price stands twice on one side of the book")
    return found


def _event(message: AnyMessage, ts_ns: int) -> MarketDataEvent:
    """The event of one message; ValueError where a field means nothing."""
    return _READERS[type(message)](message, ts_ns)


def _price_change(message: PriceChangeMessage, ts_ns: int) -> PriceChange:
    level, best_bid, best_ask, buy = LEVEL_PRICE, BEST_BID, BEST_ASK, Side.BUY
    changes = [
        LevelChange(
            change.asset_id,
            change.side is buy,
            level[change.price],
            change.size,
            best_bid[change.best_bid],
            best_ask[change.best_ask],
        )
        for change in message.price_changes
    ]
    return PriceChange(ts_ns, message.timestamp, message.market, tuple(changes))


def _book(message: BookMessage, ts_ns: int) -> BookSnapshot:
    return BookSnapshot(
        ts_ns,
        message.timestamp,
        message.market,
        message.asset_id,
        _levels(message.bids),
        _levels(message.asks),
        tick_e4(message.tick_size) if message.tick_size else None,
        size_e6(message.min_order_size) if message.min_order_size else None,
        message.hash or "",
    )


def _trade_print(message: LastTradeMessage, ts_ns: int) -> TradePrint:
    return TradePrint(
        ts_ns,
        message.timestamp,
        message.market,
        message.asset_id,
        LEVEL_PRICE[message.price],
        size_e6(message.size),
        message.side,
        message.transaction_hash or "",
    )


def _tick_change(message: TickSizeMessage, ts_ns: int) -> TickSizeChange:
    return TickSizeChange(
        ts_ns,
        message.timestamp,
        message.market,
        message.asset_id,
        tick_e4(message.old_tick_size),
        tick_e4(message.new_tick_size),
    )


def _touch(message: BestBidAskMessage, ts_ns: int) -> BestBidAsk:
    return BestBidAsk(
        ts_ns,
        message.timestamp,
        message.market,
        message.asset_id,
        BEST_BID[message.best_bid],
        BEST_ASK[message.best_ask],
    )


def _listed(message: NewMarketMessage, ts_ns: int) -> MarketListed:
    tokens = message.clob_token_ids or message.assets_ids or ()
    return MarketListed(ts_ns, message.timestamp, message.market, tuple(tokens), message.question)


def _resolved(message: ResolvedMessage, ts_ns: int) -> MarketResolved:
    return MarketResolved(ts_ns, message.timestamp, message.market, message.winning_asset_id or "")


_READERS: Mapping[type, Callable[[Any, int], MarketDataEvent]] = {
    PriceChangeMessage: _price_change,
    BookMessage: _book,
    LastTradeMessage: _trade_print,
    TickSizeMessage: _tick_change,
    BestBidAskMessage: _touch,
    NewMarketMessage: _listed,
    ResolvedMessage: _resolved,
}


def decode(raw: bytes | str, ts_ns: int) -> list[MarketDataEvent]:
    """Return the events of one market-channel frame; never raises.

    Args:
        raw: the frame as received: one object, an array of them, or a text ``PONG``.
        ts_ns: its receipt time, UTC nanoseconds; every event carries it.

    Returns:
        The events in the order of the frame; an object (or a level change) that cannot be
        read is one ``Unrecognised`` and costs its neighbours nothing.
    """
    if len(raw) == 4 and raw in (b"PONG", "PONG"):
        return []
    try:
        message = FRAME.decode(raw)
        if isinstance(message, list):
            return [_event(each, ts_ns) for each in message]
        return [_event(message, ts_ns)]
    except _UNREADABLE:
        return _decode_tolerantly(raw, ts_ns, _read_message)


def decode_books(raw: bytes | str, ts_ns: int) -> list[BookWitness | Unrecognised]:
    """Return the books of one REST ``/book`` or ``/books`` answer; never raises.

    Args:
        raw: the body: one book object or an array of them (venue.md 2.3).
        ts_ns: receipt time, UTC nanoseconds.
    """
    try:
        answer = BOOKS.decode(raw)
        books = answer if isinstance(answer, list) else [answer]
        return [_witness(book, ts_ns) for book in books]
    except _UNREADABLE:
        return _decode_tolerantly(raw, ts_ns, _read_book)


def _witness(book: RestBook, ts_ns: int) -> BookWitness:
    return BookWitness(ts_ns, book.timestamp, book.asset_id, _levels(book.bids), _levels(book.asks))


# --- the tolerant way ----------------------------------------------------------------

_E = TypeVar("_E", bound="MarketDataEvent | BookWitness")


def _decode_tolerantly(
    raw: bytes | str, ts_ns: int, read: Callable[[Any, int], Iterable[_E]]
) -> list[_E | Unrecognised]:
    try:
        text = raw if isinstance(raw, str) else str(raw, "utf-8")
        # Numbers stay the text they were: exact, and NaN or 1e400 harms one field only.
        parsed = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        return [_unrecognised(ts_ns, f"not JSON: {error}", raw)]
    events: list[_E | Unrecognised] = []
    for item in parsed if isinstance(parsed, list) else [parsed]:
        try:
            found = list(read(item, ts_ns))
            # What a tape cannot hold (a lone surrogate, an integer past 64 bits) is unreadable.
            msgspec.json.encode(found)
        except (*_UNREADABLE, OverflowError) as error:
            events.append(_unrecognised(ts_ns, str(error), item))
        else:
            events.extend(found)
    return events


def _read_book(item: Any, ts_ns: int) -> Iterable[BookWitness]:
    yield _witness(msgspec.convert(item, RestBook, strict=False), ts_ns)


def _read_message(item: Any, ts_ns: int) -> Iterable[MarketDataEvent]:
    if not isinstance(item, dict):
        raise ValueError("not an object")
    if item.get("event_type") != "price_change":
        yield _event(msgspec.convert(item, AnyMessage, strict=False), ts_ns)
        return
    head = msgspec.convert({**item, "price_changes": []}, PriceChangeMessage, strict=False)
    good: list[LevelChange] = []
    bad: list[Unrecognised] = []
    for change in _changes_of(item):
        try:
            head.price_changes = [msgspec.convert(change, Change, strict=False)]
            good.extend(_price_change(head, ts_ns).changes)
        except _UNREADABLE as error:
            bad.append(_unrecognised(ts_ns, str(error), change))
    if good:
        yield PriceChange(ts_ns, head.timestamp, head.market, tuple(good))
    yield from bad


def _changes_of(item: dict[str, Any]) -> list[Any]:
    """The level changes of any of the three shapes this message has had (venue.md 3.2)."""
    changes = item.get("price_changes", item.get("changes"))
    if changes is None:
        return [item]  # before 2025-09-15: one flat change
    if not isinstance(changes, list):
        raise ValueError("price_changes is not an array")
    # Before 2025-09-15 the token stood once, above the changes.
    token_id = item.get("asset_id")
    return [
        {"asset_id": token_id, **change} if isinstance(change, dict) else change
        for change in changes
    ]


def _unrecognised(ts_ns: int, reason: str, sample: Any) -> Unrecognised:
    if isinstance(sample, bytes):
        shown = str(sample[: 4 * _SAMPLE_CHARS], "utf-8", "replace")
    elif isinstance(sample, str):
        shown = sample[:_SAMPLE_CHARS]
    else:
        try:
            shown = json.dumps(sample)
        except (ValueError, RecursionError):
            shown = "nested too deeply to show"
    return Unrecognised(
        ts_ns, _printable(reason[:_REASON_CHARS]), _printable(shown[:_SAMPLE_CHARS])
    )


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


# --- the book hash -------------------------------------------------------------------

_HASHED = (
    "market",
    "asset_id",
    "timestamp",
    "hash",
    "bids",
    "asks",
    "min_order_size",
    "tick_size",
    "neg_risk",
    "last_trade_price",
)


def book_hash(fields: Mapping[str, Any]) -> str:
    """Return the venue's SHA-1 of a book object, to be compared with its ``hash``.

    Advisory only: the venue may hash a ``last_trade_price`` it never sent (venue.md 3.3).

    Args:
        fields: the object as sent, strings verbatim, levels in wire order as
            ``{"price", "size"}``; its own ``hash`` is ignored.

    Raises:
        KeyError: a hashed field is missing; a socket's ``book`` may lack the last four,
            which the caller then supplies.
    """
    canonical: dict[str, Any] = {key: "" if key == "hash" else fields[key] for key in _HASHED}
    for side in ("bids", "asks"):
        canonical[side] = [
            {"price": level["price"], "size": level["size"]} for level in canonical[side]
        ]
    compact = json.dumps(canonical, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha1(compact.encode(), usedforsecurity=False).hexdigest()
