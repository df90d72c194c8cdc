"""An orderly stop: trades under way have a moment for their other leg, then the book is emptied.

A first leg alone is a position nobody asked for, and a sweep lets nothing leave: so the trades
come first. A hazard that pulls is waited for by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import anyio

from polyframe.events import Event, StopAsked, Tick
from polyframe.runtime.assemble import Machine
from polyframe.runtime.engine import Engine
from polyframe.runtime.paper import PaperVenue

UNWIND_LIMIT_S: Final = 10.0
"""Market seconds that trades under way have to be unwound, after their own ``within_s``.

No leg leaves later than that; what one bought can be sold when it is mined, some seconds after.
"""
_UNWIND_LIMIT_NS = round(UNWIND_LIMIT_S * 1_000_000_000)
# Wall seconds between two looks.
_LOOK_S = 0.05

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
    limit_ns = max(now_ns, engine.desk.last_deadline_ns) + _UNWIND_LIMIT_NS
    take([StopAsked(now_ns, reason)])

    def may_go_on() -> bool:
        return bool(engine.desk.busy) and not engine.safety.is_pulled

    if machine.paper is not None:
        let_pass(machine.paper, engine, take, limit_ns, may_go_on)
        return
    with anyio.move_on_after((limit_ns - now_ns) / 1e9 / speed):
        while may_go_on():  # noqa: ASYNC110 - nobody announces it
            await anyio.sleep(_LOOK_S)


def let_pass(
    paper: PaperVenue, engine: Engine, take: Take, limit_ns: int, is_wanted: Callable[[], bool]
) -> None:
    """Let market time pass on paper, step by step, as long as it is wanted."""
    while is_wanted():
        due_ns = paper.next_due_ns()
        if due_ns is None or due_ns > limit_ns:
            break
        take([Tick(max(due_ns, engine.moment.now_ns))])


def say_held_alone(engine: Engine, line: Callable[[str, Mapping[str, object]], None]) -> None:
    """Name every trade that was stopped between its legs, however the run ended.

    Args:
        engine: the run's; its warnings are the report's.
        line: writes a line of the run's log.
    """
    for text in engine.desk.under_way():
        engine.warnings.append(f"a trade was stopped between its legs: {text}")
        line("Held alone", {"what": text, "until": "somebody pairs or sells it"})
