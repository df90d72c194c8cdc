"""How the exchange writes a JSON answer, and a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from polyframe.exchange.wire import encode


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a compact JSON response."""
    return web.Response(
        body=encode(body), status=status, headers=headers, content_type="application/json"
    )


def refusal(text: str, status: int = 400, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return the venue's error body."""
    return answer({"error": text}, status, headers)
