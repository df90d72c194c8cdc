"""Promises on real recordings: 24,000 market-channel events and a naive two-cent quoter."""

import io
import json
from pathlib import Path

import msgspec
import pytest
import zstandard

from polyframe.commands import CancelOrder, PlaceOrder
from polyframe.events import (
    BookSnapshot,
    MarketsFetched,
    OrderAccepted,
    OrderCancelled,
    OrderFilled,
    OrderRejected,
    PriceChange,
    Side,
    TradePrint,
)
from polyframe.money import usd_e12
from polyframe.polymarket import codec
from polyframe.runtime.paper import PROFILES, PaperVenue
from polyframe.settings import PaperSettings

DATA = Path(__file__).parents[2].parent / "shared" / "data"
RECORDINGS = [DATA / f"mlb_{day}.frames.jsonl.zst" for day in ("20250617", "20250619")]
MARKOUT_NS = 30 * 10**9


def read_events(path):
    events = []
    with path.open("rb") as raw:
        for line in io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(raw)):
            row = json.loads(line)
            frame = msgspec.json.encode(row["frame"])
            events += codec.decode(frame, row["recv_ms"] * 1_000_000)
    return events


class Quoter:
    """Rests 50 shares two cents around the mid in every market, requoting when it moved."""

    def __init__(self, venue, specs):
        self.venue = venue
        self.specs = specs
        self.by_token = {t: s for s in specs.values() for t in s.token_ids}
        self.resting = {}
        self.number = 0
        self.placed = {}

    def quote(self, spec, mid_e4, now_ns):
        commands = []
        for is_bid in (True, False):
            price = (mid_e4 - 200 if is_bid else mid_e4 + 200) // 100 * 100
            # To offer YES without holding it is to bid NO.
            token, own = (
                (spec.token_ids[0], price) if is_bid else (spec.token_ids[1], 10_000 - price)
            )
            key = (spec.market_id, is_bid)
            old = self.resting.get(key)
            if old and old[1] == own:
                continue
            if old:
                commands.append(CancelOrder(old[0], "moved"))
                del self.resting[key]
            if 100 <= own <= 9_900:
                self.number += 1
                order = PlaceOrder(
                    f"q{self.number}", spec.market_id, token, Side.BUY, own, 50_000_000,
                    None, True, "maker", self.number,
                )  # fmt: skip
                self.placed[order.order_id] = order
                self.resting[key] = (order.order_id, own)
                commands.append(order)
        self.venue.submit(commands, now_ns)

    def gone(self, events):
        ended = {e.order_id for e in events if isinstance(e, OrderRejected | OrderCancelled)}
        ended |= {e.order_id for e in events if isinstance(e, OrderFilled)}
        if ended:
            self.resting = {k: v for k, v in self.resting.items() if v[0] not in ended}


class Run:
    def __init__(self, events, make_spec):
        tokens = {}
        for event in events:
            if isinstance(event, BookSnapshot):
                tokens.setdefault(event.market_id, {})[event.token_id] = None
        self.specs = {m: make_spec(m, token_ids=tuple(t)) for m, t in tokens.items() if len(t) == 2}
        self.venue = PaperVenue(PaperSettings(), 7, usd_e12(100_000))
        self.quoter = Quoter(self.venue, self.specs)
        self.events = []
        self.mids = {m: [] for m in self.specs}
        self.prints = []  # (ts, market, YES price, side it can have hit)
        self.per_print_excess = 0
        self.nesting_broken = 0
        self.venue.observe(MarketsFetched(events[0].ts_ns, tuple(self.specs.values())))
        for event in events:
            self.step(event)
        self.events += self.venue.advance(events[-1].ts_ns + 10**12)

    def filled(self):
        return [sum(f.size_e6 for f in self.venue.fills(p)) for p in PROFILES]

    def step(self, event):
        new = self.venue.advance(event.ts_ns)
        counts = [len(self.venue.fills(p)) for p in PROFILES]
        market = self.venue._markets.get(getattr(event, "market_id", ""))
        if market is not None and isinstance(event, TradePrint):
            price = market.yes_price_e4(event.token_id, event.price_e4)
            bid, ask = market.book.best_bid_e4, market.book.best_ask_e4
            hit = bid is not None and price <= bid
            lifted = ask is not None and price >= ask
            if hit != lifted:
                self.prints.append((event.ts_ns, market.market_id, price, hit))
        new += self.venue.observe(event)
        if isinstance(event, TradePrint):
            for profile, count in zip(PROFILES, counts, strict=True):
                got = sum(f.size_e6 for f in self.venue.fills(profile)[count:])
                self.per_print_excess = max(self.per_print_excess, got - event.size_e6)
        if isinstance(event, TradePrint | BookSnapshot):
            pessimistic, base, optimistic = self.filled()
            self.nesting_broken += not pessimistic <= base <= optimistic
        self.events += new
        self.quoter.gone(new)
        if market is not None and isinstance(event, BookSnapshot | PriceChange):
            mid_e6 = market.book.mid_e6
            if mid_e6 is not None and market.is_book_known:
                mids = self.mids[market.market_id]
                if not mids or mids[-1][1] != mid_e6:
                    mids.append((event.ts_ns, mid_e6))
                    self.quoter.quote(self.specs[market.market_id], mid_e6 // 100, event.ts_ns)

    def markout_e6(self, ts_ns, market_id, yes_price_e4, is_bid):
        """Move of the mid after 30 s from the price, in favour of who bought or sold there."""
        later = [mid for at, mid in self.mids[market_id] if at <= ts_ns + MARKOUT_NS]
        return (later[-1] - yes_price_e4 * 100) * (1 if is_bid else -1)


def side_and_price(fill):
    """Whether the fill bought YES exposure, and its YES price."""
    return fill.is_yes == fill.is_buy, (fill.price_e4 if fill.is_yes else 10_000 - fill.price_e4)


@pytest.fixture(scope="module")
def runs(make_bench):
    missing = [path.name for path in RECORDINGS if not path.exists()]
    if missing:
        pytest.skip(f"recordings absent from ../shared/data: {', '.join(missing)}")
    return [Run(read_events(path), make_bench.make_spec) for path in RECORDINGS]


def test_the_recordings_exercise_the_model(runs):
    for run in runs:
        assert len(run.quoter.placed) > 500
        assert all(filled > 1_000 * 1_000_000 for filled in run.filled())
        causes = {fill.cause for fill in run.venue.fills()}
        assert causes == {"print", "cross"}


def test_promise_3_conservation(runs):
    """In no profile did a print fill more than its size."""
    assert all(run.per_print_excess <= 0 for run in runs)


def test_promise_4_no_time_travel(runs):
    for run in runs:
        began = {e.order_id: e.ts_ns for e in run.events if isinstance(e, OrderAccepted)}
        ended = {e.order_id: e.ts_ns for e in run.events if isinstance(e, OrderCancelled)}
        for profile in PROFILES:
            for fill in run.venue.fills(profile):
                assert began[fill.order_id] <= fill.ts_ns
                assert fill.ts_ns <= ended.get(fill.order_id, fill.ts_ns)


def test_promise_6_nesting(runs):
    assert all(run.nesting_broken == 0 for run in runs)


def test_promise_7_pessimistic_fills_come_from_prints(runs):
    """At the instant of every pessimistic fill a print of that market was received."""
    for run in runs:
        printed = {(ts, market_id) for ts, market_id, _, _ in run.prints}
        for fill in run.venue.fills("pessimistic"):
            assert fill.cause == "print"
            assert (fill.ts_ns, fill.market_id) in printed


def test_promise_8_maker_only(runs):
    for run in runs:
        for event in run.events:
            if isinstance(event, OrderFilled):
                assert event.is_maker
                assert event.fee_e12 == 0
                assert event.price_e4 == run.quoter.placed[event.order_id].price_e4


def test_promise_14_no_fill_beats_the_print_that_made_it(runs):
    """At every horizon, then, its markout is at most that print's."""
    for run in runs:
        prices = {}
        for ts, market_id, price, hit in run.prints:
            prices.setdefault((ts, market_id, hit), []).append(price)
        for fill in run.venue.fills("pessimistic"):
            is_bid, price = side_and_price(fill)
            prints = prices[(fill.ts_ns, fill.market_id, is_bid)]
            assert price >= min(prints) if is_bid else price <= max(prints)


@pytest.mark.parametrize("profile", ["pessimistic", "base"])
def test_promise_14_fills_are_not_better_than_the_tape(runs, profile):
    """Mean 30 s markout of fills <= that of all same-side prints at the same prices."""
    ours, tape = [], []
    for run in runs:
        for fill in run.venue.fills(profile):
            is_bid, price = side_and_price(fill)
            there = [
                run.markout_e6(*printed)
                for printed in run.prints
                if printed[1:] == (fill.market_id, price, is_bid)
            ]
            if fill.cause == "print" and there:
                ours.append(run.markout_e6(fill.ts_ns, fill.market_id, price, is_bid))
                tape.append(sum(there) / len(there))
    assert len(ours) > 100
    assert sum(ours) <= sum(tape)
