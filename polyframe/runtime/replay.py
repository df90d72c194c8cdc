"""Run a tape again and compare every decision, fill and order answer with what it recorded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from polyframe.plugin import Config
from polyframe.runtime.assemble import Machine, no_line
from polyframe.runtime.tape import Out, TapeReader, events_of
from polyframe.runtime.turn import Outcome
from polyframe.settings import Settings


class Difference(NamedTuple):
    """One place where the replay answered otherwise."""

    where: str
    what: str
    recorded: str
    replayed: str


class Replayed(NamedTuple):
    """What a replay went through."""

    batches: int
    decisions: int
    fills: int
    order_events: int
    differences: int
    is_whole: bool


class Replay:
    """Builds the run's machine from the tape's head and runs the tape through it.

    ``watch``, where it is set, is called with each batch's outcome as it is replayed.

    Args:
        reader: the tape.
        settings: the core's settings of the run (from the head).
        classes: the run's plugins.
        configs: their settings.
    """

    def __init__(
        self,
        reader: TapeReader,
        settings: Settings,
        classes: Mapping[str, type],
        configs: Mapping[str, Config],
    ) -> None:
        self._reader = reader
        self.watch: Callable[[Outcome], None] | None = None
        stores: dict[str, dict[str, Any]] = msgspec.json.decode(
            msgspec.json.encode(reader.head.stores)
        )
        self.machine = Machine(
            settings,
            classes,
            configs,
            stores,
            no_line,
            None,
            reader.head.account,
            reader.head.begin,
        )
        self._batches = self._decisions = self._fills = self._order_events = 0
        self._differences = 0

    def differences(self) -> Iterator[Difference]:
        """Replay everything, yielding each difference as it is found."""
        for where, batch, recorded in self._reader.steps():
            outcome = self.machine.turn.handle(events_of(batch))
            if self.watch is not None:
                self.watch(outcome)
            # A trip through JSON, so that both sides are compared as they are written.
            replayed = msgspec.json.decode(msgspec.json.encode(Out.of(outcome)), type=Out)
            self._batches += 1
            if recorded is None:
                continue
            self._decisions += len(recorded.decisions)
            self._fills += len(recorded.fills)
            self._order_events += len(recorded.order_events)
            if replayed != recorded:
                for difference in _compare(where, recorded, replayed):
                    self._differences += 1
                    yield difference

    def result(self) -> Replayed:
        """Return the counts; call it when :meth:`differences` is exhausted."""
        return Replayed(
            self._batches,
            self._decisions,
            self._fills,
            self._order_events,
            self._differences,
            self._reader.is_whole,
        )


def _compare(where: str, recorded: Out, replayed: Out) -> Iterator[Difference]:
    for kind in ("decisions", "fills", "order_events", "states"):
        old, new = getattr(recorded, kind), getattr(replayed, kind)
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            if before != after:
                yield Difference(where, f"{kind}[{index}]", *_where_they_differ(before, after))


def _where_they_differ(before: object, after: object) -> tuple[str, str]:
    if before is None or after is None or type(before) is not type(after):
        return _text(before), _text(after)
    fields = [
        name
        for name in getattr(before, "__struct_fields__", ())
        if getattr(before, name) != getattr(after, name)
    ]
    return (
        ", ".join(f"{name}={_text(getattr(before, name))}" for name in fields),
        ", ".join(f"{name}={_text(getattr(after, name))}" for name in fields),
    )


def _text(value: object) -> str:
    return "nothing" if value is None else msgspec.json.encode(value).decode()
