"""Venue and settlement faults: what they ask of desk, markets and façades, and when."""

from __future__ import annotations

from typing import Any

import pytest

from loopback_exchange import S_NS, START_NS
from polyframe.errors import VenueError
from polyframe.exchange.faults import settlement_kinds as settlement
from polyframe.exchange.faults import venue_kinds as kinds
from polyframe.exchange.faults.injection import Injection
from polyframe.exchange.faults.targets import ModeChange, TradeFate, TradeFates
from polyframe.polymarket.contracts import EXCHANGE_V3

MARKETS = ("0xaa", "0xbb")


class Recorder:
    """Desk, markets and façade in one that writes down what it was told, and when."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []
        self.fates: TradeFates | None = None

    def _tell(self, name: str, *values: Any) -> None:
        *said, now_ns = values
        self.told.append((round((now_ns - START_NS) / S_NS, 3), name, *said))

    def set_mode(self, change: ModeChange, now_ns: int) -> None:
        until_s = None if change.until_ns is None else (change.until_ns - START_NS) // S_NS
        self._tell("mode", change.mode, change.retry_after_s, until_s, now_ns)

    def lose_orders(self, now_ns: int) -> int:
        self._tell("lose_orders", now_ns)
        return 0

    def clear_market(self, market_id: str, status: str, now_ns: int) -> int:
        self._tell("clear", market_id, status, now_ns)
        return 0

    def refuse_heartbeats(self, until_ns: int, now_ns: int) -> None:
        self._tell("heartbeats", (until_ns - START_NS) // S_NS, now_ns)

    def use_fates(self, fates: TradeFates | None) -> None:
        self.fates = fates

    def set_balance_lag(self, lag_s: float, now_ns: int) -> None:
        self._tell("balance_lag", lag_s, now_ns)

    def set_allowance(self, spender: str, is_given: bool, now_ns: int) -> None:
        self._tell("allowance", spender, is_given, now_ns)

    def set_lag(self, lag_s: float, now_ns: int) -> None:
        self._tell("lag", lag_s, now_ns)

    def note(self, now_ns: int) -> None:
        """Nothing to remember."""

    def propose(self, market_id: str, now_ns: int) -> None:
        self._tell("propose", market_id, now_ns)

    def dispute(self, market_id: str, now_ns: int) -> None:
        if not any(name == "propose" for _, name, *_ in self.told):
            raise ValueError("no answer stands")
        self._tell("dispute", market_id, now_ns)

    def resolve(self, market_id: str, payouts_e6: tuple[int, int], now_ns: int) -> None:
        self._tell("resolve", market_id, payouts_e6, now_ns)

    def change_tick(self, market_id: str, tick_e4: int, now_ns: int) -> None:
        self._tell("tick", market_id, tick_e4, now_ns)

    def halt(self, market_id: str, now_ns: int) -> None:
        self._tell("halt", market_id, now_ns)

    def resume(self, market_id: str, now_ns: int) -> None:
        self._tell("resume", market_id, now_ns)

    def set_min_size(self, market_id: str, min_size_e6: int, now_ns: int) -> None:
        self._tell("min_size", market_id, min_size_e6, now_ns)

    def set_fees(self, market_id: str, rate: float, now_ns: int) -> None:
        self._tell("fees", market_id, rate, now_ns)


class Clock:
    now_ns = START_NS

    def __call__(self) -> int:
        return self.now_ns


def injection_of(target: Recorder | None, clock: Clock | None = None) -> Injection:
    return Injection(
        clock or Clock(), START_NS, 5, (), lambda: MARKETS, target, target, target, target
    )


def told(*faults: Any, seconds: int = 600, step_s: int = 1) -> list[tuple[Any, ...]]:
    target = Recorder()
    injection = injection_of(target)
    injection.add(faults)
    for second in range(0, seconds, step_s):
        injection.tick(START_NS + second * S_NS)
    return target.told


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            kinds.Mode(mode="cancel_only", at_s=5, for_s=60),
            [(5, "mode", "cancel_only", None, 65), (65, "mode", "running", None, None)],
        ),
        (kinds.Mode(mode="disabled", at_s=1), [(1, "mode", "disabled", None, None)]),
        (
            kinds.EngineRestart(at_s=10, retry_after_s=3, loses_orders=True),
            [
                (10, "lose_orders"),
                (10, "mode", "restarting", 3, 100),
                (100, "mode", "post_only", None, 220),
                (220, "mode", "running", None, None),
            ],
        ),
        (kinds.LoseOrders(at_s=1, every_s=200), [(t, "lose_orders") for t in (1, 201, 401)]),
        (
            kinds.HeartbeatRefusal(at_s=10, for_s=20),
            [(10, "heartbeats", 30), (30, "heartbeats", 30)],
        ),
        (kinds.TickChange(market="0xbb", tick="0.0025"), [(0, "tick", "0xbb", 25)]),
        (kinds.Halt(market="1", for_s=9), [(0, "halt", "0xbb"), (9, "resume", "0xbb")]),
        (
            kinds.CloseMarket(at_s=2),
            [(2, "clear", "0xaa", "CANCELED_MARKET_NOT_FOUND"), (2, "halt", "0xaa")],
        ),
        (kinds.GameStart(at_s=2), [(2, "clear", "0xaa", "CANCELED")]),
        (kinds.Propose(), [(0, "propose", "0xaa")]),
        (kinds.Resolve(yes_pays=0.5), [(0, "resolve", "0xaa", (500_000, 500_000))]),
        (kinds.FeeChange(rate=0.1), [(0, "fees", "0xaa", 0.1)]),
        (kinds.MinSizeChange(shares=15), [(0, "min_size", "0xaa", 15_000_000)]),
        (kinds.GammaLag(lag_s=30, for_s=5), [(0, "lag", 30.0), (5, "lag", 0.0)]),
        (kinds.DataLag(lag_s=30), [(0, "lag", 30.0)]),
        (
            settlement.BalanceLag(lag_s=4, at_s=1, for_s=5),
            [(1, "balance_lag", 4.0), (6, "balance_lag", 0.0)],
        ),
        (
            settlement.AllowanceRevoked(spender=EXCHANGE_V3.lower(), for_s=5),
            [(0, "allowance", EXCHANGE_V3, False), (5, "allowance", EXCHANGE_V3, True)],
        ),
    ],
)
def test_what_happens_and_when(fault: Any, expected: list[tuple[Any, ...]]) -> None:
    assert told(fault) == expected
    assert len(told(fault, seconds=601, step_s=300)) == len(expected), "also when time leaps"


@pytest.mark.parametrize(
    ("fault", "steps"),
    [
        (settlement.FailedTrades(after_s=3), ((3.0, "FAILED"),)),
        (
            settlement.RetryingTrades(retries_s=40),
            ((0.5, "RETRYING"), (40.0, "MINED"), (2.0, "CONFIRMED")),
        ),
        (
            settlement.RetryingTrades(retries_s=40, ends="FAILED"),
            ((0.5, "RETRYING"), (40.0, "FAILED")),
        ),
        (settlement.Reorg(), ((2.0, "MINED"), (20.0, "FAILED"))),
        (settlement.GhostFills(share=1.0), ((30.0, "FAILED"),)),
    ],
)
def test_the_fate_of_trades(fault: Any, steps: Any) -> None:
    target = Recorder()
    injection_of(target).add([fault])
    assert target.fates is not None
    assert target.fates.fate_of("0xaa", START_NS) == TradeFate(steps)


def test_counts_markets_and_windows_of_trades() -> None:
    target = Recorder()
    injection = injection_of(target)
    injection.add([settlement.FailedTrades(count=2, markets=("0xaa",), at_s=5)])
    assert target.fates is not None
    at_ns = START_NS + 5 * S_NS
    asked = [("0xaa", START_NS), ("0xbb", at_ns), *[("0xaa", at_ns)] * 3]
    fates = [target.fates.fate_of(*one) is not None for one in asked]
    assert fates == [False, False, True, True, False]
    assert injection.struck == {"failed_trades": 2}
    injection.clear()
    assert target.fates.fate_of("0xaa", at_ns) is None


def test_a_storm_of_ghost_fills_has_its_share() -> None:
    target = Recorder()
    injection = injection_of(target)
    injection.add([settlement.GhostFills()])
    assert target.fates is not None
    struck = sum(target.fates.fate_of("0xaa", START_NS) is not None for _ in range(5_000))
    assert 0.22 < struck / 5_000 < 0.26
    assert injection.struck == {"ghost_fills": struck}


def test_clearing_undoes_what_lasts_and_forgets_what_is_to_come() -> None:
    target, clock = Recorder(), Clock()
    injection = injection_of(target, clock)
    injection.add([kinds.Halt(for_s=100), kinds.EngineRestart(), kinds.LoseOrders(at_s=50)])
    injection.tick(START_NS)
    target.told.clear()
    clock.now_ns = START_NS + 10 * S_NS
    injection.clear()
    assert target.told == [(10, "resume", "0xaa"), (10, "mode", "running", None, None)]
    for second in range(600):
        injection.tick(START_NS + second * S_NS)
    assert len(target.told) == 2
    injection.add([kinds.LoseOrders(at_s=5)], from_now=True)
    injection.tick(START_NS + 15 * S_NS)
    assert target.told[-1] == (15, "lose_orders")
    assert injection.struck == {"halt": 1, "engine_restart": 1, "lose_orders": 1}


def test_what_a_market_cannot_go_through_now_is_no_strike() -> None:
    target = Recorder()
    injection = injection_of(target)
    injection.add([kinds.Dispute(count=2, every_s=10), kinds.Propose(at_s=5)])
    for second in range(60):
        injection.tick(START_NS + second * S_NS)
    assert target.told == [(5, "propose", "0xaa"), (10, "dispute", "0xaa"), (20, "dispute", "0xaa")]
    assert injection.struck == {"dispute": 2, "propose": 1}
    assert injection.refused == ["dispute: no answer stands"]


def test_what_cannot_happen_is_refused_and_not_planned() -> None:
    injection = injection_of(None)
    for fault in (kinds.LoseOrders(), kinds.Halt(), kinds.GammaLag(), settlement.GhostFills()):
        with pytest.raises(VenueError, match=fault.kind):
            injection.add([fault])
    assert injection.struck == {}
    for market in ("7", "0xcc"):
        with pytest.raises(VenueError, match="number below 2"):
            injection_of(Recorder()).add([kinds.Halt(market=market)])


def test_an_allowance_of_no_contract_is_refused() -> None:
    with pytest.raises(VenueError, match="'0xe' is no exchange contract; leave spender out"):
        injection_of(Recorder()).add([settlement.AllowanceRevoked(spender="0xe")])
