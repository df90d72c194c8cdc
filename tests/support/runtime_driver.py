"""A small machine: one simple policy, and a driver that speaks in seconds and cents."""

from collections.abc import Sequence

from polyframe import Config, Plugin, Quote, QuoteLeg, Veto, events, hookimpl
from polyframe.runtime.assemble import Machine
from polyframe.runtime.engine import Begin
from polyframe.settings import (
    CycleSettings,
    FeedSettings,
    LatencySettings,
    PaperSettings,
    QuotingSettings,
    Settings,
    StateSettings,
    UniverseSettings,
)
from polyframe.testing.builders import a_spec

SECOND, DAY = 10**9, 86_400 * 10**9
SHARE = 1_000_000
NOW = 1_750_000_000 * SECOND

INSTANT = LatencySettings(p50_s=0.0, p99_s=0.0)
SETTINGS = Settings(
    cycle=CycleSettings(cycle_s=60.0),
    feed=FeedSettings(max_book_age_s=120.0),
    paper=PaperSettings(entry=INSTANT, cancel=INSTANT, participation=1.0),
    quoting=QuotingSettings(min_interval_s=0.0),
    universe=UniverseSettings(),
    states=StateSettings(),
)


class TwoCents(Plugin):
    """Quotes 100 shares two cents around the mid, and remembers what it was told."""

    codes = ("two_cents.no",)

    def __init__(self, config: Config, context: object) -> None:
        super().__init__(config, context)
        self.refuse: Veto | None = None
        self.told: list[tuple[str, object]] = []

    @hookimpl
    def propose_quote(self, market, now_ns):
        if market.book.mid is None:
            return None
        mid_e4 = round(market.book.mid * 10_000) // 100 * 100
        return Quote(
            market.market_id,
            market.book.mid,
            QuoteLeg(mid_e4 - 200, 100 * SHARE),
            QuoteLeg(mid_e4 + 200, 100 * SHARE),
        )

    @hookimpl
    def pre_quote_veto(self, quote, market):
        return [self.refuse] if self.refuse else None

    @hookimpl
    def on_fill(self, fill, market, portfolio):
        self.told.append(("fill", fill))

    @hookimpl
    def on_book(self, market):
        self.told.append(("book", market.market_id))

    @hookimpl
    def on_cycle_end(self, cycle):
        self.told.append(("cycle", cycle))


def _name(kind: type) -> str:
    return "two_cents" if issubclass(kind, TwoCents) else kind.__name__.lower()


class Driver:
    """Feeds a machine; times are seconds since the start, prices are cents."""

    def __init__(
        self,
        settings: Settings = SETTINGS,
        classes: Sequence[type] = (TwoCents,),
        begin: Begin | None = None,
    ):
        self.lines: list[tuple[str, dict[str, object]]] = []
        self.machine = Machine(
            settings,
            {_name(kind): kind for kind in classes},
            {_name(kind): kind.Config() for kind in classes},
            {},
            lambda message, fields: self.lines.append((message, dict(fields))),
            None,
            begin=begin,
        )  # fmt: skip
        self.engine = self.machine.engine
        self.plugin = next(iter(self.machine.plugins.values()))
        self.decisions: list = []
        self.fills: list = []
        self.answers: list = []

    def at(self, seconds: float, *batch: events.Event):
        """Handle one batch; returns its commands."""
        self.now_ns = NOW + round(seconds * SECOND)
        outcome = self.machine.turn.handle(batch or [events.Tick(self.now_ns)])
        self.decisions.extend(outcome.decisions)
        self.fills.extend(outcome.fills)
        self.answers.extend(outcome.order_events)
        return outcome.commands

    def ts(self, seconds: float) -> int:
        return NOW + round(seconds * SECOND)

    def start(self, *specs, seconds: float = 0.0):
        specs = specs or (spec(),)
        self.at(seconds, events.RunStarted(self.ts(seconds), "run", "test"))
        commands = self.at(seconds, events.MarketsFetched(self.ts(seconds), tuple(specs)))
        tokens = tuple(token for each in specs for token in each.token_ids)
        self.at(seconds, events.FeedConnected(self.ts(seconds), 0, tokens))
        return commands

    def book(self, seconds, bid_cents, ask_cents, market="m1", token="yes", size=500.0):
        levels = ((bid_cents * 100, size),) if bid_cents else ()
        asks = ((ask_cents * 100, size),) if ask_cents else ()
        event = events.BookSnapshot(self.ts(seconds), 0, market, f"{market}-{token}", levels, asks)
        return self.at(seconds, event)

    def level(self, seconds, is_bid, cents, size, market="m1"):
        change = events.LevelChange(f"{market}-yes", is_bid, cents * 100, size)
        return self.at(seconds, events.PriceChange(self.ts(seconds), 0, market, (change,)))

    def trade(self, seconds, cents, shares, taker="SELL", market="m1"):
        event = events.TradePrint(
            self.ts(seconds), int(seconds * 1000), market, f"{market}-yes", cents * 100,
            shares * SHARE, events.Side(taker),
        )  # fmt: skip
        return self.at(seconds, event)

    @property
    def last(self):
        return self.decisions[-1]

    def live(self):
        return [str(order) for order in self.engine.orders.all_live()]


def spec(market="m1", **changes):
    fields = {
        "token_ids": (f"{market}-yes", f"{market}-no"),
        "market_event_id": f"event-{market}",
        "end_ns": NOW + 30 * DAY,
        **changes,
    }
    return a_spec(market, **fields)


def quoting_driver() -> Driver:
    """Return a driver whose one market is quoted 48/52 around 50."""
    driver = Driver()
    driver.start()
    driver.book(1, 49, 51)
    driver.at(1.5)
    driver.at(2)
    return driver


def codes(decision) -> set[str]:
    """Return the codes of a decision's vetoes."""
    return {vote.veto.code for vote in decision.vetoes}


def witness(driver: Driver, seconds: float, bid_cents: int, ask_cents: int, token: str = "yes"):
    """Let REST show a book of m1; returns the engine's commands."""
    levels = ((bid_cents * 100, 500.0),), ((ask_cents * 100, 500.0),)
    event = events.BookWitness(driver.ts(seconds), 0, f"m1-{token}", *levels)
    return driver.at(seconds, event)
