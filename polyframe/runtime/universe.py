"""Which of the fetched markets are worth a subscription (mission.md 3.4)."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

from polyframe.model import MarketSpec, MarketState
from polyframe.runtime.states import hours_to_close, state_of
from polyframe.settings import Settings


class Prefiltered(NamedTuple):
    """Markets kept, best first; how many were left out for which reason, and which."""

    kept: tuple[MarketSpec, ...]
    total: int
    excluded: dict[str, int]
    reasons: dict[str, str]

    def told(self, unusable: int) -> dict[str, object]:
        """Return the ``Prefilter`` line's fields; ``unusable`` objects never became markets."""
        kept = f"{len(self.kept)}/{self.total + unusable}"
        return {"kept": kept, "unusable": unusable, **self.excluded}


def activity(spec: MarketSpec, now_ns: int) -> float:
    """Return 0..1: volume, liquidity, and a term for time left (unknown or < 24 h: none)."""
    hours = hours_to_close(spec, now_ns)
    if hours is None or hours < 24:
        time_left = 0.0
    elif hours < 168:
        time_left = 0.8
    elif hours < 720:
        time_left = 0.5
    else:
        time_left = 0.3
    return (
        0.5 * min(1.0, spec.volume_24h_usd / 10_000)
        + 0.3 * min(1.0, spec.liquidity_usd / 20_000)
        + 0.2 * time_left
    )


def prefilter(
    markets: Sequence[MarketSpec], now_ns: int, settings: Settings, held: Container[str] = ()
) -> Prefiltered:
    """Keep tradeable markets; with the prefilter on, drop and rank as configured.

    Markets that do not take orders are dropped either way. Ties in activity go by market
    id, so that the order the venue listed them in decides nothing. What is ``held`` keeps its
    place whatever the prefilter thinks of it: it has to be marked, and got out of.
    """
    rules = settings.universe.prefilter
    excluded = {
        "not_accepting": 0, "close_window": 0, "neg_risk": 0, "oracle": 0, "activity": 0,
    }  # fmt: skip
    reasons: dict[str, str] = {}
    kept: list[MarketSpec] = []
    for spec in markets:
        reason = _exclusion(spec, now_ns, settings)
        if reason is None or (reason != "not_accepting" and spec.market_id in held):
            kept.append(spec)
        else:
            excluded[reason] += 1
            reasons[spec.market_id] = reason
    if rules.enabled:
        kept.sort(
            key=lambda spec: (spec.market_id not in held, -activity(spec, now_ns), spec.market_id)
        )
        for spec in kept[rules.keep_markets :]:
            excluded["activity"] += 1
            reasons[spec.market_id] = "activity"
        del kept[rules.keep_markets :]
    return Prefiltered(tuple(kept), len(markets), excluded, reasons)


def _exclusion(spec: MarketSpec, now_ns: int, settings: Settings) -> str | None:
    if spec.closed or not spec.accepting_orders:
        return "not_accepting"
    rules = settings.universe.prefilter
    if not rules.enabled:
        return None
    state, _ = state_of(spec, now_ns, settings.states)
    if rules.drop_close_window and state in {MarketState.CLOSE_WINDOW, MarketState.POST_CLOSE}:
        return "close_window"
    if state not in {MarketState.NORMAL, MarketState.WATCH, MarketState.CLOSE_WINDOW,
                     MarketState.POST_CLOSE}:  # fmt: skip
        return "oracle"
    if rules.drop_neg_risk and spec.neg_risk:
        return "neg_risk"
    return None
