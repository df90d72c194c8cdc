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
# Wall: a request that hangs longer is given up and sent again. A venue that is only slow gets
# more time each time, up to the client's own patience.
_PATIENCE_S = 2.0
_MOST_PATIENCE_S = 10.0


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
        began: called when something is to be swept and nothing was.
        done: called with every proved sweep, and whether all that was asked for is proved.
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
        began: Callable[[str], None],
        done: Callable[[Sweep, bool], None],
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
        self._began = began
        self._done = done
        self._asked: dict[str, int] = {}
        self._late: set[str] = set()
        self._left = 0
        self._patience_s = _PATIENCE_S
        self._wake = anyio.Event()
        self._proved = anyio.Event()
        self.sweeps: list[Sweep] = []

    @property
    def is_unproved(self) -> bool:
        """Whether something was asked for and nothing proves it yet."""
        return bool(self._asked)

    def ask(self, reason: str) -> None:
        """Have everything cancelled and proved gone."""
        is_first = not self._asked
        self._asked.setdefault(reason, self._clock())
        if self._proved.is_set():
            self._proved = anyio.Event()
        self._wake.set()
        if is_first:
            self._began(reason)

    async def proved(self) -> None:
        """Wait until every sweep that was asked for is proved."""
        if self._asked:
            await self._proved.wait()

    async def run(self) -> None:
        """Sweep until cancelled."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._watch_late)
            while True:
                await self._wake.wait()
                self._wake = anyio.Event()
                if self._asked:
                    await self._sweep()

    async def _watch_late(self) -> None:
        """Say when a proof takes too long; apart, since what is waited for may hang."""
        while True:
            await anyio.sleep(_AGAIN_S)
            now_ns = self._clock()
            for reason, asked_ns in list(self._asked.items()):
                if now_ns - asked_ns > self._verify_ns and reason not in self._late:
                    self._late.add(reason)
                    left = max(1, self._left)
                    self._take([BookVerified(now_ns, reason, left, now_ns - asked_ns)])

    async def _sweep(self) -> None:
        """Cancel and ask until nothing rests."""
        while True:
            reasons = dict(self._asked)
            self._left = await self._once()
            now_ns = self._clock()
            if self._left == 0:
                break
            await anyio.sleep(_AGAIN_LATE_S if self._late else _AGAIN_S)
        for reason in reasons:
            del self._asked[reason]
            self._late.discard(reason)
        for reason, asked_ns in reasons.items():
            sweep = Sweep(reason, asked_ns, now_ns)
            self.sweeps.append(sweep)
            self._take([BookVerified(now_ns, reason, 0, now_ns - asked_ns)])
            self._done(sweep, not self._asked)
        if self._asked:
            self._wake.set()
        else:
            self._proved.set()

    async def _once(self) -> int:
        """Cancel, then ask; return how many rest, as far as anybody knows (0: none, proved)."""
        self._sender.drop_queued("held")
        unheard = max(1, len(self._ledger.open_venue_ids()))
        with anyio.move_on_after(self._patience_s) as cancelling:
            answer = (
                await self._clob.cancel_all()
                if self._is_alone
                else await self._clob.cancel([*self._ledger.open_venue_ids()])
            )
            self._writer.put(self._ledger.cancelled(answer, self._clock()))
        # What is on its way out may arrive behind the cancel: wait for its answer, then look.
        # Where it hangs, cancel again meanwhile.
        with anyio.move_on_after(_PATIENCE_S) as leaving:
            await self._sender.idle()
        asked_ns = self._clock()
        try:
            with anyio.fail_after(self._patience_s):
                found = await self._clob.open_orders()
        except (ClobError, TimeoutError):
            self._patience_s = min(2 * self._patience_s, _MOST_PATIENCE_S)
            return unheard
        self._patience_s = (
            min(2 * self._patience_s, _MOST_PATIENCE_S)
            if cancelling.cancelled_caught
            else _PATIENCE_S
        )
        self._writer.put(self._ledger.read_orders(found, asked_ns, self._clock()))
        left = len([one for one in found if self._counts(one)])
        return max(1, left) if leaving.cancelled_caught else left

    def _counts(self, order: VenueOrder) -> bool:
        return self._is_alone or self._ledger.is_ours(order.order_id)
