"""Do large files hold a secret? Finds in seconds what :func:`leaks.leaks` then judges.

Any 16 characters in a row of a spelling are a leak, and any 16 hold a whole aligned block of eight:
so what holds none of these blocks holds no leak, and only the surroundings of one are judged.
"""

from __future__ import annotations

import re
import urllib.parse
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import zstandard

from leaks import _BORDERS, _binary, _unescaped, leaks, spellings

_BLOCK = 8
_AROUND = 400
_CHUNK = 8 * 1024 * 1024
_BITS = 20
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_ESCAPES = re.compile(r"\\[ux\"\\/nrt]")


def leaks_in(path: Path, secrets: Iterable[str]) -> list[str]:
    """Return each spelling of each secret that a file holds, compressed or not."""
    raw, text = _content(path)
    found: list[str] = []
    for secret in secrets:
        found += [f"{path.name}: {name}" for name, form in _binary(secret) if form in raw]
    anchors = sorted({one for secret in secrets for one in _anchors(secret)})
    for view in _views(text):
        suspicious = _suspicious(view, anchors)
        if suspicious:
            found += [
                f"{path.name}: {one}" for secret in secrets for one in leaks(suspicious, secret)
            ]
    return found


def _content(path: Path) -> tuple[bytes, str]:
    """Return a file's bytes and its text; of a tape the frames are read as they came."""
    if path.suffix != ".zst":
        raw = path.read_bytes()
        return raw, raw.decode("utf-8", "replace")
    parts: list[bytes] = []
    with path.open("rb") as file, suppress(zstandard.ZstdError):
        # Of a run that was killed what is there is whole up to where it was cut.
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        while part := reader.read(_CHUNK):
            parts.append(part)
    raw = b"".join(parts)
    frames = []
    for line in raw.splitlines():
        if line.startswith(b'{"k":"in"'):
            try:
                batch = msgspec.json.decode(line)["b"]
            except msgspec.DecodeError:
                continue
            # An escaped text in a text would be read twice over: it is read here.
            frames += [item[2] for item in batch if isinstance(item, list)]
            frames += [str(item) for item in batch if not isinstance(item, list)]
        else:
            frames.append(line.decode("utf-8", "replace"))
    return raw, "\n".join(frames)


def _views(text: str) -> list[str]:
    views = dict.fromkeys((text, _BORDERS.sub("", text)))
    if _ESCAPES.search(text):
        once = _unescaped(text)
        views[once] = None
        views[_unescaped(once)] = None
    if "%" in text:
        views[_unescaped(urllib.parse.unquote(text))] = None
    return [view.lower() for view in views]


def _anchors(secret: str) -> list[bytes]:
    found = []
    for _, form in spellings(secret):
        raw = form.lower().encode("utf-8", "replace")
        found += [raw[at : at + _BLOCK] for at in range(0, len(raw) - _BLOCK + 1, _BLOCK)]
    return found


def _suspicious(text: str, anchors: list[bytes]) -> str:
    """Return the surroundings of every block of a spelling, "" for none."""
    data = text.encode("utf-8", "replace")
    shift = np.uint64(64 - _BITS)
    known = set(anchors)
    table = np.zeros(1 << _BITS, dtype=bool)
    blocks = np.frombuffer(b"".join(anchors), dtype="<u8")
    table[(blocks * _FACTOR) >> shift] = True
    parts: list[str] = []
    for start in range(0, max(1, len(data) - _BLOCK + 1), _CHUNK):
        chunk = data[start : start + _CHUNK + _BLOCK - 1]
        if len(chunk) < _BLOCK:
            continue
        windows = np.ndarray((len(chunk) - _BLOCK + 1,), dtype="<u8", buffer=chunk, strides=(1,))
        hits = np.nonzero(table[(windows * _FACTOR) >> shift])[0]
        for at in hits.tolist():
            if chunk[at : at + _BLOCK] in known:
                middle = start + at
                around = data[max(0, middle - _AROUND) : middle + _AROUND]
                parts.append(around.decode("utf-8", "replace"))
    return "\n".join(parts)
