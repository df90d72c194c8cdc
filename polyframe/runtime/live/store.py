"""The account on disk: SQLite, one writer, every change durable before it is acted on.

A change is one transaction, flushed to the disk before :meth:`LedgerStore.apply` returns, so what
a crash leaves is always the whole of some changes and nothing of the next one.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.live.journal_rows import AnyRow, NoteRow, RunRow, SnapshotRow
from polyframe.runtime.live.order_states import OPEN
from polyframe.runtime.live.rows import (
    FINAL,
    AccountRow,
    ConversionRow,
    FillRow,
    LedgerRow,
    OrderRow,
    Row,
)
from polyframe.runtime.live.store_file import (
    BUSY_S,
    UNREADABLE,
    StoreError,
    damage,
    faults_of,
    ledger_rows,
    refuse_strangers,
    stored_rows,
    why,
)
from polyframe.runtime.live.stored_account import Numbers, StoredAccount, account_of
from polyframe.runtime.live.tables import APPLICATION_ID, GENESIS, SCHEMA, TABLES, seal_of

R = TypeVar("R", bound=Row)

_SNAPSHOTS_KEPT = 3
_FAULTS = (sqlite3.Error, OSError, OverflowError, UnicodeError)


class Loaded(NamedTuple):
    """An account as it is stored, and the snapshot its engine begins from (None: the first run)."""

    account: StoredAccount
    snapshot: SnapshotRow | None


class LedgerStore:
    """The one writer of an account's store; its calls block, so they belong in a worker thread.

    After a failure nothing more is taken: what is in memory and what is on disk are no longer
    the same account. The caller stops sending, cancels, halts; the next run begins from disk.

    Args:
        path: the file; made, readable by its owner only, when it is not there.

    Raises:
        StoreError: it cannot be opened, or is no store of ours, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._failure = ""
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            path.chmod(0o600)
            self._connection = sqlite3.connect(
                path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: cannot be opened: {why(error)}") from error
        try:
            self._prepare()
            self._seal, self._seq = self._last_seal()
            self._data_version = self._one("PRAGMA data_version")
        except UNREADABLE as error:
            self._connection.close()
            raise StoreError(f"{path}: {damage(error)}") from error
        except StoreError:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        refuse_strangers(self._connection, self.path)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON",
                       "cell_size_check = ON", "trusted_schema = OFF"):  # fmt: skip
            self._connection.execute(f"PRAGMA {pragma}")
        if self._one("PRAGMA user_version"):
            return
        with self._transaction():
            for table in TABLES.values():
                for statement in table.ddl():
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self._connection.execute(f"PRAGMA user_version = {SCHEMA}")

    def _last_seal(self) -> tuple[str, int]:
        last = self._connection.execute(
            "SELECT seal, seq FROM ledger ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        return (GENESIS, 0) if last is None else (str(last[0]), int(last[1]))

    def _one(self, statement: str, *values: Any) -> Any:
        row = self._connection.execute(statement, values).fetchone()
        return None if row is None else row[0]

    def close(self) -> None:
        """Close the file; what is in its log goes into it."""
        with self._lock:
            with suppress(sqlite3.Error):
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()

    # --- writing -------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction of ours; any failure is the last thing this store does."""
        with self._lock:
            if self._failure:
                raise StoreError(self._failure)
            before = self._seal, self._seq
            try:
                with self._transaction():
                    if self._one("PRAGMA data_version") != self._data_version:
                        raise StoreError("somebody else wrote to it; two engines on one account?")
                    yield
            except (*_FAULTS, StoreError) as error:
                self._seal, self._seq = before
                self._failure = f"{self.path}: cannot be written: {why(error)}"
                raise StoreError(self._failure) from error

    def apply(self, rows: Iterable[AnyRow]) -> None:
        """Make rows durable, all or none; on return they are on the disk.

        Raises:
            StoreError: they are not; nothing more is taken from now on.
        """
        with self._writing():
            for row in rows:
                self._write(row)

    def _write(self, row: Row) -> None:
        table = TABLES[row.table]
        if not isinstance(row, LedgerRow):
            self._connection.execute(table.upsert, table.values(row, seal_of(row)))
            return
        if row.seq != self._seq + 1:
            raise StoreError(f"booking {row.seq} follows {self._seq}: one is missing")
        self._seal = seal_of(row, self._seal)
        self._seq = row.seq
        self._connection.execute(table.insert, table.values(row, self._seal))

    def save_snapshot(
        self,
        account: CarriedAccount,
        plugins: dict[str, dict[str, Any]],
        upto_seq: int,
        now_ns: int,
    ) -> None:
        """Store what an engine may begin from; the last few are kept.

        Args:
            account: the engine's account; its run must be known.
            plugins: the plugins' documents.
            upto_seq: the last booking the engine had been given (``LiveLedger.given_seq``).
            now_ns: market time.

        Raises:
            StoreError: it is not stored.
        """
        with self._writing():
            if upto_seq > self._seq:
                raise StoreError(f"a snapshot of booking {upto_seq}, but the last is {self._seq}")
            number = 1 + (self._one("SELECT MAX(number) FROM snapshots") or 0)
            self._write(
                SnapshotRow(
                    number=number, ts_ns=now_ns, run_id=account.run_id, upto_seq=upto_seq,
                    account=account, plugins=plugins,
                )
            )  # fmt: skip
            self._connection.execute(
                "DELETE FROM snapshots WHERE number <= ?", (number - _SNAPSHOTS_KEPT,)
            )

    def begin_run(self, run_id: str, now_ns: int, config_hash: str, version: str) -> None:
        """Store that a run begins; everything else names it.

        Raises:
            StoreError: it is not stored.
        """
        self.apply(
            [RunRow(run_id=run_id, started_ns=now_ns, config_hash=config_hash, version=version)]
        )

    def end_run(self, run_id: str, now_ns: int, how_ended: str) -> None:
        """Store how a run ended.

        Raises:
            StoreError: it is not stored.
        """
        with self._writing():
            for run in self._rows(RunRow, "WHERE run_id = ?", (run_id,)):
                self._write(msgspec.structs.replace(run, ended_ns=now_ns, how_ended=how_ended))

    def note(self, run_id: str, words: str, now_ns: int) -> None:
        """Store words to be remembered.

        Raises:
            StoreError: they are not stored.
        """
        with self._writing():
            number = 1 + (self._one("SELECT MAX(number) FROM notes") or 0)
            self._write(NoteRow(number=number, ts_ns=now_ns, run_id=run_id, words=words))

    # --- reading -------------------------------------------------------------------------

    def load(self, forget_before_ns: int = 0) -> Loaded:
        """Return the account and the snapshot to begin from.

        Args:
            forget_before_ns: orders that ended and were settled before this are left out.

        Raises:
            StoreError: what is stored is damaged.
        """
        with self._lock:
            try:
                snapshot = self._snapshot()
                upto_seq = 0 if snapshot is None else snapshot.upto_seq
                wanted = {"forget_ns": forget_before_ns, "upto_seq": upto_seq}
                rows: Iterable[AccountRow] = chain(
                    ledger_rows(self._connection, self.path),
                    # In the order they were first stored in, which is that of their placing.
                    self._rows(OrderRow, f"WHERE {_WANTED_ORDERS} ORDER BY rowid", wanted),
                    self._rows(FillRow, f"WHERE {_WANTED_FILLS} ORDER BY rowid", wanted),
                    self._rows(ConversionRow),
                )
                account = account_of(rows, upto_seq, forget_before_ns)
                return Loaded(self._with_numbers(account, forget_before_ns), snapshot)
            except (sqlite3.Error, ValueError) as error:
                raise StoreError(f"{self.path}: {damage(error)}") from error

    def _snapshot(self) -> SnapshotRow | None:
        """Return the last snapshot; a damaged one gives way to the one before it."""
        numbers = self._connection.execute("SELECT number FROM snapshots ORDER BY number DESC")
        last: StoreError | None = None
        for (number,) in numbers.fetchall():
            try:
                return next(self._rows(SnapshotRow, "WHERE number = ?", (number,)))
            except StoreError as error:
                last = error
        if last is not None:
            raise last
        return None

    def _with_numbers(self, account: StoredAccount, forget_before_ns: int) -> StoredAccount:
        highest = self._one("SELECT MAX(CAST(substr(order_id, 3) AS INTEGER)) FROM orders") or 0
        numbers: Numbers = account.numbers._replace(order=highest + 1)
        is_whole = len(account.orders) == self._one("SELECT COUNT(*) FROM orders")
        return account._replace(
            numbers=numbers, forgotten_before_ns=0 if is_whole else forget_before_ns
        )

    def _rows(
        self,
        row_type: type[R],
        where: str = "",
        values: Sequence[Any] | Mapping[str, Any] = (),
    ) -> Iterator[R]:
        return stored_rows(self._connection, self.path, row_type, where, values)

    def opened_ns(self) -> int | None:
        """Return when the account's first booking was made, None before it."""
        with self._lock:
            found = self._one("SELECT MIN(ts_ns) FROM ledger")
        return None if found is None else int(found)

    def check(self) -> list[str]:
        """Return everything that is wrong with the file, empty when it is sound; reads it all."""
        with self._lock:
            return faults_of(self._connection, self.path)


_OPEN_STATES = ", ".join(f"'{state}'" for state in sorted(OPEN))
_FINAL_WORDS = ", ".join(f"'{status}'" for status in sorted(FINAL))
_WANTED_ORDERS = (
    f"state IN ({_OPEN_STATES}) OR state_ns >= :forget_ns"
    f" OR venue_id IN (SELECT venue_id FROM fills WHERE status NOT IN ({_FINAL_WORDS})"
    " OR status_ns >= :forget_ns)"
    " OR order_id IN (SELECT order_id FROM ledger WHERE seq > :upto_seq)"
)
_WANTED_FILLS = (
    f"venue_id IN (SELECT venue_id FROM orders WHERE {_WANTED_ORDERS})"
    " OR (order_id = '' AND status_ns >= :forget_ns)"
)
