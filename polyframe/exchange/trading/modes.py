"""What the matching engine takes at the moment: everything, cancels only, or nothing.

A restart is followed by two minutes in which only post-only orders are taken (venue.md 0.2.11
and 2.9).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

_S_NS = 10**9
POST_ONLY_AFTER_RESTART_S = 120
_POST_ONLY = "post-only mode: only post-only orders and cancels are allowed"
_CANCEL_ONLY = (
    "Trading is currently cancel-only. New orders are not accepted, but cancels are allowed."
)
_DISABLED = "trading is disabled"


class Mode(StrEnum):
    """The venue's states."""

    RUNNING = "running"
    RESTARTING = "restarting"
    POST_ONLY = "post_only"
    CANCEL_ONLY = "cancel_only"
    DISABLED = "disabled"


class Closed(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request is not taken now: HTTP status, text, and what the body says beside it."""

    http_status: int
    text: str
    code: str = ""
    retry_after_s: int | None = None


class Modes:
    """The mode now, and what follows it."""

    def __init__(self) -> None:
        self._mode = Mode.RUNNING
        self._until_ns: int | None = None
        self._says_when = True

    def set(
        self, mode: Mode, now_ns: int, for_s: float | None = None, *, says_when: bool = True
    ) -> None:
        """Change the mode.

        Args:
            mode: the new one.
            now_ns: market time.
            for_s: how long it lasts; None is until the next change, but 120 s for post-only.
            says_when: whether a restart's refusal carries ``Retry-After``.
        """
        if for_s is None and mode is Mode.POST_ONLY:
            for_s = POST_ONLY_AFTER_RESTART_S
        self._mode = mode
        self._until_ns = None if for_s is None else now_ns + int(for_s * _S_NS)
        self._says_when = says_when

    def at(self, now_ns: int) -> Mode:
        """Return the mode at a market time; time walks restarting -> post-only -> running."""
        while self._until_ns is not None and now_ns >= self._until_ns:
            ended_ns = self._until_ns
            if self._mode is Mode.RESTARTING:
                self.set(Mode.POST_ONLY, ended_ns)
            else:
                self.set(Mode.RUNNING, ended_ns)
        return self._mode

    def refuse_order(self, *, post_only: bool, now_ns: int) -> Closed | None:
        """Return why a new order is not taken now, None when it is."""
        match self.at(now_ns):
            case Mode.RUNNING:
                return None
            case Mode.RESTARTING:
                return self._restarting(now_ns)
            case Mode.POST_ONLY:
                if post_only:
                    return None
                return Closed(
                    http_status=503, text=_POST_ONLY, code="post_only_mode",
                    retry_after_s=self._left_s(now_ns),
                )  # fmt: skip
            case Mode.CANCEL_ONLY:
                return Closed(http_status=503, text=_CANCEL_ONLY)
            case _:
                return Closed(http_status=503, text=_DISABLED)

    def refuse_cancel(self, now_ns: int) -> Closed | None:
        """Return why a cancel is not taken now, None when it is."""
        mode = self.at(now_ns)
        if mode is Mode.RESTARTING:
            return self._restarting(now_ns)
        return Closed(http_status=503, text=_DISABLED) if mode is Mode.DISABLED else None

    def _restarting(self, now_ns: int) -> Closed:
        left_s = self._left_s(now_ns) if self._says_when else None
        return Closed(http_status=425, text="the matching engine is restarting",
                      retry_after_s=left_s)  # fmt: skip

    def _left_s(self, now_ns: int) -> int | None:
        if self._until_ns is None:
            return None
        return max(1, -(-(self._until_ns - now_ns) // _S_NS))
