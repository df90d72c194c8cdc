"""What each component but the maker holds and what it cost, in the plugin's JSON document.

The account mixes every component's tokens; a budget at cost needs each one's own. Kept are the
fills themselves, not their sum: a settlement may fail long after other fills have changed the
average, and the ledger must then be as though that fill had never been. Holdings are replayed
from what is kept, at average cost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from polyframe import MAKER, Fill, PortfolioView, PositionView
from polyframe.money import complement_e4, notional_e12

Entry = dict[str, Any]
"""One change of a holding.

``kind``              ``fill``; ``lacking``: what the account did not have after a fill, because
                      others sold it; ``gone``: without any fill, merged or paid out
``trade``, ``order``  the fill; empty where fills were summed up, and for what is no fill
``yes``               whether it is the YES token
``size_e6``           micro-shares that came; negative when they went
``cost_e12``          what a purchase cost, fee included. Of a sale: what the same would have cost
                      as a purchase of the other token, for the part that was not held
"""

_FILL, _LACKING, _GONE = "fill", "lacking", "gone"

# A fill is taken back within minutes; what is older may be summed up.
_MOST_ENTRIES = 100
_KEPT_FLAT_NS = 86_400_000_000_000


class Held(NamedTuple):
    """One component's holding in one market: micro-shares, and 1e-12 USD with fees."""

    yes_e6: int = 0
    no_e6: int = 0
    yes_cost_e12: int = 0
    no_cost_e12: int = 0

    def shares_e6(self, is_yes: bool) -> int:
        """Return how many of one token are held."""
        return self.yes_e6 if is_yes else self.no_e6

    @property
    def cost_e12(self) -> int:
        """What both tokens cost."""
        return self.yes_cost_e12 + self.no_cost_e12


NOTHING = Held()


def replayed(entries: Iterable[Entry]) -> Held:
    """Return what the entries leave, at average cost.

    What is sold beyond the holding is the other token bought: -1 YES is +1 NO and one dollar
    less, as the account books it.
    """
    sizes, costs = {True: 0, False: 0}, {True: 0, False: 0}
    for entry in entries:
        is_yes, size_e6, cost_e12 = entry["yes"], entry["size_e6"], entry["cost_e12"]
        if size_e6 >= 0:
            sizes[is_yes] += size_e6
            costs[is_yes] += cost_e12
            continue
        held_e6 = sizes[is_yes]
        kept_e6 = max(0, held_e6 + size_e6)
        if held_e6:
            # Rounded up, so that a budget never gains.
            costs[is_yes] = -(-costs[is_yes] * kept_e6 // held_e6)
        sizes[is_yes] = kept_e6
        short_e6 = -size_e6 - held_e6
        if short_e6 > 0 and entry["kind"] == _FILL:
            sizes[not is_yes] += short_e6
            costs[not is_yes] += -(-cost_e12 * short_e6 // -size_e6)
    return Held(sizes[True], sizes[False], costs[True], costs[False])


def not_there(
    holdings: Mapping[str, Held], yes_e6: int, no_e6: int, *, merged: bool = True
) -> dict[str, tuple[int, int]]:
    """Return how many YES and NO of each component the account does not have, where any.

    What went without a fill was ``merged`` or paid out, so it went in pairs: those missing from
    the sum of all come off those who held both, and where the account has too little of one
    token for what a component has, that component's pairs are gone (the maker may hold the
    other token). Otherwise each is believed as far as the account reaches: the others may be
    the ones who lost theirs, and a budget rather counts too much.
    """
    pairs_e6 = 0
    if merged:
        total_yes_e6 = sum(held.yes_e6 for held in holdings.values())
        total_no_e6 = sum(held.no_e6 for held in holdings.values())
        pairs_e6 = max(0, min(total_yes_e6 - yes_e6, total_no_e6 - no_e6))
    missing: dict[str, tuple[int, int]] = {}
    for component in sorted(holdings):
        held = holdings[component]
        merged_e6 = min(pairs_e6, held.yes_e6, held.no_e6)
        pairs_e6 -= merged_e6
        lacking_yes_e6 = max(merged_e6, held.yes_e6 - yes_e6)
        lacking_no_e6 = max(merged_e6, held.no_e6 - no_e6)
        if merged:
            lacking_yes_e6 = lacking_no_e6 = max(lacking_yes_e6, lacking_no_e6)
        gone = min(held.yes_e6, lacking_yes_e6), min(held.no_e6, lacking_no_e6)
        if any(gone):
            missing[component] = gone
    return missing


class Ledger:
    """Holdings by market and component.

    Args:
        store: the plugin's document; changed in place.
    """

    def __init__(self, store: dict[str, Any]) -> None:
        self._markets: dict[str, dict[str, dict[str, Any]]] = store.setdefault("ledger", {})
        self._held: dict[str, dict[str, Held]] = {
            market_id: {name: replayed(line["entries"]) for name, line in lines.items()}
            for market_id, lines in self._markets.items()
        }

    def on_fill(self, fill: Fill, position: PositionView) -> None:
        """Book a fill; ``position`` is the account's holding after it.

        A fill taken back is struck out; one no longer on record is booked as the same trade the
        other way round. A quote's fill is not booked, but may have sold what others bought.
        """
        lines = self._markets.get(fill.market_id, {})
        if fill.component == MAKER and not lines:
            return
        is_undone = fill.is_reversal and _undo(lines, fill)
        if fill.component != MAKER and not is_undone:
            self._add(fill.market_id, fill.component, _entry_of(fill), fill.ts_ns)
        self._read_again(fill.market_id)
        self._cut(fill.market_id, position, _LACKING)

    def settle(self, portfolio: PortfolioView, now_ns: int) -> None:
        """Cut to what the account holds, and forget what was long since sold."""
        for market_id in list(self._markets):
            self._cut(market_id, portfolio.position(market_id), _GONE)
            lines = self._markets[market_id]
            for component in list(lines):
                is_old = now_ns - lines[component]["at_ns"] > _KEPT_FLAT_NS
                if is_old and self.held(market_id, component) == NOTHING:
                    del lines[component]
                    self._held[market_id].pop(component)
            if not lines:
                del self._markets[market_id], self._held[market_id]

    def held(self, market_id: str, component: str) -> Held:
        """Return one component's holding in one market."""
        return self._held.get(market_id, {}).get(component, NOTHING)

    def costs_e12(self) -> dict[str, int]:
        """Return what each component's holdings cost, by component, where there are any."""
        costs: dict[str, int] = {}
        for holdings in self._held.values():
            for component, held in holdings.items():
                if held != NOTHING:
                    costs[component] = costs.get(component, 0) + held.cost_e12
        return dict(sorted(costs.items()))

    def _add(self, market_id: str, component: str, entry: Entry, at_ns: int | None = None) -> None:
        lines = self._markets.setdefault(market_id, {})
        line = lines.setdefault(component, {"at_ns": 0, "entries": []})
        if at_ns is not None:
            line["at_ns"] = at_ns
        line["entries"].append(entry)
        if len(line["entries"]) > _MOST_ENTRIES:
            line["entries"] = _summed_up(line["entries"])

    def _read_again(self, market_id: str) -> None:
        self._held[market_id] = {
            component: replayed(line["entries"])
            for component, line in self._markets[market_id].items()
        }

    def _cut(self, market_id: str, position: PositionView, kind: str) -> None:
        """Let go what the account does not hold."""
        missing = not_there(
            self._held[market_id],
            max(0, position.yes_e6),
            max(0, position.no_e6),
            merged=kind == _GONE,
        )
        for component, gone in missing.items():
            for is_yes, gone_e6 in zip((True, False), gone, strict=True):
                if gone_e6:
                    self._add(market_id, component, _entry(kind, is_yes, -gone_e6))
        if missing:
            self._read_again(market_id)


def _entry(
    kind: str, is_yes: bool, size_e6: int, cost_e12: int = 0, trade: str = "", order: str = ""
) -> Entry:
    return {
        "kind": kind,
        "trade": trade,
        "order": order,
        "yes": is_yes,
        "size_e6": size_e6,
        "cost_e12": cost_e12,
    }


def _entry_of(fill: Fill) -> Entry:
    price_e4 = fill.price_e4 if fill.is_buy else complement_e4(fill.price_e4)
    size_e6 = fill.size_e6 if fill.is_buy else -fill.size_e6
    cost_e12 = max(0, notional_e12(price_e4, fill.size_e6) + fill.fee_e12)
    return _entry(_FILL, fill.is_yes, size_e6, cost_e12, fill.trade_id, fill.order_id)


def _undo(lines: Mapping[str, dict[str, Any]], reversal: Fill) -> bool:
    """Strike out a fill; False when it is not on record (the maker's, or summed up).

    What the account lacked after earlier fills it may have after this: that is found anew.
    """
    size_e6 = -reversal.size_e6 if reversal.is_buy else reversal.size_e6
    taken_back = (_FILL, reversal.reverses, reversal.order_id, size_e6)
    found = False
    for line in lines.values():
        kept: list[Entry] = []
        for entry in line["entries"]:
            is_it = (entry["kind"], entry["trade"], entry["order"], entry["size_e6"]) == taken_back
            found |= is_it
            if not is_it and entry["kind"] != _LACKING:
                kept.append(entry)
        line["entries"] = kept
    return found


def _summed_up(entries: list[Entry]) -> list[Entry]:
    """Return the older half as what it left, and the newer half as it is."""
    half = len(entries) // 2
    held = replayed(entries[:half])
    opening = [
        _entry(_FILL, is_yes, size_e6, cost_e12)
        for is_yes, size_e6, cost_e12 in (
            (True, held.yes_e6, held.yes_cost_e12),
            (False, held.no_e6, held.no_cost_e12),
        )
        if size_e6
    ]
    return [*opening, *entries[half:]]
