"""An account as the command line shows it, also while an engine runs: one consistent read."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from polyframe.runtime.live.bookings import Books
from polyframe.runtime.live.journal_rows import (
    LedgerDay,
    NoteRow,
    ReconciliationRow,
    RunRow,
    SnapshotRow,
    SweepRow,
)
from polyframe.runtime.live.order_states import OPEN, OrderState
from polyframe.runtime.live.rows import BookingKind, ConversionRow, FillRow, OrderRow
from polyframe.runtime.live.store_file import (
    StoreError,
    ledger_rows,
    open_to_read,
    stored_rows,
)

_DAY_NS = 86_400_000_000_000


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """One token of a market that is ours, micro-shares."""

    market_id: str
    token_id: str
    size_e6: int


class AccountReading(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an account; the latest first where there are many.

    ``cash_e12`` and ``holdings`` are ours, ``aside_*`` was there before us or is not ours.
    ``snapshots`` are ``(time, last booking in it)``. ``fills`` are the last of them.
    """

    open_orders: tuple[OrderRow, ...]
    fills: tuple[FillRow, ...]
    conversions: tuple[ConversionRow, ...]
    cash_e12: int
    aside_cash_e12: int
    holdings: tuple[Holding, ...]
    aside_tokens_e6: dict[str, int]
    bookings: int
    days: tuple[LedgerDay, ...]
    reconciliation: ReconciliationRow | None
    runs: tuple[RunRow, ...]
    sweeps: tuple[SweepRow, ...]
    snapshots: tuple[tuple[int, int], ...]
    notes: tuple[NoteRow, ...]

    @property
    def unknown_orders(self) -> tuple[OrderRow, ...]:
        """Open orders of which nobody knows whether the venue has them."""
        return tuple(row for row in self.open_orders if row.state is OrderState.UNKNOWN)


def read_account(path: Path, most: int = 100) -> AccountReading:
    """Return what is stored of an account.

    Args:
        path: the store.
        most: of fills, runs, sweeps and notes, how many.

    Raises:
        StoreError: there is no store, or it cannot be read.
    """
    connection = open_to_read(path)
    try:
        connection.execute("BEGIN")  # one state of the account, whatever is written meanwhile
        return _reading(connection, path, most)
    except (sqlite3.Error, ValueError) as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    finally:
        connection.close()


def find_order(path: Path, name: str) -> OrderRow | None:
    """Return an order by our id or the venue's, also one that is over; None when there is none.

    Raises:
        StoreError: there is no store, or it cannot be read.
    """
    connection = open_to_read(path)
    try:
        named = "WHERE order_id = :name OR venue_id = :name"
        return next(stored_rows(connection, path, OrderRow, named, {"name": name}), None)
    except (sqlite3.Error, ValueError) as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    finally:
        connection.close()


def _reading(connection: sqlite3.Connection, path: Path, most: int) -> AccountReading:
    books = Books()
    market_of: dict[str, str] = {}
    days: dict[tuple[int, BookingKind], tuple[int, int]] = {}
    for row in ledger_rows(connection, path):
        books.add(row)
        if row.market_id:
            market_of.update(dict.fromkeys(row.tokens_e6, row.market_id))
        at = row.ts_ns // _DAY_NS, row.kind
        count, cash_e12 = days.get(at, (0, 0))
        days[at] = count + 1, cash_e12 + row.cash_e12
    states = ", ".join(f"'{state}'" for state in sorted(OPEN))
    latest = f"ORDER BY rowid DESC LIMIT {int(most)}"
    reconciliations = stored_rows(
        connection, path, ReconciliationRow, "ORDER BY ts_ns DESC LIMIT 1"
    )
    return AccountReading(
        open_orders=tuple(
            stored_rows(connection, path, OrderRow, f"WHERE state IN ({states}) ORDER BY rowid")
        ),
        fills=tuple(stored_rows(connection, path, FillRow, latest)),
        conversions=tuple(stored_rows(connection, path, ConversionRow, latest)),
        cash_e12=books.cash_e12,
        aside_cash_e12=books.aside_cash_e12,
        holdings=tuple(
            Holding(market_id=market_of.get(token_id, ""), token_id=token_id, size_e6=size_e6)
            for token_id, size_e6 in books.tokens_e6.items()
        ),
        aside_tokens_e6=books.aside_tokens_e6,
        bookings=books.seq,
        days=tuple(
            LedgerDay(day=day, kind=str(kind), count=count, cash_e12=cash_e12)
            for (day, kind), (count, cash_e12) in days.items()
        ),
        reconciliation=next(reconciliations, None),
        runs=tuple(stored_rows(connection, path, RunRow, latest)),
        sweeps=tuple(stored_rows(connection, path, SweepRow, latest)),
        snapshots=tuple(
            (row.ts_ns, row.upto_seq) for row in stored_rows(connection, path, SnapshotRow, latest)
        ),
        notes=tuple(stored_rows(connection, path, NoteRow, latest)),
    )
