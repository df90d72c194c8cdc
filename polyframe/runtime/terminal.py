"""Standard output that holds nobody up: a thread of its own writes to it.

A terminal that was stopped (Ctrl-S), a pager that does not read on, a pipe that is full: whoever
writes to them waits, and with the engine would wait its heartbeat, its stops and its kill switch.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final, TextIO

# What waits to be written, in bytes: an hour of lines, or a second of screens.
_MOST_BYTES = 1 << 20
CLOSE_LIMIT_S: Final = 1.0
"""Wall seconds that the last lines have to be taken."""


class Terminal:
    """A stream to write text to, of which every call returns at once.

    A stream that is no file of the system's (a test's) is written directly: it cannot block.

    Args:
        stream: where the text goes; None drops it (standard output was closed by the caller).
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream
        self.encoding = "utf-8" if stream is None else stream.encoding or "utf-8"
        self._fd = _fd_of(stream)
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._failure: OSError | None = None
        self._is_closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        if self._fd is not None:
            # A daemon: one that waits for a terminal keeps no process from ending.
            self._thread = threading.Thread(target=self._run, name="terminal", daemon=True)
            self._thread.start()

    def write(self, text: str) -> int:
        """Take a text as a whole and return its length, or 0: then it is dropped, for want of room.

        Raises:
            OSError: the stream has gone; this text, and what still waited, is lost.
        """
        if self._fd is None:
            return len(text) if self._stream is None else self._stream.write(text)
        data = text.encode(self.encoding, "replace")
        with self._changed:
            if self._failure is not None:
                raise self._failure
            if self._bytes and self._bytes + len(data) > _MOST_BYTES:
                return 0
            self._waiting.append(data)
            self._bytes += len(data)
            self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Wait for nothing: what can be written is being written."""
        if self._fd is None and self._stream is not None:
            self._stream.flush()

    def isatty(self) -> bool:
        """Whether a person may be watching."""
        return self._stream is not None and self._stream.isatty()

    def close(self, within_s: float = CLOSE_LIMIT_S) -> bool:
        """Write what still waits, and nothing after it; return False if the stream takes nothing.

        Args:
            within_s: wall seconds it has for that.
        """
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is None:
            return True
        self._thread.join(within_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closing)
                if not self._waiting:
                    return
                data = self._waiting.popleft()
            try:
                self._put(data)
            except OSError as error:
                with self._changed:
                    self._failure = error
                    self._waiting.clear()
                return
            with self._changed:
                self._bytes -= len(data)

    def _put(self, data: bytes) -> None:
        # Not through the stream: it has a lock, and who waits for the terminal would hold it.
        left = memoryview(data)
        while left and self._fd is not None:
            left = left[os.write(self._fd, left) :]


def _fd_of(stream: TextIO | None) -> int | None:
    if stream is None:
        return None
    try:
        stream.flush()
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
