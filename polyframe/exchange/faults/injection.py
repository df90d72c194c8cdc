"""All faults of one exchange in one place: planned, injected, counted, cleared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from polyframe.exchange.faults.fault import Fault
from polyframe.exchange.faults.plan import FaultPlan
from polyframe.exchange.faults.rest import RestFaults
from polyframe.exchange.faults.settlement import SettlementFaults
from polyframe.exchange.faults.targets import DeskTarget, LagTarget, MarketTarget
from polyframe.exchange.faults.venue import VenueFaults


class FaultyChannel(Protocol):
    """A channel whose sockets can be struck."""

    def use_faults(self, plan: FaultPlan | None) -> None:
        """Strike every socket, present and future, by this plan; None ends it."""
        ...

    def tick(self, now_ns: int) -> None:
        """Send what was held back and is due; close what is to be closed."""
        ...


class Injection:
    """Plans faults and lets them happen.

    Args:
        clock: market time, UTC ns.
        origin_ns: market time at which the exchange starts.
        seed: of all chance.
        channels: the channels to strike.
        market_ids: condition ids in the order of their listing.
        markets: what changes markets, if anything does.
        desk: what keeps orders and balances, if there is one.
        gamma: Gamma's façade.
        data: the Data API's façade.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        origin_ns: int,
        seed: int,
        channels: Sequence[FaultyChannel],
        market_ids: Callable[[], Sequence[str]],
        markets: MarketTarget | None = None,
        desk: DeskTarget | None = None,
        gamma: LagTarget | None = None,
        data: LagTarget | None = None,
    ) -> None:
        self._plan = FaultPlan(seed, origin_ns)
        self._clock = clock
        self._channels = tuple(channels)
        self._venue = VenueFaults(market_ids, markets, desk, gamma, data)
        self._facades = [one for one in (gamma, data) if one is not None]
        self._strikes_sockets = False
        self.rest = RestFaults(self._plan, clock)
        if desk is not None:
            desk.use_fates(SettlementFaults(self._plan))

    @property
    def struck(self) -> dict[str, int]:
        """Strikes by kind; kinds planned and never struck are there with 0."""
        return dict(self._plan.struck)

    def add(self, faults: Iterable[Fault], *, from_now: bool = False) -> None:
        """Plan faults.

        Args:
            faults: what is to go wrong.
            from_now: whether their times count from now instead of the exchange's start.

        Raises:
            VenueError: one needs a market, a desk or a façade that is not there.
        """
        origin_ns = self._clock() if from_now else None
        for fault in faults:
            happens = fault.group in ("venue", "settlement")
            if happens:
                self._venue.check(fault)
            active = self._plan.add(fault, origin_ns)
            if happens:
                self._venue.plan(active)
        self._strikes_sockets = bool(self._plan.of("socket") or self._plan.of("message"))
        for channel in self._channels if self._strikes_sockets else ():
            channel.use_faults(self._plan)

    def clear(self) -> None:
        """End every fault: what was held back is sent, what lasted is undone."""
        self._plan.clear()
        self._venue.clear(self._clock())
        self._strikes_sockets = False
        for channel in self._channels:
            channel.use_faults(None)

    def release(self) -> None:
        """Send what sockets' faults hold back, because nothing more will come."""
        for channel in self._channels if self._strikes_sockets else ():
            channel.use_faults(None)

    @property
    def refused(self) -> list[str]:
        """The last venue faults that could not happen, each with its reason."""
        return list(self._venue.refused)

    @property
    def refusals(self) -> int:
        """How many venue faults could not happen so far, forgotten ones included."""
        return self._venue.refusals

    def tick(self, now_ns: int) -> None:
        """Let what is due happen."""
        self._venue.tick(now_ns)
        for facade in self._facades:
            facade.note(now_ns)
        if self._strikes_sockets:
            for channel in self._channels:
                channel.tick(now_ns)

    async def close(self) -> None:
        """Give up what was to be processed late."""
        await self.rest.close()
