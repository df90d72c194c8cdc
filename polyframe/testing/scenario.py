"""A scripted world: books change, we are filled, cycles end; any plugin can live through it.

::

    world = Scenario()
    world.book("49c x 100 | 51c x 80", at_s=10)
    world.fill("bid", "49c", shares=100, at_s=12)
    world.book("45c x 100 | 47c x 80", at_s=42)
    world.cycle(at_s=60)
    answers = world.play(a_plugin(Maker))
    assert answers.of("propose_quote")[-1].value.bid.price_e4 < 4500

The scenario decides what happens; the plugin's answers do not change it, so that two plugins, or
one plugin twice, meet the same world. Positions and cash follow from the fills.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from polyframe import money
from polyframe.model import (
    BookSide,
    Decision,
    FeedHealth,
    Fill,
    MarketState,
    PluginVeto,
    ReportPeriod,
    TradeLeg,
    Veto,
)
from polyframe.testing.builders import (
    HOUR_NS,
    NOW_NS,
    a_cycle,
    a_decision,
    a_fill,
    a_market,
    a_portfolio,
    a_spec,
)
from polyframe.testing.ladder import book as ladder
from polyframe.testing.ladder import price_e4
from polyframe.testing.moment import Moment
from polyframe.testing.playing import Answers, hooks_of, play
from polyframe.testing.views import FakeBook, FakeMarket, FakePosition

_SECOND_NS = 1_000_000_000
_DAY_NS = 24 * HOUR_NS
_OF_SPEC = frozenset(a_spec().__struct_fields__)
_FACTS: dict[str, Any] = {
    "run": {"mode": "paper", "source": "scenario"},
    "day": {"start_equity_usd": 5000.0, "end_equity_usd": 5000.0},
}


class Scenario:
    """A world that is written step by step; every step is one ``Moment``.

    Times are seconds after :data:`~polyframe.testing.builders.NOW_NS` and never go back;
    ``start_s`` is added to each. A market exists from the first step that names it.
    """

    def __init__(self, equity_usd: float = 5000.0) -> None:
        self.moments: list[Moment] = []
        self.start_s = 0.0
        self._equity_usd = equity_usd
        self._day_start_usd = equity_usd
        self._peak_usd = equity_usd
        self._cash_e12 = money.usd_e12(equity_usd)
        self._markets: dict[str, FakeMarket] = {}
        self._gone: dict[str, FakeMarket] = {}
        self._fills: dict[str, Fill] = {}
        self._to_come: dict[str, tuple[TradeLeg, ...]] = {}
        self._cycles = 0

    # --- what happens --------------------------------------------------------------------

    def book(
        self,
        shown: str | FakeBook,
        *,
        at_s: float,
        market: str = "0xm1",
        label: str = "",
        **changes: Any,
    ) -> Self:
        """Let a market's book become ``shown`` (a ladder, see :mod:`polyframe.testing.ladder`).

        ``changes`` are fields of ``FakeMarket`` or of its ``MarketSpec``, such as
        ``hours_to_close=3.0``, ``tick_e4=10`` or ``rules="..."``.
        """
        new = ladder(shown) if isinstance(shown, str) else shown
        label = label or f"book of {market}"
        return self._change(market, at_s, label, {"book": new, **changes})

    def state(
        self, state: MarketState, *, at_s: float, market: str = "0xm1", **changes: Any
    ) -> Self:
        """Let a market's state become another one."""
        return self._change(market, at_s, f"{market} is {state}", {"state": state, **changes})

    def change(self, *, at_s: float, market: str = "0xm1", label: str = "", **changes: Any) -> Self:
        """Let fields of a market or of its metadata change; see :meth:`book`."""
        return self._change(market, at_s, label or f"{market} changes", changes)

    def fill(
        self,
        side: BookSide,
        price: str,
        *,
        shares: float,
        at_s: float,
        market: str = "0xm1",
        trade_id: str = "",
        sells_holding: bool = False,
        component: str = "maker",
        order_id: str = "",
        late_s: float = 0.0,
    ) -> Self:
        """Let one of our orders trade: a ``bid`` at ``price`` buys YES, an ``ask`` buys NO.

        ``price`` is in YES space (``49c``). With ``sells_holding`` a bid sells NO and an ask
        sells YES. A fill of another component than ``maker`` took. Fills with one ``order_id``
        are parts of one order; ``late_s`` is by how much the news of it is late.
        """
        known = self._known(market)
        is_yes = (side == "bid") != sells_holding
        own_e4 = price_e4(price) if is_yes else money.complement_e4(price_e4(price))
        trade_id = trade_id or f"t{len(self._fills) + 1}"
        filled = a_fill(
            ts_ns=self._ns(at_s - late_s),
            trade_id=trade_id,
            order_id=order_id or f"o-{trade_id}",
            market_id=market,
            token_id=known.spec.token_ids[0 if is_yes else 1],
            is_yes=is_yes,
            is_buy=not sells_holding,
            price_e4=own_e4,
            size_e6=round(shares * money.SHARE_E6),
            is_maker=component == "maker",
            component=component,
            mid_before_e6=None if known.book.mid is None else round(known.book.mid * 1e6),
        )
        self._fills[trade_id] = filled
        return self._filled(filled, at_s, f"fill {trade_id} in {market}")

    def reversal(self, trade_id: str, *, at_s: float) -> Self:
        """Let the settlement of an earlier fill fail: it comes again, the other way round."""
        before = self._fills[trade_id]
        back = msgspec.structs.replace(
            before,
            ts_ns=self._ns(at_s),
            trade_id=f"{trade_id}-back",
            is_buy=not before.is_buy,
            reverses=trade_id,
        )
        return self._filled(back, at_s, f"reversal of {trade_id}")

    def gone(self, *, at_s: float, market: str) -> Self:
        """Let a market leave the world: no view of it any more, though what we hold stays held."""
        self._gone[market] = self._markets.pop(market)
        return self._add(at_s, f"{market} is gone")

    def equity(
        self,
        equity_usd: float,
        *,
        at_s: float,
        cash_usd: float | None = None,
        markets: Sequence[str] | None = None,
    ) -> Self:
        """Let the account be worth another amount, and hold other cash if that is given.

        ``markets`` (all of them unless given) are looked at again.
        """
        self._equity_usd = equity_usd
        self._peak_usd = max(self._peak_usd, equity_usd)
        if cash_usd is not None:
            self._cash_e12 = money.usd_e12(cash_usd)
        changed = tuple(self._markets if markets is None else markets)
        return self._add(at_s, f"equity is {equity_usd:g} USD", changed=changed)

    def under_way(self, legs: Mapping[str, Sequence[TradeLeg]], *, at_s: float) -> Self:
        """Let these be what trades have still to send, by component, until it is said anew."""
        self._to_come = {component: tuple(each) for component, each in legs.items()}
        touched = dict.fromkeys(leg.market_id for each in legs.values() for leg in each)
        for market_id in touched:
            self._known(market_id)
        return self._add(at_s, "trades under way" if legs else "no trade", changed=tuple(touched))

    def new_day(self, *, at_s: float, markets: Sequence[str] | None = None) -> Self:
        """Let a UTC day begin: its equity at the start is today's; see :meth:`equity`."""
        self._day_start_usd = self._equity_usd
        changed = tuple(self._markets if markets is None else markets)
        return self._add(at_s, "a day begins", changed=changed)

    def cycle(
        self,
        *,
        at_s: float,
        decisions: Sequence[Decision] | None = None,
        health: FeedHealth | None = None,
    ) -> Self:
        """Let a selection cycle pass: ranking, opinions on every market, the cycle's end.

        Unless ``decisions`` are given, each market has one: two are quoted, the third vetoed.
        """
        self._cycles += 1
        now_ns = self._ns(at_s)
        if decisions is None:
            decisions = self._decisions(now_ns)
        ended = a_cycle(
            decisions,
            number=self._cycles,
            ts_ns=now_ns,
            active=[decision.market_id for decision in decisions if not decision.vetoes],
            health=health,
        )
        return self._add(at_s, f"cycle {self._cycles}", cycle=ended)

    def report(self, *, at_s: float, facts: Mapping[str, Any] | None = None) -> Self:
        """Let the day's report be asked for; ``facts`` as the runtime gives them."""
        now_ns = self._ns(at_s)
        start_ns = now_ns // _DAY_NS * _DAY_NS
        day = _day_text(start_ns)
        period = ReportPeriod(
            day=day,
            start_ns=start_ns,
            end_ns=now_ns,
            facts=_FACTS if facts is None else facts,
        )
        return self._add(at_s, f"report of {day}", period=period)

    # --- what comes of it ----------------------------------------------------------------

    def play(self, plugin: object) -> Answers:
        """Let a plugin live through everything and return what it answered, in order.

        An exception of the plugin's ends the play: here it is the test's business.
        """
        return play(self.moments, hooks_of(plugin))

    # --- inside --------------------------------------------------------------------------

    def _ns(self, at_s: float) -> int:
        return NOW_NS + round((self.start_s + at_s) * _SECOND_NS)

    def _decisions(self, now_ns: int) -> list[Decision]:
        # Decisions on a market that has left since are part of the cycle all the same.
        markets = [*self._markets.values(), *self._gone.values()]
        return [
            a_decision(
                market,
                decision_id=1000 * self._cycles + number,
                ts_ns=now_ns,
                vetoes=[PluginVeto("runtime", Veto("runtime.rank"))] if number % 3 == 2 else (),
            )
            for number, market in enumerate(markets)
        ]

    def _known(self, market_id: str) -> FakeMarket:
        if market_id not in self._markets:
            self._markets[market_id] = a_market(market_id)
        return self._markets[market_id]

    def _change(self, market_id: str, at_s: float, label: str, changes: dict[str, Any]) -> Self:
        before = self._known(market_id)
        is_new = not any(market_id in moment.changed for moment in self.moments)
        of_spec = {
            name: value
            for name, value in changes.items()
            if name in _OF_SPEC and not hasattr(before, name)
        }
        of_market = {name: value for name, value in changes.items() if name not in of_spec}
        if of_spec:
            of_market["spec"] = msgspec.structs.replace(before.spec, **of_spec)
        after = dataclasses.replace(before, **of_market)
        self._markets[market_id] = after
        touched = (market_id,) if is_new or _touch(before) != _touch(after) else ()
        return self._add(at_s, label, changed=(market_id,), top_changed=touched)

    def _filled(self, fill: Fill, at_s: float, label: str) -> Self:
        market = self._known(fill.market_id)
        sign = 1 if fill.is_buy else -1
        cost_e12 = sign * money.notional_e12(fill.price_e4, fill.size_e6)
        held = market.position
        position = FakePosition(
            held.yes_e6 + sign * fill.size_e6 * fill.is_yes,
            held.no_e6 + sign * fill.size_e6 * (not fill.is_yes),
            held.cost_e12 + cost_e12,
        )
        self._cash_e12 -= cost_e12
        self._markets[fill.market_id] = dataclasses.replace(market, position=position)
        return self._add(at_s, label, changed=(fill.market_id,), fill=fill)

    def _add(self, at_s: float, label: str, **happened: Any) -> Self:
        at_s += self.start_s
        if self.moments and at_s < self.moments[-1].at_s:
            raise ValueError(f"{label} at {at_s:g} s: time does not go back")
        markets = tuple(self._markets.values())
        portfolio = dataclasses.replace(
            a_portfolio(
                equity_usd=self._equity_usd,
                bankroll_usd=5000.0,
                peak_equity_usd=self._peak_usd,
                day_start_equity_usd=self._day_start_usd,
                markets=markets,
                positions={name: market.position for name, market in self._gone.items()},
                to_come=self._to_come,
            ),
            cash_e12=self._cash_e12,
        )
        self.moments.append(Moment(at_s, label, markets, portfolio, **happened))
        return self


def _touch(market: FakeMarket) -> Sequence[object]:
    book = market.book
    return book.best_bid_e4, book.best_ask_e4, book.best_bid_size, book.best_ask_size


def _day_text(start_ns: int) -> str:
    return datetime.fromtimestamp(start_ns / _SECOND_NS, UTC).strftime("%Y-%m-%d")
