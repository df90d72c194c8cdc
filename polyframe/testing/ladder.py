"""Books written as they are read: ``book("49c x 100 | 51c x 80")``.

Bids stand left of the bar, asks right of it, each level as *price* ``x`` *shares*. A price is
cents (``49c``, ``49.5c``) or a probability (``0.49``). One line may hold several levels a side,
separated by commas, or each line a rung of the ladder::

    book('''
        49c x 100 | 51c x 80
        48c x 250 | 52c x 10
                  | 60c x 500
    ''')

Nothing on a side is an empty side. Crossed and locked books are books too.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from polyframe import money
from polyframe.testing.builders import a_book
from polyframe.testing.views import FakeBook, Level

_LEVEL = re.compile(r"(?P<price>\S+)\s*x\s*(?P<shares>\S+)")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def book(text: str) -> FakeBook:
    """Return the book that a text shows.

    Raises:
        ValueError: the text is no ladder; the message shows the part and how it is written.
    """
    bids: list[Level] = []
    asks: list[Level] = []
    for line in text.strip().splitlines() or [""]:
        if line.count("|") != 1:
            raise ValueError(
                f"{line.strip()!r} has {line.count('|')} bars; write one line as "
                "'49c x 100 | 51c x 80', bids on the left"
            )
        left, right = line.split("|")
        bids += _levels(left)
        asks += _levels(right)
    for side, levels in (("bid", bids), ("ask", asks)):
        prices = [price for price, _ in levels]
        for price in prices:
            if prices.count(price) > 1:
                raise ValueError(
                    f"the {side} {money.price_text(price)} is written twice; add its shares up"
                )
    return a_book(bids=bids, asks=asks)


def price_e4(text: str) -> int:
    """Return ``49c`` or ``0.49`` in units of 0.0001.

    Raises:
        ValueError: no such price, or not strictly between 0 and 1.
    """
    number, is_cents = (text[:-1], True) if text.endswith("c") else (text, False)
    if not _NUMBER.fullmatch(number) or (not is_cents and "." not in number):
        raise ValueError(f"{text!r} is no price; write 49c or 0.49")
    scaled = Decimal(number) * (100 if is_cents else 10_000)
    if scaled != int(scaled):
        raise ValueError(f"{text!r} is finer than 0.0001")
    if not 0 < scaled < money.PRICE_ONE_E4:
        raise ValueError(f"{text!r} is not strictly between 0 and 1 (0c and 100c are no prices)")
    return int(scaled)


def _levels(side: str) -> list[Level]:
    return [_level(part.strip()) for part in side.split(",") if part.strip()]


def _level(text: str) -> Level:
    found = _LEVEL.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no level; write its price and its shares, '49c x 100'")
    try:
        shares = Decimal(found["shares"])
    except InvalidOperation:
        raise ValueError(f"{text!r}: {found['shares']!r} is no number of shares") from None
    if not shares.is_finite() or shares <= 0:
        raise ValueError(f"{text!r}: a level has more than 0 shares; leave an empty one out")
    return price_e4(found["price"]), float(shares)
