"""Rows as SQLite tables: one column a field, and a seal on every row; pure.

Amounts in 1e-12 USD are text: SQLite's integers end at nine million dollars of them. A seal is
a checksum over all fields (the ledger's are chained), so that a bit that flips in a stored row
is noticed when it is read.
"""

from __future__ import annotations

import hashlib
import types
import typing
import zlib
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from polyframe.runtime.live.journal_rows import (
    NoteRow,
    ReconciliationRow,
    RunRow,
    SnapshotRow,
    SweepRow,
)
from polyframe.runtime.live.rows import ConversionRow, FillRow, LedgerRow, OrderRow, Row

R = TypeVar("R", bound=Row)

SCHEMA: Final = 1
APPLICATION_ID: Final = 0x706F6C79  # "poly"
GENESIS: Final = "0" * 32
"""The seal before the first booking's."""

_UNIQUE: Final = {"orders": ("venue_id",), "ledger": ("reference",)}
_INDEXED: Final = {"orders": ("state", "state_ns"), "fills": ("status", "venue_id"),
                   "ledger": ("order_id",)}  # fmt: skip
_OF_RUNS: Final = ("orders", "reconciliations", "sweeps", "notes", "snapshots")


class Column(NamedTuple):
    """A field as it is stored; ``is_document`` is JSON text."""

    name: str
    sql_type: str
    is_nullable: bool
    is_document: bool


class Table:
    """One row type's table: its DDL, its statements, and the way there and back."""

    def __init__(self, row_type: type[Row]) -> None:
        self.row_type = row_type
        self.name = row_type.table
        hints = typing.get_type_hints(row_type)
        fields = [field.name for field in msgspec.structs.fields(row_type)]
        self.columns = tuple(_column(name, hints[name]) for name in fields)
        names = [column.name for column in self.columns]
        places = ", ".join("?" * (len(names) + 1))
        listed = ", ".join([*names, "seal"])
        self.select = f"SELECT {listed} FROM {self.name}"
        self.insert = f"INSERT INTO {self.name} ({listed}) VALUES ({places})"
        changed = [name for name in [*names, "seal"] if name not in row_type.key]
        self.upsert = (
            f"{self.insert} ON CONFLICT ({', '.join(row_type.key)}) DO UPDATE SET "
            + ", ".join(f"{name} = excluded.{name}" for name in changed)
        )

    def ddl(self) -> list[str]:
        """Return the statements that make the table."""
        lines = [
            f"{column.name} {column.sql_type}{'' if column.is_nullable else ' NOT NULL'}"
            + (" REFERENCES runs (run_id)" if self._refers(column) else "")
            for column in self.columns
        ]
        lines.append("seal TEXT NOT NULL")
        lines.append(f"PRIMARY KEY ({', '.join(self.row_type.key)})")
        lines += [f"UNIQUE ({name})" for name in _UNIQUE.get(self.name, ())]
        made = [f"CREATE TABLE {self.name} ({', '.join(lines)}) STRICT"]
        made += [
            f"CREATE INDEX {self.name}_{name} ON {self.name} ({name})"
            for name in _INDEXED.get(self.name, ())
        ]
        return made

    def _refers(self, column: Column) -> bool:
        return column.name == "run_id" and self.name in _OF_RUNS

    def values(self, row: Row, seal: str) -> list[Any]:
        """Return a row's stored values, its seal last."""
        found = [_stored(getattr(row, column.name), column) for column in self.columns]
        found.append(seal)
        return found

    def row(self, values: Sequence[Any], row_type: type[R]) -> R:
        """Return the row that stored values make; its seal is the caller's to check.

        Raises:
            msgspec.MsgspecError: they make none; or TypeError, when even their types are none.
        """
        found = {
            column.name: msgspec.json.decode(value) if column.is_document else value
            for column, value in zip(self.columns, values, strict=False)
        }
        return msgspec.convert(found, type=row_type, strict=False, builtin_types=(bytes,))


def _column(name: str, hint: Any) -> Column:
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    is_nullable = type(None) in options
    kind = next(option for option in options if option is not type(None))
    if kind is int:
        sql_type = "TEXT" if name.endswith("_e12") else "INTEGER"
    elif kind is bool:
        sql_type = "INTEGER"
    elif kind is bytes:
        sql_type = "BLOB"
    else:
        sql_type = "TEXT"
    is_text = kind is str or (isinstance(kind, type) and issubclass(kind, StrEnum))
    is_document = sql_type == "TEXT" and not is_text and kind is not int
    return Column(name, sql_type, is_nullable, is_document)


def _stored(value: Any, column: Column) -> Any:
    if column.is_document:
        return msgspec.json.encode(value).decode()
    if column.sql_type == "TEXT" and value is not None:
        return str(value)
    return int(value) if isinstance(value, bool) else value


TABLES: Final[dict[str, Table]] = {
    row_type.table: Table(row_type)
    for row_type in (
        RunRow, OrderRow, FillRow, LedgerRow, ConversionRow, ReconciliationRow, SweepRow, NoteRow,
        SnapshotRow,
    )
}  # fmt: skip


def seal_of(row: Row, before: str = "") -> str:
    """Return a row's seal; a booking's covers the seal ``before`` it as well."""
    content = msgspec.json.encode(row)
    if isinstance(row, LedgerRow):
        return hashlib.sha256(before.encode() + content).hexdigest()[:32]
    return f"{zlib.crc32(content):08x}"
