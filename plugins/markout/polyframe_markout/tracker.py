"""Follows each fill to its horizons and decides which mid counts as the mid at t + h.

A book is *sighted* at an instant when it changed then, or when it was proven unchanged then
(``now - book_age``). The mid at a due time is, in this order:

1. the first sighting at or after it: a change within ``max_mid_age_s``, or a later proof that
   the book from before it still stands (then nothing happened in between, however late);
2. else the book from before it, if last sighted within ``max_mid_age_s`` before it;
3. else none: the mark is discarded and its reason counted.

So a quiet book under a fresh proof is current, and a silent feed is not. The mark is also
discarded when the tick changed or the market resolved in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from polyframe import Fill, MarketState, MarketView

NS_PER_S = 1_000_000_000
DISCARD_REASONS = ("late", "no_mid", "tick_changed", "resolved", "dropped")


@dataclass(slots=True)
class TrackedFill:
    """A maker fill and the YES mids found so far, by horizon name; prices in 1e-6."""

    ts_ns: int
    trade_id: str
    order_id: str
    market_id: str
    cluster_id: str
    market_event_id: str
    sign: int
    price_e6: int
    size_e6: int
    mid_before_e6: int | None
    tick_e4: int
    mids_e6: dict[str, int] = field(default_factory=dict)
    discarded: dict[str, str] = field(default_factory=dict)

    def as_row(self) -> list[Any]:
        """Return the fields as a JSON array, in order."""
        return [getattr(self, name) for name in self.__slots__]


@dataclass(slots=True)
class _Standing:
    """The book as last known: its mid, since when it stands, until when that is proven."""

    mid_e6: int | None
    since_ns: int
    proven_ns: int


def horizon_name(horizon_s: float) -> str:
    """Return a horizon's key in documents: ``30``, ``120``, ``0.5``."""
    return f"{horizon_s:g}"


def mid_e6(market: MarketView) -> int | None:
    """Return the exact YES mid in 1e-6; None when one-sided, locked or crossed."""
    book = market.book
    bid, ask = book.best_bid_e4, book.best_ask_e4
    if bid is None or ask is None or bid >= ask:
        return None
    return (bid + ask) * 50


class Tracker:
    """All tracked fills by market, those still waiting for a mid, and their standing books."""

    def __init__(self, horizons_s: Iterable[float], max_mid_age_s: float) -> None:
        self._horizons = tuple((horizon_name(h), round(h * NS_PER_S)) for h in horizons_s)
        self._max_age_ns = round(max_mid_age_s * NS_PER_S)
        self._fills: dict[str, list[TrackedFill]] = {}
        self._open: dict[str, list[TrackedFill]] = {}
        self._standing: dict[str, _Standing] = {}
        self.revision = 0
        """Grows whenever a mean may have changed: a mid was found or a fill left."""

    # --- what comes in ---------------------------------------------------------------

    def add(self, fill: Fill, market: MarketView, now_ns: int) -> None:
        """Start following a maker fill."""
        tracked = TrackedFill(
            ts_ns=fill.ts_ns,
            trade_id=fill.trade_id,
            order_id=fill.order_id,
            market_id=fill.market_id,
            cluster_id=market.cluster_id,
            market_event_id=market.spec.market_event_id,
            sign=fill.sign,
            price_e6=fill.yes_price_e4 * 100,
            size_e6=fill.size_e6,
            mid_before_e6=fill.mid_before_e6,
            tick_e4=market.tick_e4,
        )
        self._fills.setdefault(fill.market_id, []).append(tracked)
        self._open.setdefault(fill.market_id, []).append(tracked)
        if fill.market_id not in self._standing:
            proven = _proven_ns(market, now_ns)
            mid = mid_e6(market) if proven is not None else None
            self._standing[fill.market_id] = _Standing(mid, now_ns, proven or 0)

    def remove(self, fill: Fill) -> bool:
        """Forget the fill that a reversal takes back; return whether it was known."""
        taken_back = (fill.reverses, fill.order_id)
        gone = next(
            (
                one
                for one in self._fills.get(fill.market_id, ())
                if (one.trade_id, one.order_id) == taken_back
            ),
            None,
        )
        if gone is None:
            return False
        for by_market in (self._fills, self._open):
            kept = [one for one in by_market.get(fill.market_id, ()) if one is not gone]
            self._keep(by_market, fill.market_id, kept)
        self.revision += 1
        return True

    def is_open(self, market_id: str) -> bool:
        """Whether a fill of this market waits for a mid."""
        return market_id in self._open

    def open_markets(self) -> tuple[str, ...]:
        """Return the markets with waiting fills, in the order of their first fill."""
        return tuple(self._open)

    def on_change(self, market: MarketView, now_ns: int) -> None:
        """The book of an open market changed at ``now_ns``: a sighting of the new mid."""
        standing = self._standing[market.market_id]
        mid = mid_e6(market)
        for fill, name, due_ns in self._due(market, now_ns):
            if mid is not None and now_ns - due_ns <= self._max_age_ns:
                self._measure(fill, name, mid)
            elif standing.mid_e6 is not None and self._stood_at(standing, due_ns):
                self._measure(fill, name, standing.mid_e6)
            elif now_ns - due_ns > self._max_age_ns:
                fill.discarded[name] = "late" if mid is not None else "no_mid"
        self._standing[market.market_id] = _Standing(mid, now_ns, now_ns)
        self._close_finished(market.market_id)

    def on_proof(self, market: MarketView, now_ns: int) -> None:
        """Look at an open market whose book did not change: its age may prove it unchanged."""
        proven = _proven_ns(market, now_ns)
        if proven is None:
            self.on_gap(market.market_id, now_ns, "late")
            return
        standing = self._standing[market.market_id]
        standing.proven_ns = max(standing.proven_ns, proven)
        for fill, name, due_ns in self._due(market, now_ns):
            over = now_ns - due_ns > self._max_age_ns
            unchanged = standing.since_ns <= due_ns <= standing.proven_ns
            if standing.mid_e6 is None:
                if over:
                    fill.discarded[name] = "no_mid"
            elif unchanged or (over and self._stood_at(standing, due_ns)):
                self._measure(fill, name, standing.mid_e6)
        self._close_finished(market.market_id)

    def on_gap(self, market_id: str, now_ns: int, reason: str) -> None:
        """The book is gone: what fell due is discarded, what falls due later needs a new book."""
        standing = self._standing[market_id]
        for fill in self._open[market_id]:
            for name, due_ns in self._waiting(fill):
                if due_ns > now_ns:
                    continue
                if standing.mid_e6 is not None and self._stood_at(standing, due_ns):
                    self._measure(fill, name, standing.mid_e6)
                else:
                    fill.discarded[name] = reason
        self._standing[market_id] = _Standing(None, now_ns, 0)
        self._close_finished(market_id)

    def drop(self, market_id: str, now_ns: int) -> None:
        """The market is not followed any more: nothing of it can be measured."""
        self.on_gap(market_id, now_ns, "dropped")
        for fill in self._open.get(market_id, ()):
            for name, _ in self._waiting(fill):
                fill.discarded[name] = "dropped"
        self._close_finished(market_id)

    # --- what goes out ---------------------------------------------------------------

    def fills(self, market_id: str) -> list[TrackedFill]:
        """Return a market's fills in time order of arrival."""
        return self._fills.get(market_id, [])

    def cluster_fills(self, cluster_id: str) -> list[TrackedFill]:
        """Return the fills of every market of a cluster."""
        return [
            fill
            for fills in self._fills.values()
            if fills[-1].cluster_id == cluster_id
            for fill in fills
        ]

    def markets(self) -> tuple[str, ...]:
        """Return every market with a kept fill, sorted."""
        return tuple(sorted(self._fills))

    def prune(self, before_ns: int) -> None:
        """Forget finished fills older than an instant."""
        for market_id in self.markets():
            kept = [
                fill
                for fill in self._fills[market_id]
                if fill.ts_ns >= before_ns or self._waiting(fill)
            ]
            self._keep(self._fills, market_id, kept)

    def as_document(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return {
            "fills": [fill.as_row() for fills in self._fills.values() for fill in fills],
            "standing": {
                market_id: [standing.mid_e6, standing.since_ns, standing.proven_ns]
                for market_id, standing in self._standing.items()
            },
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take back what :meth:`as_document` gave."""
        for row in document.get("fills", ()):
            fill = TrackedFill(*row)
            fill.mids_e6, fill.discarded = dict(fill.mids_e6), dict(fill.discarded)
            self._fills.setdefault(fill.market_id, []).append(fill)
            if self._waiting(fill):
                self._open.setdefault(fill.market_id, []).append(fill)
        for market_id in self._open:
            saved = document.get("standing", {}).get(market_id, (None, 0, 0))
            self._standing[market_id] = _Standing(*saved)

    # --- inside ----------------------------------------------------------------------

    def _due(self, market: MarketView, now_ns: int) -> Iterator[tuple[TrackedFill, str, int]]:
        """Yield what fell due; discard first what the tick or the resolution made worthless."""
        is_over = market.spec.closed or market.state is MarketState.RESOLVED
        for fill in self._open[market.market_id]:
            worthless = (
                "resolved" if is_over else "tick_changed" if fill.tick_e4 != market.tick_e4 else ""
            )
            for name, due_ns in self._waiting(fill):
                if worthless:
                    fill.discarded[name] = worthless
                elif due_ns <= now_ns:
                    yield fill, name, due_ns

    def _measure(self, fill: TrackedFill, name: str, mid: int) -> None:
        fill.mids_e6[name] = mid
        self.revision += 1

    def _waiting(self, fill: TrackedFill) -> list[tuple[str, int]]:
        return [
            (name, fill.ts_ns + horizon_ns)
            for name, horizon_ns in self._horizons
            if name not in fill.mids_e6 and name not in fill.discarded
        ]

    def _stood_at(self, standing: _Standing, due_ns: int) -> bool:
        return standing.since_ns <= due_ns and due_ns - standing.proven_ns <= self._max_age_ns

    def _close_finished(self, market_id: str) -> None:
        waiting = [fill for fill in self._open.get(market_id, ()) if self._waiting(fill)]
        self._keep(self._open, market_id, waiting)

    def _keep(
        self, by_market: dict[str, list[TrackedFill]], market_id: str, kept: list[TrackedFill]
    ) -> None:
        if kept:
            by_market[market_id] = kept
            return
        by_market.pop(market_id, None)
        if by_market is self._open:
            self._standing.pop(market_id, None)


def _proven_ns(market: MarketView, now_ns: int) -> int | None:
    """Return when the book was last known to be current; None without a book or a proof."""
    if not market.has_book or market.book_age_s is None:
        return None
    return now_ns - round(market.book_age_s * NS_PER_S)
