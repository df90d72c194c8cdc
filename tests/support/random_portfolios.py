"""Random accounts for checks by brute force: a layout says what is where, draws are its numbers.

A layout has up to four markets and six orders. Its markets are the outcomes of exclusive events
(plain or augmented), markets of an ordinary event, markets by themselves in shared clusters,
or markets the runtime no longer knows. Its orders go through the runtime's own registry.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random

from polyframe.commands import PlaceOrder
from polyframe.events import Side
from polyframe.model import BookSide
from polyframe.runtime.orders import Orders
from polyframe.testing.builders import (
    NOW_NS,
    FakeMarket,
    FakePortfolio,
    FakePosition,
    a_market,
    a_spec,
)

STEP_E6 = 10_000  # 0.01 share
DUST_E6 = 1_234
# What happens to an order after it was sent. The last three can fill no more.
FATES = {
    "in_flight": (),
    "resting": ("accepted",),
    "part_filled": ("accepted", "part"),
    "leaving": ("accepted", "cancel"),
    "leaving_early": ("cancel",),
    "filled": ("accepted", "all"),
    "cancelled": ("accepted", "cancel", "cancelled"),
    "rejected": ("rejected",),
}
GONE = {"filled", "cancelled", "rejected"}
KINDS = ("alone",) * 3 + ("race",) * 4 + ("vote",) * 3 + ("dates", "no event", "stray")


@dataclass(frozen=True)
class Place:
    """One market of a layout; ``view`` is None when the runtime does not know it (any more).

    Markets of one ``world`` are decided together: at most one of them ends YES.
    """

    market_id: str
    kind: str
    world: str
    cluster_id: str
    view: FakeMarket | None


@dataclass(frozen=True)
class Slot:
    """One order of a layout."""

    market: int
    is_yes: bool
    is_buy: bool
    component: str
    fate: str

    @property
    def side(self) -> BookSide:
        """Buying YES and selling NO both gain when YES wins."""
        return "bid" if self.is_yes is self.is_buy else "ask"

    @property
    def is_live(self) -> bool:
        """Whether it may still fill."""
        return self.fate not in GONE


@dataclass(frozen=True)
class Layout:
    """What is where; the quote is one for the first market, which the runtime knows."""

    places: tuple[Place, ...]
    slots: tuple[Slot, ...]
    quote_component: str

    @property
    def live(self) -> list[int]:
        """The orders that may still fill."""
        return [number for number, slot in enumerate(self.slots) if slot.is_live]

    @property
    def worlds(self) -> dict[str, list[int]]:
        """The markets that are decided together, by world."""
        found: dict[str, list[int]] = {}
        for number, place in enumerate(self.places):
            found.setdefault(place.world, []).append(number)
        return found

    def endings(self) -> list[list[bool]]:
        """Return every way all can end: for each market whether YES wins.

        In each world one market ends YES, or none does: we cannot know that we see them all.
        """
        winners_of = [[None, *members] for members in self.worlds.values()]
        return [
            [number in winners for number in range(len(self.places))]
            for winners in itertools.product(*winners_of)
        ]


@dataclass(frozen=True)
class Draw:
    """The numbers of one case: holdings by market, ``(price_e4, leaves_e6)`` by order, the quote.

    ``bid`` and ``ask`` are ``(price_e4, size_e6)`` of a quote for the first market.
    """

    holdings: list[FakePosition]
    orders: list[tuple[int, int]]
    bid: tuple[int, int]
    ask: tuple[int, int]


def a_layout(rng: Random) -> Layout:
    """Return a random layout."""
    count = rng.choice((1, 2, 2, 3, 3, 3, 4, 4, 4, 4))
    augmented = {name: rng.random() < 0.5 for name in ("race", "vote")}
    cluster = {name: rng.choice(("politics", "sports", name)) for name in ("race", "vote")}
    places = []
    for number in range(count):
        market_id = f"m{number}"
        kind = rng.choice(KINDS[:-1] if number == 0 else KINDS)
        exclusive = kind in cluster
        spec = a_spec(
            market_id,
            neg_risk=exclusive or kind == "no event",
            neg_risk_augmented=exclusive and augmented[kind],
            group_item_title="Other" if exclusive and augmented[kind] else "",
            market_event_id={"alone": f"event-of-{market_id}", "no event": ""}.get(kind, kind),
        )
        cluster_id = cluster[kind] if exclusive else rng.choice(("politics", "sports", market_id))
        view = None if kind == "stray" else a_market(spec=spec, cluster_id=cluster_id)
        if view is None:
            cluster_id = f"unknown:{market_id}"
        places.append(Place(market_id, kind, kind if exclusive else market_id, cluster_id, view))
    slots = tuple(
        Slot(
            rng.randrange(count),
            rng.random() < 0.5,
            rng.random() < 0.6,
            rng.choice(("maker", "maker", "maker", "arb")),
            rng.choice((*[name for name in FATES if name not in GONE] * 2, *sorted(GONE))),
        )
        for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 6, 6)))
    )
    return Layout(tuple(places), slots, rng.choice(("maker", "maker", "maker", "arb")))


def a_draw(layout: Layout, rng: Random) -> Draw:
    """Return random numbers for a layout; half of the sells give away no more than is held."""
    holdings = [_holding(rng) for _ in layout.places]
    orders = []
    for slot in layout.slots:
        held = holdings[slot.market]
        token_e6 = held.yes_e6 if slot.is_yes else held.no_e6
        most_e6 = token_e6 if not slot.is_buy and token_e6 and rng.random() < 0.8 else 0
        orders.append((_price_e4(rng), _size_e6(rng, most_e6)))
    return Draw(
        holdings,
        orders,
        (_price_e4(rng), _size_e6(rng)),
        (_price_e4(rng), _size_e6(rng)),
    )


def _price_e4(rng: Random) -> int:
    return 1 + int(rng.random() * 9_999)


def _size_e6(rng: Random, most_e6: int = 0) -> int:
    size_e6 = STEP_E6 * (1 + int(rng.random() * 30_000)) + (rng.random() < 0.1) * DUST_E6
    return min(size_e6, most_e6) if most_e6 else size_e6


def _holding(rng: Random) -> FakePosition:
    yes_e6 = _size_e6(rng) if rng.random() < 0.6 else 0
    no_e6 = _size_e6(rng) if rng.random() < 0.6 else 0
    price_e6 = int(rng.random() * 1_000_001)
    return FakePosition(yes_e6, no_e6, (yes_e6 + no_e6) * price_e6)


def an_account(layout: Layout, draw: Draw, equity_e12: int = 0) -> FakePortfolio:
    """Return the account with every order as the runtime's registry has it after its fate."""
    registry = Orders()
    for number, (slot, (price_e4, leaves_e6)) in enumerate(
        zip(layout.slots, draw.orders, strict=True)
    ):
        _send(
            registry, f"o{number}", layout.places[slot.market].market_id, slot, price_e4, leaves_e6
        )
    return FakePortfolio(
        bankroll_e12=equity_e12,
        cash_e12=equity_e12,
        equity_e12=equity_e12,
        peak_equity_e12=equity_e12,
        day_start_equity_e12=equity_e12,
        by_market={
            place.market_id: held
            for place, held in zip(layout.places, draw.holdings, strict=True)
            if held.yes_e6 or held.no_e6
        },
        open_orders=tuple(registry.all_live()),
        markets={place.market_id: place.view for place in layout.places if place.view is not None},
    )


def _send(
    registry: Orders, order_id: str, market_id: str, slot: Slot, price_e4: int, leaves_e6: int
) -> None:
    steps = FATES[slot.fate]
    traded_e6 = 5 * STEP_E6 if "part" in steps else 0
    side = Side.BUY if slot.is_buy else Side.SELL
    command = PlaceOrder(
        order_id, market_id, "token", side, price_e4, leaves_e6 + traded_e6,
        None, True, slot.component, 1,
    )  # fmt: skip
    order = registry.place(command, slot.is_yes, NOW_NS)
    for step in steps:
        if step == "accepted":
            registry.accepted(order_id)
        elif step == "rejected":
            registry.rejected(order_id, "code")
        elif step == "cancel":
            registry.ask_cancel(order)
        elif step == "cancelled":
            registry.cancelled(order_id)
        else:
            registry.filled(order_id, traded_e6 if step == "part" else order.leaves_e6)
