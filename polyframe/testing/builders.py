"""Builders of the views a plugin reads, for plugin tests: no engine, no files, no clock.

Every builder has sane defaults (a quiet NORMAL market quoted 0.49 / 0.51, an account of
5,000 USD) and takes keywords for what a test is about::

    market = a_market(book=a_book(bid_e4=4800, ask_e4=5200), hours_to_close=40.0)
    plugin = a_plugin(Maker, base_usd=20.0)
    quote = plugin.propose_quote(market, a_portfolio(markets=[market]))

The objects are frozen dataclasses that satisfy the Protocols of ``polyframe.model``; derive a
variation with ``dataclasses.replace``. :func:`mirrored` swaps YES and NO, for symmetry tests.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any, TypeVar

import msgspec

from polyframe import money
from polyframe.model import (
    BookSide,
    Cycle,
    Decision,
    FeedHealth,
    FeeSchedule,
    Fill,
    MarketSpec,
    MarketState,
    PluginVeto,
    Quote,
    RewardTerms,
    TradeLeg,
)
from polyframe.plugin import Context, Log
from polyframe.testing.views import (
    FakeBook,
    FakeMarket,
    FakeOrder,
    FakePortfolio,
    FakePosition,
    Level,
)
from polyframe.views import BookView, MarketView, OrderView, PositionView

__all__ = [
    "HOUR_NS",
    "NOW_NS",
    "FakeBook",
    "FakeMarket",
    "FakeOrder",
    "FakePortfolio",
    "FakePosition",
    "a_book",
    "a_context",
    "a_cycle",
    "a_decision",
    "a_fill",
    "a_health",
    "a_market",
    "a_plugin",
    "a_portfolio",
    "a_position",
    "a_spec",
    "an_order",
    "mirrored",
]

HOUR_NS = 3_600_000_000_000
NOW_NS = 1_780_000_000_000_000_000
"""A fixed instant (2026-05-28) for tests; nothing here reads a clock."""

P = TypeVar("P")


def a_book(
    bid_e4: int | None = 4900,
    ask_e4: int | None = 5100,
    *,
    bid_size: float = 1000.0,
    ask_size: float = 1000.0,
    bids: Sequence[Level] | None = None,
    asks: Sequence[Level] | None = None,
) -> FakeBook:
    """Return a book: one level a side, or the ``bids`` and ``asks`` given (any order).

    ``bid_e4=None`` or ``ask_e4=None`` leaves that side empty.
    """
    if bids is None:
        bids = () if bid_e4 is None else ((bid_e4, bid_size),)
    if asks is None:
        asks = () if ask_e4 is None else ((ask_e4, ask_size),)
    return FakeBook(tuple(sorted(bids, reverse=True)), tuple(sorted(asks)))


def a_spec(market_id: str = "0xm1", **changes: Any) -> MarketSpec:
    """Return market metadata with any field of ``MarketSpec`` changed by keyword."""
    spec = MarketSpec(
        market_id=market_id,
        question=f"Will {market_id} happen?",
        rules="Resolves to Yes if the agency publishes it by 31 December 2026, 23:59 ET.",
        resolution_source="https://agency.example/releases",
        slug=f"will-{market_id}-happen",
        outcomes=("Yes", "No"),
        token_ids=(f"{market_id}-yes", f"{market_id}-no"),
        tick_e4=100,
        min_size_e6=5_000_000,
        fees=FeeSchedule(),
        rewards=RewardTerms(),
        neg_risk=False,
        neg_risk_augmented=False,
        market_event_id=f"event-of-{market_id}",
        market_event_title="An event",
        group_item_title="",
        category="politics",
        tags=(),
        end_ns=NOW_NS + 240 * HOUR_NS,
        game_start_ns=None,
        accepting_orders=True,
        closed=False,
        uma_statuses=(),
        liveness_s=None,
        volume_24h_usd=20_000.0,
        liquidity_usd=10_000.0,
        seconds_delay=0.0,
    )
    return msgspec.structs.replace(spec, **changes)


def a_position(yes: float = 0, no: float = 0, cost_usd: float = 0) -> FakePosition:
    """Return holdings given in shares and dollars."""
    return FakePosition(
        round(yes * money.SHARE_E6), round(no * money.SHARE_E6), money.usd_e12(cost_usd)
    )


def an_order(
    market_id: str = "0xm1",
    side: BookSide = "bid",
    yes_price_e4: int = 4800,
    shares: float = 100,
    *,
    order_id: str = "",
    sells_holding: bool = False,
    component: str = "maker",
) -> FakeOrder:
    """Return an open order on one side of the YES book, opening by default.

    A bid buys YES and an ask buys NO; with ``sells_holding`` a bid sells NO and an ask sells YES.
    """
    is_yes = (side == "bid") != sells_holding
    return FakeOrder(
        order_id=order_id or f"{market_id}-{side}-{yes_price_e4}",
        market_id=market_id,
        is_yes=is_yes,
        is_buy=not sells_holding,
        price_e4=yes_price_e4 if is_yes else money.complement_e4(yes_price_e4),
        leaves_e6=round(shares * money.SHARE_E6),
        component=component,
    )


def a_market(
    market_id: str = "0xm1",
    *,
    spec: MarketSpec | None = None,
    book: BookView | None = None,
    has_book: bool = True,
    cluster_id: str | None = None,
    tick_e4: int | None = None,
    min_size_e6: int | None = None,
    state: MarketState = MarketState.NORMAL,
    hours_to_close: float | None = 240.0,
    book_age_s: float | None = 1.0,
    max_book_age_s: float = 5.0,
    updates_per_s: float = 0.1,
    jump_1h: float = 0.0,
    orders: Sequence[OrderView] = (),
    position: PositionView | None = None,
) -> FakeMarket:
    """Return a market; tick, minimum size and cluster come from its spec unless given."""
    spec = spec or a_spec(market_id)
    return FakeMarket(
        spec=spec,
        market_id=spec.market_id,
        cluster_id=spec.market_event_id if cluster_id is None else cluster_id,
        tick_e4=spec.tick_e4 if tick_e4 is None else tick_e4,
        min_size_e6=spec.min_size_e6 if min_size_e6 is None else min_size_e6,
        book=a_book() if book is None else book,
        has_book=has_book,
        state=state,
        hours_to_close=hours_to_close,
        book_age_s=book_age_s,
        max_book_age_s=max_book_age_s,
        updates_per_s=updates_per_s,
        jump_1h=jump_1h,
        orders=tuple(orders),
        position=position or FakePosition(),
    )


def a_portfolio(
    *,
    equity_usd: float = 5000.0,
    bankroll_usd: float | None = None,
    cash_usd: float | None = None,
    peak_equity_usd: float | None = None,
    day_start_equity_usd: float | None = None,
    markets: Sequence[MarketView] = (),
    positions: Mapping[str, PositionView] | None = None,
    orders: Sequence[OrderView] = (),
    to_come: Mapping[str, Sequence[TradeLeg]] | None = None,
) -> FakePortfolio:
    """Return an account; amounts not given equal the equity.

    Holdings and orders of ``markets`` are included; ``positions`` and ``orders`` add to them.
    ``to_come`` is what trades under way have still to send, by component.
    """
    equity = money.usd_e12(equity_usd)

    def amount(given_usd: float | None) -> int:
        return equity if given_usd is None else money.usd_e12(given_usd)

    held = {
        market.market_id: market.position
        for market in markets
        if market.position.yes_e6 or market.position.no_e6
    }
    return FakePortfolio(
        bankroll_e12=amount(bankroll_usd),
        cash_e12=amount(cash_usd),
        equity_e12=equity,
        peak_equity_e12=amount(peak_equity_usd),
        day_start_equity_e12=amount(day_start_equity_usd),
        by_market={**held, **(positions or {})},
        open_orders=(*(order for market in markets for order in market.orders), *orders),
        markets={market.market_id: market for market in markets},
        to_come=to_come or {},
    )


def mirrored(market: FakeMarket) -> FakeMarket:
    """Return the same market told the other way round: NO is called YES."""

    def flip(levels: list[Level]) -> list[Level]:
        return [(money.complement_e4(price), size) for price, size in levels]

    every = money.PRICE_ONE_E4
    position = market.position
    return dataclasses.replace(
        market,
        spec=msgspec.structs.replace(
            market.spec,
            outcomes=market.spec.outcomes[::-1],
            token_ids=market.spec.token_ids[::-1],
        ),
        book=a_book(
            bids=flip(market.book.levels("ask", every)), asks=flip(market.book.levels("bid", every))
        ),
        position=FakePosition(position.no_e6, position.yes_e6, position.cost_e12),
        orders=tuple(
            FakeOrder(
                order.order_id,
                order.market_id,
                not order.is_yes,
                order.is_buy,
                order.price_e4,
                order.leaves_e6,
                order.component,
            )
            for order in market.orders
        ),
    )


def a_fill(number: int = 1, leg: TradeLeg | None = None, **changes: Any) -> Fill:
    """Return fill number ``number``: a maker's, or one that took all of ``leg`` at its limit.

    A maker's is 100 YES bought at 0.49 with the mid at 0.50; ``changes`` are fields of ``Fill``.
    """
    fields: dict[str, Any] = {
        "ts_ns": NOW_NS,
        "trade_id": f"t{number}",
        "order_id": f"o{number}",
        "market_id": "0xm1" if leg is None else leg.market_id,
        "token_id": "token",
        "is_yes": True if leg is None else leg.is_yes,
        "is_buy": True if leg is None else leg.is_buy,
        "price_e4": 4900 if leg is None else leg.limit_e4,
        "size_e6": 100_000_000 if leg is None else leg.size_e6,
        "fee_e12": 0,
        "is_maker": leg is None,
        "component": "maker" if leg is None else "taker",
        "decision_id": 1,
        "mid_before_e6": 500_000 if leg is None else None,
    }
    return Fill(**(fields | changes))


def a_decision(
    market: MarketView,
    *,
    decision_id: int = 1,
    ts_ns: int = NOW_NS,
    vetoes: Sequence[PluginVeto] = (),
    proposal: Quote | None = None,
    outcome: str | None = None,
    **changes: Any,
) -> Decision:
    """Return a decision on a market; vetoed when there are vetoes, else quoted.

    ``changes`` are further fields of ``Decision``.
    """
    proposal = proposal or Quote(market.market_id)
    decision = Decision(
        decision_id=decision_id,
        ts_ns=ts_ns,
        market_id=market.market_id,
        trigger="cycle",
        outcome=outcome or ("vetoed" if vetoes else "quoted"),
        proposal=proposal,
        shaped=proposal,
        vetoes=tuple(vetoes),
        target=Quote(market.market_id) if vetoes else proposal,
        commands=(),
        best_bid_e4=market.book.best_bid_e4,
        best_ask_e4=market.book.best_ask_e4,
        book_age_s=market.book_age_s,
        state=market.state,
        net_yes_e6=market.position.net_yes_e6,
    )
    return msgspec.structs.replace(decision, **changes)


def a_cycle(
    decisions: Sequence[Decision] = (),
    *,
    number: int = 1,
    ts_ns: int = NOW_NS,
    active: Sequence[str] = (),
    health: FeedHealth | None = None,
) -> Cycle:
    """Return a finished cycle; its feed is idle and healthy unless ``health`` is given."""
    return Cycle(
        number=number,
        ts_ns=ts_ns,
        decisions=tuple(decisions),
        active=tuple(active),
        clusters=len(active),
        ranked=len({decision.market_id for decision in decisions}),
        health=health or a_health(),
    )


def a_health(**changes: Any) -> FeedHealth:
    """Return the health of an idle feed, with any field changed by keyword."""
    fields: dict[str, Any] = {
        "messages": {},
        "median_age_s": None,
        "max_age_s": None,
        "stalest": (),
        **dict.fromkeys(("parse_errors", "tokens", "tokens_with_book", "fresh_10s"), 0),
        **dict.fromkeys(("fresh_60s", "reconnects", "books_checked", "books_mismatched"), 0),
        **dict.fromkeys(("witness_agreed", "witness_differed"), 0),
    }
    return FeedHealth(**(fields | changes))


def a_context(
    name: str = "plugin",
    *,
    seed: int = 7,
    store: dict[str, Any] | None = None,
    lines: list[tuple[str, dict[str, Any]]] | None = None,
) -> Context:
    """Return a plugin context; each logged line is appended to ``lines`` as (name, fields)."""
    log = Log(None if lines is None else lambda message, fields: lines.append((message, fields)))
    return Context(name, Random(seed), {} if store is None else store, log)


def a_plugin(kind: type[P], context: Context | None = None, **settings: Any) -> P:
    """Return a plugin built with ``settings`` checked against its ``Config``, as the runtime does.

    Raises:
        msgspec.ValidationError: a setting breaks its type or bounds.
    """
    # Any class of the right shape is a plugin; no type says so.
    build: Any = kind
    config = msgspec.convert(settings, build.Config)
    plugin: P = build(config, context or a_context())
    return plugin
