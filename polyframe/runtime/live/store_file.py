"""The store's file as it is opened and read: whose it is, each row with its seal checked."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from polyframe.errors import PolyframeError
from polyframe.runtime.live.rows import LedgerRow, Row
from polyframe.runtime.live.tables import APPLICATION_ID, GENESIS, SCHEMA, TABLES, seal_of

R = TypeVar("R", bound=Row)

BUSY_S = 5.0
# A damaged schema cannot even be complained of in UTF-8.
UNREADABLE = (sqlite3.Error, UnicodeError)
_NO_ROW = (msgspec.MsgspecError, UnicodeError, TypeError)


class StoreError(PolyframeError):
    """The account's store cannot be used: it is full, read-only, damaged or of a newer version."""


def open_to_read(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads, also while an engine writes.

    Raises:
        StoreError: there is no store, or it cannot be read.
    """
    if not path.is_file():
        raise StoreError(f"{path}: there is no account store; it is made by the first run")
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=BUSY_S,
            isolation_level=None,
        )  # fmt: skip
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be opened: {why(error)}") from error
    try:
        refuse_strangers(connection, path)
        if not connection.execute("PRAGMA user_version").fetchone()[0]:
            raise StoreError(f"{path}: there is no account in it")
    except UNREADABLE as error:
        connection.close()
        raise StoreError(f"{path}: {damage(error)}") from error
    except StoreError:
        connection.close()
        raise
    return connection


def refuse_strangers(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is somebody else's, or of a later version of ours.

    Raises:
        StoreError: it is.
        sqlite3.Error: it is no database.
    """
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA and owner == APPLICATION_ID:
        raise StoreError(
            f"{path}: was written by a later polyframe (schema {version}, this one knows "
            f"{SCHEMA}): use that version"
        )
    is_empty = not connection.execute("SELECT COUNT(*) FROM sqlite_schema").fetchone()[0]
    if owner != APPLICATION_ID and not (is_empty and not version):
        raise StoreError(f"{path}: is a database, but no account store of polyframe")


def stored_rows(
    connection: sqlite3.Connection,
    path: Path,
    row_type: type[R],
    where: str = "",
    values: Sequence[Any] | Mapping[str, Any] = (),
) -> Iterator[R]:
    """Yield rows of one type, each with its seal checked.

    Raises:
        StoreError: one is damaged.
        sqlite3.Error: the file cannot be read.
    """
    table = TABLES[row_type.table]
    for stored in connection.execute(f"{table.select} {where}", values):
        try:
            row = table.row(stored, row_type)
            is_sound = seal_of(row) == stored[-1]
        except _NO_ROW:
            is_sound = False
        if not is_sound:
            raise StoreError(f"{path}: a row of {table.name} is damaged: restore a copy")
        yield row


def ledger_rows(connection: sqlite3.Connection, path: Path) -> Iterator[LedgerRow]:
    """Yield every booking in order, with the chain of their seals checked.

    Raises:
        StoreError: one is damaged or missing.
        sqlite3.Error: the file cannot be read.
    """
    table, before, seq = TABLES[LedgerRow.table], GENESIS, 0
    for stored in connection.execute(f"{table.select} ORDER BY seq"):
        try:
            row = table.row(stored, LedgerRow)
            is_sound = row.seq == seq + 1 and seal_of(row, before) == stored[-1]
        except _NO_ROW:
            is_sound = False
        if not is_sound:
            raise StoreError(f"{path}: booking {seq + 1} is damaged or missing: restore a copy")
        before, seq = str(stored[-1]), row.seq
        yield row


def faults_of(connection: sqlite3.Connection, path: Path) -> list[str]:
    """Return everything that is wrong with a store: its pages, its references, its seals."""
    found: list[str] = []
    try:
        words = connection.execute("PRAGMA integrity_check").fetchall()
        found += [f"{path}: {word}" for (word,) in words if word != "ok"]
        strays = connection.execute("PRAGMA foreign_key_check").fetchall()
        found += [f"{path}: a row of {stray[0]} names a run that is not stored" for stray in strays]
    except UNREADABLE as error:
        return [f"{path}: {damage(error)}"]
    for table in TABLES.values():
        try:
            if table.row_type is LedgerRow:
                for _ in ledger_rows(connection, path):
                    pass
            else:
                for _ in stored_rows(connection, path, table.row_type):
                    pass
        except StoreError as error:
            found.append(str(error))
        except UNREADABLE as error:
            found.append(f"{path}: {damage(error)}")
    return found


def why(error: Exception) -> str:
    """Return what an error says, in the operating system's words where it has some."""
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def damage(error: Exception) -> str:
    """Return how a file that cannot be read is told of."""
    return f"cannot be read: {error}: restore a copy"
