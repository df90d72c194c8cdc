"""The venue's words on our account to values: user-channel frames and REST rows; pure.

Nothing here raises. What cannot be read in every field that money depends on is an
:class:`~polyframe.events.Unrecognised` with its reason: whoever gets one asks the venue over
REST. Formats and their traps: venue.md 2.7, 2.8, 3.4. The official client drops some of these
events, so it is not asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from polyframe.events import Side, Unrecognised
from polyframe.money import complement_e4
from polyframe.polymarket import account_fields as read
from polyframe.polymarket.account_words import OrderWord, VenueFill, VenueOrder

Word = VenueOrder | VenueFill | Unrecognised
IsOurs = Callable[[str], bool]

_SAMPLE_CHARS = 200
_REASON_CHARS = 160
_S_NS = 10**9
_END_CURSOR = "LTE="


class Page(NamedTuple):
    """One page of a REST list; ``next_cursor`` is "" on the last one.

    ``fault`` is why the page itself cannot be read, "" where it can.
    """

    words: list[Word]
    next_cursor: str
    fault: str = ""


def nobody(_order_id: str) -> bool:
    """No order is known to be ours: only the API key says so."""
    return False


def decode_frame(raw: bytes, ts_ns: int, *, api_key: str, is_ours: IsOurs = nobody) -> list[Word]:
    """Return what a frame of the user channel says, in its order.

    Args:
        raw: one object or an array of them.
        ts_ns: when it came, UTC nanoseconds.
        api_key: ours; fills of its orders are ours.
        is_ours: whether an order id of the venue's is known to be ours, whoever posted it.
    """
    try:
        frame = read.DECODER.decode(raw)
    except read.UNREADABLE as error:
        return [_unrecognised(ts_ns, f"no JSON: {error}", raw)]
    words: list[Word] = []
    for message in frame if isinstance(frame, list) else [frame]:
        words += _decode_message(message, ts_ns, api_key, is_ours)
    return words


def decode_orders_page(raw: bytes, ts_ns: int) -> Page:
    """Return a page of ``/data/orders``."""
    return _decode_page(raw, ts_ns, lambda row: [decode_order(row, ts_ns)])


def decode_trades_page(raw: bytes, ts_ns: int, *, api_key: str, is_ours: IsOurs = nobody) -> Page:
    """Return our fills of a page of ``/data/trades``; arguments as :func:`decode_frame`'s."""
    return _decode_page(raw, ts_ns, lambda row: decode_trade(row, ts_ns, api_key, is_ours))


def decode_order(fields: Any, ts_ns: int) -> VenueOrder | Unrecognised:
    """Return an order event of the channel, or an order as REST shows it.

    A CANCELLATION that still calls the order LIVE, or calls it nothing, is CANCELED. A bare
    UNMATCHED outside of one is a marketable order that was held and met nobody: it rests, so it
    is LIVE with that reason (venue.md 4.7).
    """
    try:
        return _order(fields, ts_ns)
    except read.UNREADABLE as error:
        return _unrecognised(ts_ns, f"order: {error}", fields)


def decode_trade(
    fields: Any, ts_ns: int, api_key: str, is_ours: IsOurs = nobody
) -> list[VenueFill | Unrecognised]:
    """Return our legs of a trade, of the channel or of REST; none where it is not ours.

    As its taker there is a leg for each maker order, numbered in the order of their ids: another
    order of the same makers makes no other legs. Who meets itself has legs on both sides.
    """
    try:
        return list(_fills(fields, ts_ns, api_key, is_ours))
    except read.UNREADABLE as error:
        return [_unrecognised(ts_ns, f"trade: {error}", fields)]


def _decode_message(
    message: Any, ts_ns: int, api_key: str, is_ours: IsOurs
) -> list[VenueOrder | VenueFill | Unrecognised]:
    kind = message.get("event_type") if isinstance(message, dict) else None
    if kind == "order":
        return [decode_order(message, ts_ns)]
    if kind == "trade":
        return [*decode_trade(message, ts_ns, api_key, is_ours)]
    return [_unrecognised(ts_ns, f"an event type of {kind!r:.60}", message)]


def _decode_page(raw: bytes, ts_ns: int, decode: Callable[[Any], list[Any]]) -> Page:
    try:
        page = read.DECODER.decode(raw)
    except read.UNREADABLE as error:
        return Page([], "", f"no JSON: {error}"[:_REASON_CHARS])
    rows = page.get("data") if isinstance(page, dict) else None
    if not isinstance(rows, list):
        return Page([], "", "a page without its list")
    cursor = page.get("next_cursor")
    if cursor is not None and not isinstance(cursor, str):
        return Page([], "", f"a cursor of {cursor!r:.40}")
    words: list[Word] = []
    for row in rows:
        words += decode(row)
    return Page(words, "" if cursor in (None, _END_CURSOR) else cursor)


def _order(fields: Any, ts_ns: int) -> VenueOrder:
    if not isinstance(fields, dict):
        raise ValueError("no object")
    side = read.side(fields)
    if side is None:
        raise ValueError("no side")
    size_e6 = read.size_e6(fields, "original_size")
    matched_e6 = read.optional_size_e6(fields, "size_matched")
    word, reason = _word(fields, size_e6, matched_e6)
    return VenueOrder(
        ts_ns=ts_ns,
        order_id=read.text(fields, "id"),
        owner=read.any_text(fields, "owner", "order_owner"),
        market_id=read.text(fields, "market"),
        token_id=read.text(fields, "asset_id"),
        side=side,
        price_e4=read.price_e4(fields, "price"),
        size_e6=size_e6,
        matched_e6=matched_e6,
        word=word,
        reason=reason,
        created_s=read.seconds(fields, "created_at"),
    )


def _word(fields: dict[str, Any], size_e6: int, matched_e6: int | None) -> tuple[OrderWord, str]:
    kind = str(fields.get("type", "")).upper()
    said = read.order_status(fields.get("status"))
    if kind == "CANCELLATION":
        return (OrderWord.CANCELED, "") if said in (None, (OrderWord.LIVE, "")) else said
    if said == (OrderWord.UNMATCHED, ""):
        return OrderWord.LIVE, "UNMATCHED"
    if said is not None:
        return said
    if kind not in ("PLACEMENT", "UPDATE"):
        raise ValueError("no status")
    is_full = matched_e6 is not None and matched_e6 >= size_e6
    return (OrderWord.MATCHED if is_full else OrderWord.LIVE), ""


# --- trades ---------------------------------------------------------------------------


class _MakerEntry(NamedTuple):
    order_id: str
    owner: str
    token_id: str
    side: Side
    price_e4: int
    size_e6: int


def _fills(fields: Any, ts_ns: int, api_key: str, is_ours: IsOurs) -> Iterator[VenueFill]:
    if not isinstance(fields, dict):
        raise ValueError("no object")
    taker_id = read.any_text(fields, "taker_order_id")
    entries = fields.get("maker_orders") or []
    if not isinstance(entries, list) or not all(isinstance(one, dict) for one in entries):
        raise ValueError("maker_orders is no list of objects")
    ours = [one for one in entries if _is_maker_of_ours(one, api_key, is_ours)]
    as_taker = is_ours(taker_id) or _calls_us_taker(fields, api_key, has_ours=bool(ours))
    if not ours and not as_taker:
        return
    token_id, side = read.text(fields, "asset_id"), read.side(fields)
    status = read.trade_status(fields.get("status"))
    trade_id, market_id = read.text(fields, "id"), read.text(fields, "market")
    match_time_s = read.seconds(fields, "match_time", "matchtime", "timestamp", "last_update")

    def fill(
        order_id: str, leg: int, entry: _MakerEntry | None, price_e4: int, size_e6: int
    ) -> VenueFill:
        if size_e6 <= 0 or not order_id:
            raise ValueError(f"a leg of {size_e6} micro-shares of order {order_id!r:.80}")
        own_side = side if entry is None else entry.side
        if own_side is None:
            raise ValueError("no side")
        return VenueFill(
            ts_ns=ts_ns,
            trade_id=trade_id,
            order_id=order_id,
            leg=leg,
            market_id=market_id,
            token_id=token_id if entry is None else entry.token_id,
            side=own_side,
            price_e4=price_e4,
            size_e6=size_e6,
            is_maker=entry is not None,
            status=status,
            match_time_s=ts_ns // _S_NS if match_time_s is None else match_time_s,
        )

    if as_taker:
        makers = sorted(_maker_entry(one, token_id, side) for one in entries)
        for leg, maker in enumerate(makers):
            is_same = maker.token_id == token_id
            paid_e4 = maker.price_e4 if is_same else complement_e4(maker.price_e4)
            yield fill(taker_id, leg, None, paid_e4, maker.size_e6)
        if not makers:
            price_e4, size_e6 = read.price_e4(fields, "price"), read.size_e6(fields, "size")
            yield fill(taker_id, 0, None, price_e4, size_e6)
    counts: dict[str, int] = {}
    for entry in sorted(_maker_entry(one, token_id, side) for one in ours):
        leg = counts.get(entry.order_id, 0)
        counts[entry.order_id] = leg + 1
        yield fill(entry.order_id, leg, entry, entry.price_e4, entry.size_e6)


def _calls_us_taker(fields: dict[str, Any], api_key: str, *, has_ours: bool) -> bool:
    """Whether the trade says that we took; where it does not say, its owner does."""
    told = fields.get("trader_side")
    if isinstance(told, str) and told.upper() in ("TAKER", "MAKER"):
        return told.upper() == "TAKER"
    return not has_ours and fields.get("owner") == api_key


def _is_maker_of_ours(entry: dict[str, Any], api_key: str, is_ours: IsOurs) -> bool:
    order_id = entry.get("order_id")
    return entry.get("owner") == api_key or (isinstance(order_id, str) and is_ours(order_id))


def _maker_entry(entry: dict[str, Any], taker_token: str, taker_side: Side | None) -> _MakerEntry:
    token_id = read.text(entry, "asset_id")
    side = read.side(entry)
    if side is None:
        if taker_side is None:
            raise ValueError("no side of a maker order")
        # Of one token somebody bought what another sold; of two both did the same (mint, merge).
        opposite = Side.SELL if taker_side is Side.BUY else Side.BUY
        side = opposite if token_id == taker_token else taker_side
    return _MakerEntry(
        read.text(entry, "order_id"),
        read.any_text(entry, "owner"),
        token_id,
        side,
        read.price_e4(entry, "price"),
        read.size_e6(entry, "matched_amount"),
    )


def _unrecognised(ts_ns: int, reason: str, sample: Any) -> Unrecognised:
    shown = sample if isinstance(sample, bytes) else repr(sample)[: _SAMPLE_CHARS * 2]
    if isinstance(shown, bytes):
        shown = shown[: _SAMPLE_CHARS * 2].decode("utf-8", "replace")
    return Unrecognised(ts_ns, reason[:_REASON_CHARS], shown[:_SAMPLE_CHARS])
