"""Faults of REST answers, and of placements whose outcome the client cannot know."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from polyframe.exchange.faults.fault import ChanceFault, Group
from polyframe.plugin import setting as s

PLACE = "POST /order|POST /orders"


class RestFault(ChanceFault, frozen=True, kw_only=True):
    """A fault that strikes requests.

    A route is ``METHOD /path`` or ``/path``; ``*`` stands for any text, ``|`` separates
    alternatives. The admin endpoint and the sockets are never struck.
    """

    group: ClassVar[Group] = "rest"

    route: Annotated[str, s("which requests", unit="name")] = "*"


class Refused(RestFault, frozen=True, kw_only=True, tag="refused"):
    """The request is refused without being looked at."""

    status: Annotated[Literal[400, 401, 403, 404], s("HTTP status", unit="count")] = 400
    error: Annotated[str, s("the text; empty takes the venue's usual one", unit="name")] = ""


class Restarting(RestFault, frozen=True, kw_only=True, tag="restarting"):
    """425: the matching engine restarts."""

    retry_after_s: (
        Annotated[int, s("Retry-After; null leaves it out", unit="s", ge=0, le=86_400)] | None
    ) = None


class TooManyRequests(RestFault, frozen=True, kw_only=True, tag="too_many_requests"):
    """429, from the venue's limiter (Poly-RateLimit headers) or from what stands before it."""

    retry_after_s: (
        Annotated[int, s("Retry-After; null leaves it out", unit="s", ge=0, le=86_400)] | None
    ) = 1
    from_limiter: Annotated[bool, s("with the limiter's headers", unit="switch")] = True


class ServerError(RestFault, frozen=True, kw_only=True, tag="server_error"):
    """The server fails before it has done anything."""

    status: Annotated[Literal[500, 502, 503], s("HTTP status", unit="count")] = 500


class CancelOnly(RestFault, frozen=True, kw_only=True, tag="cancel_only"):
    """503 to new orders with the venue's cancel-only text (seen about 6 h in April 2026)."""

    route: Annotated[str, s("which requests", unit="name")] = PLACE


class SlowDrip(RestFault, frozen=True, kw_only=True, tag="slow_drip"):
    """The answer comes a few bytes at a time."""

    bytes_per_s: Annotated[float, s("pace, in market time", unit="per_s", gt=0, le=10**9)] = 100.0


class TimeoutBefore(RestFault, frozen=True, kw_only=True, tag="timeout_before"):
    """The request hangs, is never processed, and the line is cut."""

    hangs_s: Annotated[float, s("how long it hangs", unit="s", ge=0, le=3600)] = 30.0


class TimeoutAfter(RestFault, frozen=True, kw_only=True, tag="timeout_after"):
    """The request is processed at once, the answer hangs, and the line is cut."""

    hangs_s: Annotated[float, s("how long it hangs", unit="s", ge=0, le=3600)] = 30.0


class NoOrderId(RestFault, frozen=True, kw_only=True, tag="no_order_id"):
    """An order is accepted and the answer says success without an id."""

    route: Annotated[str, s("which requests", unit="name")] = PLACE


class SuccessWithError(RestFault, frozen=True, kw_only=True, tag="success_with_error"):
    """An order is not placed; the answer says success and carries an error text."""

    route: Annotated[str, s("which requests", unit="name")] = PLACE
    error: Annotated[str, s("the text", unit="name")] = "not enough balance / allowance"


class HtmlBody(RestFault, frozen=True, kw_only=True, tag="html_body"):
    """A web page in place of JSON, as a proxy sends it."""

    status: Annotated[int, s("HTTP status", unit="count", ge=200, le=599)] = 502


class Redirect(RestFault, frozen=True, kw_only=True, tag="redirect"):
    """A redirect to another path."""

    location: Annotated[str, s("where to", unit="name")] = "/maintenance"
    status: Annotated[Literal[301, 302, 307, 308], s("HTTP status", unit="count")] = 302

    def flaw(self) -> str:
        """Return why it cannot be sent; see the base."""
        if self.location.isprintable():
            return super().flaw()
        return "location holds a line break or a control character; no header can"


class ConnectionReset(RestFault, frozen=True, kw_only=True, tag="connection_reset"):
    """The line is cut before the request is processed."""


class StaleBook(RestFault, frozen=True, kw_only=True, tag="stale_book"):
    """``/book`` and ``/books`` show the 0.01 / 0.99 ghost book (py-clob-client#180)."""

    route: Annotated[str, s("which requests", unit="name")] = "/book|/books"


class ResponseLost(RestFault, frozen=True, kw_only=True, tag="response_lost"):
    """The order is accepted and the line is cut before the answer."""

    route: Annotated[str, s("which requests", unit="name")] = PLACE


class AcceptedLate(RestFault, frozen=True, kw_only=True, tag="accepted_late"):
    """The line is cut at once; the order is accepted a long time later."""

    route: Annotated[str, s("which requests", unit="name")] = PLACE
    after_s: Annotated[float, s("how much later", unit="s", ge=0, le=3600)] = 40.0


class RetriesAllLive(RestFault, frozen=True, kw_only=True, tag="retries_all_live"):
    """Orders are accepted and answered with 500: whoever signs anew and retries has them all."""

    route: Annotated[str, s("which requests", unit="name")] = PLACE
    count: (
        Annotated[int, s("strikes at most; null without limit", unit="count", ge=1, le=10**9)]
        | None
    ) = 3
