"""The world every plugin has to live through: an ordinary day, and everything odd about the venue.

Two halves with a restart between them. What a plugin knows for seconds only (an order under way,
how long a book has been crossed) may be lost there, because a restart takes time and leaves no
order standing: nothing happens for :data:`PAUSE_S`, and every book arrives anew after it. What
lasts longer has to be in ``context.store``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from polyframe.model import BookSide, FeeSchedule, MarketState, RewardTerms
from polyframe.testing.builders import NOW_NS, an_order
from polyframe.testing.ladder import book as ladder
from polyframe.testing.moment import Moment
from polyframe.testing.scenario import Scenario
from polyframe.testing.tour_values import ordinary_values
from polyframe.testing.views import FakeBook

PAUSE_S = 150.0
"""How long a restart takes, in seconds: longer than what a plugin may keep in its head."""

More = Callable[[Scenario], object]
_DAY_S = 86_400.0
_HOUR_S = 3600.0
# One market's trouble: fills that lose, a cluster apart, until a judge of fills must speak up.
_LOSSES = 8
_LOSS_C = 6
_LOSS_EVERY_S = 80.0
# To look at every market whenever the account changes would take long; a cycle does.
_FEW = ("0xm1", "0xm2", "0xm3", "0xfalling")


@dataclass(frozen=True)
class Tour:
    """The moments before the restart, ending with a cycle's end, and those after it."""

    before: tuple[Moment, ...]
    after: tuple[Moment, ...]

    @property
    def moments(self) -> tuple[Moment, ...]:
        """Everything, for who is not restarted."""
        return (*self.before, *self.after)


def tour(more: More | None = None, after: More | None = None) -> Tour:
    """Return a fresh tour; ``more`` adds to the world before the restart, ``after`` after it."""
    world = Scenario()
    clock = _ordinary(world)
    clock = ordinary_values(world, clock)
    clock = _losses(world, clock)
    clock = _odd_books(world, clock)
    clock = _odd_markets(world, clock)
    clock = _with(world, more, clock)
    _account(world, clock)
    _windows(world, clock + 2)
    world.cycle(at_s=clock + 5)
    cut = len(world.moments)
    _second_half(world, clock + 5 + PAUSE_S, after)
    return Tour(tuple(world.moments[:cut]), tuple(world.moments[cut:]))


def _with(world: Scenario, addition: More | None, clock: float) -> float:
    if addition is None:
        return clock
    world.start_s = clock
    addition(world)
    world.start_s = 0.0
    return world.moments[-1].at_s + 1


def _ordinary(world: Scenario) -> float:
    """Books, fills on both sides, a reversal, cycles and a report; return when it is over."""
    world.report(at_s=0)
    world.book("49c x 800 | 51c x 700", at_s=1, market="0xm1")
    world.book("30c x 300, 29c x 900 | 33c x 200, 34c x 900", at_s=2, market="0xm2")
    world.book("70c x 150 | 71c x 150", at_s=3, market="0xm3", market_event_id="event-of-0xm2")
    world.cycle(at_s=5)
    world.fill("bid", "49c", shares=100, at_s=8, market="0xm1", trade_id="long")
    world.fill("ask", "33c", shares=60, at_s=9, market="0xm2", trade_id="short")
    world.change(
        at_s=10,
        market="0xm1",
        label="orders rest",
        orders=(
            an_order("0xm1", "bid", 4800),
            an_order("0xm1", "bid", 4700, sells_holding=True),
            an_order("0xm1", "ask", 5200, sells_holding=True),
        ),
    )
    world.book("50c x 800 | 52c x 700", at_s=11, market="0xm1", updates_per_s=9.0, jump_1h=0.08)
    world.reversal("long", at_s=14)
    world.fill("ask", "52c", shares=20, at_s=15, market="0xm1", trade_id="again")
    for number, component in enumerate(("arb", "satellite", "taker")):
        world.fill("bid", "71c", shares=10, at_s=16 + number, market="0xm3", component=component)
    world.fill("bid", "40c", shares=25, at_s=20, market="0xnever-seen-before")
    world.cycle(at_s=25)
    world.book("49c x 800 | 51c x 700", at_s=31, market="0xm1", orders=())
    world.cycle(at_s=65)
    world.report(at_s=66)
    return 70


def _books() -> Iterator[tuple[str, FakeBook, int]]:
    """Yield odd books: a name, the book, the tick in force (e4)."""
    shown = {
        "empty": "|",
        "only bids": "49c x 100 |",
        "only asks": "| 51c x 100",
        "crossed": "55c x 100 | 45c x 100",
        "crossed by a tick": "51c x 500 | 50c x 500",
        "locked": "50c x 100 | 50c x 100",
        "one tick wide": "50c x 10 | 51c x 10",
        "as wide as can be": "1c x 10 | 99c x 10",
        "dust": "49c x 0.01 | 51c x 0.01",
        "huge": "49c x 90000000 | 51c x 90000000",
        "at the low end": "1c x 100 | 2c x 100",
        "at the high end": "98c x 100 | 99c x 100",
    }
    for name, text in shown.items():
        yield name, ladder(text), 100
    for tick_e4 in (1, 10):
        low, high = tick_e4 / 10_000, 1 - tick_e4 / 10_000
        for name, text in {
            "at the low edge": f"{low:.4f} x 100 | {2 * low:.4f} x 100",
            "at the high edge": f"{1 - 2 * low:.4f} x 100 | {high:.4f} x 100",
            "only the low edge": f"{low:.4f} x 100 |",
            "only the high edge": f"| {high:.4f} x 100",
            "edge to edge": f"{low:.4f} x 100 | {high:.4f} x 100",
            "ask at the low edge": f"| {low:.4f} x 100",
        }.items():
            yield f"{name} of tick {low:g}", ladder(text), tick_e4


def _odd_books(world: Scenario, clock: float) -> float:
    for name, text in (("empty", "|"), ("one-sided", "| 51c x 9"), ("crossed", "6c x 9 | 5c x 9")):
        world.book(text, at_s=clock, market=f"0xfirst-{name}")
    for number, (name, shown, tick_e4) in enumerate(_books()):
        market = f"0xodd-{tick_e4}"
        world.book(shown, at_s=clock + 1, market=market, tick_e4=tick_e4, label=f"book {name}")
        # With inventory on one side or the other, at the price that is odd.
        price_e4 = shown.best_bid_e4 or shown.best_ask_e4 or 5000
        side: BookSide = "bid" if number % 2 else "ask"
        world.fill(side, f"{price_e4 / 10_000:.4f}", shares=40, at_s=clock + 2, market=market)
        # A crossed book that stays is another thing than one that flickers.
        world.book(shown, at_s=clock + 5, market=market, label=f"book {name} still")
        world.book("49c x 500 | 51c x 500", at_s=clock + 6, market=market)
        clock += 6
    world.cycle(at_s=clock)
    return clock + 1


def _odd_markets(world: Scenario, clock: float) -> float:
    quiet = "40c x 500 | 42c x 500"
    world.book(quiet, at_s=clock, market="0xstate", hours_to_close=3.0)
    world.fill("bid", "40c", shares=30, at_s=clock + 1, market="0xstate")
    for state in MarketState:
        hours = None if state is MarketState.UNKNOWN else 3.0
        world.state(state, at_s=clock + 2, market="0xstate", hours_to_close=hours)
        clock += 1
    world.state(MarketState.NORMAL, at_s=clock + 3, market="0xstate")
    clock += 4
    world.book(quiet, at_s=clock, market="0xno-end", end_ns=None, hours_to_close=None)
    world.book(quiet, at_s=clock + 1, market="0xover", hours_to_close=-5.0, accepting_orders=False)
    world.book(quiet, at_s=clock + 2, market="0xsoon", hours_to_close=0.01)
    world.book(quiet, at_s=clock + 3, market="0xno-proof", book_age_s=None)
    world.book(quiet, at_s=clock + 4, market="0xstale", book_age_s=9e5)
    world.change(at_s=clock + 5, market="0xno-book", has_book=False, book=ladder("|"))
    world.book(quiet, at_s=clock + 6, market="0xtick")
    world.fill("ask", "42c", shares=30, at_s=clock + 7, market="0xtick")
    world.book("0.401 x 50 | 0.402 x 50", at_s=clock + 8, market="0xtick", tick_e4=10)
    world.book("40c x 50 | 41c x 50", at_s=clock + 9, market="0xtick", tick_e4=100)
    world.book(quiet, at_s=clock + 10, market="0xbig-minimum", min_size_e6=10_000_000_000)
    world.book(quiet, at_s=clock + 11, market="0xno-minimum", min_size_e6=0)
    world.book(
        quiet,
        at_s=clock + 12,
        market="0xbare",
        question="",
        rules="",
        resolution_source="",
        outcomes=("", ""),
        category="",
        market_event_id="",
        volume_24h_usd=0.0,
        liquidity_usd=0.0,
    )
    world.book(
        quiet,
        at_s=clock + 13,
        market="0xhostile",
        question="\x1b[31m[bold]{0} %s \u202e' OR 1=1; --" * 20,
        rules="\x00\ud7ff\U0001f600 " * 500,
        outcomes=("Yes\n", "\tNo"),
        tags=("", "a\nb"),
        category="\u0000",
    )
    world.book(
        quiet,
        at_s=clock + 14,
        market="0xdisputed",
        uma_statuses=("proposed", "disputed", "proposed", "disputed"),
        neg_risk=True,
        neg_risk_augmented=True,
        fees=FeeSchedule(0.25, 2.0, False, 0.2),
        rewards=RewardTerms(200.0, 3.0, 500.0),
        seconds_delay=3.0,
        liveness_s=7200.0,
        game_start_ns=NOW_NS,
    )
    world.book(
        quiet, at_s=clock + 15, market="0xpaid", closed=True, yes_payout_e6=1_000_000,
        state=MarketState.RESOLVED, accepting_orders=False,
    )  # fmt: skip
    world.fill("bid", "40c", shares=10, at_s=clock + 16, market="0xgone", trade_id="of-gone")
    world.gone(at_s=clock + 17, market="0xgone")
    world.cycle(at_s=clock + 20)
    return clock + 25


def _account(world: Scenario, clock: float) -> None:
    """Let the account be worth nothing, then lose more in a day than any limit allows."""
    cash_usd = world.moments[-1].portfolio.cash_e12 / 1e12
    world.equity(0.0, at_s=clock, cash_usd=0.0, markets=_FEW)
    world.new_day(at_s=clock, markets=_FEW)
    world.equity(12.0, at_s=clock, cash_usd=-3.5, markets=_FEW)
    world.equity(5000.0, at_s=clock, cash_usd=cash_usd, markets=_FEW)
    world.new_day(at_s=clock, markets=_FEW)
    world.equity(3000.0, at_s=clock)
    world.equity(4900.0, at_s=clock + 1, markets=_FEW)


def _windows(world: Scenario, clock: float) -> None:
    """Fills on both sides, as many before the restart as soon after it: 600 s hold them all."""
    for count in (1, 2):
        market = f"0xwindow-{count}"
        world.book("40c x 500 | 42c x 500", at_s=clock, market=market)
        for _ in range(count):
            world.fill("bid", "40c", shares=10, at_s=clock + 1, market=market)
            world.fill("ask", "42c", shares=10, at_s=clock + 1, market=market)
        clock += 1


def _losses(world: Scenario, clock: float) -> float:
    """Buys that lose six cents each within half a minute; return when they are over."""
    for number in range(_LOSSES):
        bid = 85 - _LOSS_C * number
        ask = bid + 2
        shown = f"{bid}c x 400 | {ask}c x 400"
        world.book(shown, at_s=clock, market="0xfalling", market_event_id="event-of-falling")
        world.fill("bid", f"{bid}c", shares=50, at_s=clock + 1, market="0xfalling")
        lower = f"{bid - _LOSS_C}c x 400 | {ask - _LOSS_C}c x 400"
        world.book(lower, at_s=clock + 5, market="0xfalling")
        # At the horizons of who measures fills: 30 s after this one, 120 s after the one before.
        for seconds in (31.2, 41.2):
            world.book(lower, at_s=clock + seconds, market="0xfalling", book_age_s=0.5)
        world.cycle(at_s=clock + 60)
        clock += _LOSS_EVERY_S
    return clock


def _second_half(world: Scenario, clock: float, after: More | None) -> None:
    known = list(world.moments[-1].markets)
    for number, market in enumerate(known):
        # The venue sends every book anew; a crossed one is none by now.
        book = market.book
        is_sound = isinstance(book, FakeBook) and (book.spread_e4 or 0) > 0
        shown = book if is_sound and isinstance(book, FakeBook) else ladder("49c x 90 | 52c x 90")
        world.book(shown, at_s=clock + number / 100, market=market.market_id, has_book=True)
    clock += 2
    world.cycle(at_s=clock)
    _windows(world, clock + 3)
    clock = max(_with(world, after, clock + 6), clock + 6)
    world.fill("ask", "59c", shares=50, at_s=clock + 3, market="0xfalling", sells_holding=True)
    world.reversal("short", at_s=clock + 4)
    world.book("52c x 300 | 48c x 300", at_s=clock + 6, market="0xm1")
    world.book("52c x 300 | 48c x 300", at_s=clock + 9, market="0xm1")
    world.book("49c x 300 | 51c x 300", at_s=clock + 12, market="0xm1")
    world.report(at_s=clock + 20)
    world.cycle(at_s=clock + 60)
    world.book("60c x 400 | 62c x 400", at_s=clock + 700, market="0xfalling")
    world.cycle(at_s=clock + 720)
    world.book("60c x 400 | 62c x 400", at_s=clock + _HOUR_S, market="0xfalling")
    world.cycle(at_s=clock + _HOUR_S + 1)
    world.new_day(at_s=clock + _DAY_S, markets=_FEW)
    world.book("61c x 400 | 63c x 400", at_s=clock + _DAY_S + 5, market="0xfalling")
    world.fill("bid", "61c", shares=10, at_s=clock + _DAY_S + 6, market="0xfalling")
    world.cycle(at_s=clock + _DAY_S + 60)
    world.report(at_s=clock + _DAY_S + 61)
