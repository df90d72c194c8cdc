"""A run's tape played again: the same decisions, and at each of them every cap and limit held.

Exposures and limits are counted by :mod:`invariants` and :mod:`exposures`, from the registers: what
is live, of unknown fate and in flight is in them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from exposures import exposures_e12
from invariants import Broken, Checker, need
from polyframe.commands import PlaceOrder
from polyframe.errors import TapeError
from polyframe.runtime.orders import OrderStatus
from polyframe.runtime.plugins import configs_of, load_plugin_classes
from polyframe.runtime.replay import Replay
from polyframe.runtime.tape import TapeReader
from polyframe.strategy import PluginRequest, strategy_from_resolved


class Played(NamedTuple):
    """What a tape showed; ``broken`` and ``differences`` are empty when all is well."""

    is_whole: bool
    decisions: int
    fills: int
    orders: int
    looks: int
    differences: list[str]
    broken: list[str]
    brims: dict[str, int]
    held: dict[str, int]


class TapeChecker(Checker):
    """Looks at every decision of a replay that places something."""

    def __init__(self, machine: Any, caps: Any) -> None:
        decide = machine.engine.decide
        # Settlements may fail: what was sold is then held again, and cash may be short for a while.
        super().__init__(machine, None, caps, paper=False, ghosts=True)
        self.broken: list[str] = []
        self.orders = 0
        self.looks = 0

        def watched() -> list[Any]:
            commands: list[Any] = decide()
            placed = [one for one in commands if isinstance(one, PlaceOrder)]
            if placed:
                self._judge(placed)
            return commands

        self.engine.decide = watched

    def _judge(self, placed: list[PlaceOrder]) -> None:
        self.looks += 1
        self.orders += len(placed)
        # What is cancelled counts until that is confirmed, so only what was placed has changed.
        before = exposures_e12(self.truth, {command.order_id for command in placed})
        limits = {}
        try:
            for command in placed:
                self._may_be_sent(command)
                market = self.engine.markets.find(command.market_id)
                limits[command.market_id] = market.cluster_id, self._limits_e12(market)
            self._within(limits, before, exposures_e12(self.truth))
            self._within_hard_limits(placed)
            self._orders()
        except Broken as broken:
            self.broken.append(str(broken)[:500])

    def _may_be_sent(self, command: PlaceOrder) -> None:
        engine = self.engine
        market = engine.markets.find(command.market_id)
        tick_e4 = market.tick_e4
        need(command.post_only, "not post-only", command)
        need(command.price_e4 % tick_e4 == 0, "off the grid", command, tick_e4)
        need(tick_e4 <= command.price_e4 <= 10_000 - tick_e4, "outside the grid", command)
        need(command.size_e6 >= market.min_size_e6, "too small", command, market.min_size_e6)
        need(not engine.safety.is_held, "placed while held", command, engine.safety.standing)
        need(market.book_age_s <= engine.settings.feed.max_book_age_s, "stale", command)
        others = engine.orders.live(command.market_id)
        unknown = [one for one in others if one.status is OrderStatus.UNKNOWN]
        need(not unknown, "placed beside an order of unknown fate", command, *map(str, unknown))


def play(run_folder: Path) -> Played | None:
    """Play a run's tape through a machine of its own, watched; None when it was killed before."""
    try:
        reader = TapeReader(run_folder)
    except TapeError:
        return None
    head = reader.head
    names = [PluginRequest(entry["name"], entry["dist"]) for entry in head.strategy["plugins"]]
    classes = load_plugin_classes(names, production=False)
    strategy = strategy_from_resolved(
        head.strategy, configs_of(classes), head.profile, origin=str(run_folder)
    )
    replay = Replay(
        reader, strategy.settings, {one.name: classes[one.name] for one in strategy.requests},
        strategy.plugins,
    )  # fmt: skip
    checker = TapeChecker(replay.machine, strategy.plugins["portfolio_risk"])
    differences = [f"{one.where} {one.what}: {one.recorded} / {one.replayed}"[:500]
                   for one in replay.differences()]  # fmt: skip
    result = replay.result()
    return Played(
        is_whole=result.is_whole, decisions=result.decisions, fills=result.fills,
        orders=checker.orders, looks=checker.looks, differences=differences,
        broken=checker.broken,
        brims={name: count for name, count in checker.stats.items() if "brim" in name},
        held={"held to limits": checker.stats["held to limits"]},
    )  # fmt: skip
