"""The whole comparison of one trader profile: worlds, rounds, and every order's outcomes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import msgspec

from polyframe.exchange.simulation.profiles import ProfileName
from polyframe.exchange.simulation.source import SimulatedSource
from polyframe.exchange.source import TradableSource
from polyframe.runtime.paper import PaperVenue
from polyframe.settings import PaperSettings
from polyframe.validation.outcomes import REAL, Compared
from polyframe.validation.real_orders import OWNER
from polyframe.validation.scripted_maker import ScriptedMaker, is_quotable
from polyframe.validation.undercutting import Undercut
from polyframe.validation.worlds import MakeVenue, World

_S_NS = 10**9
_START_NS = 1_780_315_200 * _S_NS  # 2026-06-01 12:00 UTC
_MARKETS = 16
_WARM_UP_S = 300
_STAYS_OPEN_S = 900  # so long after its orders a market must still trade, for their markouts
_WORLD_S = 3_600
_FEWEST_MARKETS = 8  # with fewer left to quote, the rest of a world costs more than a new one
_MOST_WORLDS = 200
TWIN, APART = "twin", "apart"
VIEWS = (TWIN, APART)
HEADLINE = TWIN
MakeSource = Callable[[int, ProfileName], TradableSource]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: the least number of orders, the seed, and the paper model."""

    orders: int
    seed: int
    settings: PaperSettings


def lifted(settings: PaperSettings) -> PaperSettings:
    """Return a paper model without its two limits that are no model of fills.

    The participation cap (R14) limits what paper may claim, and these orders are dense only to be
    many; a ghost (R12) is a stress of settlement, which this exchange does not fail at.
    """
    return msgspec.structs.replace(settings, participation=1.0, ghost_probability=0.0)


def simulated(seed: int, traders: ProfileName) -> TradableSource:
    """Return an exchange with that crowd."""
    return SimulatedSource(seed, _MARKETS, 1.0, _START_NS, profile=traders)


def undercutting(seed: int, traders: ProfileName) -> TradableSource:
    """Return the same exchange with somebody who steps in front of our real orders."""
    return Undercut(seed, _MARKETS, 1.0, _START_NS, profile=traders, owner=OWNER)


def compared(
    plan: Plan,
    traders: ProfileName,
    make_source: MakeSource = simulated,
    make_venue: MakeVenue = PaperVenue,
) -> Iterator[list[Compared]]:
    """Yield the orders of one round after the other until ``plan.orders`` have ended.

    Orders that neither world accepted are left out: nobody would have had them.
    """
    count = 0
    for number in range(_MOST_WORLDS):
        seed = 1_000 * plan.seed + number
        world = World(make_source(seed, traders), lifted(plan.settings), seed, make_venue)
        maker = ScriptedMaker(Random(f"{seed}:validation.maker"))
        world.run_until(world.now_ns + _WARM_UP_S * _S_NS)
        end_ns = world.now_ns + _WORLD_S * _S_NS
        while world.now_ns < end_ns:
            life_ns = maker.life_ns()
            until_ns = world.now_ns + life_ns + _STAYS_OPEN_S * _S_NS
            quoted = [m for m in world.view.markets.values() if is_quotable(m, until_ns)]
            if len(quoted) < _FEWEST_MARKETS:
                break
            orders = [
                order
                for market in quoted
                for order in maker.orders(
                    market, f"{seed}:{market.spec.market_id}", world.now_ns, life_ns
                )
            ]
            real_world = world.real_copy()
            apart = world.play(orders)
            twin = real_world.play(orders)
            rows = []
            for order in orders:
                outcomes = {REAL: twin[REAL][order.order_id]}
                for view, readings in ((APART, apart), (TWIN, twin)):
                    for reading, by_order in readings.items():
                        if reading != REAL:
                            outcomes[f"{view}.{reading}"] = by_order[order.order_id]
                if any(outcome.effective_ns is not None for outcome in outcomes.values()):
                    rows.append(Compared(order, outcomes))
            count += len(rows)
            yield rows
            if count >= plan.orders:
                return
