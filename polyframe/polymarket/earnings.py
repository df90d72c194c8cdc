"""What the venue says it paid us: liquidity rewards and maker rebates, by market and UTC day.

Answers are read raw: a row that cannot be read is told and never loses the others; amounts are
exact (1e-12 USD, finer digits cut off). Days are paid at midnight UTC and may lag (venue.md 5.2,
5.4), so a day is read again until it is final. The caller brings the way to ask; nothing here
touches a socket or a clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

import msgspec

from polyframe.errors import VenueError
from polyframe.money import USD_E12

Get = Callable[[str, Sequence[tuple[str, str]]], Awaitable[bytes]]
"""Returns the body of a GET of the CLOB, path and query given, with L2 headers."""

DAY_NS: Final = 86_400 * 10**9
AGREE_APART_NS: Final = 3_600 * 10**9
"""Two readings of a day that agree must be so far apart to mean anything."""
GIVE_UP_NS: Final = 48 * 3_600 * 10**9
"""A day is final so long after its end, whatever was read."""
LEAST_PAYOUT_E12: Final = USD_E12

_END_CURSOR = "LTE="
_MOST_PAGES = 1_000
_MOST_USD = 10**9
_MOST_TEXT = 160
_FINEST = Decimal("1e-12")
_decoder = msgspec.json.Decoder(float_hook=Decimal)


class EarningKind(StrEnum):
    """Which programme paid."""

    REWARD = "reward"
    REBATE = "rebate"


class Earned(msgspec.Struct, frozen=True):
    """What one market earned us on one UTC day, in 1e-12 USD."""

    kind: EarningKind
    day: date
    market_id: str
    amount_e12: int

    @property
    def reference(self) -> str:
        """What makes it this earning and no other."""
        return f"{self.day.isoformat()} {self.market_id}"


class EarningsRead(msgspec.Struct, frozen=True):
    """One reading of one programme and day, by market id; ``unread`` are rows not understood."""

    kind: EarningKind
    day: date
    earned: tuple[Earned, ...]
    unread: tuple[str, ...] = ()


class DayReading(msgspec.Struct, frozen=True):
    """What is known of a programme's day: the last reading, and since when readings agree."""

    read: EarningsRead
    since_ns: int
    read_ns: int


async def read_earnings(
    get: Get, day: date, *, wallet: str, signature_type: int
) -> list[EarningsRead]:
    """Return what both programmes say of a day, rewards first.

    Args:
        get: how the CLOB is asked.
        day: the UTC day.
        wallet: whose money it is; never the signer's address, unless they are the same.
        signature_type: the wallet's (0 to 3), by which the venue finds it.

    Raises:
        VenueError: no usable answer; ``get``'s own errors pass through.
    """
    return [
        await read_rewards(get, day, wallet=wallet, signature_type=signature_type),
        await read_rebates(get, day, wallet=wallet),
    ]


async def read_rewards(get: Get, day: date, *, wallet: str, signature_type: int) -> EarningsRead:
    """Read ``/rewards/user`` of a day, all pages; errors as above."""
    query = [("date", day.isoformat()), ("signature_type", str(signature_type))]
    rows = await _rows(get, "/rewards/user", query)
    return parse_rows(EarningKind.REWARD, day, wallet, rows)


async def read_rebates(get: Get, day: date, *, wallet: str) -> EarningsRead:
    """Read ``/rebates/current`` of a day, which is public; errors as above."""
    query = [("date", day.isoformat()), ("maker_address", wallet)]
    return parse_rows(EarningKind.REBATE, day, wallet, await _rows(get, "/rebates/current", query))


def parse_rows(kind: EarningKind, day: date, wallet: str, rows: Sequence[Any]) -> EarningsRead:
    """Return what rows of one programme and day say; never raises.

    Markets in the order of their appearance, rows of the same market added up. A row of another
    day, wallet or asset than dollars is not understood: it is told.
    """
    found: dict[str, int] = {}
    unread: list[str] = []
    for row in rows:
        try:
            market_id, amount_e12 = _row(kind, day, wallet, row)
        except ValueError as error:
            unread.append(f"{error}: {str(row)[:_MOST_TEXT]}")
            continue
        found[market_id] = found.get(market_id, 0) + amount_e12
    earned = (Earned(kind, day, market_id, amount) for market_id, amount in found.items())
    return EarningsRead(kind, day, tuple(one for one in earned if one.amount_e12), tuple(unread))


def paid_of(earned: Sequence[Earned]) -> list[Earned]:
    """Return what of a day is paid out: a programme's total of less than a dollar is lost."""
    totals: dict[tuple[EarningKind, date], int] = {}
    for one in earned:
        key = (one.kind, one.day)
        totals[key] = totals.get(key, 0) + one.amount_e12
    return [one for one in earned if totals[one.kind, one.day] >= LEAST_PAYOUT_E12]


# --- when a day is final -----------------------------------------------------------------


def heard(known: DayReading | None, read: EarningsRead, now_ns: int) -> DayReading:
    """Return what is known of a day after one more reading of it."""
    since_ns = now_ns
    if known is not None and known.since_ns >= end_ns(read.day):  # before it, all may still change
        since_ns = known.since_ns if _amounts(known.read) == _amounts(read) else now_ns
    return DayReading(read, since_ns, now_ns)


def is_final(known: DayReading) -> bool:
    """Whether a day needs no more reading.

    Two readings after its end, an hour or more apart, agreed; or the last one was 48 hours after
    it. Readings of nothing, or with rows not understood, never agree: the day may not be paid yet.
    """
    if known.read_ns >= end_ns(known.read.day) + GIVE_UP_NS:
        return True
    is_told = bool(known.read.earned) and not known.read.unread
    is_over = known.since_ns >= end_ns(known.read.day)
    return is_told and is_over and known.read_ns - known.since_ns >= AGREE_APART_NS


def days_to_read(first: date, now_ns: int, final: Container[date]) -> list[date]:
    """Return the days that have ended, from ``first`` on, and are not final; oldest first."""
    today = datetime.fromtimestamp(now_ns // 10**9, UTC).date()
    days = (first + timedelta(number) for number in range((today - first).days))
    return [day for day in days if day not in final]


def end_ns(day: date) -> int:
    """Return the midnight at which a UTC day ends, UTC ns."""
    return (day.toordinal() - date(1970, 1, 1).toordinal() + 1) * DAY_NS


def _amounts(read: EarningsRead) -> dict[str, int]:
    return {one.market_id: one.amount_e12 for one in read.earned}


# --- raw answers ---------------------------------------------------------------------------


async def _rows(get: Get, path: str, query: Sequence[tuple[str, str]]) -> list[Any]:
    rows: list[Any] = []
    cursors: dict[str, None] = {}
    cursor = ""
    for _ in range(_MOST_PAGES):
        more = [("next_cursor", cursor)] if cursor else []
        body = await get(path, [*query, *more])
        try:
            page = _decoder.decode(body) if body.strip() else None
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise VenueError(f"{path}: no JSON: {error}") from error
        found, cursor = _page(path, page)
        rows += found
        if not cursor:
            return rows
        if cursor in cursors:
            break
        cursors[cursor] = None
    raise VenueError(f"{path}: its pages do not end")


def _page(path: str, page: Any) -> tuple[list[Any], str]:
    """Return the rows of a page and the cursor of the next one, "" for none."""
    if page is None:
        return [], ""
    if isinstance(page, list):
        return page, ""
    rows = page.get("data") if isinstance(page, dict) else page
    if rows is None and isinstance(page, dict) and "data" in page:
        rows = []
    if not isinstance(rows, list):
        raise VenueError(f"{path}: neither rows nor a page of them: {str(page)[:_MOST_TEXT]}")
    cursor = page.get("next_cursor")
    return rows, cursor if isinstance(cursor, str) and cursor != _END_CURSOR else ""


def _row(kind: EarningKind, day: date, wallet: str, row: Any) -> tuple[str, int]:
    if not isinstance(row, dict):
        raise ValueError("no row")
    market_id = row.get("condition_id") or row.get("conditionId") or row.get("market")
    if not isinstance(market_id, str):
        raise ValueError("no market")
    maker = row.get("maker_address")
    if isinstance(maker, str) and maker and maker.lower() != wallet.lower():
        raise ValueError("another wallet's")
    told = row.get("date")
    if told is not None and _day(told) != day:
        raise ValueError("of another day")
    rate = row.get("asset_rate")
    if rate is not None and _number(rate) != 1:
        raise ValueError("in another asset than dollars")
    name = "earnings" if kind is EarningKind.REWARD else "rebated_fees_usdc"
    amount = _number(row.get(name))
    if amount < 0:
        raise ValueError("less than nothing")
    return market_id, int(amount.quantize(_FINEST, ROUND_FLOOR).scaleb(12))


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError("no number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise ValueError("no number") from None
    # Checked before anything is computed: 1e999999999 is a number too.
    if not number.is_finite() or number.adjusted() > 9 or abs(number) > _MOST_USD:
        raise ValueError("no amount")
    return number


def _day(told: Any) -> date | None:
    """Return a day as the venue writes it: ISO with or without a time, or epoch milliseconds."""
    try:
        if isinstance(told, str) and not told.isdigit():
            return date.fromisoformat(told[:10])
        instant = int(_number(told) if not isinstance(told, int) else told)
        seconds = instant // 1_000 if instant >= 10**11 else instant
        return datetime.fromtimestamp(seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
