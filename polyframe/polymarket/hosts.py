"""The venue's addresses (venue.md 2.1). Fixed in code: a strategy file cannot redirect money."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

CLOB_URL: Final = "https://clob.polymarket.com"
GAMMA_URL: Final = "https://gamma-api.polymarket.com"
MARKET_WS_URL: Final = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
USER_WS_URL: Final = "wss://ws-subscriptions-clob.polymarket.com/ws/user"


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine; proxies of the environment do not apply then."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}
