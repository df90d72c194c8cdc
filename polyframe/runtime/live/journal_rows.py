"""What is stored beside the account: runs, comparisons, cancel-alls, notes, snapshots."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from polyframe.runtime.carried import CarriedAccount
from polyframe.runtime.live.reconciliation import Reconciliation
from polyframe.runtime.live.rows import AccountRow, Row


class RunRow(Row, frozen=True, kw_only=True):
    """One run. ``ended_ns`` is None and ``how_ended`` "" while it goes on, or was cut off."""

    table: ClassVar[str] = "runs"
    key: ClassVar[tuple[str, ...]] = ("run_id",)

    run_id: str
    started_ns: int
    config_hash: str
    version: str
    ended_ns: int | None = None
    how_ended: str = ""


class ReconciliationRow(Row, frozen=True, kw_only=True):
    """A comparison with the venue's books."""

    table: ClassVar[str] = "reconciliations"
    key: ClassVar[tuple[str, ...]] = ("ts_ns",)

    ts_ns: int
    run_id: str
    is_beyond_bound: bool
    found: Reconciliation


class SweepRow(Row, frozen=True, kw_only=True):
    """A cancel-all: why, how long until the venue was asked what is left, and what was left.

    ``left`` is None when the venue could not be asked.
    """

    table: ClassVar[str] = "sweeps"
    key: ClassVar[tuple[str, ...]] = ("ts_ns",)

    ts_ns: int
    run_id: str
    reason: str
    took_ns: int
    left: int | None


class NoteRow(Row, frozen=True, kw_only=True):
    """Something an operator or a run wants remembered."""

    table: ClassVar[str] = "notes"
    key: ClassVar[tuple[str, ...]] = ("number",)

    number: int
    ts_ns: int
    run_id: str
    words: str


class SnapshotRow(Row, frozen=True, kw_only=True):
    """What an engine begins from: the account and the plugins' documents.

    Every booking up to ``upto_seq`` is in it, none after.
    """

    table: ClassVar[str] = "snapshots"
    key: ClassVar[tuple[str, ...]] = ("number",)

    number: int
    ts_ns: int
    run_id: str
    upto_seq: int
    account: CarriedAccount
    plugins: dict[str, dict[str, Any]]


JournalRow = RunRow | ReconciliationRow | SweepRow | NoteRow | SnapshotRow
AnyRow = AccountRow | JournalRow


class LedgerDay(msgspec.Struct, frozen=True, kw_only=True):
    """The bookings of one kind on one UTC day (days since 1970): how many, and their cash."""

    day: int
    kind: str
    count: int
    cash_e12: int
