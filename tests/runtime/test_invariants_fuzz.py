"""The machine under random event orders: what must hold after every batch, whatever happens.

Two venues: the paper venue, whose books must equal the engine's, and one that answers late,
twice or with a no, as a real one may. The plugins are the strategy file's own.
"""

from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest

from invariants import Checker, need
from polyframe import Config, Plugin, Trade, TradeLeg, events, hookimpl
from polyframe.runtime.assemble import Machine
from polyframe.runtime.plugins import load_plugin_classes
from polyframe.runtime.tape import Out
from polyframe.runtime.turn import Outcome
from polyframe.strategy import check_profiles, named_plugins, read_source
from random_markets import SECOND, SHARE, World

MAKER = Path(__file__).parents[2] / "strategies" / "maker.yaml"
BATCHES = 220
replace = msgspec.structs.replace
encoder = msgspec.json.Encoder()


class Grabber(Plugin):
    """Takes at random: one leg, or both outcomes of a market."""

    @hookimpl
    def propose_trades(self, markets):
        rng, found = self.context.rng, []
        for market in markets:
            bid_e4, ask_e4 = market.book.best_bid_e4, market.book.best_ask_e4
            if rng.random() > 0.3 or bid_e4 is None or ask_e4 is None:
                continue
            tick_e4 = market.tick_e4

            def leg(is_yes, is_buy, price_e4, size_e6, market=market, tick_e4=tick_e4):
                limit_e4 = min(max(price_e4 // tick_e4 * tick_e4, tick_e4), 10_000 - tick_e4)
                return TradeLeg(market.market_id, is_yes, is_buy, limit_e4, size_e6)

            size_e6 = rng.choice([5, 20, 60, 200]) * SHARE
            away_e4 = tick_e4 * rng.choice([0, 1, 3])
            buys = [
                leg(True, True, ask_e4 + away_e4, size_e6),
                leg(False, True, 10_000 - bid_e4 + away_e4, size_e6),
            ]
            kinds = [(buys[0],), (buys[1],), tuple(buys), tuple(reversed(buys))]
            held = ((True, bid_e4, market.position.yes_e6), (False, 10_000 - ask_e4,
                     market.position.no_e6))  # fmt: skip
            for is_yes, price_e4, held_e6 in held:
                most_e6 = min(size_e6, held_e6 // 10_000 * 10_000)
                if most_e6:
                    kinds.append((leg(is_yes, False, price_e4 - away_e4, most_e6),))
            found.append(Trade("arb", rng.choice(kinds)))
        return found


@pytest.fixture(scope="module")
def strategy():
    classes = load_plugin_classes(named_plugins(MAKER), production=True)
    configs = {name: kind.Config for name, kind in classes.items()}
    return classes, check_profiles(read_source(MAKER), ["paper"], configs)["paper"]


class Run:
    """One random run: settings, plugins and events all drawn from one seed."""

    def __init__(self, strategy, seed, *, trades=False, ghosts=False, venue=None):
        self.rng = rng = Random(seed)
        kinds, file = strategy
        self.settings = self._settings(file.settings, ghosts)
        share = rng.choice([0.01, 0.05, 0.2])
        self.kinds, self.configs = dict(kinds), dict(file.plugins)
        self.configs["portfolio_risk"] = replace(
            self.configs["portfolio_risk"],
            market_cap_share=share,
            cluster_cap_share=rng.choice([0.12, share * 1.2]),
            aggregate_cap_share=rng.choice([0.4, share * 2]),
            daily_loss_share=rng.choice([0.05, 1.0]),
            drawdown_share=rng.choice([0.15, 1.0]),
        )
        self.configs["qs"] = replace(self.configs["qs"], min_liquidity_usd=rng.choice([0.0, 500.0]))
        if trades:
            self.kinds["grabber"], self.configs["grabber"] = Grabber, Config()
        self.machine = self.build()
        self.engine = self.machine.engine
        self.world = World(rng, rng.randrange(3, 7))
        self.venue = venue and venue(rng)
        self.check = Checker(
            self.machine, self.world, self.configs["portfolio_risk"],
            paper=venue is None, ghosts=ghosts,
        )  # fmt: skip
        self.batches = []
        self.told = []

    def _settings(self, settings, ghosts):
        rng, s = self.rng, settings
        return replace(
            s,
            capital=replace(s.capital, bankroll_usd=rng.choice([60.0, 200.0, 1000.0, 5000.0])),
            cycle=replace(s.cycle, warmup_books=1, cycle_s=rng.choice([5.0, 60.0])),
            universe=replace(s.universe, prefilter=replace(s.universe.prefilter, enabled=False)),
            feed=replace(s.feed, max_book_age_s=rng.choice([5.0, 120.0])),
            quoting=replace(
                s.quoting,
                min_interval_s=rng.choice([0.0, 0.5]),
                mutations_per_pass=rng.choice([2, 15]),
            ),
            paper=replace(
                s.paper,
                participation=rng.choice([0.25, 1.0]),
                ghost_probability=0.2 if ghosts else 0.0,
                entry=replace(s.paper.entry, p50_s=rng.choice([0.0, 0.15])),
                cancel=replace(s.paper.cancel, p50_s=rng.choice([0.0, 0.15, 3.0])),
            ),
        )

    def build(self):
        return Machine(self.settings, self.kinds, self.configs, {}, lambda *_: None, None)

    def handle(self, batch):
        self.batches.append(batch)
        self.check.note(batch)
        outcome = (
            self.venue.turn(self.engine, batch) if self.venue else self.machine.turn.handle(batch)
        )
        self.told.append(text_of(outcome))
        self.check.after_batch(outcome)
        if self.venue:
            self.venue.check(self.engine)

    def whole(self, batches=BATCHES):
        """Start, live through random batches, stop in order."""
        for batch in self.world.start():
            self.handle(batch)
        for _ in range(batches):
            live = self.engine.orders.all_live()
            own = [(o.market_id, o.yes_price_e4, o.side == "bid") for o in live]
            batch = self.world.batch(own)
            self.handle(batch + (self.venue.answers(self.world) if self.venue else []))
        stopping = events.RunStopping(self.after_a_second(), "the end")
        self.handle([stopping])
        for _ in range(200 if self.venue else 60):
            tick = events.Tick(self.after_a_second())
            self.handle([tick, *(self.venue.answers(self.world) if self.venue else [])])
        need(not list(self.engine.orders.all_live()), "orders left after the stop")
        return self

    def after_a_second(self):
        self.world.now_ns += SECOND
        return self.world.now_ns

    def replayed(self):
        """The same batches, through JSON, in a new machine."""
        turn = self.build().turn
        return [
            text_of(
                turn.handle(msgspec.json.decode(encoder.encode(b), type=list[events.InputEvent]))
            )
            for b in self.batches
        ]


def text_of(outcome):
    return encoder.encode(Out.of(outcome)) + repr(outcome.commands).encode()


class MoodyVenue:
    """Answers late, twice, or no; fills before it accepts; never more than it was given."""

    def __init__(self, rng):
        self.rng = rng
        self.live = {}  # order id -> [command, leaves, accepted or not]
        self.asked = set()
        self.waiting = []  # answers not told yet
        self.filled = []
        self.told = set()
        self.untold_e6 = Counter()

    def turn(self, engine, batch):
        outcome = Outcome()
        for event in batch:
            engine.apply(event)
        for command in engine.decide():
            if isinstance(command, events.PlaceOrder):
                self.live[command.order_id] = [command, command.size_e6, False]
            elif isinstance(command, events.CancelOrder):
                self.asked.add(command.order_id)
            else:
                outcome.commands.append(command)
        outcome.order_events = [e for e in batch if isinstance(e, events.OrderEvent)]
        outcome.decisions, engine.new_decisions = engine.new_decisions, []
        outcome.fills, engine.answers.new_fills = engine.answers.new_fills, []
        return outcome

    def answers(self, world):
        rng, now_ns = self.rng, world.now_ns
        for order_id, known in list(self.live.items()):
            command, leaves_e6, is_accepted = known
            if world.markets[command.market_id].resolved or rng.random() < 0.03:
                self.end(order_id, events.OrderCancelled(now_ns, order_id, "venue"))
                continue
            roll = rng.random()
            if not is_accepted and roll < 0.6:
                if roll < 0.1:
                    self.end(order_id, events.OrderRejected(now_ns, order_id, "no", "no"))
                    continue
                known[2] = True
                self.waiting.append(events.OrderAccepted(now_ns, order_id))
            if rng.random() < 0.25:
                size_e6 = leaves_e6 if rng.random() < 0.3 else rng.randrange(1, leaves_e6 + 1)
                fill = events.OrderFilled(
                    now_ns, order_id, f"t{len(self.filled)}", command.price_e4, size_e6, 0, True
                )
                self.filled.append(fill)
                self.waiting.append(fill)
                self.untold_e6[order_id] += size_e6
                known[1] -= size_e6
                if not known[1]:
                    del self.live[order_id]
                    continue
            if order_id in self.asked and rng.random() < 0.5:
                self.asked.discard(order_id)
                if rng.random() < 0.8:
                    self.end(order_id, events.OrderCancelled(now_ns, order_id, "requested"))
                else:
                    self.waiting.append(events.CancelRejected(now_ns, order_id, "not now"))
        for order_id in sorted(self.asked - self.live.keys()):
            self.asked.discard(order_id)
            self.waiting.append(events.CancelRejected(now_ns, order_id, "gone"))
        if self.filled and rng.random() < 0.15:
            self.waiting.append(rng.choice(self.filled[-5:]))
        told = []
        while self.waiting and rng.random() < 0.7:
            answer = replace(self.waiting.pop(0), ts_ns=now_ns)
            if isinstance(answer, events.OrderFilled) and answer.trade_id not in self.told:
                self.told.add(answer.trade_id)
                self.untold_e6[answer.order_id] -= answer.size_e6
            told.append(answer)
        return told

    def end(self, order_id, answer):
        del self.live[order_id]
        self.waiting.append(answer)

    def check(self, engine):
        """What rests at the venue, the engine counts, to the share."""
        for order_id, (_, leaves_e6, _) in self.live.items():
            order = engine.orders.find(order_id)
            need(order.is_live, "the venue rests what the engine thinks gone", order_id)
            need(order.leaves_e6 == leaves_e6 + self.untold_e6[order_id], "leaves", order_id)
        if not self.waiting:
            for order in engine.orders.all_live():
                need(order.order_id in self.live, "nobody has what the engine waits for", order)


@pytest.mark.parametrize("seed", range(5))
def test_quotes_on_the_paper_venue(strategy, seed):
    run = Run(strategy, seed).whole()
    assert run.replayed() == run.told


@pytest.mark.parametrize("seed", range(3))
def test_quotes_and_trades(strategy, seed):
    run = Run(strategy, 100 + seed, trades=True).whole()
    assert run.replayed() == run.told


@pytest.mark.parametrize("seed", range(3))
def test_fills_that_are_taken_back(strategy, seed):
    run = Run(strategy, 200 + seed, trades=True, ghosts=True).whole()
    assert run.replayed() == run.told


@pytest.mark.parametrize("seed", range(5))
def test_a_venue_that_answers_late_twice_or_no(strategy, seed):
    Run(strategy, 300 + seed, venue=MoodyVenue).whole()


def test_the_runs_are_not_empty(strategy):
    seen = Counter()
    for seed in range(2):
        seen.update(Run(strategy, seed).whole().check.stats)
    assert seen["quoted"] > 10
    assert seen["fills"] > 5
    assert seen["OrderCancelled"] > 5
