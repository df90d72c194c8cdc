"""What OpenTelemetry's SDK says of failures, as lines of the run: rate-limited and free of secrets.

The SDK logs from its own threads, and without a handler across the screen.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

_AGAIN_S = 300.0
_LONGEST = 300
# Shorter ones would mask ordinary letters, and are no secrets.
_SHORTEST_SECRET = 4
# What varies between repetitions of one complaint: seconds to wait, addresses of objects.
_VARYING = re.compile(r"0x[0-9a-f]+|\d+(\.\d+)?")
_QUERY = re.compile(r"\?[^\s'\"()<>]+")
_USER = re.compile(r"//[^/@\s]+@")
_HEADERS = re.compile(r"OTEL_EXPORTER_OTLP_.*HEADERS")


class Complaints(logging.Handler):
    """Takes what the SDK logs, from whichever thread; the same one again after five minutes.

    Args:
        environ: the process's environment; the values of its header variables are never shown.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(logging.WARNING)
        self._secrets = _secrets(environ)
        self._said_s: dict[str, float] = {}
        self._new: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message that was not said lately."""
        text = self._shown(record)
        key = _VARYING.sub("#", text)
        if record.created - self._said_s.get(key, -_AGAIN_S) >= _AGAIN_S:
            self._said_s[key] = record.created
            self._new.append(text)

    def take(self) -> list[str]:
        """Return what is new."""
        taken, self._new = self._new, []
        return taken

    def _shown(self, record: logging.LogRecord) -> str:
        text = " ".join(record.getMessage().split())
        if text.startswith("Header"):
            # It quotes the header: a token, as like as not.
            return "a header in OTEL_EXPORTER_OTLP_HEADERS is not name=value, percent-encoded"
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return _USER.sub("//***@", _QUERY.sub("?***", text))[:_LONGEST]


def listen(environ: Mapping[str, str]) -> Complaints:
    """Have the SDK's complaints told by the run instead of printed across its screen.

    The handler stays after the run: threads that were left behind may still complain.
    """
    logger = logging.getLogger("opentelemetry")
    for earlier in [one for one in logger.handlers if isinstance(one, Complaints)]:
        logger.removeHandler(earlier)
    complaints = Complaints(environ)
    logger.addHandler(complaints)
    logger.propagate = False
    return complaints


def _secrets(environ: Mapping[str, str]) -> list[str]:
    found = set()
    for name, text in environ.items():
        if _HEADERS.fullmatch(name):
            for header in text.split(","):
                value = re.split(r"[=:]", header, maxsplit=1)[-1].strip()
                found |= {header.strip(), value}
    return sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)
