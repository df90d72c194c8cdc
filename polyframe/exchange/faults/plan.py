"""Which faults there are, when they are open, and what has been struck so far.

All chance comes from one stream for each fault, ``Random(f"faults:{seed}:{index}")``: the same
script before the same messages strikes the same ones, whatever other faults do.
"""

from __future__ import annotations

from random import Random

from polyframe.exchange.faults.fault import ChanceFault, Fault, Group


class ActiveFault:
    """A fault of a plan, with its chance and its strikes.

    Args:
        fault: what was asked for.
        origin_ns: market time from which its ``at_s`` counts.
        index: its number in the plan.
        rng: its own stream.
        struck: strikes by kind, shared by the plan.
    """

    def __init__(
        self, fault: Fault, origin_ns: int, index: int, rng: Random, struck: dict[str, int]
    ) -> None:
        self.fault = fault
        self.index = index
        self.origin_ns = origin_ns
        self.rng = rng
        self.strikes = 0
        self._struck = struck

    @property
    def is_spent(self) -> bool:
        """Whether it has struck as often as it may."""
        return self.fault.count is not None and self.strikes >= self.fault.count

    def opening(self, now_ns: int) -> int | None:
        """Return the number of the opening it is in, None when it is closed or spent."""
        return None if self.is_spent else self.fault.window(now_ns - self.origin_ns)

    def opened_ns(self, opening: int) -> int:
        """Return when an opening began."""
        period_s = self.fault.every_s or 0.0
        return self.origin_ns + round((self.fault.at_s + opening * period_s) * 1e9)

    def draws(self) -> bool:
        """Return what chance says; nothing is drawn where it is certain."""
        share = self.fault.share if isinstance(self.fault, ChanceFault) else 1.0
        return share >= 1.0 or self.rng.random() < share

    def strike(self) -> None:
        """Count one strike."""
        self.strikes += 1
        self._struck[self.fault.kind] += 1


class FaultPlan:
    """The faults of one exchange.

    ``struck`` counts strikes by kind; every kind that was ever planned is in it, those that
    never struck with 0. It survives :meth:`clear`.

    Args:
        seed: of all chance.
        origin_ns: market time at which the exchange starts.
    """

    def __init__(self, seed: int, origin_ns: int) -> None:
        self.struck: dict[str, int] = {}
        self._seed = seed
        self._origin_ns = origin_ns
        self._added = 0
        self._active: dict[Group, tuple[ActiveFault, ...]] = {}

    def add(self, fault: Fault, origin_ns: int | None = None) -> ActiveFault:
        """Plan a fault; its times count from ``origin_ns``, by default from the start."""
        index, self._added = self._added, self._added + 1
        rng = Random(f"faults:{self._seed}:{index}")
        self.struck.setdefault(fault.kind, 0)
        since_ns = self._origin_ns if origin_ns is None else origin_ns
        active = ActiveFault(fault, since_ns, index, rng, self.struck)
        self._active[fault.group] = (*self.of(fault.group), active)
        return active

    def of(self, group: Group) -> tuple[ActiveFault, ...]:
        """Return the planned faults of a group, in order; empty when there is nothing to do."""
        return self._active.get(group, ())

    def clear(self) -> None:
        """Forget every planned fault."""
        self._active.clear()
