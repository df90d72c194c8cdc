"""Market time: held at the origin, then at speed, never far ahead of what was produced."""

import pytest

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
    assert clock() == 8 * S, "the lost time is not made up for"


@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan")])
def test_speed_must_be_positive(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        MarketClock(0, speed)
