"""Faults of settlement: what becomes of trades and transactions, and of balances meanwhile."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from polyframe.exchange.faults.fault import ChanceFault, Fault, Group
from polyframe.plugin import setting as s


class TradeFault(ChanceFault, frozen=True, kw_only=True):
    """A fault that strikes trades as they are matched; ``count`` trades at most."""

    group: ClassVar[Group] = "settlement"

    markets: Annotated[
        tuple[str, ...], s("condition ids of the trades; empty means any", unit="name")
    ] = ()


class FailedTrades(TradeFault, frozen=True, kw_only=True, tag="failed_trades"):
    """The next trades are MATCHED, then FAILED: nothing changes hands."""

    after_s: Annotated[float, s("how long after the match", unit="s", ge=0, le=86_400)] = 10.0


class RetryingTrades(TradeFault, frozen=True, kw_only=True, tag="retrying_trades"):
    """Trades are RETRYING for some time, then MINED and CONFIRMED, or FAILED."""

    retries_s: Annotated[float, s("how long", unit="s", gt=0, le=86_400)] = 50.0
    ends: Annotated[Literal["MINED", "FAILED"], s("how it ends", unit="name")] = "MINED"


class GhostFills(TradeFault, frozen=True, kw_only=True, tag="ghost_fills"):
    """A storm in which many fills never settle: each with probability ``share`` (24 %)."""

    share: Annotated[
        float, s("probability to strike what it could strike", unit="share", ge=0, le=1)
    ] = 0.24
    after_s: Annotated[float, s("how long after the match", unit="s", ge=0, le=86_400)] = 30.0


class Reorg(TradeFault, frozen=True, kw_only=True, tag="reorg"):
    """Trades are MINED, then FAILED: what changed hands and was not spent since goes back."""

    mined_after_s: Annotated[float, s("MINED after the match", unit="s", ge=0, le=86_400)] = 2.0
    failed_after_s: Annotated[float, s("FAILED after MINED", unit="s", ge=0, le=86_400)] = 20.0


class TransactionFault(ChanceFault, frozen=True, kw_only=True):
    """A fault that strikes transactions of the chain as they are sent; ``count`` at most."""

    group: ClassVar[Group] = "settlement"


class FailedTransactions(TransactionFault, frozen=True, kw_only=True, tag="failed_transactions"):
    """The next splits, merges, redemptions and approvals revert when they are mined."""


class SlowTransactions(TransactionFault, frozen=True, kw_only=True, tag="slow_transactions"):
    """The next splits, merges, redemptions and approvals are mined a long time later."""

    after_s: Annotated[float, s("how long after they were sent", unit="s", gt=0, le=86_400)] = 60.0


class BalanceLag(Fault, frozen=True, kw_only=True, tag="balance_lag"):
    """Balances are shown and checked as they were some seconds ago while it is open."""

    group: ClassVar[Group] = "settlement"

    lag_s: Annotated[float, s("how old they are", unit="s", gt=0, le=3600)] = 5.0


class AllowanceRevoked(Fault, frozen=True, kw_only=True, tag="allowance_revoked"):
    """A contract may not move funds any more, until the opening is over."""

    group: ClassVar[Group] = "settlement"

    spender: Annotated[str, s("the contract's address; empty means all", unit="name")] = ""
