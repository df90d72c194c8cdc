"""What has to be asked of the venue, and how often; pure."""

from __future__ import annotations

from typing import Final

from polyframe.runtime.live import evidence
from polyframe.runtime.live.evidence import S_NS
from polyframe.runtime.live.fill_records import FillRecords
from polyframe.runtime.live.order_records import OrderRecords
from polyframe.runtime.live.order_states import OrderState

_ASK_TRADES_AGAIN_NS: Final = 5 * S_NS
# A settlement that takes longer than this may have ended without our hearing of it.
_SETTLEMENT_NS: Final = 60 * S_NS
# Match times are whole seconds of the venue's clock.
_SLACK_S: Final = 60


class Inquiry:
    """Which orders to read, and from when on the trades.

    Args:
        orders: the orders.
        fills: the fills.
        last_ns: when the account was last written to, 0 for never: what the venue said since
            is not known.
    """

    def __init__(self, orders: OrderRecords, fills: FillRecords, last_ns: int) -> None:
        self._orders = orders
        self._fills = fills
        self._doubt_ns = last_ns or None
        self._trades_asked_ns = 0

    def orders_to_read(self, now_ns: int) -> tuple[str, ...]:
        """Return the venue's ids of the orders to read by id now."""
        return tuple(
            record.row.venue_id
            for record in self._orders.open()
            if evidence.must_be_read(record, now_ns)
        )

    def doubt_since(self, since_ns: int) -> None:
        """Note that what the user channel said since then may be missing."""
        if self._doubt_ns is None or since_ns < self._doubt_ns:
            self._doubt_ns = since_ns

    def trades_read(self, since_s: int, asked_ns: int) -> None:
        """Note a complete read of the trades."""
        self._trades_asked_ns = max(self._trades_asked_ns, asked_ns)
        if self._doubt_ns is not None and since_s * S_NS <= self._doubt_ns < asked_ns:
            self._doubt_ns = None

    def trades_since_s(self, now_ns: int) -> int | None:
        """Return from when on the trades must be read now, None when they need not be."""
        since_ns = [] if self._doubt_ns is None else [self._doubt_ns]
        if not since_ns and self._trades_asked_ns + _ASK_TRADES_AGAIN_NS > now_ns:
            return None
        for record in self._orders.open():
            row = record.row
            has_waited = row.state_ns + evidence.GRACE_NS <= now_ns
            # More matched than we heard of: the user channel has lost a fill, while it is up.
            is_short = (row.matched_e6 or 0) > row.filled_e6 + evidence.DUST_E6
            if (row.state is OrderState.ENDING and has_waited) or is_short:
                since_ns.append(row.placed_ns)
        for fill in self._fills.unsettled():
            if fill.status_ns + _SETTLEMENT_NS <= now_ns:
                since_ns.append(fill.match_time_s * S_NS)
        return max(0, min(since_ns) // S_NS - _SLACK_S) if since_ns else None
