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
from dataclasses import dataclass
from typing import Any

from polyframe import Fill, MarketState, MarketView
from polyframe.money import maker_rebate_e12
from polyframe_markout.fills import TrackedFill, horizon_name

NS_PER_S = 1_000_000_000
FOREVER_NS = 2**62


@dataclass(slots=True)
class _Standing:
    """The book as last known: its mid, since when it stands, until when that is proven."""

    mid_e6: int | None
    micro_e6: int | None
    since_ns: int
    proven_ns: int
    tick_e4: int


def is_over(market: MarketView) -> bool:
    """Whether the market has paid out, or is about to."""
    return market.spec.closed or market.state is MarketState.RESOLVED


def mid_e6(market: MarketView) -> int | None:
    """Return the exact YES mid in 1e-6; None when one-sided, locked or crossed."""
    book = market.book
    bid, ask = book.best_bid_e4, book.best_ask_e4
    if bid is None or ask is None or bid >= ask:
        return None
    return (bid + ask) * 50


def micro_e6(market: MarketView) -> int | None:
    """Return the YES microprice rounded to 1e-6; None where the mid is."""
    micro = market.book.microprice
    return None if micro is None else round(micro * 1_000_000)


class Tracker:
    """All tracked fills by market, those still waiting for a mid, and their standing books."""

    def __init__(self, horizons_s: Iterable[float], max_mid_age_s: float) -> None:
        self._horizons = tuple((horizon_name(h), round(h * NS_PER_S)) for h in horizons_s)
        self._max_age_ns = round(max_mid_age_s * NS_PER_S)
        self._fills: dict[str, list[TrackedFill]] = {}
        self._open: dict[str, list[TrackedFill]] = {}
        self._standing: dict[str, _Standing] = {}
        self._next_due_ns: dict[str, int] = {}
        self._revisions: dict[tuple[str, str], int] = {}
        self.revision = 0
        """Grows whenever a mean may have changed: a mid was found or a fill left."""

    # --- what comes in ---------------------------------------------------------------

    def add(self, fill: Fill, market: MarketView, now_ns: int) -> TrackedFill:
        """Start following a maker fill; return what is followed."""
        fees = market.spec.fees
        tracked = TrackedFill(
            ts_ns=fill.ts_ns,
            trade_id=fill.trade_id,
            order_id=fill.order_id,
            market_id=fill.market_id,
            cluster_id=market.cluster_id,
            market_event_id=market.spec.market_event_id,
            category=market.spec.category,
            sign=fill.sign,
            price_e6=fill.yes_price_e4 * 100,
            size_e6=fill.size_e6,
            # The schedule in force now: it changes, and a later one must not rewrite this fill.
            rebate_e12=maker_rebate_e12(
                fill.price_e4, fill.size_e6, fees.rate, fees.exponent, fees.rebate_share
            ),
            mid_before_e6=fill.mid_before_e6,
            micro_before_e6=None if fill.mid_before_e6 is None else micro_e6(market),
            tick_e4=market.tick_e4,
        )
        self._fills.setdefault(fill.market_id, []).append(tracked)
        self._open.setdefault(fill.market_id, []).append(tracked)
        if fill.market_id not in self._standing:
            proven = _proven_ns(market, now_ns)
            self._stand(market, now_ns, proven or 0, known=proven is not None)
        self._note_due(fill.market_id)
        return tracked

    def remove(self, fill: Fill) -> TrackedFill | None:
        """Forget the fill that a reversal takes back; return it, None when it is not known."""
        taken_back = (fill.reverses, fill.order_id)
        known = self._fills.get(fill.market_id, ())
        gone = next((one for one in known if (one.trade_id, one.order_id) == taken_back), None)
        if gone is None:
            return None
        for by_market in (self._fills, self._open):
            kept = [one for one in by_market.get(fill.market_id, ()) if one is not gone]
            self._keep(by_market, fill.market_id, kept)
        self._note_due(fill.market_id)
        self._revise(fill.market_id)
        return gone

    def is_open(self, market_id: str) -> bool:
        """Whether a fill of this market waits for a mid."""
        return market_id in self._open

    def open_markets(self) -> tuple[str, ...]:
        """Return the markets with waiting fills, in the order of their first fill."""
        return tuple(self._open)

    def on_change(self, market: MarketView, now_ns: int) -> None:
        """The book of an open market changed at ``now_ns``: a sighting of the new mid."""
        market_id = market.market_id
        standing = self._standing[market_id]
        mid = mid_e6(market)
        has_due = self._has_due(market, standing, now_ns)
        if has_due:
            for fill, name, due_ns in self._due(market, now_ns):
                if mid is not None and now_ns - due_ns <= self._max_age_ns:
                    self._measure(fill, name, mid, micro_e6(market))
                elif standing.mid_e6 is not None and self._stood_at(standing, due_ns):
                    self._measure(fill, name, standing.mid_e6, standing.micro_e6)
                elif now_ns - due_ns > self._max_age_ns:
                    fill.discarded[name] = "late" if mid is not None else "no_mid"
        self._stand(market, now_ns, now_ns)
        if has_due:
            self._close_finished(market_id)

    def on_proof(self, market: MarketView, now_ns: int) -> None:
        """Look at an open market whose book did not change: its age may prove it unchanged."""
        market_id = market.market_id
        proven = _proven_ns(market, now_ns)
        if proven is None:
            self.on_gap(market_id, now_ns, "late")
            return
        standing = self._standing[market_id]
        standing.proven_ns = max(standing.proven_ns, proven)
        if not self._has_due(market, standing, now_ns):
            return
        for fill, name, due_ns in self._due(market, now_ns):
            over = now_ns - due_ns > self._max_age_ns
            unchanged = standing.since_ns <= due_ns <= standing.proven_ns
            if standing.mid_e6 is None:
                if over:
                    fill.discarded[name] = "no_mid"
            elif unchanged or (over and self._stood_at(standing, due_ns)):
                self._measure(fill, name, standing.mid_e6, standing.micro_e6)
        self._close_finished(market_id)

    def on_gap(self, market_id: str, now_ns: int, reason: str) -> None:
        """The book is gone: what fell due is discarded, what falls due later needs a new book."""
        standing = self._standing[market_id]
        for fill in self._open[market_id]:
            for name, due_ns in self._waiting(fill):
                if due_ns > now_ns:
                    continue
                if standing.mid_e6 is not None and self._stood_at(standing, due_ns):
                    self._measure(fill, name, standing.mid_e6, standing.micro_e6)
                else:
                    fill.discarded[name] = reason
        self._standing[market_id] = _Standing(None, None, now_ns, 0, standing.tick_e4)
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
        """Return a market's fills in order of arrival."""
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

    def revision_of(self, market_id: str, horizon: str) -> int:
        """Return a number that grows whenever the market's samples at a horizon changed."""
        revisions = self._revisions
        return max(revisions.get((market_id, horizon), 0), revisions.get((market_id, ""), 0))

    def prune(self, before_ns: int) -> None:
        """Forget finished fills older than an instant."""
        for market_id in self.markets():
            fills = self._fills[market_id]
            if fills[0].ts_ns >= before_ns:
                continue
            kept = [one for one in fills if one.ts_ns >= before_ns or self._waiting(one)]
            if len(kept) < len(fills):
                self._keep(self._fills, market_id, kept)
                self._revise(market_id)

    def as_document(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return {
            "fills": [fill.as_row() for fills in self._fills.values() for fill in fills],
            "standing": {
                market_id: [one.mid_e6, one.micro_e6, one.since_ns, one.proven_ns, one.tick_e4]
                for market_id, one in self._standing.items()
            },
        }

    def restore(self, document: Mapping[str, Any]) -> None:
        """Take back what :meth:`as_document` gave."""
        for row in document.get("fills", ()):
            fill = TrackedFill.of_row(row)
            self._fills.setdefault(fill.market_id, []).append(fill)
            if self._waiting(fill):
                self._open.setdefault(fill.market_id, []).append(fill)
            else:
                fill.seal()
        for market_id, fills in self._open.items():
            nothing = (None, None, 0, 0, fills[-1].tick_e4)
            self._standing[market_id] = _Standing(*document["standing"].get(market_id, nothing))
            self._note_due(market_id)

    # --- inside ----------------------------------------------------------------------

    def _stand(
        self, market: MarketView, since_ns: int, proven_ns: int, *, known: bool = True
    ) -> None:
        mid, micro = (mid_e6(market), micro_e6(market)) if known else (None, None)
        self._standing[market.market_id] = _Standing(
            mid, micro, since_ns, proven_ns, market.tick_e4
        )

    def _has_due(self, market: MarketView, standing: _Standing, now_ns: int) -> bool:
        """Whether any fill of an open market needs a look; cheap, asked at every change."""
        return (
            now_ns >= self._next_due_ns[market.market_id]
            or market.tick_e4 != standing.tick_e4
            or is_over(market)
        )

    def _due(self, market: MarketView, now_ns: int) -> Iterator[tuple[TrackedFill, str, int]]:
        """Yield what fell due; discard first what the tick or the resolution made worthless."""
        over = is_over(market)
        for fill in self._open[market.market_id]:
            worthless = (
                "resolved" if over else "tick_changed" if fill.tick_e4 != market.tick_e4 else ""
            )
            for name, due_ns in self._waiting(fill):
                if worthless:
                    fill.discarded[name] = worthless
                elif due_ns <= now_ns:
                    yield fill, name, due_ns

    def _measure(self, fill: TrackedFill, name: str, mid: int, micro: int | None) -> None:
        fill.mids_e6[name] = mid
        if micro is not None:
            fill.micros_e6[name] = micro
        self._revise(fill.market_id, name)

    def _revise(self, market_id: str, horizon: str = "") -> None:
        self.revision += 1
        self._revisions[market_id, horizon] = self.revision

    def _waiting(self, fill: TrackedFill) -> list[tuple[str, int]]:
        return [
            (name, fill.ts_ns + horizon_ns)
            for name, horizon_ns in self._horizons
            if name not in fill.mids_e6 and name not in fill.discarded
        ]

    def _note_due(self, market_id: str) -> None:
        fills = self._open.get(market_id)
        if fills is None:
            self._next_due_ns.pop(market_id, None)
            return
        due = [due_ns for fill in fills for _, due_ns in self._waiting(fill)]
        self._next_due_ns[market_id] = min(due, default=FOREVER_NS)

    def _stood_at(self, standing: _Standing, due_ns: int) -> bool:
        return standing.since_ns <= due_ns and due_ns - standing.proven_ns <= self._max_age_ns

    def _close_finished(self, market_id: str) -> None:
        waiting: list[TrackedFill] = []
        for fill in self._open.get(market_id, ()):
            if self._waiting(fill):
                waiting.append(fill)
            else:
                fill.seal()
        self._keep(self._open, market_id, waiting)
        self._note_due(market_id)

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
