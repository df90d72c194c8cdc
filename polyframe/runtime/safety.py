"""What keeps us from trading now: the hazards that stand, and what each of them asks for.

A hold places nothing new; a pull also cancels everything, and is checked by asking the venue; a
halt is a pull that lasts until the operator says otherwise. Cancels are never held back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from polyframe.events import BookVerified, HazardCleared, HazardRaised
from polyframe.hazards import Action, Hazard
from polyframe.model import Veto


class Standing(NamedTuple):
    """One hazard as it stands: what it asks for, why, and since when (UTC ns)."""

    action: Action
    detail: str
    since_ns: int


def code_of(hazard: Hazard) -> str:
    """Return the runtime's veto code of a hazard."""
    return f"runtime.{hazard}"


CODES = tuple(code_of(hazard) for hazard in Hazard)


class Safety:
    """The hazards that stand; the only code that knows what they add up to.

    Args:
        log: called as ``log(message, **fields)`` when one is raised or cleared.
    """

    def __init__(self, log: Callable[..., None]) -> None:
        self._log = log
        self.standing: dict[Hazard, Standing] = {}
        self.raised: Counter[str] = Counter()
        self.sweeps: list[BookVerified] = []
        self.vetoes: tuple[Veto, ...] = ()
        self.is_held = False

    @property
    def is_pulled(self) -> bool:
        """Whether everything of ours has to leave the book."""
        return bool(self.vetoes)

    @property
    def halts(self) -> tuple[Hazard, ...]:
        """What only the operator ends."""
        return tuple(h for h, one in self.standing.items() if one.action is Action.HALT)

    def raise_(self, event: HazardRaised) -> bool:
        """Note a hazard; True when everything has to be pulled for it that had not to before."""
        before = self.standing.get(event.hazard)
        if before is not None and before.action is Action.HALT and event.action is not Action.HALT:
            return False  # a halt is not softened by a later, milder word
        since_ns = event.ts_ns if before is None else before.since_ns
        self.standing[event.hazard] = Standing(event.action, event.detail, since_ns)
        self._add_up()
        if before is None or before.action is not event.action:
            self.raised[event.hazard.value] += 1
            self._log("Hazard", hazard=event.hazard, action=event.action, detail=event.detail)
        pulled_before = before is not None and before.action is not Action.HOLD
        return event.action is not Action.HOLD and not pulled_before

    def clear(self, event: HazardCleared) -> bool:
        """Forget a hazard whose cause is gone; False when it did not stand."""
        gone = self.standing.pop(event.hazard, None)
        if gone is None:
            return False
        self._add_up()
        self._log(
            "Hazard over",
            hazard=event.hazard,
            lasted_s=f"{(event.ts_ns - gone.since_ns) / 1e9:.1f}",
        )
        return True

    def verified(self, event: BookVerified) -> None:
        """Note what the venue answered after a cancel-all."""
        self.sweeps.append(event)
        self._log(
            "Cancel-all verified" if event.left == 0 else "CANCEL-ALL NOT VERIFIED",
            reason=event.reason,
            left=event.left,
            took_s=f"{event.took_ns / 1e9:.2f}",
        )

    def _add_up(self) -> None:
        self.is_held = bool(self.standing)
        self.vetoes = tuple(
            Veto(code_of(hazard))
            for hazard, one in self.standing.items()
            if one.action is not Action.HOLD
        )
