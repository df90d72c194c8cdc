"""The last resort: a run that fails empties its book with nothing but the venue's own words.

Ledger, disk and engine may be what failed: none of them is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import anyio

from polyframe.polymarket.clob import Clob
from polyframe.polymarket.official_client import ClobError

_AGAIN_S = 0.2
_PATIENCE_S = 2.0
# A request that was cut off on its way out may still arrive: a clean look is repeated after this.
_SURE_S = 1.0


async def empty_book(
    clob: Clob, is_ours: Callable[[str], bool] | None, within_s: float
) -> int | None:
    """Cancel, and ask until the venue says that nothing rests; return how many rest.

    Args:
        clob: the venue.
        is_ours: whether an order is ours to cancel, by the venue's id; None: all of them are.
        within_s: wall seconds to try for.

    Returns:
        0 when it is proved; None when the venue has not said.
    """
    left: int | None = None
    is_seen_empty = False
    with anyio.move_on_after(within_s, shield=True):
        while True:
            found: list[str] | None = None
            with anyio.move_on_after(_PATIENCE_S), suppress(ClobError):
                if is_ours is None:
                    await clob.cancel_all()
                found = [one.order_id for one in await clob.open_orders()]
            mine = [] if found is None else [one for one in found if (is_ours or _any)(one)]
            left = None if found is None else len(mine)
            if left == 0 and is_seen_empty:
                break
            is_seen_empty = left == 0
            if mine:
                with anyio.move_on_after(_PATIENCE_S):
                    await clob.cancel(mine)
            await anyio.sleep(_SURE_S if is_seen_empty else _AGAIN_S)
    return left


def _any(_venue_id: str) -> bool:
    return True
