"""Limits for each client address in sliding windows, as Cloudflare keeps them (venue.md 2.11).

Pure: time is handed in. They stand before the exchange and know nothing of signers: a refusal
is a bare 429 with ``Retry-After``, without the ``Poly-RateLimit`` headers. The venue first slows a
client down; here it is refused at once, which is the harder case.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Literal

import msgspec

_S_NS = 10**9
_TEN_S_NS = 10 * _S_NS
_TEN_MIN_NS = 600 * _S_NS

Service = Literal["clob", "gamma", "data"]


class IpLimit(msgspec.Struct, frozen=True):
    """At most ``requests`` in ``window_ns`` to what it covers.

    ``method`` "" is every method; ``paths`` () every path of the service, and a path that ends
    with a slash stands for what lies below it.
    """

    service: Service
    requests: int
    method: str = ""
    paths: tuple[str, ...] = ()
    window_ns: int = _TEN_S_NS

    def covers(self, service: Service, method: str, path: str) -> bool:
        """Whether a request counts towards it."""
        return (
            service == self.service
            and self.method in ("", method)
            and (
                not self.paths
                or any(
                    path.startswith(one) if one.endswith("/") else path == one for one in self.paths
                )
            )
        )


IP_LIMITS: Final = (
    IpLimit("clob", 9_000),
    IpLimit("clob", 100, paths=("/ok",)),
    IpLimit("clob", 200, "GET", ("/balance-allowance",)),
    IpLimit("clob", 50, "GET", ("/balance-allowance/update",)),
    IpLimit("clob", 1_500, paths=("/book",)),
    IpLimit("clob", 1_500, paths=("/price",)),
    IpLimit("clob", 1_500, paths=("/midpoint",)),
    IpLimit("clob", 500, paths=("/books",)),
    IpLimit("clob", 500, paths=("/prices",)),
    IpLimit("clob", 500, paths=("/midpoints",)),
    IpLimit("clob", 200, paths=("/tick-size",)),
    IpLimit("clob", 1_000, paths=("/prices-history",)),
    IpLimit("clob", 900, "GET", ("/data/orders", "/data/trades", "/data/order/", "/notifications")),
    IpLimit("clob", 500, "GET", ("/data/orders",)),
    IpLimit("clob", 500, "GET", ("/data/trades",)),
    IpLimit("clob", 125, paths=("/notifications",)),
    IpLimit("clob", 100, paths=("/auth/api-key", "/auth/api-keys", "/auth/derive-api-key")),
    IpLimit("clob", 5_000, "POST", ("/order",)),
    IpLimit("clob", 120_000, "POST", ("/order",), _TEN_MIN_NS),
    IpLimit("clob", 5_000, "DELETE", ("/order",)),
    IpLimit("clob", 120_000, "DELETE", ("/order",), _TEN_MIN_NS),
    IpLimit("clob", 2_000, "POST", ("/orders",)),
    IpLimit("clob", 21_000, "POST", ("/orders",), _TEN_MIN_NS),
    IpLimit("clob", 2_000, "DELETE", ("/orders",)),
    IpLimit("clob", 15_000, "DELETE", ("/orders",), _TEN_MIN_NS),
    IpLimit("clob", 250, "DELETE", ("/cancel-all",)),
    IpLimit("clob", 6_000, "DELETE", ("/cancel-all",), _TEN_MIN_NS),
    IpLimit("clob", 1_500, "DELETE", ("/cancel-market-orders",)),
    IpLimit("clob", 21_000, "DELETE", ("/cancel-market-orders",), _TEN_MIN_NS),
    IpLimit("gamma", 4_000),
    IpLimit("gamma", 500, paths=("/events", "/events/")),
    IpLimit("gamma", 300, paths=("/markets", "/markets/")),
    IpLimit("gamma", 900, paths=("/events", "/events/", "/markets", "/markets/")),
    IpLimit("gamma", 200, paths=("/tags", "/tags/", "/comments", "/comments/")),
    IpLimit("gamma", 350, paths=("/public-search",)),
    IpLimit("data", 800),
    IpLimit("data", 300, paths=("/v2/trades",)),
    IpLimit("data", 200, paths=("/v2/positions", "/v2/activity", "/v2/prices-history")),
    IpLimit("data", 100, paths=("/v2/status",)),
)
"""The published table (docs of 2026-09-28). The global 15,000 is the caller's: it knows no service.

The venue's shared limit of order and trade reads is taken over the paths of today.
"""


class IpLimits:
    """Requests of every client address, counted against a table."""

    def __init__(self, limits: tuple[IpLimit, ...] = IP_LIMITS) -> None:
        self._limits = limits
        self._seen: dict[tuple[str, int], deque[int]] = {}

    def retry_after_s(
        self, ip: str, service: Service, method: str, path: str, now_ns: int
    ) -> int | None:
        """Count a request; return None, or the seconds to wait if a window is full.

        A refused request counts towards no window.
        """
        windows: list[deque[int]] = []
        wait_ns = 0
        for index, limit in enumerate(self._limits):
            if not limit.covers(service, method, path):
                continue
            seen = self._seen.setdefault((ip, index), deque())
            while seen and seen[0] <= now_ns - limit.window_ns:
                seen.popleft()
            if len(seen) >= limit.requests:
                wait_ns = max(wait_ns, seen[0] + limit.window_ns - now_ns)
            windows.append(seen)
        if wait_ns:
            return max(1, -(-wait_ns // _S_NS))
        for seen in windows:
            seen.append(now_ns)
        return None
