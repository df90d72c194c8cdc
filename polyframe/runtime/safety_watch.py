"""Hazards raised and cleared: by whoever watches the venue, and by what the engine itself sees."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polyframe.commands import CancelAll
from polyframe.events import BookVerified, HazardCleared, HazardRaised
from polyframe.hazards import Action, Hazard
from polyframe.runtime.agenda import Agenda
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.limits import Limits
from polyframe.runtime.markets import Markets, Moment
from polyframe.runtime.orders import Orders
from polyframe.runtime.reconcile import MutationBudget
from polyframe.runtime.safety import Safety


class SafetyWatch:
    """Turns hazards into what follows from them: a sweep, markets to decide upon, a held budget.

    ``handlers`` has one function per event type. ``active`` returns the markets that are quoted.
    """

    def __init__(
        self,
        safety: Safety,
        limits: Limits,
        dispatcher: Dispatcher,
        markets: Markets,
        orders: Orders,
        agenda: Agenda,
        budget: MutationBudget,
        moment: Moment,
        active: Callable[[], Sequence[str]],
    ) -> None:
        self._safety = safety
        self._limits = limits
        self._dispatcher = dispatcher
        self._markets = markets
        self._orders = orders
        self._agenda = agenda
        self._budget = budget
        self._moment = moment
        self._active = active
        self._sweeps: list[str] = []
        self._has_halting_veto = False
        self.handlers: Mapping[type[Any], Callable[[Any], None]] = {
            HazardRaised: self._raised,
            HazardCleared: self._cleared,
            BookVerified: safety.verified,
        }

    def sweep(self, reason: str) -> None:
        """Have everything cancelled and checked, whatever stands."""
        self._sweeps.append(reason)

    def sweeps(self) -> list[CancelAll]:
        """Return the sweeps that are due, once each."""
        due, self._sweeps = self._sweeps, []
        return [CancelAll(reason) for reason in due]

    def note_veto(self, code: str) -> None:
        """A plugin refused a market whole; some codes are against the account."""
        if code in self._dispatcher.halts:
            self._has_halting_veto = True
            self._raise(Hazard.RISK_HALT, Action.PULL, code)

    def start_cycle(self) -> None:
        """A whole cycle of questions is over: a halt that nobody voted for in it has ended."""
        if not self._has_halting_veto:
            self._clear(Hazard.RISK_HALT)
        self._has_halting_veto = False

    def look(self) -> None:
        """Raise and clear what can be seen from here; at every tick of a running engine."""
        if self._markets.is_blind():
            self._raise(Hazard.STALE_FEED, Action.PULL, "no followed book is current")
        else:
            self._clear(Hazard.STALE_FEED)
        if closed := self._dispatcher.closed:
            self._raise(Hazard.PLUGIN_FAILED, Action.PULL, ", ".join(closed))
        loss = self._limits.daily_loss()
        if loss is not None:
            detail = f"lost {loss.observed:.2f} USD today, the limit is {loss.limit:.2f}"
            self._raise(Hazard.LIMIT_BROKEN, Action.HALT, detail)

    def _raise(self, hazard: Hazard, action: Action, detail: str) -> None:
        standing = self._safety.standing.get(hazard)
        if standing is None or standing.action is not action:
            self._raised(HazardRaised(self._moment.now_ns, hazard, action, detail))

    def _clear(self, hazard: Hazard) -> None:
        if hazard in self._safety.standing:
            self._cleared(HazardCleared(self._moment.now_ns, hazard))

    def _raised(self, event: HazardRaised) -> None:
        if self._safety.raise_(event):
            self._sweeps.append(event.hazard.value)
            for market_id in self._orders.markets_with_live():
                self._agenda.touch(market_id, event.hazard.value, urgent=True)
        self._budget.is_held = self._safety.is_held

    def _cleared(self, event: HazardCleared) -> None:
        if self._safety.clear(event):
            for market_id in self._active():
                self._agenda.touch(market_id, "hazard_over")
        self._budget.is_held = self._safety.is_held
