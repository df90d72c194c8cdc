"""What venue faults act on: the markets of a source, and the desk that takes orders.

A fault says what happens and when; whoever implements these protocols makes it happen. Every
instant is UTC ns of market time, every market a condition id.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import msgspec

VenueMode = Literal["running", "restarting", "post_only", "cancel_only", "disabled"]
"""The venue's modes (venue.md 2.9): restarting answers 425, the last three answer 503."""

TradeStatus = Literal["RETRYING", "MINED", "CONFIRMED", "FAILED"]
"""What follows MATCHED (venue.md 3.4)."""


RESTARTING_TEXT = "the matching engine is restarting"
"""The venue's own is not documented; the others are venue.md 2.9."""
CANCEL_ONLY_TEXT = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
DISABLED_TEXT = "trading is disabled"


class ModeChange(msgspec.Struct, frozen=True, kw_only=True):
    """A mode and what its refusals say.

    ``retry_after_s`` goes into ``Retry-After``, None leaves the header out. ``until_ns`` is
    when the mode is expected to end, for ``retry_after_seconds`` of the post-only body; None
    when nobody knows. The desk does not end a mode by itself: the next change does.
    """

    mode: VenueMode
    retry_after_s: int | None = None
    until_ns: int | None = None


class TradeFate(msgspec.Struct, frozen=True):
    """What becomes of one trade after MATCHED, in place of MINED and CONFIRMED on time.

    Each step is ``(seconds after the one before, status)``; the last one is CONFIRMED or
    FAILED. A trade that is FAILED after it was MINED is a reorganisation: balances go back.
    """

    steps: tuple[tuple[float, TradeStatus], ...]


class TradeFates(Protocol):
    """Who decides, trade by trade, whether settlement goes as usual."""

    def fate_of(self, market_id: str, now_ns: int) -> TradeFate | None:
        """Return a newly matched trade's fate; None lets it settle as usual.

        The desk asks exactly once for each trade, in the order they were matched.
        """
        ...


@runtime_checkable
class MarketTarget(Protocol):
    """What a source lets happen to its markets.

    Unknown markets raise KeyError; what a market cannot go through now raises ValueError.
    """

    def propose(self, market_id: str, now_ns: int) -> None:
        """An outcome is proposed."""
        ...

    def dispute(self, market_id: str, now_ns: int) -> None:
        """The proposal is disputed."""
        ...

    def resolve(self, market_id: str, payouts_e6: tuple[int, int], now_ns: int) -> None:
        """The market is over; payouts of one YES and one NO share in 1e-6 USD."""
        ...

    def change_tick(self, market_id: str, tick_e4: int, now_ns: int) -> None:
        """The price grid changes."""
        ...

    def halt(self, market_id: str, now_ns: int) -> None:
        """The market takes no orders until :meth:`resume`."""
        ...

    def resume(self, market_id: str, now_ns: int) -> None:
        """The market takes orders again."""
        ...

    def set_min_size(self, market_id: str, min_size_e6: int, now_ns: int) -> None:
        """New orders must have at least so many micro-shares."""
        ...

    def set_fees(self, market_id: str, rate: float, now_ns: int) -> None:
        """Takers pay at another rate from now on; 0 is no fee."""
        ...


class DeskTarget(Protocol):
    """What the desk lets happen to orders, trades, balances and heartbeats of accounts."""

    def set_mode(self, change: ModeChange, now_ns: int) -> None:
        """The venue's mode from now on."""
        ...

    def lose_orders(self, now_ns: int) -> int:
        """Forget every live order of every account without telling anybody; return how many."""
        ...

    def clear_market(self, market_id: str, status: str, now_ns: int) -> int:
        """Cancel all live orders of a market with this status and tell; return how many."""
        ...

    def refuse_heartbeats(self, until_ns: int, now_ns: int) -> None:
        """Answer heartbeats with 400 and a new expected id until then."""
        ...

    def use_fates(self, fates: TradeFates | None) -> None:
        """Ask ``fates`` about every new trade from now on; None settles as usual."""
        ...

    def set_balance_lag(self, lag_s: float, now_ns: int) -> None:
        """Show (and check) balances as they were so many seconds ago; 0 ends it."""
        ...

    def set_allowance(self, spender: str, is_given: bool, now_ns: int) -> None:
        """Take a spender's allowance away or give it back, in every wallet.

        ``spender`` is an exchange contract's address; "" means all of them.
        """
        ...


class TransactionFate(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of one transaction of the chain.

    ``mined_after_s`` is counted from its submission, None on time; ``fails`` reverts it then.
    """

    mined_after_s: float | None = None
    fails: bool = False


@runtime_checkable
class TransactionFates(Protocol):
    """Who decides, transaction by transaction, whether the chain goes as usual."""

    def transaction_fate(self, now_ns: int) -> TransactionFate | None:
        """Return a new transaction's fate, asked once for each; None lets it go as usual."""
        ...


class LagTarget(Protocol):
    """A façade that can serve what it knew some time ago."""

    def set_lag(self, lag_s: float, now_ns: int) -> None:
        """Serve a state at least that old, as far back as it was kept; 0 ends it."""
        ...

    def note(self, now_ns: int) -> None:
        """Remember the present state while a lag is set; called as time passes."""
        ...
