"""The account as the fold of its bookings: what the wallet should hold, and what it is told as.

Every booking says what the wallet gains by it, so cash and tokens are sums and nothing else.
What was there before us (``set_aside``) is part of the wallet and not of the engine's account.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from polyframe.commands import MergePairs
from polyframe.events import (
    CashMoved,
    Event,
    OrderFilled,
    PairsMerged,
    RebatePaid,
    RewardPaid,
    Side,
    TokensRedeemed,
)
from polyframe.money import SHARE_E6, notional_e12
from polyframe.runtime.live.changes import Draft
from polyframe.runtime.live.rows import BookingKind, FillRow, LedgerRow

FILLS = frozenset({BookingKind.FILL, BookingKind.REVERSAL})
_AGAIN = "!again"
ASIDE = frozenset({BookingKind.SET_ASIDE})
_EARNED = frozenset({BookingKind.REWARD, BookingKind.REBATE})
# What we book because somebody told us of it, before the venue's balance need show it.
_TOLD = frozenset(
    {BookingKind.MERGED, BookingKind.REDEEMED, BookingKind.REWARD, BookingKind.REBATE}
)


class Books:
    """What the wallet should hold by the bookings so far; a fold, so it can begin anywhere.

    ``references`` has those of bookings that are no fills: fills know their own identity.
    ``market_of`` has the market of every token that one of our bookings named.
    ``earned_e12`` is what was booked by programme and day it is for (``reward 2026-05-28``).
    """

    def __init__(self) -> None:
        self.seq = 0
        self.cash_e12 = 0
        self.opening_cash_e12 = 0
        self.aside_cash_e12 = 0
        self.tokens_e6: dict[str, int] = {}
        self.aside_tokens_e6: dict[str, int] = {}
        self.is_opened = False
        self.references: dict[str, int] = {}
        self.earned_e12: dict[str, int] = {}
        self.market_of: dict[str, str] = {}
        self._told: list[LedgerRow] = []

    def add(self, row: LedgerRow) -> None:
        """Fold the next booking.

        Raises:
            ValueError: it is not the next one.
        """
        if row.seq != self.seq + 1:
            raise ValueError(f"booking {row.seq} follows {self.seq}: one is missing")
        self.seq = row.seq
        if row.kind not in FILLS:
            self.references[row.reference] = row.seq
        if row.kind in _TOLD:
            self._told.append(row)
        if row.kind in _EARNED:
            programme = " ".join(row.reference.split(" ")[:2])
            self.earned_e12[programme] = self.earned_e12.get(programme, 0) + row.cash_e12
        tokens = self.tokens_e6
        if row.kind in ASIDE:
            self.aside_cash_e12 += row.cash_e12
            tokens = self.aside_tokens_e6
        else:
            self.cash_e12 += row.cash_e12
        if row.kind is BookingKind.OPENED:
            self.is_opened = True
            self.opening_cash_e12 += row.cash_e12
        if row.market_id:
            self.market_of.update(dict.fromkeys(row.tokens_e6, row.market_id))
        for token_id, gain_e6 in row.tokens_e6.items():
            held_e6 = tokens.get(token_id, 0) + gain_e6
            if held_e6:
                tokens[token_id] = held_e6
            else:
                tokens.pop(token_id, None)

    def add_all(self, rows: Iterable[LedgerRow]) -> Books:
        """Fold bookings in order and return self."""
        for row in rows:
            self.add(row)
        return self

    def copy(self) -> Books:
        """Return one that goes its own way."""
        other = Books()
        other.__dict__.update(self.__dict__)
        for name in ("tokens_e6", "aside_tokens_e6", "references", "earned_e12", "market_of"):
            setattr(other, name, dict(getattr(self, name)))
        other._told = list(self._told)
        return other

    def told_since(self, moment_ns: int) -> list[LedgerRow]:
        """Return the bookings that are no fills of a time or later; the time does not go back."""
        self._told = [row for row in self._told if row.ts_ns >= moment_ns]
        return self._told

    def wallet_tokens_e6(self) -> dict[str, int]:
        """Return what the wallet should hold of each token, ours and what was set aside."""
        held = dict(self.tokens_e6)
        for token_id, aside_e6 in self.aside_tokens_e6.items():
            held[token_id] = held.get(token_id, 0) + aside_e6
        return held

    @property
    def wallet_cash_e12(self) -> int:
        """What cash the wallet should hold, ours and what was set aside."""
        return self.cash_e12 + self.aside_cash_e12

    def book(
        self,
        draft: Draft,
        kind: BookingKind,
        reference: str,
        now_ns: int,
        *,
        cash_e12: int = 0,
        tokens_e6: Mapping[str, int] | None = None,
        market_id: str = "",
        size_e6: int = 0,
        words: str = "",
    ) -> LedgerRow | None:
        """Book something that is no fill; None when its reference is booked already."""
        if reference in self.references:
            return None
        row = LedgerRow(
            seq=self.seq + 1, ts_ns=now_ns, kind=kind, reference=reference, cash_e12=cash_e12,
            tokens_e6=dict(tokens_e6 or {}), market_id=market_id, size_e6=size_e6, words=words,
        )  # fmt: skip
        return self._keep(draft, row)

    def book_fill(self, draft: Draft, fill: FillRow, now_ns: int) -> LedgerRow:
        """Book a fill's next turn: ``fill.turns`` says which one (odd books, even takes back)."""
        own_id = booking_id(fill)
        cash_e12, size_e6 = moves_of(fill)
        sign = 1 if fill.is_booked else -1
        trade_id = own_id if fill.is_booked else f"{own_id}!failed"
        row = LedgerRow(
            seq=self.seq + 1, ts_ns=now_ns,
            kind=BookingKind.FILL if fill.is_booked else BookingKind.REVERSAL,
            reference=f"{fill.order_id} {trade_id}",
            cash_e12=sign * cash_e12, tokens_e6={fill.token_id: sign * size_e6},
            market_id=fill.market_id, order_id=fill.order_id, trade_id=trade_id,
            reverses="" if fill.is_booked else own_id,
            price_e4=fill.price_e4, size_e6=fill.size_e6, fee_e12=fill.fee_e12,
            is_maker=fill.is_maker,
        )  # fmt: skip
        return self._keep(draft, row)

    def _keep(self, draft: Draft, row: LedgerRow) -> LedgerRow:
        self.add(row)
        draft.store(row)
        return row


def moves_of(fill: FillRow) -> tuple[int, int]:
    """Return what a fill brings the wallet: cash (1e-12 USD) and its token (micro-shares).

    A buyer pays the fee on top, a seller out of the proceeds (venue.md 5.1).
    """
    cash_e12 = notional_e12(fill.price_e4, fill.size_e6)
    if fill.side is Side.BUY:
        return -cash_e12 - fill.fee_e12, fill.size_e6
    return cash_e12 - fill.fee_e12, -fill.size_e6


def merge_moves(command: MergePairs, token_ids: tuple[str, str]) -> tuple[int, dict[str, int]]:
    """Return what a merge brings the wallet: a dollar a pair, less both tokens."""
    return command.size_e6 * SHARE_E6, dict.fromkeys(token_ids, -command.size_e6)


def booking_id(fill: FillRow) -> str:
    """Return the trade id by which the engine knows a fill's latest booking.

    A later leg of the same trade and order has its number behind it, a fill that was booked
    again after a failure the number of its booking.
    """
    leg = f"/{fill.leg}" if fill.leg else ""
    booked = (fill.turns + 1) // 2
    again = f"{_AGAIN}{booked}" if booked > 1 else ""
    return f"{fill.trade_id}{leg}{again}"


def filling_e6(row: LedgerRow) -> int:
    """Return what a booking adds to what has filled of its order.

    Nothing when it takes a fill back, or books one again: the venue relists neither.
    """
    is_first = row.kind is BookingKind.FILL and _AGAIN not in row.trade_id
    return row.size_e6 if is_first else 0


def event_of(row: LedgerRow, now_ns: int) -> Event | None:
    """Return a booking as the engine hears it, None for what the engine has from elsewhere.

    The opening cash is the run's bankroll; what was set aside is not the engine's.
    """
    match row.kind:
        case BookingKind.FILL | BookingKind.REVERSAL:
            return OrderFilled(
                now_ns, row.order_id, row.trade_id, row.price_e4, row.size_e6, row.fee_e12,
                row.is_maker, row.reverses,
            )  # fmt: skip
        case BookingKind.MERGED:
            return PairsMerged(now_ns, row.reference, row.market_id, row.size_e6)
        case BookingKind.REDEEMED:
            return TokensRedeemed(now_ns, row.reference, row.market_id)
        case BookingKind.REWARD:
            return RewardPaid(now_ns, row.market_id, row.cash_e12)
        case BookingKind.REBATE:
            return RebatePaid(now_ns, row.market_id, row.cash_e12)
        case BookingKind.CASH_MOVED:
            return CashMoved(now_ns, row.cash_e12, row.words)
        case _:
            return None
