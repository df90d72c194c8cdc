"""Which signals stop a run in order, and what a run that one of them stopped says of it."""

from __future__ import annotations

import signal
from typing import Final

STOPS: Final = {
    signal.SIGINT: "interrupted",
    signal.SIGTERM: "terminated",
    signal.SIGHUP: "hung up",
}


class WantedNow(BaseException):
    """Somebody asked for the end a second time.

    Not KeyboardInterrupt: raised in a task, that one leaves the event loop at once, and asyncio
    tells of what it left behind with a traceback.
    """


def stop_signals() -> list[signal.Signals]:
    """Return the signals that stop a run; what nohup has switched off stays so."""
    return [one for one in STOPS if signal.getsignal(one) is not signal.SIG_IGN]


def is_interrupt(error: BaseException) -> bool:
    """Return whether somebody wants the end now, and not what they asked for first."""
    if isinstance(error, BaseExceptionGroup):
        return any(is_interrupt(one) for one in error.exceptions)
    return isinstance(error, (WantedNow, KeyboardInterrupt))
