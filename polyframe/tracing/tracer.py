"""What a run holds to trace its decisions: it takes outcomes, builds spans later, hands them on.

On the path of a quote a batch costs one append. Spans are built in small slices between batches;
unchanged decisions are sampled first, refusals, orders and fills are always kept. A sink that
fails loses spans, never a run: what was lost is counted and told, and the tape still has it
(``polyframe replay RUN --spans FOLDER`` builds the same spans again).
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from typing import Protocol

import anyio
import anyio.lowlevel

from polyframe.model import Decision, Fill, MarketSpec
from polyframe.runtime.turn import Outcome
from polyframe.tracing.span import Span, is_sampled
from polyframe.tracing.spans import SpanBuilder

_SLICE = 64
"""Records worked off in one go: a few milliseconds."""


class SpanSink(Protocol):
    """Where spans go."""

    name: str

    def write(self, spans: Sequence[Span]) -> None:
        """Take spans, in order; may raise OSError, and then they are lost to this sink."""
        ...

    def close(self) -> None:
        """Finish, or begin to where that can take long."""
        ...


class DecisionCounter(Protocol):
    """What counts decisions and fills as their spans are built (``metrics.Metrics``)."""

    def decided(self, decision: Decision, took_ns: int | None) -> None:
        """Count a decision."""
        ...

    def filled(self, fill: Fill) -> None:
        """Count a fill."""
        ...


class Tracer:
    """Spans of one run.

    Args:
        builder: makes spans of records.
        sinks: where spans go.
        spec_of: finds a market's metadata.
        unchanged_share: how many of the unchanged decisions get a span, 0..1.
        counter: counts every decision, sampled or not; None for none.
        on_loss: called with a sink's name and the reason when it begins to lose spans.
    """

    def __init__(
        self,
        builder: SpanBuilder,
        sinks: Sequence[SpanSink],
        spec_of: Callable[[str], MarketSpec | None],
        *,
        unchanged_share: float = 1.0,
        counter: DecisionCounter | None = None,
        on_loss: Callable[[str, str], None] | None = None,
    ) -> None:
        self._builder = builder
        self._sinks = list(sinks)
        self._spec_of = spec_of
        self._share = unchanged_share
        self._counter = counter
        self._on_loss = on_loss
        self._pending: deque[tuple[Decision | Fill, int | None]] = deque()
        self._skipped: Counter[str] = Counter()
        self._failing: set[str] = set()
        self.lost: Counter[str] = Counter()
        self.decisions = self.spans = self.fills = self.skipped = 0

    def take(self, outcome: Outcome) -> None:
        """Take what a batch led to; nothing is built here."""
        if outcome.fills:
            # What was filled in a batch was filled before it was decided upon.
            self._pending.extend([(fill, None) for fill in outcome.fills])
        if outcome.decisions:
            took: Sequence[int | None] = outcome.took_ns or [None] * len(outcome.decisions)
            self._pending.extend(zip(outcome.decisions, took, strict=True))

    async def flush(self) -> None:
        """Build and hand on everything taken, giving way to the feed between slices."""
        while self._pending:
            self._slice()
            await anyio.lowlevel.checkpoint()

    def take_now(self, outcome: Outcome) -> None:
        """Take what a batch led to and hand it on at once: where nothing is in a hurry."""
        self.take(outcome)
        self.flush_now()

    def flush_now(self) -> None:
        """Build and hand on everything taken, at once."""
        while self._pending:
            self._slice()

    def close(self) -> None:
        """Hand on the rest and close every sink."""
        try:
            self.flush_now()
        finally:
            self.close_sinks()

    def close_sinks(self) -> None:
        """Close every sink; what was taken and not handed on is gone."""
        for sink in self._sinks:
            try:
                sink.close()
            except OSError as error:
                self._note_loss(sink.name, 0, error.strerror or str(error))

    def _slice(self) -> None:
        spans: list[Span] = []
        pending = self._pending
        for _ in range(min(_SLICE, len(pending))):
            record, took_ns = pending.popleft()
            try:
                span = self._span_of(record, took_ns)
            except Exception as error:  # noqa: BLE001 - one odd record must not end the others
                self._note_loss("spans", 1, f"a span cannot be built: {error!r}")
                continue
            if span is not None:
                spans.append(span)
        self.spans += len(spans)
        if not spans:
            return
        for sink in self._sinks:
            try:
                sink.write(spans)
                self._failing.discard(sink.name)
            except OSError as error:
                self._note_loss(sink.name, len(spans), error.strerror or str(error))

    def _span_of(self, record: Decision | Fill, took_ns: int | None) -> Span | None:
        if isinstance(record, Fill):
            return self._of_fill(record)
        return self._of_decision(record, took_ns)

    def _of_fill(self, fill: Fill) -> Span:
        self.fills += 1
        if self._counter is not None:
            self._counter.filled(fill)
        return self._builder.fill(fill, self._spec_of(fill.market_id))

    def _of_decision(self, decision: Decision, took_ns: int | None) -> Span | None:
        self.decisions += 1
        if self._counter is not None:
            self._counter.decided(decision, took_ns)
        market_id = decision.market_id
        if self._share < 1 and decision.outcome == "unchanged" and not decision.vetoes:
            context = self._builder.context(decision)
            if not is_sampled(context.trace_id, self._share):
                self._skipped[market_id] += 1
                self.skipped += 1
                return None
        skipped_before = self._skipped.pop(market_id, 0) if self._skipped else 0
        return self._builder.decision(decision, self._spec_of(market_id), took_ns, skipped_before)

    def _note_loss(self, name: str, spans: int, reason: str) -> None:
        self.lost[name] += spans
        if name not in self._failing:
            self._failing.add(name)
            if self._on_loss is not None:
                self._on_loss(name, reason)
