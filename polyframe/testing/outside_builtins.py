"""Which built-in functions reach outside, told from a call as the profiler shows it."""

from __future__ import annotations

import datetime
import dis
import random
from types import FrameType, ModuleType
from typing import Any

NO_CLOCK = "the only clock is a hook's now_ns"
NO_CHANCE = "chance comes from self.context.rng, which is seeded"
_NO_ENVIRONMENT = "settings come through Config"
_NO_ZONE = "the machine's time zone is not the run's; name one, datetime.UTC"
_NO_FILES = "read what you need in the constructor"

_CLOCKS = frozenset(
    {
        *("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns"),
        *("process_time", "process_time_ns", "thread_time", "thread_time_ns"),
        *("clock_gettime", "clock_gettime_ns", "sleep"),
    }
)
# They read the clock when they are given fewer arguments than this.
_CLOCKS_WITHOUT = {"gmtime": 1, "localtime": 1, "ctime": 1, "strftime": 2, "asctime": 1}
_DATES = frozenset({"now", "today", "utcnow"})
_DRAWS = frozenset({"random", "getrandbits", "seed", "setstate", "getstate"})
_SYSTEM = frozenset({"getpid", "getppid", "uname"})
_FILES = frozenset({"stat", "lstat", "access", "readlink", "getcwd"})
_TERMINAL = frozenset({"print", "input"})
_THREADS = frozenset({"start_new_thread", "start_joinable_thread"})
_LOCKS = frozenset({"acquire"})
WATCHED = (
    _CLOCKS | _DATES | _DRAWS | _SYSTEM | _FILES | _TERMINAL | _THREADS | _LOCKS
    | frozenset(_CLOCKS_WITHOUT) | {"urandom", "fromtimestamp", "generate_time_safe"}
)  # fmt: skip
"""Names of built-in functions that are worth a second look."""

_GLOBAL_RANDOM = getattr(random, "_inst", None)


def breach_of(function: Any, frame: FrameType, may_read: bool) -> tuple[str, str] | None:
    """Return what a watched built-in does outside, and what to do instead; None when nothing.

    ``frame`` is the caller's, at the call; ``may_read`` allows looking at files.
    """
    name = function.__name__
    module = getattr(function, "__module__", None)
    owner = getattr(function, "__self__", None)
    if module == "time":
        return _of_time(name, frame)
    if isinstance(owner, type) and issubclass(owner, datetime.date):
        return _of_dates(name, owner, frame)
    if name in _DRAWS and owner is _GLOBAL_RANDOM:
        return f"draws global chance (random.{name}", NO_CHANCE
    if name == "urandom":
        return "draws unseeded chance (os.urandom", NO_CHANCE
    if name == "generate_time_safe":
        return "reads the clock (uuid.uuid1", NO_CLOCK
    if module in ("posix", "nt"):
        if name in _FILES and not may_read:
            return f"looks at a file (os.{name}", _NO_FILES
        if name in _SYSTEM:
            return f"reads the environment (os.{name}", _NO_ENVIRONMENT
    if name in _THREADS and module == "_thread":
        return "starts a thread (threading", "a plugin is called, answers, and is done"
    if name in _TERMINAL and isinstance(owner, ModuleType):
        return f"talks to the terminal ({name}", "self.context.log writes a line"
    if name in _LOCKS and type(owner).__module__ == "_thread" and (_given(frame) or 0) >= 2:
        return "waits for a time (lock.acquire", NO_CLOCK
    return None


def _of_time(name: str, frame: FrameType) -> tuple[str, str] | None:
    if name in _CLOCKS:
        return f"reads the clock (time.{name}", NO_CLOCK
    given = _given(frame)
    if name in _CLOCKS_WITHOUT and given is not None and given < _CLOCKS_WITHOUT[name]:
        return f"reads the clock (time.{name}", NO_CLOCK
    if name in ("localtime", "ctime"):
        return f"reads the time zone (time.{name}", _NO_ZONE
    return None


def _of_dates(name: str, owner: type, frame: FrameType) -> tuple[str, str] | None:
    if name in _DATES:
        return f"reads the clock ({owner.__name__}.{name}", NO_CLOCK
    if name == "fromtimestamp" and _given(frame) == 1:
        return f"reads the time zone ({owner.__name__}.{name}", _NO_ZONE
    return None


def _given(frame: FrameType) -> int | None:
    """Return how many arguments the call in hand has; None when its bytecode does not say."""
    code, at = frame.f_code.co_code, frame.f_lasti
    if dis.opname[code[at]] in ("PRECALL", "CALL", "CALL_KW"):
        return code[at + 1]
    return None
