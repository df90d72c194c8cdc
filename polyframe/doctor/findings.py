"""What a check says."""

from __future__ import annotations

from typing import Literal, NamedTuple

Result = Literal["pass", "warn", "fail"]


class Finding(NamedTuple):
    """One check: ``fix`` is what to do about it, "" where nothing is to be done."""

    result: Result
    name: str
    found: str
    fix: str = ""


def sound(name: str, found: str) -> Finding:
    """Return a finding that is as it should be."""
    return Finding("pass", name, found)


def doubt(name: str, found: str, fix: str = "") -> Finding:
    """Return a finding that may be a fault, or one nobody could look at."""
    return Finding("warn", name, found, fix)


def fault(name: str, found: str, fix: str) -> Finding:
    """Return a finding that keeps us from trading."""
    return Finding("fail", name, found, fix)


def split(text: str, otherwise: str) -> tuple[str, str]:
    """Return an error's text as what was found and what to do, which stands behind its last ";"."""
    found, separator, fix = text.rpartition("; ")
    return (found, fix) if separator else (text, otherwise)
