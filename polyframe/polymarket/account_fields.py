"""Single fields of account messages, as tolerantly as the venue writes them; pure.

Numbers come as text, as numbers, or as an empty text; times as seconds, milliseconds or ISO;
words in either case, with prefixes before and reasons behind (venue.md 2.7, 2.8, 3.4, section 7).
What cannot be read is a ``ValueError`` that names the field.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

from polyframe.events import Side
from polyframe.money import PRICE_ONE_E4
from polyframe.polymarket.account_words import OrderWord, TradeStatus

Fields = Mapping[str, Any]

UNREADABLE: Final = (msgspec.MsgspecError, ValueError, ArithmeticError, RecursionError)
"""What reading a message may raise."""

_MOST_CHARS = 64  # of a number; the venue's have some twenty
_MOST_SIZE_E6 = 10**18  # far above any size, and inside 64 bits
_FIRST_MS = 10**11  # as seconds it would be the year 5138
_LAST_S = 10**11
_PREFIXES = ("ORDER_STATUS_", "TRADE_STATUS_")
# Texts stand for numbers that must not pass through a float.
DECODER: Final = msgspec.json.Decoder(float_hook=str)


def text(fields: Fields, name: str) -> str:
    """Return a field that is a text.

    Raises:
        ValueError: it is none, or empty.
    """
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"no {name}")
    return value


def any_text(fields: Fields, *names: str) -> str:
    """Return the first of these fields that is a text, "" where none is."""
    found = (fields.get(name) for name in names)
    return next((value for value in found if isinstance(value, str) and value), "")


def price_e4(fields: Fields, name: str) -> int:
    """Return a price in 0.0001.

    Raises:
        ValueError: no number, not inside (0, 1), or off the grid of 0.0001.
    """
    number = _decimal(fields.get(name), name)
    scaled = number.scaleb(4)
    if not 0 < scaled < PRICE_ONE_E4:
        raise ValueError(f"{name} {number} is not inside (0, 1)")
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{name} {number} is not on the grid of 0.0001")
    return int(scaled)


def size_e6(fields: Fields, name: str) -> int:
    """Return a size in micro-shares, cut after six decimals.

    Raises:
        ValueError: no number, negative, or beyond anything credible.
    """
    scaled = _decimal(fields.get(name), name).scaleb(6)
    if not 0 <= scaled < _MOST_SIZE_E6:
        raise ValueError(f"{name} {fields.get(name)!r:.40} is no credible size")
    return int(scaled)


def optional_size_e6(fields: Fields, name: str) -> int | None:
    """Return a size like :func:`size_e6`, None where it is missing or empty."""
    return None if fields.get(name) in (None, "") else size_e6(fields, name)


def seconds(fields: Fields, *names: str) -> int | None:
    """Return the first of these instants that can be read, in Unix seconds; None without one."""
    for name in names:
        try:
            found = _seconds(fields.get(name))
        except UNREADABLE:
            continue
        if found is not None:
            return found
    return None


def side(fields: Fields) -> Side | None:
    """Return a side in whatever letter case, None where there is none.

    Raises:
        ValueError: neither BUY nor SELL.
    """
    value = fields.get("side")
    if value in (None, ""):
        return None
    if not isinstance(value, str) or value.upper() not in Side.__members__:
        raise ValueError(f"a side of {value!r:.40}")
    return Side(value.upper())


def order_status(value: Any) -> tuple[OrderWord, str] | None:
    """Return an order's status word and the reason behind it, None where there is no status.

    Raises:
        ValueError: a word nobody knows.
    """
    if value in (None, ""):
        return None
    word, reason = _split(value)
    word = {"CANCELLED": "CANCELED"}.get(word, word)
    if word not in OrderWord.__members__:
        raise ValueError(f"an order status of {value!r:.60}")
    return OrderWord(word), reason


def trade_status(value: Any) -> TradeStatus:
    """Return how far a trade is. What is matched and not yet broadcast is MATCHED.

    Raises:
        ValueError: a word nobody knows.
    """
    word = _split(value)[0]
    if word not in TradeStatus.__members__:
        raise ValueError(f"a trade status of {value!r:.60}")
    return TradeStatus(word)


def _split(value: Any) -> tuple[str, str]:
    if not isinstance(value, str):
        raise ValueError(f"a status of {value!r:.60}")
    for prefix in _PREFIXES:
        if value.upper().startswith(prefix):
            value = value[len(prefix) :]
    word, _, reason = value.partition("_")
    return word.strip().upper(), reason.strip()


def _decimal(value: Any, name: str) -> Decimal:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    given = str(value) if is_number else value
    if not isinstance(given, str) or not given.isascii() or len(given) > _MOST_CHARS:
        raise ValueError(f"{name} {value!r:.40} is no number")
    try:
        number = Decimal(given)
    except InvalidOperation:
        raise ValueError(f"{name} {value!r:.40} is no number") from None
    # An exponent of its own could make a number that takes for ever to write down.
    if not number.is_finite() or "_" in given or abs(number.adjusted()) > _MOST_CHARS:
        raise ValueError(f"{name} {value!r:.40} is no number")
    return number


def _seconds(value: Any) -> int | None:
    if value in (None, ""):
        return None
    if isinstance(value, str) and not value.strip().lstrip("-").replace(".", "", 1).isdigit():
        at = datetime.fromisoformat(value)
        whole = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp())
    else:
        whole = int(_decimal(value.strip() if isinstance(value, str) else value, "time"))
    whole = whole // 1_000 if whole >= _FIRST_MS else whole
    return whole if 0 < whole < _LAST_S else None
