"""Orders out: what the engine asks for is signed, stored, then sent; cancels go first and alone.

An intent is durable before the first byte of its request (quant.md I17). A cancel never waits for
a budget; one whose fate is unknown is sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio
import msgspec
from anyio.to_thread import run_sync

from polyframe.commands import CancelOrder, PlaceOrder
from polyframe.events import Event, OrderCancelled, OrderRejected
from polyframe.model import MarketSpec
from polyframe.polymarket.account_words import Placement, PlaceResult, VenueMode
from polyframe.polymarket.clob import MOST_ORDERS, Clob
from polyframe.polymarket.signed_intent import SignedIntent, SigningRefused
from polyframe.runtime.live.ledger import LiveLedger
from polyframe.runtime.live.writer import AccountWriter

_CANCEL_AGAIN_S = 0.25
_BUDGET_NAP_S = 0.02
# The market's grid may have changed, or time passed, since the engine decided: no fault of its.
_RACES = frozenset({"tick", "expiration"})


class OrderSender:
    """The way of orders and cancels to the venue.

    Args:
        clob: the venue.
        ledger: what is asked for.
        writer: makes it durable.
        clock: market time, UTC ns.
        speed: market seconds a wall second.
        spec_of: a market's metadata.
        is_held: whether nothing new may leave now.
        take: gives events to the engine that need no storing.
        gate_broke: called when the last gate refused what the engine let through.
    """

    def __init__(
        self,
        clob: Clob,
        ledger: LiveLedger,
        writer: AccountWriter,
        *,
        clock: Callable[[], int],
        speed: float,
        spec_of: Callable[[str], MarketSpec | None],
        is_held: Callable[[], bool],
        take: Callable[[Sequence[Event]], None],
        gate_broke: Callable[[str], None],
    ) -> None:
        self._clob = clob
        self._ledger = ledger
        self._writer = writer
        self._budget = clob.budget
        self._clock = clock
        self._speed = speed
        self._spec_of = spec_of
        self._is_held = is_held
        self._take = take
        self._gate_broke = gate_broke
        self._to_place: dict[str, PlaceOrder] = {}
        self._to_cancel: dict[str, None] = {}
        self._sending: frozenset[str] = frozenset()
        self._wake_places = anyio.Event()
        self._wake_cancels = anyio.Event()
        self._idle = anyio.Event()
        self._idle.set()
        self.requests = 0
        self.cancel_requests = 0

    # --- what the engine asks --------------------------------------------------------------

    def place(self, command: PlaceOrder) -> None:
        """Queue an order."""
        self._to_place[command.order_id] = command
        if self._idle.is_set():
            self._idle = anyio.Event()
        self._wake_places.set()

    def cancel(self, command: CancelOrder) -> None:
        """Queue a cancel; an order that has not left yet never does."""
        if self._to_place.pop(command.order_id, None) is not None:
            self._take([OrderCancelled(self._clock(), command.order_id, "never sent")])
            return
        self._to_cancel[command.order_id] = None
        self._wake_cancels.set()

    def drop_queued(self, code: str) -> None:
        """Refuse every order that has not left yet."""
        dropped, self._to_place = self._to_place, {}
        now_ns = self._clock()
        if dropped:
            self._take([OrderRejected(now_ns, one, code, "not sent") for one in dropped])

    async def idle(self) -> None:
        """Wait until no order is on its way out."""
        await self._idle.wait()

    # --- tasks -----------------------------------------------------------------------------

    async def run_places(self) -> None:
        """Send orders until cancelled."""
        while True:
            if not self._to_place:
                self._idle.set()
                await self._wake_places.wait()
            self._wake_places = anyio.Event()
            if self._is_held():
                self.drop_queued("held")
                continue
            batch = list(self._to_place.values())[:MOST_ORDERS]
            if not await self._wait_for_budget(len(batch)):
                continue
            batch = [command for command in batch if self._to_place.pop(command.order_id, None)]
            self._sending = frozenset(command.order_id for command in batch)
            try:
                await self._send(batch)
            finally:
                self._sending = frozenset()
                self._wake_cancels.set()

    async def _wait_for_budget(self, count: int) -> bool:
        """Wait for room; False when the world has changed meanwhile: look again."""
        if self._budget.take(count, self._clock()):
            return True
        wait_s = self._budget.wait_ns(count, self._clock()) / 1e9 / self._speed
        await anyio.sleep(max(_BUDGET_NAP_S, min(wait_s, 1.0)))
        return False

    async def _send(self, batch: Sequence[PlaceOrder]) -> None:
        intents = await self._intents(batch)
        if not intents:
            return
        now_ns = self._clock()
        for command, intent in intents:
            change = self._ledger.intend(command, intent.venue_id, intent.to_bytes(), now_ns)
            last = self._writer.put(change)
        await last.done.wait()
        if not last.is_durable or self._is_held():
            code = "held" if last.is_durable else "not_stored"
            for _, intent in intents:
                refused = Placement(
                    order_id=intent.venue_id, result=PlaceResult.REJECTED, code=code,
                    message="not sent",
                )  # fmt: skip
                self._writer.put(self._ledger.placed(refused, self._clock()))
            return
        self.requests += 1
        answers = await self._clob.place([intent for _, intent in intents])
        for (_, intent), answer in zip(intents, answers, strict=True):
            told = msgspec.structs.replace(answer, order_id=intent.venue_id)
            self._writer.put(self._ledger.placed(told, self._clock()))

    async def _intents(self, batch: Sequence[PlaceOrder]) -> list[tuple[PlaceOrder, SignedIntent]]:
        """Sign a batch off the book path; what cannot be signed is refused here."""
        intents: list[tuple[PlaceOrder, SignedIntent]] = []
        now_ns = self._clock()
        mode = self._clob.mode.mode
        for command in batch:
            spec = self._spec_of(command.market_id)
            if spec is None:
                self._refuse(command, "market_not_ready", "its market is not known")
            elif mode is VenueMode.POST_ONLY and not command.post_only:
                self._refuse(command, "post_only_mode", "the venue takes post-only orders only")
            else:
                try:
                    intent = await run_sync(self._clob.sign, command, spec, now_ns)
                except SigningRefused as refusal:
                    self._refuse(command, f"gate_{refusal.code}", str(refusal))
                    if refusal.code not in _RACES:
                        self._gate_broke(str(refusal))
                else:
                    intents.append((command, intent))
        return intents

    def _refuse(self, command: PlaceOrder, code: str, message: str) -> None:
        self._take([OrderRejected(self._clock(), command.order_id, code, message)])

    async def run_cancels(self) -> None:
        """Send cancels until cancelled; one that hangs holds no other back."""
        async with anyio.create_task_group() as tasks:
            while True:
                await self._wake_cancels.wait()
                self._wake_cancels = anyio.Event()
                ready = [one for one in self._to_cancel if one not in self._sending]
                for one in ready:
                    del self._to_cancel[one]
                if ready:
                    tasks.start_soon(self._cancel, ready)

    async def _cancel(self, order_ids: Sequence[str]) -> None:
        by_venue_id = {}
        for order_id in order_ids:
            venue_id = self._ledger.venue_id(order_id)
            if venue_id is None:
                # Refused before it was stored: its refusal is on its way.
                continue
            by_venue_id[venue_id] = order_id
        if not by_venue_id:
            return
        self._writer.put(self._ledger.cancel_asked(list(by_venue_id.values()), self._clock()))
        self.cancel_requests += 1
        answer = await self._clob.cancel(list(by_venue_id))
        self._writer.put(self._ledger.cancelled(answer, self._clock()))
        if answer.is_known:
            return
        told = {*answer.gone, *answer.refused}
        unknown = [ours for venue_id, ours in by_venue_id.items() if venue_id not in told]
        self._ledger.cancel_unanswered(unknown, self._clock())
        await anyio.sleep(_CANCEL_AGAIN_S)
        for order_id in unknown:
            if self._ledger.is_open(order_id):
                self._to_cancel[order_id] = None
        self._wake_cancels.set()
