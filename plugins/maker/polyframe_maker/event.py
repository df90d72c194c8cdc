"""The other outcomes of a negative-risk event: whom our inventory in one market concerns."""

from __future__ import annotations

from dataclasses import dataclass

from polyframe import MarketView, PortfolioView


@dataclass(frozen=True)
class Outcome:
    """Another market of the event: its mid and our net YES shares in it."""

    market_id: str
    mid: float
    net_shares: float


class Events:
    """Which markets belong to which event, as far as their books or our holdings have shown.

    A view of an account finds a market by its id but lists none, so the outcomes of an event are
    learnt from ``on_book`` and from the holdings.
    """

    def __init__(self) -> None:
        self._markets: dict[str, dict[str, None]] = {}

    def note(self, market: MarketView) -> None:
        """Remember a market's event, if its outcomes exclude each other and are all listed."""
        spec = market.spec
        if is_exhaustive(market):
            self._markets.setdefault(spec.market_event_id, {})[market.market_id] = None

    def others(
        self, market: MarketView, portfolio: PortfolioView, gap: float
    ) -> tuple[Outcome, ...] | None:
        """Return the event's other outcomes, or None unless all that matters is known.

        None when the event is not exhaustive (or may still grow), when another outcome has no
        current two-sided book, or when the mids sum to further than ``gap`` from 1. Closed
        outcomes are out of the event: they have paid.
        """
        mid, event_id = market.book.mid, market.spec.market_event_id
        if mid is None or not is_exhaustive(market):
            return None
        members = dict(self._markets.get(event_id, {}))
        for market_id in portfolio.positions():
            held = portfolio.market(market_id)
            if held is not None and held.spec.market_event_id == event_id:
                members[market_id] = None
        found = []
        for market_id in sorted(members):
            if market_id == market.market_id:
                continue
            other = portfolio.market(market_id)
            if other is None or other.spec.closed:
                continue
            other_mid, age_s = other.book.mid, other.book_age_s
            is_current = other.has_book and age_s is not None and age_s <= other.max_book_age_s
            if other_mid is None or not is_current:
                return None
            found.append(Outcome(market_id, other_mid, other.position.net_yes_e6 / 1e6))
        total = mid + sum(outcome.mid for outcome in found)
        return tuple(found) if found and abs(total - 1.0) <= gap else None

    def prune(self, portfolio: PortfolioView) -> None:
        """Forget markets the account no longer knows."""
        for event_id, members in list(self._markets.items()):
            for market_id in [one for one in members if portfolio.market(one) is None]:
                del members[market_id]
            if not members:
                del self._markets[event_id]


def is_exhaustive(market: MarketView) -> bool:
    """Whether exactly one outcome of the market's event will win, all of them listed.

    An augmented event can still get outcomes, so its prices need not sum to one.
    """
    spec = market.spec
    return spec.neg_risk and not spec.neg_risk_augmented and bool(spec.market_event_id)
