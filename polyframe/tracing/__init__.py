"""Spans and metrics of what a run decided: a projection of its records, made off the hot path.

``spans`` turns decisions and fills into spans, ``otlp_json`` writes a span as a line, ``files``
keeps the lines, ``sdk`` and ``metrics`` hand them to OpenTelemetry, ``collector`` says where
they go, ``tracer`` is what takes a run's outcomes, ``opening`` puts it together.
"""
