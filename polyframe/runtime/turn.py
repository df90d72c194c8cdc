"""One batch through the machine: paper venue, engine, commands. Pure; the shell feeds it.

    batch of events -> for each: what the venue owed before it, the event, what it did to our
    orders -> decide -> orders to the paper venue, everything else back to the shell

Live runs, recordings and replays all go through :meth:`Turn.handle` with the same batches.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyframe.commands import Command, OrderCommand
from polyframe.events import Event, OrderEvent
from polyframe.model import Decision, Fill
from polyframe.runtime.engine import Engine
from polyframe.runtime.paper import PaperVenue
from polyframe.runtime.states import StateChange


class Outcome:
    """What one batch led to, in order of happening.

    ``took_ns`` is the wall time of each decision where it is measured; it is no part of the
    record.
    """

    __slots__ = ("commands", "decisions", "fills", "order_events", "states", "took_ns")

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.decisions: list[Decision] = []
        self.fills: list[Fill] = []
        self.order_events: list[OrderEvent] = []
        self.states: list[StateChange] = []
        self.took_ns: list[int | None] = []


class Turn:
    """Engine and paper venue, driven batch by batch."""

    def __init__(self, engine: Engine, paper: PaperVenue) -> None:
        self.engine = engine
        self.paper = paper

    def handle(self, batch: Sequence[Event]) -> Outcome:
        """Handle one batch of input events, in receipt order.

        The caller owes the execution of ``Outcome.commands`` (subscriptions and metadata
        requests; orders have gone to the paper venue already).
        """
        engine, paper = self.engine, self.paper
        outcome = Outcome()
        for event in batch:
            self._answers(paper.advance(event.ts_ns), outcome)
            engine.apply(event)
            self._answers(paper.observe(event), outcome)
        orders: list[OrderCommand] = []
        for command in engine.decide():
            if isinstance(command, OrderCommand):
                orders.append(command)
            else:
                outcome.commands.append(command)
        if orders:
            paper.submit(orders, engine.moment.now_ns)
        outcome.decisions, engine.new_decisions = engine.new_decisions, []
        outcome.took_ns, engine.decider.took_ns = engine.decider.took_ns, []
        outcome.fills, engine.answers.new_fills = engine.answers.new_fills, []
        outcome.states, engine.state_watch.new = engine.state_watch.new, []
        return outcome

    def _answers(self, answers: Sequence[OrderEvent], outcome: Outcome) -> None:
        for answer in answers:
            outcome.order_events.append(answer)
            self.engine.apply(answer)
