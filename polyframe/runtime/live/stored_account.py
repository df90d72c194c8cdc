"""What is on disk of an account, as the ledger begins from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from polyframe.runtime.live.bookings import Books
from polyframe.runtime.live.rows import (
    AccountRow,
    ConversionRow,
    FillRow,
    LedgerRow,
    OrderRow,
)


class Numbers(NamedTuple):
    """The next free numbers of our ids, over all runs."""

    order: int = 1
    merge: int = 1
    redeem: int = 1

    def beside(self, local_id: str) -> Numbers:
        """Return the numbers that are free when an id is taken as well."""
        name = _NAMES.get(local_id.partition("-")[0])
        digits = local_id.rpartition("-")[2]
        if name is None or not (digits.isascii() and digits.isdigit()):
            return self
        return self._replace(**{name: max(getattr(self, name), int(digits) + 1)})


# What our ids begin with: o-000123, m-0001, r-0001.
_NAMES = {"o": "order", "m": "merge", "r": "redeem"}


class StoredAccount(NamedTuple):
    """An account as it is stored.

    ``books`` is the fold of the bookings up to the snapshot the engine begins from, ``ledger``
    are those after it. Orders that ended before ``forgotten_before_ns`` are left out with their
    fills. ``last_ns`` is the latest time in any row, 0 for an account that was never used.
    """

    orders: tuple[OrderRow, ...] = ()
    fills: tuple[FillRow, ...] = ()
    conversions: tuple[ConversionRow, ...] = ()
    ledger: tuple[LedgerRow, ...] = ()
    books: Books | None = None
    numbers: Numbers = Numbers()
    forgotten_before_ns: int = 0
    last_ns: int = 0


def account_of(
    rows: Iterable[AccountRow], upto_seq: int = 0, forget_before_ns: int = 0
) -> StoredAccount:
    """Return the account that rows make; a later row of the same key stands for the earlier.

    Args:
        rows: every row there is, the ledger's in order.
        upto_seq: the ledger number of the snapshot the engine begins from.
        forget_before_ns: orders that ended and were settled before this are left out.

    Raises:
        ValueError: a booking is missing.
    """
    orders: dict[str, OrderRow] = {}
    fills: dict[tuple[str, str, int], FillRow] = {}
    conversions: dict[str, ConversionRow] = {}
    books, after = Books(), []
    last_ns, numbers, named_after = 0, Numbers(), set()
    for row in rows:
        if isinstance(row, OrderRow):
            orders[row.order_id] = row
            last_ns = max(last_ns, row.placed_ns, row.state_ns)
            numbers = numbers.beside(row.order_id)
        elif isinstance(row, FillRow):
            fills[row.identity] = row
            last_ns = max(last_ns, row.status_ns)
        elif isinstance(row, ConversionRow):
            conversions[row.conversion_id] = row
            last_ns = max(last_ns, row.state_ns)
            numbers = numbers.beside(row.conversion_id)
        else:
            last_ns = max(last_ns, row.ts_ns)
            if row.seq <= upto_seq:
                books.add(row)
            else:
                after.append(row)
                named_after.add(row.order_id)
    moving = {
        row.venue_id
        for row in fills.values()
        if not row.is_final or row.status_ns >= forget_before_ns
    }
    kept = tuple(
        row
        for row in orders.values()
        if row.is_open
        or row.state_ns >= forget_before_ns
        or row.venue_id in moving
        or row.order_id in named_after
    )
    kept_ids = {row.venue_id for row in kept}
    return StoredAccount(
        orders=kept,
        fills=tuple(
            row
            for row in fills.values()
            if row.venue_id in kept_ids or (not row.order_id and row.status_ns >= forget_before_ns)
        ),
        conversions=tuple(conversions.values()),
        ledger=tuple(after),
        books=books,
        numbers=numbers,
        forgotten_before_ns=forget_before_ns if len(kept) < len(orders) else 0,
        last_ns=last_ns,
    )
