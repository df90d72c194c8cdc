"""The machine under random event orders: what must hold after every batch, whatever happens.

Two venues: the paper venue, whose books must equal the engine's, and one that answers late,
twice or with a no, as a real one may. The plugins are the strategy file's own.
"""

import json
from collections import Counter
from pathlib import Path
from random import Random

import msgspec
import pytest

from invariants import Checker, need
from polyframe import events
from polyframe.commands import CancelOrder, MergePairs, PlaceOrder, Subscribe
from polyframe.live_settings import LimitSettings
from polyframe.money import taker_fee_e12
from polyframe.runtime.assemble import Machine
from polyframe.runtime.plugins import load_plugin_classes
from polyframe.runtime.tape import Out
from polyframe.runtime.turn import Outcome
from polyframe.strategy import check_profiles, named_plugins, read_source
from random_markets import SECOND, World
from stranger import Stranger, StrangerConfig

# Long runs over lines that shorter tests reach: tracing them would double their time.
pytestmark = pytest.mark.no_cover

MAKER = Path(__file__).parents[2] / "strategies" / "maker.yaml"
BATCHES = 220
LOOSE = {
    "market_cap_share": 0.2,
    "cluster_cap_share": 1.0,
    "aggregate_cap_share": 1.0,
    "taker_budget_share": 0.3,
    "satellite_budget_share": 0.3,
}
TIGHT = {
    "market_cap_share": (0.01, 0.05),
    "cluster_cap_share": (0.03, 0.06),
    "aggregate_cap_share": (0.04, 0.08),
    "taker_budget_share": (0.02, 0.05),
    "satellite_budget_share": (0.04, 0.15),
}
replace = msgspec.structs.replace
encoder = msgspec.json.Encoder()


@pytest.fixture(scope="module")
def strategy(tmp_path_factory):
    return strategy_with(tmp_path_factory.mktemp("fuzz") / "predictions.jsonl")


def strategy_with(predictions):
    """The strategy file's plugins and settings, and a belief about each market for satellite."""
    rows = [
        {
            "market": f"m{n}", "probability": (0.97, 0.03)[n % 2], "confidence": 1,
            "robustness": 5, "tier": "A", "expiry": "2030-01-01T00:00:00Z",
        }
        for n in range(7)
    ]  # fmt: skip
    predictions.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    classes = load_plugin_classes(named_plugins(MAKER), production=True)
    configs = {name: kind.Config for name, kind in classes.items()}
    file = check_profiles(read_source(MAKER), ["paper"], configs)["paper"]
    return classes, file, str(predictions)


def _limits(rng):
    """Wide for most runs, so that other rules are seen to hold; one of them tight for some."""
    wide = LimitSettings(
        max_order_usd=1e6, max_market_usd=1e6, max_total_usd=1e6, max_open_orders=10_000,
        max_daily_loss_usd=1e6,
    )  # fmt: skip
    tight = {
        "max_order_usd": 20.0,
        "max_market_usd": 40.0,
        "max_total_usd": 60.0,
        "max_open_orders": 3,
        "max_daily_loss_usd": 1.0,
    }
    if rng.random() < 0.75:
        return wide
    name = rng.choice(list(tight))
    return replace(wide, **{name: tight[name]})


class Run:
    """One random run: settings, plugins and events all drawn from one seed."""

    def __init__(self, strategy, seed, *, trades=False, ghosts=False, venue=None):
        self.rng = rng = Random(seed)
        kinds, file, self.predictions = strategy
        self.settings = self._settings(file.settings, ghosts)
        if trades:
            bankroll_usd = rng.choice([1000.0, 5000.0, 50_000.0])
            paper = self.settings.paper
            # Long in flight: what the vetoes forget to count, the next trade spends again.
            entry = replace(paper.entry, p50_s=rng.choice([0.0, 0.15, 2.0]), p99_s=3.0)
            self.settings = replace(
                self.settings,
                capital=replace(self.settings.capital, bankroll_usd=bankroll_usd),
                paper=replace(paper, entry=entry),
            )
        # Tight limits on their own stream: the draws of everything else stay what they were.
        self.settings = replace(self.settings, limits=_limits(Random(f"{seed}:limits")))
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
            self._add_traders(seed)
        self.machine = self.build()
        self.engine = self.machine.engine
        self.world = World(rng, rng.randrange(3, 7), crossed=5 if trades else 1)
        self.venue = venue and venue(rng)
        self.check = Checker(
            self.machine, self.world, self.configs["portfolio_risk"],
            paper=venue is None, ghosts=ghosts,
        )  # fmt: skip
        self.batches = []
        self.told = []
        self.world.may_stay = lambda: {
            *self.engine.portfolio.held(), *self.engine.orders.markets_with_live(),
        }  # fmt: skip

    def _add_traders(self, seed):
        rng = self.rng
        shares = dict(LOOSE)
        # Mostly one limit is tight: another one would hide that it is not kept.
        names = list(TIGHT)
        for name in [names[seed % 5], *rng.sample(names, rng.choice([0, 0, 1, 4]))]:
            shares[name] = rng.choice(TIGHT[name])
        self.configs["portfolio_risk"] = replace(self.configs["portfolio_risk"], **shares)
        self.configs["satellite"] = replace(
            self.configs["satellite"],
            predictions_file=self.predictions,
            min_liquidity_usd=rng.choice([0.0, 1000.0]),
        )
        self.configs["parity_arb"] = replace(
            self.configs["parity_arb"], min_crossed_s=0.0, min_crossed_messages=1, min_edge=0.0
        )
        self.kinds["stranger"] = Stranger
        self.configs["stranger"] = StrangerConfig(**shares)

    def _settings(self, settings, ghosts):
        rng, s = self.rng, settings
        return replace(
            s,
            capital=replace(
                s.capital,
                bankroll_usd=rng.choice([60.0, 200.0, 1000.0, 5000.0]),
                merge_above_usd=1.0,
            ),
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
        for command in outcome.commands:
            if isinstance(command, Subscribe):
                self.world.subscribed(command.token_ids)
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

    takes_back = False

    def __init__(self, rng):
        self.rng = rng
        self.live = {}  # order id -> [command, leaves, accepted or not]
        self.asked = set()
        self.waiting = []  # answers not told yet
        self.filled = []
        self.may_fail = []  # fills told whose settlement may still fail
        self.told = set()
        self.untold_e6 = Counter()
        self.merges = []
        self.merged = 0

    def turn(self, engine, batch):
        outcome = Outcome()
        for event in batch:
            engine.apply(event)
        for command in engine.decide():
            if isinstance(command, PlaceOrder):
                self.live[command.order_id] = [command, command.size_e6, False]
            elif isinstance(command, CancelOrder):
                self.asked.add(command.order_id)
            elif isinstance(command, MergePairs):
                self.merges.append(command)
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
                fill = self.fill(command, size_e6, world)
                self.filled.append(fill)
                self.waiting.append(fill)
                self.untold_e6[order_id] += size_e6
                known[1] -= size_e6
                if not known[1]:
                    del self.live[order_id]
                    continue
            if not command.post_only and rng.random() < 0.3:
                self.end(order_id, events.OrderCancelled(now_ns, order_id, "unfilled"))
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
        if self.merges and rng.random() < 0.3:
            merge = self.merges.pop(0)
            known = (now_ns, merge.merge_id, merge.market_id)
            has_failed = rng.random() < 0.2
            self.merged += not has_failed
            self.waiting.append(
                events.MergeFailed(*known, "reverted")
                if has_failed
                else events.PairsMerged(*known, merge.size_e6)
            )
        if self.filled and rng.random() < 0.15:
            self.waiting.append(rng.choice(self.filled[-5:]))
        if self.takes_back and self.may_fail and rng.random() < 0.05:
            fill = self.may_fail.pop(rng.randrange(len(self.may_fail)))
            back = replace(fill, trade_id=f"{fill.trade_id}-back", reverses=fill.trade_id)
            self.waiting.append(back)
        told = []
        while self.waiting and rng.random() < 0.7:
            answer = replace(self.waiting.pop(0), ts_ns=now_ns)
            if isinstance(answer, events.OrderFilled) and answer.trade_id not in self.told:
                self.told.add(answer.trade_id)
                if not answer.reverses:
                    self.untold_e6[answer.order_id] -= answer.size_e6
                    self.may_fail.append(answer)
            told.append(answer)
        return told

    def fill(self, command, size_e6, world):
        """An execution at the limit; what takes may get a better price, and pays the fee."""
        price_e4, fee_e12, trade_id = command.price_e4, 0, f"t{len(self.filled)}"
        if not command.post_only:
            better_e4 = self.rng.choice([0, 0, 100])
            is_buy = command.side is events.Side.BUY
            price_e4 += -better_e4 if is_buy else better_e4
            price_e4 = min(9999, max(1, price_e4))
            fees = world.markets[command.market_id].spec.fees
            fee_e12 = taker_fee_e12(price_e4, size_e6, fees.rate, fees.exponent)
        return events.OrderFilled(
            world.now_ns,
            command.order_id,
            trade_id,
            price_e4,
            size_e6,
            fee_e12,
            command.post_only,
        )

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


class ForgetfulVenue(MoodyVenue):
    """Some of its executions fail to settle."""

    takes_back = True


@pytest.mark.parametrize("seed", range(5))
def test_quotes_on_the_paper_venue(strategy, seed):
    run = Run(strategy, seed).whole()
    assert run.replayed() == run.told


@pytest.mark.parametrize("seed", range(10))
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


@pytest.mark.parametrize("seed", range(5))
def test_trades_at_a_venue_that_answers_late_twice_or_no(strategy, seed):
    Run(strategy, 400 + seed, trades=True, venue=MoodyVenue).whole()


@pytest.mark.parametrize("seed", range(5))
def test_trades_that_fail_to_settle(strategy, seed):
    Run(strategy, 500 + seed, trades=True, ghosts=True, venue=ForgetfulVenue).whole()


def test_the_runs_are_not_empty(strategy):
    seen = Counter()
    for seed in range(2):
        seen.update(Run(strategy, seed).whole().check.stats)
    assert seen["quoted"] > 10
    assert seen["fills"] > 5
    assert seen["OrderCancelled"] > 5


def test_the_runs_with_trades_are_not_empty(strategy):
    seen = Counter()
    for seed in range(5):
        seen.update(Run(strategy, 100 + seed, trades=True).whole().check.stats)
    for seed in range(7):
        failing = Run(strategy, 500 + seed, trades=True, ghosts=True, venue=ForgetfulVenue)
        seen.update(failing.whole().check.stats)
    for component in ("arb", "taker", "satellite"):
        assert seen[f"{component} filled"] > 5, component
        assert seen[f"{component} back"] > 0, component
    assert seen["unwinding"] > 5
    assert seen["PairsMerged"] > 5
    assert seen["MergeFailed"] > 0
    for limit in ("market_cap", "cluster_cap", "aggregate_cap", "taker_budget", "satellite_budget"):
        assert seen[f"portfolio_risk.{limit} on a trade"] > 5, limit
    # Used to its last two per cent, where a limit that is too large by that would show.
    for limit in ("market", "cluster", "aggregate", "taker"):
        assert seen[f"brim of {limit}"] > 0, limit
