"""Every spelling of a secret, struck out of a text: the last net under logs and reports; pure.

The first nets are :class:`~polyframe.secrets.secret.Secret` and messages that repeat nothing.
This one is for what a library, a traceback or a dump of the environment says all the same.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterable, Iterator

from polyframe.secrets.secret import HIDDEN, Secret

SHORTEST = 6  # a secret shorter than this could be any word
# So many characters in a row are no accident: by them a secret is found that was cut short.
_CHUNK = 12
_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_ESCAPE = re.compile(
    r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([ntr\"'/]))|%([0-9a-fA-F]{2})|\\\\"
)
_NAMED = {"n": "\n", "t": "\t", "r": "\r"}
_ROUNDS = 3  # escapes within escapes within escapes

_Spans = tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
"""Each spelling with the parts of it that give it away, and their places in it."""


class Redactor:
    """Strikes secrets out of texts.

    Args:
        secrets: whatever must not be said. One of fewer than six characters is left alone: it
            could be any word.
    """

    def __init__(self, secrets: Iterable[Secret]) -> None:
        told = dict.fromkeys(
            (form.translate(_LOWER), unit)
            for secret in secrets
            if len(secret.reveal()) >= SHORTEST
            for form, unit in _forms(secret.reveal())
            # A key of nearly nothing but zeros is the number 7: that is no secret's spelling.
            if len(form) >= SHORTEST
        )
        # In a closure, as the secret itself.
        spans = tuple((form, _chunks(form, unit)) for form, unit in told)
        self._spans: Callable[[], _Spans] = lambda: spans

    def redact(self, text: str) -> str:
        """Return the text with every spelling of every secret replaced by ``***``.

        Found are hex, base64, decimal and list spellings, forwards and backwards, in either
        letter case, behind JSON, URL and Python escapes, and cut short: by the first twelve
        characters, or by any 23 in a row.
        """
        view, places = text, list(range(len(text) + 1))
        struck: list[tuple[int, int]] = []
        for _ in range(_ROUNDS):
            found = list(self._found(view.translate(_LOWER)))
            struck += [(places[start], places[end]) for start, end in found]
            view, unescaped = _unescaped(view, places)
            if len(unescaped) == len(places):
                break
            places = unescaped
        return _without(text, struck) if struck else text

    def _found(self, view: str) -> Iterator[tuple[int, int]]:
        for form, chunks in self._spans():
            for chunk, offset in chunks:
                at = view.find(chunk)
                while at >= 0:
                    start, end = _grown(view, form, at, offset, len(chunk))
                    yield start, end
                    at = view.find(chunk, end)


def _forms(text: str) -> Iterator[tuple[str, int]]:
    """Yield each spelling, and how many times longer than hex a part must be to tell as much."""
    digits = text.removeprefix("0x")
    plain = text
    raws = [text.encode()]
    if len(digits) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]{16,}", digits):
        plain = digits
        raws = [bytes.fromhex(digits), digits.lower().encode(), digits.upper().encode()]
    elif (decoded := _from_base64(text)) is not None:
        raws.append(decoded)
    yield plain, 1
    yield plain[::-1], 1
    for raw in raws:
        yield from _forms_of_bytes(raw)


def _from_base64(text: str) -> bytes | None:
    padded = text + "=" * (-len(text) % 4)
    if re.fullmatch(r"[0-9a-zA-Z_/+-]{16,}=*", padded):
        return base64.urlsafe_b64decode(padded.replace("+", "-").replace("/", "_"))
    return None


def _forms_of_bytes(raw: bytes) -> Iterator[tuple[str, int]]:
    for ordered in (raw, raw[::-1]):
        yield ordered.hex(), 1
        yield str(int.from_bytes(ordered)), 1
    yield raw.hex(" "), 1
    yield raw.hex(":"), 1
    yield raw.decode("latin-1"), 1
    for separator in (", ", ",", " "):
        yield separator.join(map(str, raw)), 2
    yield base64.b32encode(raw).decode().rstrip("="), 1
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        # Inside a longer text that was encoded, it begins at any of three places in a group.
        for offset in range(3):
            coded = encode(bytes(offset) + raw).decode().rstrip("=")
            # The characters at both ends also hold bits of its neighbours.
            yield coded[offset + 1 if offset else 0 : len(coded) - 1], 1


def _chunks(form: str, unit: int) -> tuple[tuple[str, int], ...]:
    """Return parts of a spelling that give it away, each with its place."""
    size = _CHUNK * unit
    if len(form) < 2 * size:
        return ((form, 0),)
    return tuple((form[at : at + size], at) for at in range(0, len(form) - size + 1, size))


def _grown(view: str, form: str, at: int, offset: int, length: int) -> tuple[int, int]:
    """Return where in the view the spelling begins and ends around a part that was found."""
    start, end, first, last = at, at + length, offset, offset + length
    while start and first and view[start - 1] == form[first - 1]:
        start, first = start - 1, first - 1
    while end < len(view) and last < len(form) and view[end] == form[last]:
        end, last = end + 1, last + 1
    return start, end


def _unescaped(view: str, places: list[int]) -> tuple[str, list[int]]:
    """Return the view with its escapes read, and each character's place in the first text."""
    parts: list[str] = []
    found: list[int] = []
    done = 0
    for match in _ESCAPE.finditer(view):
        parts.append(view[done : match.start()])
        found += places[done : match.start()]
        done = match.end()
        parts.append(_read(match))
        found.append(places[match.start()])
    return "".join([*parts, view[done:]]), found + places[done:]


def _read(match: re.Match[str]) -> str:
    if code := match[1] or match[2] or match[4]:
        return chr(int(code, 16))
    name = match[3]
    return "\\" if name is None else _NAMED.get(name, name)


def _without(text: str, struck: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    done = 0
    for start, end in sorted(struck):
        if end <= done:
            continue
        if start > done or not parts:
            parts += [text[done:start], HIDDEN]
        done = max(done, end)
    return "".join([*parts, text[done:]])
