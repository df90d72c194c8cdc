"""When markets are chosen: warm-up, cycles, the walk down the ranking, reseeds, refreshes."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from polyframe.commands import Command, FetchMarkets
from polyframe.model import Veto
from polyframe.runtime.agenda import Cause
from polyframe.runtime.decide import Decider
from polyframe.runtime.dispatch import Dispatcher
from polyframe.runtime.markets import Market, Markets
from polyframe.settings import Settings

_SECOND_NS = 1_000_000_000


class Phase(StrEnum):
    """Where the run is."""

    WAITING = "waiting"
    WARMING = "warming"
    RUNNING = "running"


class Schedule:
    """Warm-up, then one selection cycle every ``cycle_s``; refreshes and reseeds beside it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.phase = Phase.WAITING
        self._warming_since_ns = 0
        self._next_check_ns = 0
        self._next_cycle_ns = 0
        self._next_active_refresh_ns = 0
        self._next_full_refresh_ns = 0
        self._empty_in_a_row = 0
        self._last_reseed_ns: int | None = None
        self._reseeds_without_success = 0
        self._paused_until_ns = 0
        self.reseeds = 0

    def start_warmup(self, now_ns: int) -> None:
        """Begin to wait for books; a later cycle follows at once."""
        self.phase = Phase.WARMING
        self._warming_since_ns = now_ns
        self._next_check_ns = now_ns
        if not self._next_active_refresh_ns:
            universe = self._settings.universe
            self._next_active_refresh_ns = now_ns + round(universe.refresh_active_s * _SECOND_NS)
            self._next_full_refresh_ns = now_ns + round(universe.refresh_all_s * _SECOND_NS)

    def warmed_up(self, books: int, followed: int, now_ns: int) -> float | None:
        """Return the seconds the warm-up took when it is over now, else None."""
        cycle = self._settings.cycle
        if self.phase is not Phase.WARMING or now_ns < self._next_check_ns:
            return None
        self._next_check_ns = now_ns + round(cycle.warmup_check_s * _SECOND_NS)
        waited_ns = now_ns - self._warming_since_ns
        enough = books >= min(cycle.warmup_books, followed)
        if not enough and waited_ns < cycle.warmup_max_s * _SECOND_NS:
            return None
        self.phase = Phase.RUNNING
        self._next_cycle_ns = now_ns
        return waited_ns / _SECOND_NS

    def cycle_due(self, now_ns: int) -> bool:
        """Whether a selection cycle is due; takes it off the schedule."""
        if self.phase is not Phase.RUNNING or now_ns < self._next_cycle_ns:
            return False
        period_ns = round(self._settings.cycle.cycle_s * _SECOND_NS)
        # A stall must not be followed by a burst of cycles that make up for it.
        self._next_cycle_ns = max(self._next_cycle_ns + period_ns, now_ns + period_ns // 2)
        return True

    def refreshes(
        self, active: tuple[str, ...], all_ids: Callable[[], list[str]], now_ns: int
    ) -> list[Command]:
        """Return the metadata requests that are due."""
        universe = self._settings.universe
        if self.phase is not Phase.RUNNING:
            return []
        if now_ns >= self._next_full_refresh_ns:
            self._next_full_refresh_ns = now_ns + round(universe.refresh_all_s * _SECOND_NS)
            self._next_active_refresh_ns = now_ns + round(universe.refresh_active_s * _SECOND_NS)
            return [FetchMarkets(tuple(all_ids()))]
        if now_ns >= self._next_active_refresh_ns:
            self._next_active_refresh_ns = now_ns + round(universe.refresh_active_s * _SECOND_NS)
            return [FetchMarkets(active)] if active else []
        return []

    def reseed_due(self, active: int, now_ns: int) -> bool:
        """Note a cycle's active set; True when the universe must be fetched anew.

        Three empty sets in a row ask for a reseed, at most one per interval; after five
        that brought nothing, reseeding alone pauses (mission.md 3.4).
        """
        universe = self._settings.universe
        if active:
            self._empty_in_a_row = 0
            self._reseeds_without_success = 0
            return False
        self._empty_in_a_row += 1
        if self._empty_in_a_row < universe.reseed_empty_cycles or now_ns < self._paused_until_ns:
            return False
        if (
            self._last_reseed_ns is not None
            and now_ns - self._last_reseed_ns < universe.reseed_min_interval_s * _SECOND_NS
        ):
            return False
        if self._reseeds_without_success >= universe.reseed_max_failures:
            self._paused_until_ns = now_ns + round(universe.reseed_pause_s * _SECOND_NS)
            self._reseeds_without_success = 0
            return False
        self._reseeds_without_success += 1
        self._last_reseed_ns = now_ns
        self._empty_in_a_row = 0
        self.reseeds += 1
        return True


class Selected:
    """The result of one walk down the ranking."""

    def __init__(self) -> None:
        self.active: list[str] = []
        self.clusters: dict[str, int] = {}
        self.commands: list[Command] = []
        self.deferred: list[str] = []


def walk(
    ranked: list[Market],
    incumbents: tuple[str, ...],
    decider: Decider,
    settings: Settings,
    now_ns: int,
) -> Selected:
    """Fill the active set from the top of the ranking; every market gets a recorded decision.

    Markets quoted already come first while they rank within ``keep_within_rank``: a place
    in the queue is worth more than a place in the ranking. A market that is vetoed takes no
    place. Places and cluster limits apply on the way.
    """
    cycle = settings.cycle
    selected = Selected()
    quoted = frozenset(incumbents)
    kept = [m for m in ranked[: cycle.keep_within_rank] if m.market_id in quoted]
    kept_ids = frozenset(market.market_id for market in kept)
    for market in [*kept, *(m for m in ranked if m.market_id not in kept_ids)]:
        evaluation = decider.evaluate(market, now_ns)
        if not evaluation.target.is_empty:
            in_cluster = selected.clusters.get(market.cluster_id, 0)
            if len(selected.active) >= cycle.max_active:
                evaluation = decider.refuse(
                    evaluation, Veto("runtime.rank", None, None, cycle.max_active)
                )
            elif in_cluster >= cycle.max_per_cluster:
                evaluation = decider.refuse(
                    evaluation,
                    Veto("runtime.cluster_full", None, in_cluster, cycle.max_per_cluster),
                )
            else:
                selected.active.append(market.market_id)
                selected.clusters[market.cluster_id] = in_cluster + 1
        commands, deferred = decider.act(market, evaluation, Cause("cycle", now_ns), now_ns)
        selected.commands.extend(commands)
        if deferred:
            selected.deferred.append(market.market_id)
    return selected


def ranking(
    dispatcher: Dispatcher, markets: Markets, now_ns: int
) -> tuple[list[Market], list[Market]]:
    """Return the ranked markets and those the ranking left out (to be pulled)."""
    followed = markets.followed()
    answer = dispatcher.rank_markets(followed, now_ns)
    if answer is None:
        return followed, []
    _, order = answer
    by_id = {market.market_id: market for market in followed}
    ranked = [by_id.pop(market_id) for market_id in order]
    return ranked, list(by_id.values())
