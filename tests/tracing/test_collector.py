"""Where spans and metrics go, and what of the SDK's complaints may be shown."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from polyframe.errors import UsageError
from polyframe.tracing.collector import Collector, collector_of
from polyframe.tracing.complaints import Complaints, listen

GENERAL = "OTEL_EXPORTER_OTLP_ENDPOINT"
TRACES, METRICS = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"
NOWHERE = Collector(None, None)


@pytest.mark.parametrize(
    ("endpoint", "environ", "expected"),
    [
        ("", {}, NOWHERE),
        ("http://a:1", {}, Collector("http://a:1/v1/traces", "http://a:1/v1/metrics")),
        ("http://a:1/x/", {}, Collector("http://a:1/x/v1/traces", "http://a:1/x/v1/metrics")),
        ("", {GENERAL: "https://b"}, Collector("https://b/v1/traces", "https://b/v1/metrics")),
        ("http://a", {GENERAL: "http://b"}, Collector("http://a/v1/traces", "http://a/v1/metrics")),
        # What nobody named is sent nowhere, not to a default host either.
        ("", {TRACES: "http://c/t"}, Collector("http://c/t", None)),
        ("", {METRICS: "http://c/m"}, Collector(None, "http://c/m")),
        (
            "",
            {GENERAL: "http://b", TRACES: "http://c/t"},
            Collector("http://c/t", "http://b/v1/metrics"),
        ),
        ("http://a", {"OTEL_SDK_DISABLED": "TRUE"}, NOWHERE),
        ("http://a", {"OTEL_TRACES_EXPORTER": "none"}, Collector(None, "http://a/v1/metrics")),
        ("http://a", {"OTEL_METRICS_EXPORTER": "none"}, Collector("http://a/v1/traces", None)),
        # The signal's own protocol beats the general one.
        (
            "http://a",
            {
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf",
                "OTEL_METRICS_EXPORTER": "none",
            },
            Collector("http://a/v1/traces", None),
        ),
    ],
)
def test_where_things_are_sent(endpoint: str, environ: dict[str, str], expected: Collector) -> None:
    assert collector_of(endpoint, environ) == expected


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({GENERAL: "notaurl"}, f"{GENERAL} in the environment is no URL"),
        ({TRACES: "grpc://host:4317"}, f"{TRACES} in the environment is no URL"),
        ({GENERAL: "http://[::1"}, "is no URL"),
        ({GENERAL: "http://u:secret@"}, "is no URL"),
        (
            {GENERAL: "http://a", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            "OTEL_EXPORTER_OTLP_PROTOCOL='grpc'",
        ),
        (
            {GENERAL: "http://a", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL": "http/json"},
            "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL='http/json'",
        ),
    ],
)
def test_what_cannot_be_sent_is_one_line_without_secrets(
    environ: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError) as refusal:
        collector_of("", environ)
    assert words in str(refusal.value)
    assert "secret" not in str(refusal.value)


def complain(complaints: Complaints, text: str, *args: Any, created: float = 0.0) -> None:
    record = logging.LogRecord("opentelemetry.x", logging.ERROR, "x.py", 1, text, args, None)
    record.created = created
    complaints.handle(record)


def test_a_complaint_is_told_once_in_five_minutes_and_another_at_once() -> None:
    complaints = Complaints({})
    for at_s in range(0, 299, 10):
        complain(complaints, "Transient error %s, retrying in %ss.", "refused", at_s, created=at_s)
    complain(complaints, "Failed to export %s batch code: %s", "spans", "unauthorized", created=9)
    complain(complaints, "Transient error %s, retrying in %ss.", "refused", 1.25, created=301)
    assert complaints.take() == [
        "Transient error refused, retrying in 0s.",
        "Failed to export spans batch code: unauthorized",
        "Transient error refused, retrying in 1.25s.",
    ]
    assert complaints.take() == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "Header format invalid! found: Authorization: Bearer TOKEN42",
            "a header in OTEL_EXPORTER_OTLP_HEADERS is not name=value, percent-encoded",
        ),
        ("sent x-key TOKEN42 to it", "sent x-key *** to it"),
        (
            "Max retries exceeded with url: /v1/traces?token=TOKEN42 (Caused by X)",
            "Max retries exceeded with url: /v1/traces?*** (Caused by X)",
        ),
        ("http://user:TOKEN42@host:1/x is gone", "http://***@host:1/x is gone"),
        ("a\nline\tbroken", "a line broken"),
    ],
)
def test_no_secret_reaches_the_screen(text: str, shown: str) -> None:
    complaints = Complaints({"OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=TOKEN42,a: b"})
    complain(complaints, text)
    assert complaints.take() == [shown]


def test_listening_again_leaves_one_listener() -> None:
    logger = logging.getLogger("opentelemetry")
    first, second = listen({}), listen({})
    try:
        assert [one for one in logger.handlers if isinstance(one, Complaints)] == [second]
        assert first not in logger.handlers
    finally:
        logger.removeHandler(second)
        logger.propagate = True
