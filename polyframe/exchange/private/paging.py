"""Pages of the CLOB: opaque cursors, ``LTE=`` at the end (venue.md 2.2)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from polyframe.exchange.rest_answers import answer, refusal

END_CURSOR = "LTE="
_PAGE = 500


def page_of(rows: Sequence[Any], cursor: str, **more: Any) -> web.Response:
    """Return one page and the cursor of the next, ``LTE=`` at the end, and ``more`` beside them."""
    start = 0
    if cursor and cursor != END_CURSOR:
        try:
            start = max(0, int(base64.b64decode(cursor, validate=True)))
        except (binascii.Error, ValueError):
            return refusal("Invalid next_cursor")
    elif cursor == END_CURSOR:
        start = len(rows)
    part = rows[start : start + _PAGE]
    after = start + len(part)
    following = END_CURSOR if after >= len(rows) else base64.b64encode(str(after).encode()).decode()
    return answer(
        {"data": part, "next_cursor": following, "limit": _PAGE, "count": len(part)} | more
    )
