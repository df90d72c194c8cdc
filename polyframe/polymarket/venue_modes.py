"""Which mode the matching engine is in, as far as answers tell; pure.

Nobody announces a mode: it shows in what requests are answered (venue.md 2.9, 7.27). A mode is
believed until it is said to end, or for a while where nobody says; then the next order finds out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from polyframe.polymarket.account_words import VenueMode

_S_NS = 10**9
# A restart takes about 90 s and is asked after often; post-only follows it for two minutes;
# cancel-only has lasted six hours (venue.md 7.27, 2.9).
_USUAL_S = {
    VenueMode.RESTARTING: 15.0,
    VenueMode.POST_ONLY: 120.0,
    VenueMode.CANCEL_ONLY: 60.0,
    VenueMode.DISABLED: 60.0,
}
_LONGEST_S = 3_600.0


class ModeNow(NamedTuple):
    """A mode, why it is believed, and the UTC nanosecond up to which it is; None for RUNNING."""

    mode: VenueMode
    until_ns: int | None = None
    reason: str = ""


class VenueModes:
    """The mode now.

    Args:
        changed: told synchronously when an answer shows another mode than it was told last.
            That a mode ran out is no answer: whoever needs it asks :meth:`now`.
    """

    def __init__(self, changed: Callable[[ModeNow], None] = lambda _now: None) -> None:
        self._changed = changed
        self._known = ModeNow(VenueMode.RUNNING)
        self._told = VenueMode.RUNNING

    def now(self, now_ns: int) -> ModeNow:
        """Return the mode at a time; one whose time has passed is RUNNING until proved otherwise.

        Behind a restart's time the engine is taken to be post-only for its two minutes.
        """
        mode, until_ns, reason = self._known
        if until_ns is None or now_ns < until_ns:
            return self._known
        if mode is VenueMode.RESTARTING:
            after_ns = until_ns + round(_USUAL_S[VenueMode.POST_ONLY] * _S_NS)
            if now_ns < after_ns:
                return ModeNow(VenueMode.POST_ONLY, after_ns, f"after: {reason}")
        return ModeNow(VenueMode.RUNNING)

    def refused(
        self, mode: VenueMode, retry_after_s: float | None, reason: str, now_ns: int
    ) -> None:
        """A request was refused because of a mode.

        Args:
            mode: which.
            retry_after_s: when it is said to end, None where it was not.
            reason: the venue's words.
            now_ns: UTC nanoseconds.
        """
        now = self.now(now_ns)
        if retry_after_s is None and now.mode is mode and now.until_ns is not None:
            self._learn(now)
            return
        wait_s = _USUAL_S.get(mode, 0.0) if retry_after_s is None else retry_after_s
        wait_s = min(max(wait_s, 1.0), _LONGEST_S)
        self._learn(ModeNow(mode, now_ns + round(wait_s * _S_NS), reason))

    def accepted(self, now_ns: int, *, post_only: bool) -> None:
        """An order was taken, which disproves the modes that would have refused it."""
        now = self.now(now_ns)
        if not post_only:
            self._learn(ModeNow(VenueMode.RUNNING))
        elif now.mode is VenueMode.RESTARTING:
            until_ns = now_ns + round(_USUAL_S[VenueMode.POST_ONLY] * _S_NS)
            self._learn(ModeNow(VenueMode.POST_ONLY, until_ns, f"after: {now.reason}"))
        elif now.mode in (VenueMode.CANCEL_ONLY, VenueMode.DISABLED):
            self._learn(ModeNow(VenueMode.RUNNING))

    def _learn(self, learned: ModeNow) -> None:
        self._known = learned
        if learned.mode is not self._told:
            self._told = learned.mode
            self._changed(learned)
