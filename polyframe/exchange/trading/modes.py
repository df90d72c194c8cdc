"""What the matching engine takes at the moment: everything, cancels only, or nothing.

The texts are venue.md 2.9. That a restart is followed by two minutes of post-only mode is for
whoever changes the mode.
"""

from __future__ import annotations

import msgspec

from polyframe.exchange.faults.targets import (
    CANCEL_ONLY_TEXT,
    DISABLED_TEXT,
    RESTARTING_TEXT,
    ModeChange,
)

_S_NS = 10**9
_POST_ONLY = "post-only mode: only post-only orders and cancels are allowed"


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is not taken now: HTTP status, text, and what the body says beside it."""

    http_status: int
    text: str
    code: str = ""
    retry_after_s: int | None = None


class Modes:
    """The mode now, and what a request is told in it."""

    def __init__(self) -> None:
        self.change = ModeChange(mode="running")

    def refuse_order(self, *, post_only: bool, now_ns: int) -> Closed | None:
        """Return why a new order is not taken now, None when it is."""
        match self.change.mode:
            case "running":
                return None
            case "restarting":
                return self._restarting()
            case "post_only":
                if post_only:
                    return None
                until_ns = self.change.until_ns
                left_s = self.change.retry_after_s
                if until_ns is not None:
                    left_s = max(1, -(-(until_ns - now_ns) // _S_NS))
                return Closed(
                    http_status=503, text=_POST_ONLY, code="post_only_mode", retry_after_s=left_s
                )
            case "cancel_only":
                return Closed(http_status=503, text=CANCEL_ONLY_TEXT)
            case _:
                return Closed(http_status=503, text=DISABLED_TEXT)

    def refuse_cancel(self) -> Closed | None:
        """Return why a cancel is not taken now, None when it is."""
        if self.change.mode == "restarting":
            return self._restarting()
        if self.change.mode == "disabled":
            return Closed(http_status=503, text=DISABLED_TEXT)
        return None

    def _restarting(self) -> Closed:
        return Closed(
            http_status=425,
            text=RESTARTING_TEXT,
            retry_after_s=self.change.retry_after_s,
        )
