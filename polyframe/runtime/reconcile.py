"""What rests against what should rest: keep, cancel or place, one side at a time.

An order keeps its place in the queue while price and size hold. A replacement is placed only
when the order it replaces is confirmed gone: at no moment can both fill, so no cap is ever
held by a cancel that might come too late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from polyframe.runtime.orders import Order, OrderStatus, Route
from polyframe.settings import QuotingSettings

_SECOND_NS = 1_000_000_000


class SideAction(NamedTuple):
    """Orders to cancel with the reason, and the order to place now (None: nothing)."""

    cancels: tuple[tuple[Order, str], ...]
    place: Route | None


def reconcile(
    wanted: Route | None,
    live: Sequence[Order],
    *,
    tick_e4: int,
    now_ns: int,
    settings: QuotingSettings,
    may_exceed: bool = True,
) -> SideAction:
    """Return what brings one side of one market from ``live`` to ``wanted``.

    ``may_exceed`` is whether an order a little larger than wanted may stay: not where the
    side may only reduce. ``live`` are our orders on that side of the YES book that may still
    fill. Those on their way out are left alone, and nothing is placed until they are gone.
    """
    cancels: list[tuple[Order, str]] = []
    kept = False
    for order in live:
        if order.status is OrderStatus.LEAVING:
            continue
        reason = _misfit(order, wanted, tick_e4, now_ns, settings, may_exceed)
        if reason is None and not kept:
            kept = True
        else:
            cancels.append((order, reason or "duplicate"))
    return SideAction(tuple(cancels), wanted if wanted is not None and not live else None)


def _misfit(
    order: Order,
    wanted: Route | None,
    tick_e4: int,
    now_ns: int,
    settings: QuotingSettings,
    may_exceed: bool,
) -> str | None:
    if wanted is None:
        return "pulled"
    if (order.is_yes, order.is_buy) != (wanted.is_yes, wanted.is_buy):
        return "route"
    if order.price_e4 % tick_e4:
        return "tick"
    if abs(order.price_e4 - wanted.price_e4) > settings.drift_ticks * tick_e4:
        return "drift"
    too_much_e6 = order.leaves_e6 - wanted.size_e6
    if abs(too_much_e6) > settings.size_drift * wanted.size_e6 or (
        too_much_e6 > 0 and not may_exceed
    ):
        return "size"
    if (
        order.expires_ns is not None
        and order.expires_ns - now_ns <= settings.renew_before_s * _SECOND_NS
    ):
        return "expiry"
    return None


class MutationBudget:
    """Places wait when the account has asked the venue for enough; cancels only count.

    ``is_held`` lets nothing new leave, however much room there is (:mod:`.safety`).
    """

    def __init__(self, settings: QuotingSettings) -> None:
        self._per_pass = settings.mutations_per_pass
        self._per_min = settings.mutations_per_min
        self._recent: list[int] = []
        self._left_in_pass = self._per_pass
        self.deferred = 0
        self.is_held = False

    def start_pass(self, now_ns: int) -> None:
        """A new pass of decisions begins."""
        self._left_in_pass = self._per_pass
        since = now_ns - 60 * _SECOND_NS
        self._recent = [at_ns for at_ns in self._recent if at_ns > since]

    def has_room(self, now_ns: int) -> bool:
        """Whether a place asked for now would be granted."""
        since = now_ns - 60 * _SECOND_NS
        recent = sum(1 for at_ns in self._recent if at_ns > since)
        return not self.is_held and self._left_in_pass > 0 and recent < self._per_min

    def take_place(self, now_ns: int) -> bool:
        """Take one place; False when it has to wait."""
        if self.is_held or self._left_in_pass <= 0 or len(self._recent) >= self._per_min:
            self.deferred += 1
            return False
        self._left_in_pass -= 1
        self._recent.append(now_ns)
        return True

    def note_taken(self, now_ns: int) -> None:
        """Count an order that takes: a trade under way is not left half done."""
        self._recent.append(now_ns)

    def note_cancel(self, now_ns: int) -> None:
        """Count a cancel; never refused."""
        self._recent.append(now_ns)
