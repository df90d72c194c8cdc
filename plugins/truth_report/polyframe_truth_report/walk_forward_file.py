"""The walk-forward file's way into the plugin: read once, then carried by the plugin's document.

A tape's head holds every plugin's document as it stood before the first event. With the file's
text in it, a replay needs no file and judges gate A as the run did, whatever became of the file.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

_MOST_BYTES = 1_000_000
_KEY = "walk_forward"


def text_of(store: dict[str, Any], file: str) -> str:
    """Return the result's text: the document's if it is a tape's, else the file's, kept.

    A document in which no hook has left its mark (:func:`used`) can only come from a tape's
    head; one that a run has used is from a run before this one, and the file is read again.
    This is the plugin's only I/O, done once when it is built and named by the strategy file.

    Raises:
        ValueError: the file cannot be read, is too large or no UTF-8, or the document was changed.
    """
    kept = store.get(_KEY)
    if kept is not None and kept["is_unused"] and kept["file"] == file:
        text = str(kept["text"])
        if sha256(text.encode()).hexdigest() != kept["sha256"]:
            raise ValueError(f"{file}: the recorded text does not have the recorded SHA-256")
        return text
    text = _read(file)
    store[_KEY] = {
        "file": file,
        "sha256": sha256(text.encode()).hexdigest(),
        "text": text,
        "is_unused": True,
    }
    return text


def used(store: dict[str, Any]) -> None:
    """Mark the document as one that a run has worked with."""
    if _KEY in store:
        store[_KEY]["is_unused"] = False


def sha256_of(store: dict[str, Any]) -> str:
    """Return the SHA-256 of the text that :func:`text_of` returned."""
    return str(store[_KEY]["sha256"])


def _read(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(f"{file}: cannot be read: {error.strerror}") from None
    if len(content) > _MOST_BYTES:
        raise ValueError(f"{file}: larger than {_MOST_BYTES} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{file}:{line}: not UTF-8") from None
