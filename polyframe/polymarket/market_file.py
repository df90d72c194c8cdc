"""Markets from a file of Gamma objects: JSON, or one object a line, plain or zstd."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import zstandard

from polyframe.errors import TapeError
from polyframe.model import MarketSpec
from polyframe.polymarket.gamma_market import instant_ns, parse_market

_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class MarketFile(NamedTuple):
    """What a file holds.

    ``skipped`` are ``(condition id or line, why)`` of rows that cannot be traded at all;
    ``newest_ns`` is the latest ``updatedAt``, the moment the file speaks of (None without).
    """

    markets: tuple[MarketSpec, ...]
    skipped: tuple[tuple[str, str], ...]
    rows: int
    newest_ns: int | None


def read_market_file(path: Path) -> MarketFile:
    """Read a file of Gamma market objects.

    A market that stands in it twice counts once, as it stands first.

    Raises:
        TapeError: the file cannot be read, is cut off or holds no object, or a line is no JSON
            object (named by number).
    """
    markets: list[MarketSpec] = []
    skipped: list[tuple[str, str]] = []
    newest_ns: int | None = None
    known: set[str] = set()
    rows = 0
    for where, row in _rows(_content(path), path):
        rows += 1
        if not isinstance(row, dict):
            raise TapeError(f"{path}:{where}: not a JSON object; one market object is expected")
        updated_ns = instant_ns(str(row.get("updatedAt", "")))
        if updated_ns is not None and (newest_ns is None or updated_ns > newest_ns):
            newest_ns = updated_ns
        parsed = parse_market(row)
        if isinstance(parsed, str):
            skipped.append((str(row.get("conditionId") or f"line {where}"), parsed))
        elif parsed.market_id in known:
            skipped.append((parsed.market_id, "listed twice"))
        else:
            known.add(parsed.market_id)
            markets.append(parsed)
    if not rows:
        raise TapeError(f"{path}: holds no market object")
    return MarketFile(tuple(markets), tuple(skipped), rows, newest_ns)


def _rows(content: bytes, path: Path) -> Iterator[tuple[int, Any]]:
    """Yield each object with its line, or its place in the array."""
    if content.lstrip().startswith(b"["):
        try:
            yield from enumerate(json.loads(content), start=1)
        except (ValueError, RecursionError) as error:
            raise TapeError(f"{path}: not a file of Gamma markets: {error}") from error
        return
    # Only \n ends a line: rules texts contain other Unicode line separators.
    for number, line in enumerate(content.split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            row = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise TapeError(f"{path}:{number}: not a JSON object: {error}") from error
        yield number, row


def _content(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise TapeError(f"{path}: cannot be read: {error.strerror}") from error
    if not content.startswith(_ZSTD_MAGIC):
        return content
    parts: list[bytes] = []
    while content:
        frame = zstandard.ZstdDecompressor().decompressobj()
        try:
            parts.append(frame.decompress(content))
        except zstandard.ZstdError as error:
            raise TapeError(f"{path}: the zstd data is broken: {error}") from error
        if not frame.eof:
            # Its last line may be whole: a universe is never cut short in silence.
            raise TapeError(f"{path}: the zstd data is cut off")
        content = frame.unused_data
    return b"".join(parts)
