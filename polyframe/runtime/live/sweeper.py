"""Cancel-all, and the proof: the venue is asked until it says that nothing of ours rests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import anyio

from polyframe.events import BookVerified, Event
from polyframe.polymarket.account_words import VenueOrder
from polyframe.polymarket.clob import Clob
from polyframe.polymarket.official_client import ClobError
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.order_sender import OrderSender
from polyframe.runtime.live.writer import AccountWriter

_AGAIN_S = 0.2
_AGAIN_LATE_S = 2.0


class Sweep(NamedTuple):
    """One cancel-all: why, when it was asked for, when the venue had nothing left (UTC ns)."""

    reason: str
    asked_ns: int
    verified_ns: int


class Sweeper:
    """Runs cancel-alls one after the other; one that is asked for meanwhile joins the next.

    Args:
        clob: the venue.
        ledger: which orders are ours.
        writer: makes what is heard durable.
        sender: what is on its way out.
        take: gives events to the engine.
        clock: market time, UTC ns.
        speed: market seconds a wall second.
        verify_ns: within how much market time a sweep has to be proved.
        is_alone: whether every order of the account is ours to cancel.
        done: called with every proved sweep.
    """

    def __init__(
        self,
        clob: Clob,
        ledger: LiveLedger,
        writer: AccountWriter,
        sender: OrderSender,
        *,
        take: Callable[[Sequence[Event]], None],
        clock: Callable[[], int],
        speed: float,
        verify_ns: int,
        is_alone: bool,
        done: Callable[[Sweep], None],
    ) -> None:
        self._clob = clob
        self._ledger = ledger
        self._writer = writer
        self._sender = sender
        self._take = take
        self._clock = clock
        self._speed = speed
        self._verify_ns = verify_ns
        self._is_alone = is_alone
        self._done = done
        self._asked: dict[str, int] = {}
        self._wake = anyio.Event()
        self._proved = anyio.Event()
        self.sweeps: list[Sweep] = []
        self.is_unproved = False

    def ask(self, reason: str) -> None:
        """Have everything cancelled and proved gone."""
        self._asked.setdefault(reason, self._clock())
        if self._proved.is_set():
            self._proved = anyio.Event()
        self._wake.set()

    async def proved(self) -> None:
        """Wait until every sweep that was asked for is proved."""
        if self._asked or self.is_unproved:
            await self._proved.wait()

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await self._wake.wait()
            self._wake = anyio.Event()
            if self._asked:
                await self._sweep()

    async def _sweep(self) -> None:
        """Cancel and ask until nothing rests; say so, also when it takes too long."""
        self.is_unproved = True
        late: set[str] = set()
        while True:
            reasons = dict(self._asked)
            left = await self._once()
            now_ns = self._clock()
            if left == 0:
                break
            for reason, asked_ns in reasons.items():
                if now_ns - asked_ns > self._verify_ns and reason not in late:
                    late.add(reason)
                    self._take([BookVerified(now_ns, reason, left, now_ns - asked_ns)])
            await anyio.sleep(_AGAIN_LATE_S if late else _AGAIN_S)
        for reason, asked_ns in reasons.items():
            del self._asked[reason]
            sweep = Sweep(reason, asked_ns, now_ns)
            self.sweeps.append(sweep)
            self._take([BookVerified(now_ns, reason, 0, now_ns - asked_ns)])
            self._done(sweep)
        self.is_unproved = False
        if self._asked:
            self._wake.set()
        else:
            self._proved.set()

    async def _once(self) -> int:
        """Cancel, then ask; return how many rest, as far as anybody knows (0: none, proved)."""
        self._sender.drop_queued("held")
        answer = (
            await self._clob.cancel_all()
            if self._is_alone
            else await self._clob.cancel([*self._ledger.open_venue_ids()])
        )
        self._writer.put(self._ledger.cancelled(answer, self._clock()))
        # What is on its way out may arrive behind the cancel: wait for its answer, then look.
        await self._sender.idle()
        asked_ns = self._clock()
        try:
            found = await self._clob.open_orders()
        except ClobError:
            return max(1, len(self._ledger.open_venue_ids()))
        self._writer.put(self._ledger.read_orders(found, asked_ns, self._clock()))
        return len([one for one in found if self._counts(one)])

    def _counts(self, order: VenueOrder) -> bool:
        return self._is_alone or self._ledger.is_ours(order.order_id)
