"""The promises of docs/paper-model.md, one by one, on generated event paths.

Each test names its number. Paths are drawn by Hypothesis: level changes, prints on and off
the touch, waits shorter and longer than the pairing window.
"""

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyframe.events import OrderAccepted, OrderCancelled, OrderFilled, OrderRejected
from polyframe.runtime.paper import PROFILES

START_BIDS = ((52, 60.0), (51, 80.0), (50, 100.0))
START_ASKS = ((54, 60.0), (55, 80.0), (56, 100.0))
OPEN_MS = 1_000  # every path begins here, after the order has arrived

level_ops = st.tuples(
    st.just("level"),
    st.booleans(),
    st.integers(50, 56),
    st.sampled_from([0, 0, 5, 20, 60, 100, 250]),
)
print_ops = st.tuples(
    st.just("print"), st.integers(49, 57), st.integers(1, 160), st.sampled_from(["BUY", "SELL"])
)
steps = st.tuples(st.sampled_from([1, 40, 300, 700, 5_000]), st.one_of(level_ops, print_ops))
paths = st.lists(steps, min_size=1, max_size=25)
sides = st.sampled_from(["BUY", "SELL"])


def opened(bench):
    bench.volume(0)
    bench.book(1, START_BIDS, START_ASKS)
    return bench


def walk(bench, path, after_step=lambda: None, start_ms=OPEN_MS):
    """Play a path; return the time at its end."""
    now = start_ms
    for wait, op in path:
        now += wait
        if op[0] == "level":
            bench.level(now, *op[1:])
        else:
            bench.print(now, *op[1:])
        after_step()
    bench.to(now + 10_000)
    after_step()
    return now + 10_000


def curve(bench, path, profile="base"):
    """Cumulative filled micro-shares after every step."""
    points = []
    walk(bench, path, lambda: points.append(bench.filled(profile)))
    return points


@given(paths, sides, st.integers(0, 400), st.sampled_from(["base", "optimistic"]))
def test_promise_1_depth_monotonicity(make_bench, path, side, extra, profile):
    """More ahead on the same path never fills earlier nor more."""

    def run(more_ahead):
        bench = opened(make_bench())
        bench.place(10, "a", side, 52 if side == "BUY" else 54, 100)
        bench.to(200)
        order = bench.venue._orders["a"]
        order.ahead_e6 = [ahead + more_ahead * 1_000_000 for ahead in order.ahead_e6]
        return curve(bench, path, profile)

    assert all(deep <= shallow for deep, shallow in zip(run(extra), run(0), strict=True))


def race(make_bench, path, side, profile):
    """Fill curves of a keen and a patient order, each alone on the same path."""

    def run(cents):
        bench = opened(make_bench())
        bench.place(10, "a", side, cents, 100)
        bench.to(200)
        assert bench.accepted() == ["a"]
        return curve(bench, path, profile)

    keen, patient = (53, 51) if side == "BUY" else (53, 55)
    return zip(run(keen), run(patient), strict=True)


uncrossed_level_ops = level_ops.filter(lambda op: op[2] <= 52 if op[1] else op[2] >= 54)
uncrossed_steps = st.tuples(
    st.sampled_from([1, 40, 300, 700, 5_000]), st.one_of(uncrossed_level_ops, print_ops)
)


@given(st.lists(uncrossed_steps, max_size=25), sides, st.sampled_from(["base", "optimistic"]))
def test_promise_2_price_monotonicity_by_prints(make_bench, path, side, profile):
    """A more aggressive price, both having been accepted, never fills later nor less."""
    assert all(keen >= patient for keen, patient in race(make_bench, path, side, profile))


@given(st.lists(st.tuples(st.sampled_from([1, 40, 300, 700]), level_ops), max_size=25), sides)
def test_promise_2_price_monotonicity_by_crosses(make_bench, path, side):
    """The same where books cross and nothing prints."""
    assert all(keen >= patient for keen, patient in race(make_bench, path, side, "base"))


many_orders = st.lists(
    st.tuples(st.integers(0, 24), sides, st.integers(50, 56), st.integers(5, 120)), max_size=6
)


def walk_with_orders(bench, path, orders, after_step=lambda: None):
    """A path with orders placed at some steps and cancelled nine steps later."""
    opened(bench)
    counter = [0]

    def act():
        step, now = counter[0], bench_now[0]
        counter[0] += 1
        for number, (at, side, cents, size) in enumerate(orders):
            if at == step:
                bench.place(now, f"o{number}", side, cents, size)
            elif at + 9 == step:
                bench.cancel(now, f"o{number}")
        after_step()

    bench_now = [OPEN_MS]
    act()
    for wait, op in path:
        bench_now[0] += wait
        if op[0] == "level":
            bench.level(bench_now[0], *op[1:])
        else:
            bench.print(bench_now[0], *op[1:])
        act()
    bench.to(bench_now[0] + 10_000)
    after_step()


@given(paths, many_orders)
def test_promise_3_conservation_over_orders_and_sides(make_bench, path, orders):
    """Per print, the own fills of every profile together take at most the print."""
    bench = make_bench()
    marks = {profile: 0 for profile in PROFILES}
    opened(bench)
    now = OPEN_MS
    for number, (_, side, cents, size) in enumerate(orders):
        bench.place(now, f"o{number}", side, cents, size)
    for wait, op in path:
        now += wait
        bench.to(now)
        for profile in PROFILES:
            marks[profile] = bench.filled(profile)
        if op[0] == "level":
            bench.level(now, *op[1:])
        else:
            bench.print(now, *op[1:])
            for profile in PROFILES:
                assert bench.filled(profile) - marks[profile] <= op[2] * 1_000_000


@given(paths, many_orders)
def test_promise_4_no_time_travel(make_bench, path, orders):
    """No fill before the order is effective, none after a cancel is."""
    bench = make_bench(entry_s=0.3, cancel_s=0.2, spread=5.0)
    walk_with_orders(bench, path, orders)
    began = {e.order_id: e.ts_ns for e in bench.of(OrderAccepted)}
    ended = {e.order_id: e.ts_ns for e in bench.of(OrderCancelled)}
    for profile in PROFILES:
        for fill in bench.venue.fills(profile):
            assert fill.ts_ns >= began[fill.order_id]
            assert fill.ts_ns <= ended.get(fill.order_id, fill.ts_ns)
    stamps = [e.ts_ns for e in bench.events]
    assert stamps == sorted(stamps)


@given(paths, sides, st.integers(0, 3_000), st.sampled_from(PROFILES))
def test_promise_5_latency_monotonicity(make_bench, path, side, cancel_at, profile):
    """A longer cancel latency gives a superset of fills."""

    def run(cancel_s):
        bench = opened(make_bench(cancel_s=cancel_s, spread=3.0))
        bench.place(10, "a", side, 52 if side == "BUY" else 54, 100)
        bench.to(OPEN_MS)
        bench.cancel(OPEN_MS, "a")
        walk(bench, path)
        return bench.venue.fills(profile)

    quick, slow = run(0.2), run(1.5 + cancel_at / 1000)
    assert slow[: len(quick)] == quick


@given(paths, many_orders)
def test_promise_6_nesting(make_bench, path, orders):
    """Cumulative fills: pessimistic <= base <= optimistic, at all times (cap off)."""
    bench = make_bench()

    def check():
        pessimistic, base, optimistic = (bench.filled(p) for p in PROFILES)
        assert pessimistic <= base <= optimistic

    walk_with_orders(bench, path, orders, check)


@given(st.lists(st.tuples(st.sampled_from([1, 300, 700]), level_ops), max_size=25), many_orders)
def test_promise_7_no_print_no_fill(make_bench, path, orders):
    """Without prints the pessimistic profile never fills, however the book moves."""
    bench = make_bench()
    walk_with_orders(bench, path, orders)
    assert bench.filled("pessimistic") == 0


@given(st.lists(st.tuples(st.sampled_from([1, 300, 700]), level_ops), max_size=25), many_orders)
def test_promise_7_a_market_without_volume_never_fills(make_bench, path, orders):
    """Not even crossing books fill where nothing has traded for an hour (R14)."""
    bench = make_bench()
    bench.volume = lambda ms: None
    walk_with_orders(bench, path, orders)
    assert all(bench.filled(profile) == 0 for profile in PROFILES)


@given(paths, many_orders)
def test_promise_8_post_only_is_never_taker(make_bench, path, orders):
    """What crosses on arrival is refused; what fills, fills as maker at its own price."""
    bench = make_bench()
    walk_with_orders(bench, path, orders)
    for fill in bench.of(OrderFilled):
        _, side, cents, _ = orders[int(fill.order_id[1:])]
        assert fill.is_maker
        assert fill.fee_e12 == 0
        assert fill.price_e4 == (cents if side == "BUY" else 100 - cents) * 100


@pytest.mark.parametrize(("side", "cents"), [("BUY", 54), ("BUY", 55), ("SELL", 52), ("SELL", 50)])
def test_promise_8_locked_and_crossed_arrivals_are_refused(make_bench, side, cents):
    bench = opened(make_bench())
    bench.place(10, "a", side, cents, 10)
    bench.to(500)
    assert bench.codes() == ["post_only_would_cross"]


def test_promise_8_the_book_of_arrival_decides_not_the_book_of_sending(make_bench):
    bench = opened(make_bench())
    bench.place(10, "a", "BUY", 53, 10)
    bench.level(50, False, 53, 20)  # a better ask while the order travels
    bench.to(500)
    assert bench.codes() == ["post_only_would_cross"]
    assert bench.of(OrderRejected)[0].ts_ns == bench.T0_NS + 110_000_000


def test_promise_8_mirrored_complement_counts(make_bench):
    """A NO order meets the one book of both tokens."""
    bench = opened(make_bench())
    order = bench.order("a", "BUY", 48, 10, token_id=bench.no)  # YES offer at 0.52, on the bid
    bench.venue.submit([order], bench.T0_NS)
    bench.to(500)
    assert bench.codes() == ["post_only_would_cross"]


@given(paths, many_orders)
def test_promise_9_mirror(make_bench, path, orders):
    """The same market and orders told on the other token: same fills, same PnL."""
    runs = []
    for mirrored in (False, True):
        bench = make_bench(mirrored=mirrored)
        bench.endow(10_000)
        walk_with_orders(bench, path, orders)
        runs.append(bench)
    for profile in PROFILES:
        plain, mirror = (bench.venue.fills(profile) for bench in runs)
        assert [(f.ts_ns, f.order_id, f.size_e6) for f in plain] == [
            (f.ts_ns, f.order_id, f.size_e6) for f in mirror
        ]
    plain, mirror = (bench.venue.results({"m": 530_000}) for bench in runs)
    for profile in PROFILES:
        assert plain[profile].equity_e12 == mirror[profile].equity_e12
        assert plain[profile].positions_e6 == mirror[profile].positions_e6


@given(paths, sides)
def test_promise_10_scale(make_bench, path, side):
    """All sizes x 10 gives fills x 10, within the rounding of a micro-share a drop."""

    def run(scale):
        bench = opened(make_bench(scale=scale, bankroll=1_000_000))
        bench.place(10, "a", side, 52 if side == "BUY" else 54, 100)
        bench.to(200)
        walk(bench, path)
        return [bench.filled(profile) for profile in PROFILES]

    for small, large in zip(run(1), run(10), strict=True):
        assert abs(large - 10 * small) <= 10 * (len(path) + 1)


pairs = st.lists(
    st.tuples(
        st.integers(5, 60),  # traded size
        st.booleans(),  # book change before its print
        st.integers(0, 2),  # duplicates of the print
        st.booleans(),  # the copy comes on the other token
    ),
    min_size=1,
    max_size=6,
)


@given(pairs)
def test_promise_11_order_and_copies_of_a_trade_do_not_matter(make_bench, trades):
    """A trade's print and its book change in either order, with copies: the same fills."""

    def run(as_drawn):
        bench = opened(make_bench())
        bench.place(10, "a", "BUY", 52, 80)
        bench.to(200)
        now, left, fills = OPEN_MS, 60.0, []
        for number, (size, book_first, copies, mirrored) in enumerate(trades):
            now += 2_000
            left = max(0.0, left - size)
            first_ms = bench._ms(now)
            actions = [
                lambda t, s=size, n=number, v=first_ms: bench.print(
                    t, 52, s, tx=f"t{n}", venue_ms=v
                ),
                lambda t, shown=left: bench.level(t, True, 52, shown),
            ]
            if as_drawn and book_first:
                actions.reverse()
            for offset, action in enumerate(actions):
                action(now + 100 * offset)
            for copy in range(copies if as_drawn else 0):
                bench.mirrored = mirrored
                bench.print(now + 200 + copy, 52, size, tx=f"t{number}", venue_ms=first_ms)
                bench.level(now + 210 + copy, True, 52, left)
                bench.mirrored = False
            bench.to(now + 1_500)
            fills.append([bench.filled(profile) for profile in PROFILES])
            bench.level(now + 1_600, True, 52, left + 30)  # others join behind
            left += 30
        return fills

    assert run(True) == run(False)


@given(paths, many_orders, st.integers(0, 5))
def test_promise_12_determinism(make_bench, path, orders, seed):
    """Same seed and input, same events."""
    runs = []
    for _ in range(2):
        bench = make_bench(seed=seed, spread=4.0, ghost_probability=0.3)
        walk_with_orders(bench, path, orders)
        runs.append((bench.events, bench.venue.results()))
    assert runs[0] == runs[1]


def test_promise_12_determinism_across_hash_seeds():
    """The journal does not depend on the interpreter's hash seed."""
    root = Path(__file__).parents[2]
    program = """
import hashlib, importlib.util, random, msgspec
spec = importlib.util.spec_from_file_location("bench", "tests/paper/conftest.py")
module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)
bench = module.Bench(spread=4.0, ghost_probability=0.2, seed=3)
bench.volume(0); bench.book(1, ((52, 60.0), (51, 80.0)), ((54, 60.0), (55, 80.0)))
rng = random.Random(5); now = 1000
for step in range(400):
    now += rng.choice((5, 90, 600)); act = rng.random()
    if act < 0.2: bench.place(now, f"o{step}", "BUY", rng.randint(50, 53), rng.randint(5, 50))
    elif act < 0.3: bench.cancel(now, f"o{step - rng.randint(1, 30)}")
    elif act < 0.6: bench.print(now, rng.randint(50, 55), rng.randint(1, 90))
    else: bench.level(now, rng.random() < 0.5, rng.randint(50, 55), rng.choice((0, 30, 90)))
data = msgspec.json.encode([bench.events, list(bench.venue.results().values())])
print(len(bench.venue.fills()), hashlib.sha256(data).hexdigest())
"""
    answers = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=root, check=True, capture_output=True, text=True,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
        ).stdout
        for hash_seed in ("1", "2")
    ]  # fmt: skip
    assert answers[0] == answers[1]
    assert int(answers[0].split()[0]) > 5


@settings(max_examples=50)
@given(paths, many_orders)
def test_no_profile_ever_overfills_an_order(make_bench, path, orders):
    bench = make_bench()
    walk_with_orders(bench, path, orders)
    for profile in PROFILES:
        for number, (_, _, _, size) in enumerate(orders):
            assert bench.filled(profile, f"o{number}") <= size * 1_000_000


def test_curves_never_fall(make_bench):
    bench = opened(make_bench())
    bench.place(10, "a", "BUY", 52, 100)
    bench.to(200)
    path = [(700, ("print", 52, 50, "SELL"))] * 4
    points = curve(bench, path)
    assert all(earlier <= later for earlier, later in pairwise(points))
    assert points[-1] == 100_000_000
