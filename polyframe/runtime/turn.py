"""One batch through the machine: paper venue, engine, commands. Pure; the shell feeds it.

    batch of events -> for each: what the venue owed before it, the event, what it did to our
    orders -> decide -> orders to the paper venue, everything else back to the shell

Live runs, recordings and replays all go through :meth:`Turn.handle` with the same batches. With
real orders there is no paper venue: what a venue answers is in the batches, and orders go back to
the shell like everything else.
"""

from __future__ import annotations

from collections.abc import Sequence

from polyframe.commands import Command, OrderCommand
from polyframe.events import Event, OrderEvent
from polyframe.model import Decision, Fill
from polyframe.runtime.engine import Engine
from polyframe.runtime.fill_profiles import RealProfile
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
    """Engine and what answers its orders, driven batch by batch."""

    def __init__(self, engine: Engine, answered: PaperVenue | RealProfile) -> None:
        self.engine = engine
        self._answered = answered

    def handle(self, batch: Sequence[Event]) -> Outcome:
        """Handle one batch of input events, in receipt order.

        The caller owes the execution of ``Outcome.commands`` (subscriptions, metadata requests
        and real orders; those on paper have gone to the paper venue already).
        """
        engine, answered = self.engine, self._answered
        outcome = Outcome()
        if isinstance(answered, PaperVenue):
            self._on_paper(answered, batch, outcome)
        else:
            for event in batch:
                engine.apply(event)
                if isinstance(event, OrderEvent):
                    outcome.order_events.append(event)
            outcome.commands += engine.decide()
            answered.note(outcome.order_events, engine.answers.new_fills)
        outcome.decisions, engine.new_decisions = engine.new_decisions, []
        outcome.took_ns, engine.decider.took_ns = engine.decider.took_ns, []
        outcome.fills, engine.answers.new_fills = engine.answers.new_fills, []
        outcome.states, engine.state_watch.new = engine.state_watch.new, []
        return outcome

    def _on_paper(self, paper: PaperVenue, batch: Sequence[Event], outcome: Outcome) -> None:
        engine = self.engine
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

    def _answers(self, answers: Sequence[OrderEvent], outcome: Outcome) -> None:
        for answer in answers:
            outcome.order_events.append(answer)
            self.engine.apply(answer)
