"""Merges and redemptions: asked, then done or failed; what is done is booked once; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from polyframe.commands import MergePairs, RedeemTokens
from polyframe.events import MergeFailed, RedeemFailed
from polyframe.runtime.live.bookings import Books, event_of, merge_moves
from polyframe.runtime.live.changes import Change, Draft
from polyframe.runtime.live.rows import (
    BookingKind,
    ConversionKind,
    ConversionRow,
    ConversionState,
)


class Conversions:
    """Every merge and redemption of the account.

    Args:
        rows: those known so far.
        books: where the done ones are booked.
    """

    def __init__(self, rows: Iterable[ConversionRow], books: Books) -> None:
        self._rows = {row.conversion_id: row for row in rows}
        self._books = books
        self.unexpected = 0

    def find(self, conversion_id: str) -> ConversionRow | None:
        """Return a merge or a redemption."""
        return self._rows.get(conversion_id)

    def under_way(self) -> tuple[ConversionRow, ...]:
        """Return those that may happen, or may have happened without our knowing."""
        return tuple(r for r in self._rows.values() if r.state is ConversionState.ASKED)

    def merge_asked(self, command: MergePairs, token_ids: tuple[str, str], now_ns: int) -> Change:
        """Register a merge before its request leaves.

        Raises:
            ValueError: its id was used before.
        """
        cash_e12, tokens_e6 = merge_moves(command, token_ids)
        return self._asked(
            ConversionRow(
                conversion_id=command.merge_id, kind=ConversionKind.MERGE,
                market_id=command.market_id, size_e6=command.size_e6, cash_e12=cash_e12,
                tokens_e6=tokens_e6, asked_ns=now_ns, state_ns=now_ns,
            )
        )  # fmt: skip

    def redeem_asked(
        self, command: RedeemTokens, held_e6: Mapping[str, int], cash_e12: int, now_ns: int
    ) -> Change:
        """Register a redemption before its request leaves.

        Args:
            command: what the engine asked for.
            held_e6: what is held of each token of the market, by token id.
            cash_e12: what that should bring.
            now_ns: market time.

        Raises:
            ValueError: its id was used before.
        """
        return self._asked(
            ConversionRow(
                conversion_id=command.redeem_id, kind=ConversionKind.REDEEM,
                market_id=command.market_id, size_e6=sum(held_e6.values()), cash_e12=cash_e12,
                tokens_e6={token_id: -size_e6 for token_id, size_e6 in held_e6.items()},
                asked_ns=now_ns, state_ns=now_ns,
            )
        )  # fmt: skip

    def _asked(self, row: ConversionRow) -> Change:
        if row.conversion_id in self._rows:
            raise ValueError(f"{row.conversion_id} was asked for before")
        draft = Draft()
        self._keep(draft, row)
        return draft.change()

    def named(self, conversion_id: str, reference: str) -> Change:
        """Note by what name the chain or the relayer knows one, to ask for it later."""
        draft = Draft()
        row = self._rows.get(conversion_id)
        if row is not None:
            self._keep(draft, replace(row, reference=reference))
        return draft.change()

    def done(self, conversion_id: str, now_ns: int, cash_e12: int | None = None) -> Change:
        """Book what happened; ``cash_e12`` where it brought something other than expected."""
        draft = Draft()
        row = self._rows.get(conversion_id)
        if row is None or row.state is ConversionState.DONE:
            self.unexpected += 1
            return draft.change()
        is_merge = row.kind is ConversionKind.MERGE
        gained_e12 = row.cash_e12 if cash_e12 is None else cash_e12
        booking = self._books.book(
            draft, BookingKind.MERGED if is_merge else BookingKind.REDEEMED, conversion_id, now_ns,
            cash_e12=gained_e12, tokens_e6=row.tokens_e6, market_id=row.market_id,
            size_e6=row.size_e6,
        )  # fmt: skip
        event = None if booking is None else event_of(booking, now_ns)
        if event is not None:
            draft.tell(event)
        done = replace(row, state=ConversionState.DONE, state_ns=now_ns, cash_e12=gained_e12)
        self._keep(draft, done)
        return draft.change()

    def failed(self, conversion_id: str, message: str, now_ns: int) -> Change:
        """Note that nothing happened, and will not."""
        draft = Draft()
        row = self._rows.get(conversion_id)
        if row is None or row.state is not ConversionState.ASKED:
            self.unexpected += 1
            return draft.change()
        self._keep(
            draft, replace(row, state=ConversionState.FAILED, state_ns=now_ns, words=message)
        )
        is_merge = row.kind is ConversionKind.MERGE
        failed = MergeFailed if is_merge else RedeemFailed
        draft.tell(failed(now_ns, conversion_id, row.market_id, message))
        return draft.change()

    def _keep(self, draft: Draft, row: ConversionRow) -> None:
        self._rows[row.conversion_id] = row
        draft.store(row)
