"""Does a file or a text hold a secret, in whatever spelling? An oracle apart from the redactor.

Only the standard library and nothing of polyframe, so that the two cannot be wrong together.
"""

from __future__ import annotations

import base64
import binascii
import itertools
import json
import re
import urllib.parse

_RUN = 16  # so many characters of a spelling in a row are a leak, wherever in it they stand
_BORDERS = re.compile(r"[\s│╎┆|]+")  # of tables and of folded lines


def leaks(data: str | bytes, secret: str) -> list[str]:
    """Return the name of each spelling of a secret that the data holds; empty is the good answer.

    Bytes are looked at as they are and as text. A part of 16 characters counts as the whole.
    """
    raw = data.encode() if isinstance(data, str) else data
    found = [name for name, form in _binary(secret) if form in raw]
    text = raw.decode("utf-8", "replace") if isinstance(data, bytes) else data
    views = _views(text)
    for name, form in spellings(secret):
        runs = _runs(form)
        if any(run in view for view in views for run in runs):
            found.append(name)
    return found


def _views(text: str) -> list[str]:
    """Return the text in lower case as it is, unfolded, and with its escapes read."""
    views = {text, _BORDERS.sub("", text)}
    for view in (text, urllib.parse.unquote(text)):
        for _ in range(3):
            view = _unescaped(view)
            views.add(view)
    return sorted(view.lower() for view in views)


def _unescaped(text: str) -> str:
    def read(match: re.Match[str]) -> str:
        try:
            return str(json.loads(f'"{match[0]}"'))
        except ValueError:
            return match[0]

    text = re.sub(r'\\u[0-9a-fA-F]{4}|\\["\\/nrt]', read, text)
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match[1], 16)), text)


def _runs(form: str) -> list[str]:
    form = form.lower()
    return [form[at : at + _RUN] for at in range(max(1, len(form) - _RUN + 1))]


def _raws(secret: str) -> dict[str, bytes]:
    """Return the bytes a secret can be said to be."""
    raws = {"text": secret.encode()}
    digits = secret.removeprefix("0x")
    try:
        raws["key"] = binascii.unhexlify(digits)
    except (binascii.Error, ValueError):
        if re.fullmatch(r"[\w-]{20,}=*", secret):
            raws["decoded"] = base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    else:
        raws |= {"text": digits.encode(), "capitals": digits.upper().encode()}
    return raws


def _binary(secret: str) -> list[tuple[str, bytes]]:
    return [(f"bytes of {name}", raw) for name, raw in _raws(secret).items()]


def spellings(secret: str) -> list[tuple[str, str]]:
    """Return each spelling with a name, in no letter case that matters."""
    plain = secret.removeprefix("0x")
    found = [("plain", plain), ("plain backwards", plain[::-1])]
    for name, raw in _raws(secret).items():
        found += [
            (f"hex of {name}", raw.hex()),
            (f"hex of {name}, bytes backwards", raw[::-1].hex()),
            (f"spaced hex of {name}", raw.hex(" ")),
            (f"hex of {name} with colons", raw.hex(":")),
            (f"decimal of {name}", str(int.from_bytes(raw, "big"))),
            (f"decimal of {name}, bytes backwards", str(int.from_bytes(raw, "little"))),
            (f"list of {name}", ", ".join(map(str, raw))),
            (f"close list of {name}", ",".join(map(str, raw))),
            (f"base32 of {name}", base64.b32encode(raw).decode().rstrip("=")),
            (f"latin of {name}", raw.decode("latin-1")),
            (f"repr of {name}", repr(raw)[2:-1]),
        ]
        for (kind, encode), before in itertools.product(
            (("base64", base64.b64encode), ("urlsafe base64", base64.urlsafe_b64encode)), range(3)
        ):
            # What stands before it in a longer text moves it within the groups of three bytes.
            coded = encode(b"\0" * before + raw).decode().rstrip("=")[:-1]
            found.append((f"{kind} of {name}, {before} in", coded[before + 1 if before else 0 :]))
    return found
