"""The fate of trades and transactions while settlement faults are open."""

from __future__ import annotations

from polyframe.exchange.faults import settlement_kinds as kinds
from polyframe.exchange.faults.plan import FaultPlan
from polyframe.exchange.faults.targets import TradeFate, TransactionFate

_REVERTS_S = 0.5  # a transaction that reverts is known at once
_CONFIRMS_S = 2.0


class SettlementFaults:
    """Decides one by one: ``TradeFates`` and ``TransactionFates`` of ``faults.targets``."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan

    def fate_of(self, market_id: str, now_ns: int) -> TradeFate | None:
        """Return what the first open fault that strikes makes of a trade."""
        for active in self._plan.of("settlement"):
            fault = active.fault
            if (
                isinstance(fault, kinds.TradeFault)
                and active.opening(now_ns) is not None
                and (not fault.markets or market_id in fault.markets)
                and active.draws()
            ):
                active.strike()
                return _fate(fault)
        return None

    def transaction_fate(self, now_ns: int) -> TransactionFate | None:
        """Return what the first open fault that strikes makes of a transaction."""
        for active in self._plan.of("settlement"):
            fault = active.fault
            if (
                isinstance(fault, kinds.TransactionFault)
                and active.opening(now_ns) is not None
                and active.draws()
            ):
                active.strike()
                if isinstance(fault, kinds.SlowTransactions):
                    return TransactionFate(mined_after_s=fault.after_s)
                return TransactionFate(fails=True)
        return None


def _fate(fault: kinds.TradeFault) -> TradeFate:
    match fault:
        case kinds.RetryingTrades(ends="MINED"):
            return TradeFate(
                ((_REVERTS_S, "RETRYING"), (fault.retries_s, "MINED"), (_CONFIRMS_S, "CONFIRMED"))
            )
        case kinds.RetryingTrades():
            return TradeFate(((_REVERTS_S, "RETRYING"), (fault.retries_s, "FAILED")))
        case kinds.Reorg():
            return TradeFate(((fault.mined_after_s, "MINED"), (fault.failed_after_s, "FAILED")))
        case kinds.FailedTrades() | kinds.GhostFills():
            return TradeFate(((fault.after_s, "FAILED"),))
        case _:
            raise AssertionError(f"{fault.kind} has no fate")
