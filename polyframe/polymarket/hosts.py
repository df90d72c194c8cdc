"""The venue's addresses (venue.md 2.1). Fixed in code: a strategy file cannot redirect money."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

CLOB_URL: Final = "https://clob.polymarket.com"
GAMMA_URL: Final = "https://gamma-api.polymarket.com"
MARKET_WS_URL: Final = "wss://ws-subscriptions-clob.polymarket.com/ws/market"
USER_WS_URL: Final = "wss://ws-subscriptions-clob.polymarket.com/ws/user"


class VenueUrls(NamedTuple):
    """Every address of one venue: REST hosts, sockets, and the way to the chain."""

    clob: str
    gamma: str
    data: str
    market_ws: str
    user_ws: str
    relayer: str
    rpc: str
    geoblock: str


LIVE_URLS: Final = VenueUrls(
    clob=CLOB_URL,
    gamma=GAMMA_URL,
    data="https://data-api.polymarket.com",
    market_ws=MARKET_WS_URL,
    user_ws=USER_WS_URL,
    relayer="https://relayer-v2.polymarket.com",
    rpc="https://polygon.drpc.org",
    geoblock="https://polymarket.com/api/geoblock",
)


def loopback_urls(base: str) -> VenueUrls:
    """Return the addresses of the embedded exchange, which serves them all on one port.

    Raises:
        ValueError: the URL does not name this machine.
    """
    if not is_loopback(base):
        raise ValueError(f"{base} is not on this machine")
    base = base.rstrip("/")
    sockets = f"ws://{urlsplit(base).netloc}/ws"
    return VenueUrls(
        clob=base,
        gamma=f"{base}/gamma",
        data=f"{base}/data-api",
        market_ws=f"{sockets}/market",
        user_ws=f"{sockets}/user",
        relayer=base,
        rpc=f"{base}/rpc",
        geoblock=f"{base}/api/geoblock",
    )


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine; proxies of the environment do not apply then."""
    return urlsplit(url).hostname in {"127.0.0.1", "::1", "localhost"}
