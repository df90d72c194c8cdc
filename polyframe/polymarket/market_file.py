"""Markets from a file of Gamma objects: JSON, or one object a line, plain or zstd."""

from __future__ import annotations

import io
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

    Raises:
        TapeError: the file cannot be read, or a line is no JSON object (named by number).
    """
    markets: list[MarketSpec] = []
    skipped: list[tuple[str, str]] = []
    newest_ns: int | None = None
    rows = 0
    for where, row in _rows(path):
        rows += 1
        if not isinstance(row, dict):
            raise TapeError(f"{path}:{where}: not a JSON object; one market object is expected")
        updated_ns = instant_ns(str(row.get("updatedAt", "")))
        if updated_ns is not None and (newest_ns is None or updated_ns > newest_ns):
            newest_ns = updated_ns
        parsed = parse_market(row)
        if isinstance(parsed, str):
            skipped.append((str(row.get("conditionId") or f"line {where}"), parsed))
        else:
            markets.append(parsed)
    return MarketFile(tuple(markets), tuple(skipped), rows, newest_ns)


def _rows(path: Path) -> Iterator[tuple[int, Any]]:
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
            raw.seek(0)
            stream: Any = raw
            if start == _ZSTD_MAGIC:
                stream = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            # Only \n ends a line: rules texts contain other Unicode line separators.
            lines = io.TextIOWrapper(stream, encoding="utf-8", newline="\n")
            first = lines.readline()
            if first.lstrip().startswith("["):
                yield from enumerate(json.loads(first + lines.read()), start=1)
                return
            number = 0
            text = first
            while text:
                number += 1
                if text.strip():
                    yield number, msgspec.json.decode(text)
                text = lines.readline()
    except OSError as error:
        raise TapeError(f"{path}: cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise TapeError(f"{path}: not a file of Gamma markets: {error}") from error
    except zstandard.ZstdError as error:
        raise TapeError(f"{path}: the zstd data is broken: {error}") from error
