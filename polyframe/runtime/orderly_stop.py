"""An orderly stop: trades under way have a moment for their other leg, then the book is emptied.

A first leg alone is a position nobody asked for, and a sweep lets nothing leave: so the trades
come first. A hazard that pulls is waited for by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import anyio

from polyframe.events import Event, StopAsked, Tick
from polyframe.runtime.assemble import Machine
from polyframe.runtime.engine import Engine
from polyframe.runtime.paper import PaperVenue

TRADES_LIMIT_S: Final = 10.0
"""Market seconds that trades under way have for a later leg, or to be unwound.

A leg still has to leave within its trade's own ``within_s``; what it bought can be sold when it
is mined, which takes some seconds.
"""
_TRADES_LIMIT_NS = round(TRADES_LIMIT_S * 1_000_000_000)
_LOOKS = 200

Take = Callable[[Sequence[Event]], None]


async def end_trades(
    machine: Machine, take: Take, clock: Callable[[], int], speed: float, reason: str
) -> None:
    """Begin nothing new, and give what is under way its time.

    Args:
        machine: the run's.
        take: gives events to it.
        clock: market time, UTC ns.
        speed: market seconds a wall second.
        reason: why the run stops.
    """
    engine = machine.engine
    if not engine.desk.busy:
        return
    now_ns = max(clock(), engine.moment.now_ns)
    take([StopAsked(now_ns, reason)])

    def may_go_on() -> bool:
        return bool(engine.desk.busy) and not engine.safety.is_pulled

    if machine.paper is not None:
        let_pass(machine.paper, engine, take, now_ns + _TRADES_LIMIT_NS, may_go_on)
        return
    limit_s = TRADES_LIMIT_S / speed
    with anyio.move_on_after(limit_s):
        while may_go_on():  # noqa: ASYNC110 - nobody announces it
            await anyio.sleep(limit_s / _LOOKS)


def let_pass(
    paper: PaperVenue, engine: Engine, take: Take, limit_ns: int, is_wanted: Callable[[], bool]
) -> None:
    """Let market time pass on paper, step by step, as long as it is wanted."""
    while is_wanted():
        due_ns = paper.next_due_ns()
        if due_ns is None or due_ns > limit_ns:
            break
        take([Tick(max(due_ns, engine.moment.now_ns))])


def held_alone(engine: Engine) -> list[str]:
    """Return what stopped trades hold alone, a sentence each."""
    return [f"a trade was stopped between its legs: {text}" for text in engine.desk.under_way()]
