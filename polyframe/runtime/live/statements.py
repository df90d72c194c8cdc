"""Cash and tokens that no trade of ours moves: the opening, what is set aside, what is paid; pure.

Each has a reference of its own (of the venue's statement, of the operator's decision), so that
the same one is never booked twice.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from polyframe.runtime.live.bookings import Books, event_of
from polyframe.runtime.live.changes import Change, Draft
from polyframe.runtime.live.rows import BookingKind


class Balances(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says the wallet holds, asked for at ``asked_ns``.

    ``cash_e12`` in 1e-12 USD, ``tokens_e6`` micro-shares by token id. A token that is not named
    was not read; one that is held at 0 says so.
    """

    asked_ns: int
    cash_e12: int
    tokens_e6: Mapping[str, int] = {}


class Statements:
    """Books what is told of the account beside its trades."""

    def __init__(self, books: Books) -> None:
        self._books = books

    def open_account(self, bankroll_e12: int, held: Balances, now_ns: int) -> Change:
        """Begin with an account: the bankroll is ours, everything else is set aside.

        What is set aside is named, never touched, and expected to stay. An account is opened
        once; with less cash than the bankroll the account begins with what there is
        (``books.opening_cash_e12``).
        """
        if self._books.is_opened:
            return Change()
        draft = Draft()
        opening_e12 = min(bankroll_e12, held.cash_e12)
        self._books.book(draft, BookingKind.OPENED, "opening", now_ns, cash_e12=opening_e12)
        if held.cash_e12 > opening_e12:
            self._books.book(
                draft, BookingKind.SET_ASIDE, "opening cash", now_ns,
                cash_e12=held.cash_e12 - opening_e12, words="cash above the bankroll",
            )  # fmt: skip
        for token_id, size_e6 in held.tokens_e6.items():
            if size_e6:
                self._books.book(
                    draft, BookingKind.SET_ASIDE, f"opening {token_id}", now_ns,
                    tokens_e6={token_id: size_e6}, words="held before us",
                )  # fmt: skip
        return draft.change()

    def set_aside(
        self,
        reference: str,
        words: str,
        now_ns: int,
        *,
        cash_e12: int = 0,
        tokens_e6: Mapping[str, int] | None = None,
    ) -> Change:
        """Book what came to the wallet (or left it, negative) and is none of the engine's."""
        draft = Draft()
        self._books.book(
            draft, BookingKind.SET_ASIDE, reference, now_ns, cash_e12=cash_e12,
            tokens_e6=tokens_e6, words=words,
        )  # fmt: skip
        return draft.change()

    def reward_paid(self, reference: str, market_id: str, amount_e12: int, now_ns: int) -> Change:
        """Book a liquidity reward the venue paid; ``reference`` names its day and market."""
        return self._paid(BookingKind.REWARD, reference, amount_e12, now_ns, market_id=market_id)

    def rebate_paid(self, reference: str, market_id: str, amount_e12: int, now_ns: int) -> Change:
        """Book a maker rebate the venue paid; ``reference`` names its day and market."""
        return self._paid(BookingKind.REBATE, reference, amount_e12, now_ns, market_id=market_id)

    def redeemed(
        self,
        reference: str,
        market_id: str,
        tokens_e6: Mapping[str, int],
        cash_e12: int,
        now_ns: int,
    ) -> Change:
        """Book tokens of a resolved market that somebody else turned in for us.

        Args:
            reference: names it, once and for all.
            market_id: the market.
            tokens_e6: what is gone, by token id.
            cash_e12: what that brought; 0 for worthless tokens.
            now_ns: market time.
        """
        draft = Draft()
        row = self._books.book(
            draft, BookingKind.REDEEMED, reference, now_ns, cash_e12=cash_e12,
            tokens_e6={token_id: -size_e6 for token_id, size_e6 in tokens_e6.items()},
            market_id=market_id, size_e6=sum(tokens_e6.values()),
        )  # fmt: skip
        event = None if row is None else event_of(row, now_ns)
        if event is not None:
            draft.tell(event)
        return draft.change()

    def cash_moved(self, reference: str, reason: str, amount_e12: int, now_ns: int) -> Change:
        """Book cash that no trade explains and that the operator accepted as ours."""
        return self._paid(BookingKind.CASH_MOVED, reference, amount_e12, now_ns, words=reason)

    def _paid(
        self,
        kind: BookingKind,
        reference: str,
        amount_e12: int,
        now_ns: int,
        *,
        market_id: str = "",
        words: str = "",
    ) -> Change:
        draft = Draft()
        row = self._books.book(
            draft, kind, f"{kind} {reference}", now_ns, cash_e12=amount_e12, market_id=market_id,
            words=words,
        )  # fmt: skip
        event = None if row is None else event_of(row, now_ns)
        if event is not None:
            draft.tell(event)
        return draft.change()
