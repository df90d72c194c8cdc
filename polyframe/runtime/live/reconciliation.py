"""Our books beside the venue's: what differs, what explains it, what is beyond bounds; pure.

The caller reads the balances first, then the open orders, the trades and what was paid, and tells
the ledger of them: so whatever a balance shows, the ledger has heard of. While a settlement has
not ended, or ended so recently that the venue's balance may lag, the balance may stand on either
side of it: an amount is expected within an interval, not at a point.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from polyframe.live_settings import ProductionSettings
from polyframe.money import SHARE_E6, USD_E12, price_text, size_text, usd_e12
from polyframe.runtime.live.bookings import moves_of
from polyframe.runtime.live.evidence import DUST_E6, S_NS
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.order_states import OrderState
from polyframe.runtime.live.statements import Balances

# The venue's balance is a cache of the chain's that lags by seconds, by a minute when it is busy.
BALANCE_LAG_NS: Final = 60 * S_NS
# A settlement that takes longer is named.
_LONG_SETTLEMENT_NS: Final = 600 * S_NS
_BASE_UNIT_E12: Final = USD_E12 // SHARE_E6  # the venue tells cash with six decimals


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One thing on which we and the venue differ.

    ``what`` is cash, token, order, fill, unknown or settlement; ``name`` which one. ``amount`` is
    theirs less ours (1e-12 USD for cash, micro-shares otherwise), what no settlement under way
    explains. ``explained_by`` is "" when nothing explains it.
    """

    what: str
    name: str
    ours: str
    theirs: str
    amount: int = 0
    explained_by: str = ""
    is_beyond_bound: bool = False


class Reconciliation(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison at one moment; amounts are ``(least, most)`` expected and what is there.

    ``unread_tokens`` should be held by our books and were not read. ``orders`` counts our open
    orders, ``moving_fills`` those whose settlement had not surely ended.
    """

    ts_ns: int
    cash_e12: int
    expected_cash_e12: tuple[int, int]
    orders: int
    moving_fills: int
    unread_tokens: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def unexplained(self) -> tuple[Difference, ...]:
        """What nothing explains."""
        return tuple(one for one in self.differences if not one.explained_by)

    @property
    def is_beyond_bound(self) -> bool:
        """Whether trading must halt."""
        return any(one.is_beyond_bound for one in self.differences)


class _Expected:
    """What the wallet may hold: one amount for cash and each token, and how far it may move."""

    def __init__(self, ledger: LiveLedger) -> None:
        self.cash_e12 = [ledger.books.wallet_cash_e12] * 2
        self.tokens_e6 = {
            token_id: [held_e6, held_e6]
            for token_id, held_e6 in ledger.books.wallet_tokens_e6().items()
        }

    def may_move(self, cash_e12: int, tokens_e6: Mapping[str, int], *, is_booked: bool) -> None:
        """Widen by a move that the balance may show or not; a booked one it may not show yet."""
        _widen(self.cash_e12, -cash_e12 if is_booked else cash_e12)
        for token_id, gain_e6 in tokens_e6.items():
            interval = self.tokens_e6.setdefault(token_id, [0, 0])
            _widen(interval, -gain_e6 if is_booked else gain_e6)


def _widen(interval: list[int], move: int) -> None:
    interval[0] += min(0, move)
    interval[1] += max(0, move)


def compare(
    ledger: LiveLedger,
    held: Balances,
    now_ns: int,
    settings: ProductionSettings,
    payouts_e6: Mapping[str, int] | None = None,
    announced_e12: int = 0,
) -> Reconciliation:
    """Return how our books stand to the venue's.

    Args:
        ledger: told of open orders, trades and payments after ``held`` was read.
        held: the venue's balances.
        now_ns: market time.
        settings: the bounds.
        payouts_e6: what a share of a resolved market's token pays, 1e-6 USD, by token id: those
            may have been redeemed by anybody, also by the venue.
        announced_e12: rewards and rebates that were stated and not booked: cash that may be there.
    """
    settled_before_ns = held.asked_ns - BALANCE_LAG_NS
    moving = ledger.fills.moving(settled_before_ns)
    expected = _Expected(ledger)
    for fill in moving:
        if fill.order_id:
            cash_e12, size_e6 = moves_of(fill)
            expected.may_move(cash_e12, {fill.token_id: size_e6}, is_booked=fill.is_booked)
    expected.may_move(announced_e12, {}, is_booked=False)
    for row in ledger.conversions.under_way():
        expected.may_move(row.cash_e12, row.tokens_e6, is_booked=False)
    for booking in ledger.books.told_since(settled_before_ns):
        expected.may_move(booking.cash_e12, booking.tokens_e6, is_booked=True)
    for token_id, payout_e6 in (payouts_e6 or {}).items():
        held_e6 = expected.tokens_e6.get(token_id, [0, 0])[1]
        if held_e6 > 0:
            expected.may_move(held_e6 * payout_e6, {token_id: -held_e6}, is_booked=False)
    differences = [
        *_of_cash(expected.cash_e12, held.cash_e12, ledger, settings),
        *_of_tokens(expected.tokens_e6, held.tokens_e6, settings),
        *_of_orders(ledger, now_ns, settings),
        *_of_fills(ledger, now_ns),
    ]
    return Reconciliation(
        ts_ns=now_ns,
        cash_e12=held.cash_e12,
        expected_cash_e12=(expected.cash_e12[0], expected.cash_e12[1]),
        orders=len(ledger.orders.open()),
        moving_fills=len(moving),
        unread_tokens=tuple(
            token_id
            for token_id, (_, most_e6) in expected.tokens_e6.items()
            if most_e6 > 0 and token_id not in held.tokens_e6
        ),
        differences=tuple(differences),
    )


def _outside(interval: list[int], amount: int) -> int:
    """Return by how much an amount is above (or, negative, below) an interval."""
    least, most = interval
    return amount - most if amount > most else min(0, amount - least)


def _of_cash(
    interval: list[int], theirs_e12: int, ledger: LiveLedger, settings: ProductionSettings
) -> list[Difference]:
    ours_e12 = ledger.books.wallet_cash_e12
    amount_e12 = _outside(interval, theirs_e12)
    if abs(theirs_e12 - ours_e12) <= _BASE_UNIT_E12:
        return []
    return [
        Difference(
            what="cash", name="cash", ours=_usd_text(ours_e12), theirs=_usd_text(theirs_e12),
            amount=amount_e12, explained_by="" if amount_e12 else "settlements under way",
            is_beyond_bound=abs(amount_e12) > usd_e12(settings.max_cash_difference_usd),
        )
    ]  # fmt: skip


def _of_tokens(
    expected: Mapping[str, list[int]], theirs: Mapping[str, int], settings: ProductionSettings
) -> list[Difference]:
    found = []
    for token_id, theirs_e6 in theirs.items():
        interval = expected.get(token_id, [0, 0])
        amount_e6 = _outside(interval, theirs_e6)
        if interval[0] == interval[1] == theirs_e6:
            continue
        if not amount_e6 and interval[0] != interval[1]:
            explained_by = "settlements under way"
        else:
            explained_by = ""
        low, high = (size_text_signed(bound) for bound in interval)
        found.append(
            Difference(
                what="token", name=token_id, ours=low if low == high else f"{low} to {high}",
                theirs=size_text_signed(theirs_e6), amount=amount_e6, explained_by=explained_by,
                is_beyond_bound=abs(amount_e6) > settings.max_share_difference * SHARE_E6,
            )
        )  # fmt: skip
    return found


def _of_orders(ledger: LiveLedger, now_ns: int, settings: ProductionSettings) -> list[Difference]:
    found = [
        Difference(
            what="order",
            name=word.order_id,
            ours="none",
            amount=word.size_e6,
            theirs=f"{word.side} {size_text(word.size_e6)} at {price_text(word.price_e4)}",
        )
        for word in ledger.foreign.orders()
    ]
    found += [
        Difference(
            what="order", name=row.order_id, ours=str(row.state), theirs="open",
            amount=row.size_e6 - row.filled_e6,
        )
        for row in ledger.foreign.orders_after_end()
    ]  # fmt: skip
    for record in ledger.orders.open():
        row = record.row
        is_late = now_ns - row.state_ns > settings.unknown_after_s * S_NS
        if row.state is OrderState.UNKNOWN and is_late:
            found.append(
                Difference(
                    what="unknown", name=row.order_id, ours=f"unknown ({row.reason})",
                    theirs="nothing said", amount=row.size_e6,
                )
            )  # fmt: skip
        elif record.is_stray:
            found.append(
                Difference(
                    what="order", name=row.order_id, ours="held to be gone", theirs="open",
                    amount=row.size_e6 - row.filled_e6, explained_by="a cancel is due",
                )
            )  # fmt: skip
        elif record.doubted_ns and row.state is not OrderState.UNKNOWN:
            found.append(
                Difference(
                    what="order", name=row.order_id, ours=str(row.state), theirs="not shown",
                    amount=row.filled_e6 - row.size_e6, explained_by="being asked for by its id",
                )
            )  # fmt: skip
        elif row.state is OrderState.ENDING and is_late:
            found.append(_short(row.order_id, row.filled_e6, row.matched_e6))
    for record in ledger.orders:
        row = record.row
        if not row.is_open and (row.matched_e6 or 0) > row.filled_e6 + DUST_E6:
            found.append(_short(row.order_id, row.filled_e6, row.matched_e6))
    return found


def _short(order_id: str, filled_e6: int, matched_e6: int | None) -> Difference:
    return Difference(
        what="fill", name=order_id, ours=f"{size_text(filled_e6)} filled",
        theirs="unknown" if matched_e6 is None else f"{size_text(matched_e6)} matched",
        amount=0 if matched_e6 is None else matched_e6 - filled_e6,
    )  # fmt: skip


def _of_fills(ledger: LiveLedger, now_ns: int) -> list[Difference]:
    found = [
        Difference(
            what="fill", name=row.trade_id, ours="none", amount=row.size_e6,
            theirs=f"{row.side} {size_text(row.size_e6)} at {price_text(row.price_e4)}, "
            f"order {row.venue_id}",
        )
        for row in ledger.foreign.fills()
    ]  # fmt: skip
    found += [
        Difference(
            what="settlement", name=row.trade_id, ours="booked" if row.is_booked else "taken back",
            theirs=str(row.status), amount=row.size_e6,
            explained_by="the venue confirmed and failed it: its last word counts",
        )
        for row in ledger.fills.contradicted.values()
    ]  # fmt: skip
    found += [
        Difference(
            what="settlement", name=row.trade_id, ours="booked", theirs=str(row.status),
            amount=row.size_e6, explained_by="its settlement is under way for long",
        )
        for row in ledger.fills.unsettled()
        if now_ns - row.ts_ns > _LONG_SETTLEMENT_NS
    ]  # fmt: skip
    return found


def _usd_text(amount_e12: int) -> str:
    sign = "-" if amount_e12 < 0 else ""
    return f"{sign}{size_text(abs(amount_e12) // _BASE_UNIT_E12)} USD"


def size_text_signed(size_e6: int) -> str:
    """Return shares as :func:`polyframe.money.size_text` does, also below zero."""
    return f"-{size_text(-size_e6)}" if size_e6 < 0 else size_text(size_e6)
