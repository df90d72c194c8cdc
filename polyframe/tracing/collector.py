"""Where spans and metrics are sent: the strategy file's word, else the environment's. Pure.

The variables are OpenTelemetry's own
(https://opentelemetry.io/docs/specs/otel/protocol/exporter/); one for a signal beats the general
one. What nobody named is not sent anywhere, no default host either.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import urlsplit

from polyframe.errors import UsageError

_HTTP = "http/protobuf"
_GENERAL = "OTEL_EXPORTER_OTLP"
_SIGNALS = {"traces": "TRACES", "metrics": "METRICS"}


class Collector(NamedTuple):
    """The full URLs of a collector's two endpoints, None for what is not sent."""

    traces_url: str | None
    metrics_url: str | None

    @property
    def is_named(self) -> bool:
        """Whether anything is sent at all."""
        return self.traces_url is not None or self.metrics_url is not None


def collector_of(endpoint: str, environ: Mapping[str, str]) -> Collector:
    """Return where a run's spans and metrics go.

    Args:
        endpoint: the base URL in the strategy file, "" to leave it to the environment.
        environ: the process's environment.

    Raises:
        UsageError: the environment names what is no http(s) URL, or a protocol not spoken here.
    """
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return Collector(None, None)
    return Collector(*(_url(signal, endpoint, environ) for signal in _SIGNALS))


def _url(signal: str, endpoint: str, environ: Mapping[str, str]) -> str | None:
    name = _SIGNALS[signal]
    if environ.get(f"OTEL_{name}_EXPORTER", "").lower() == "none":
        return None
    own, general = f"{_GENERAL}_{name}_ENDPOINT", f"{_GENERAL}_ENDPOINT"
    if endpoint:
        found = f"{endpoint.rstrip('/')}/v1/{signal}"
    elif environ.get(own):
        found = _checked(own, environ[own])
    elif environ.get(general):
        found = f"{_checked(general, environ[general]).rstrip('/')}/v1/{signal}"
    else:
        return None
    _check_protocol(name, environ)
    return found


def _checked(name: str, url: str) -> str:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_url = False
    if not is_url:
        # Not shown: it may hold a password.
        raise UsageError(f"{name} in the environment is no URL; write http://HOST:4318")
    return url


def _check_protocol(name: str, environ: Mapping[str, str]) -> None:
    own, general = f"{_GENERAL}_{name}_PROTOCOL", f"{_GENERAL}_PROTOCOL"
    variable = own if environ.get(own) else general
    if environ.get(variable, "") not in ("", _HTTP):
        raise UsageError(
            f"{variable}={environ[variable]!r}: spans are sent as {_HTTP} only; set it to that, "
            "and the endpoint to the collector's OTLP/HTTP port (4318)"
        )
