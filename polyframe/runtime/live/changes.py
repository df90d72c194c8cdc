"""What a word of the venue changes: rows to make durable, then events for the engine."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from polyframe.events import Event
from polyframe.runtime.live.rows import AccountRow, ConversionRow, LedgerRow


class Change(NamedTuple):
    """Rows to store and events to give to the engine, in this order.

    The caller owes: make ``rows`` durable first (an intent's before its request leaves), then
    give the engine every event in order, then tell the ledger (:meth:`LiveLedger.given`). When
    the rows cannot be stored the events must not be given: stop sending, cancel, halt.
    ``upto_seq`` is the last ledger number among the rows, 0 for none.
    """

    rows: tuple[AccountRow, ...] = ()
    events: tuple[Event, ...] = ()
    upto_seq: int = 0


class Draft:
    """A change in the making: of each row only its last state is kept."""

    def __init__(self) -> None:
        self._rows: dict[tuple[object, ...], AccountRow] = {}
        self._events: list[Event] = []
        self._upto_seq = 0

    def store(self, row: AccountRow) -> None:
        """Note a row as it is now."""
        at = (row.table, *(getattr(row, name) for name in row.key))
        self._rows.pop(at, None)
        self._rows[at] = row
        if isinstance(row, LedgerRow):
            self._upto_seq = row.seq

    def tell(self, event: Event) -> None:
        """Note an event for the engine."""
        self._events.append(event)

    def change(self) -> Change:
        """Return what was collected."""
        return Change(tuple(self._rows.values()), tuple(self._events), self._upto_seq)


class Questions(msgspec.Struct, frozen=True, kw_only=True):
    """What has to be asked of the venue now; empty when everything is known.

    ``order_ids`` (the venue's) are to be read one by one. ``trades_since_s`` is from when
    (Unix seconds) the account's trades must be read, None when they need not be. ``strays``
    (venue's ids) rest although the engine believes them gone, or although they were to take and
    leave nothing behind: cancel them. ``turned_away`` (venue's ids) met an engine that restarts:
    cancel them when it is back. ``conversions`` are merges and redemptions whose outcome is not
    known.
    """

    order_ids: tuple[str, ...] = ()
    trades_since_s: int | None = None
    strays: tuple[str, ...] = ()
    turned_away: tuple[str, ...] = ()
    conversions: tuple[ConversionRow, ...] = ()
