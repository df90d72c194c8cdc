"""Market time: held at the origin, then at speed, never far ahead of what was produced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyframe.exchange.clock import MarketClock

S = 10**9


def test_it_stands_until_started_then_runs_at_speed() -> None:
    wall = [5 * S]
    clock = MarketClock(1_000 * S, 60.0, lambda: wall[0])
    wall[0] += 100 * S
    assert clock() == 1_000 * S
    assert not clock.is_running
    clock.start()
    wall[0] += S // 4
    assert clock() == 1_015 * S
    clock.start()
    assert clock() == 1_015 * S


def test_it_slows_down_when_the_source_cannot_keep_up() -> None:
    wall = [0]
    clock = MarketClock(0, 10.0, lambda: wall[0])
    clock.start()
    wall[0] = 3 * S
    assert clock() == 5 * S, "half a wall second ahead of nothing produced"
    clock.produced(2 * S)
    assert clock() == 7 * S
    assert clock.lost_ns == 23 * S
    wall[0] += S // 10
    clock.produced(7 * S)
    assert clock() == 8 * S + S // 10, "the lost time is made up for a little at a time"
    assert clock.lost_ns == 23 * S - S // 10


def test_a_stall_is_made_up_for_within_ten_times_as_long() -> None:
    wall = [0]
    clock = MarketClock(0, 1.0, lambda: wall[0])
    clock.start()
    wall[0] = 3 * S
    clock.produced(0)
    assert clock.lost_ns == 5 * S // 2
    for _ in range(250):
        wall[0] += S // 10
        clock.produced(clock())
    assert clock() == wall[0]
    assert clock.lost_ns == 0


@given(st.lists(st.tuples(st.integers(0, 5 * S), st.integers(0, 6 * S)), max_size=60))
def test_it_never_runs_back_nor_far_ahead_and_knows_what_it_lost(
    steps: list[tuple[int, int]],
) -> None:
    wall, made_ns, before_ns = [0], 0, 0
    clock = MarketClock(0, 1.0, lambda: wall[0])
    clock.start()
    for waited_ns, more_ns in steps:
        wall[0] += waited_ns
        now_ns = clock()
        made_ns = min(made_ns + more_ns, now_ns)
        clock.produced(made_ns)
        assert before_ns <= now_ns <= clock() <= made_ns + S // 2
        assert clock() + clock.lost_ns == wall[0]
        assert clock.lost_ns >= 0
        before_ns = clock()


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_speed_must_be_positive(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        MarketClock(0, speed)
