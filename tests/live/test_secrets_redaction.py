"""A canary in every spelling: the oracle sees it, and after the redactor it does not."""

from __future__ import annotations

import base64
import copy
import dataclasses
import io
import json
import pickle
import pprint
import traceback
import urllib.parse
from pathlib import Path

import msgspec
import pytest
import rich
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.traceback import Traceback

from leaks import leaks
from polyframe.polymarket.auth import ApiCredentials
from polyframe.secrets.credentials import load_credentials
from polyframe.secrets.redactor import Redactor
from polyframe.secrets.secret import HIDDEN, Secret

KEY = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
RAW = bytes.fromhex(KEY)
API_SECRET = base64.urlsafe_b64encode(bytes(range(200, 232))).decode()
PASSPHRASE = "correct/horse+battery staple=9"
CANARIES = (KEY, API_SECRET, PASSPHRASE)
REDACTOR = Redactor(Secret(canary) for canary in ("0x" + KEY, API_SECRET, PASSPHRASE))
TEXT = KEY.encode()

FORMS = {
    "hex": KEY,
    "hex with 0x": "0x" + KEY,
    "upper case": KEY.upper(),
    "mixed case": "".join(c.upper() if i % 3 else c for i, c in enumerate(KEY)),
    "in a sentence": f"the key 0x{KEY}, which is wrong",
    "base64": base64.b64encode(RAW).decode(),
    "urlsafe base64": base64.urlsafe_b64encode(RAW).decode(),
    "base64 without padding": base64.b64encode(RAW).decode().rstrip("="),
    "base64 of the text": base64.b64encode(TEXT).decode(),
    "base64 of a line": base64.b64encode(b"POLY_PRIVATE_KEY=0x" + TEXT + b"\n").decode(),
    "base64 of another line": base64.b64encode(b"KEY=0x" + TEXT + b"\n").decode(),
    "base64 of capitals": base64.b64encode(KEY.upper().encode()).decode(),
    "base32": base64.b32encode(RAW).decode(),
    "hex of the text": TEXT.hex(),
    "URL-encoded": urllib.parse.quote(f"key=0x{KEY}&x", safe=""),
    "URL-encoded to the last character": "".join(f"%{byte:02X}" for byte in TEXT),
    "JSON": json.dumps({"key": KEY}),
    "JSON in JSON": json.dumps(json.dumps({"key": f"\n{KEY}"})),
    "split by JSON escapes": "".join(f"\\u{ord(c):04x}" if i % 2 else c for i, c in enumerate(KEY)),
    "JSON escapes only, twice": "".join(f"\\\\u{ord(c):04x}" for c in KEY),
    "reversed bytes": RAW[::-1].hex(),
    "backwards": KEY[::-1],
    "decimal": str(int(KEY, 16)),
    "decimal of reversed bytes": str(int.from_bytes(RAW, "little")),
    "repr of bytes": repr(RAW),
    "repr of its bytes in JSON": json.dumps(repr(RAW)),
    "bytes as a list": str(list(RAW)),
    "bytes as JSON": json.dumps(list(RAW), separators=(",", ":")),
    "spaced": RAW.hex(" "),
    "with colons": RAW.hex(":"),
    "an environment's dump": f"environ({{'HOME': '/root', 'POLY_PRIVATE_KEY': '0x{KEY}'}})",
    "argv": f"['polyframe', 'run', '--key', '0x{KEY}']",
    "cut short": f"'0x{KEY[:30]}...'",
    "the end of it": f"...{KEY[30:]}",
    "an API secret": API_SECRET,
    "an API secret, decoded": bytes(range(200, 232)).hex(),
    "an API secret in standard base64": API_SECRET.replace("-", "+").replace("_", "/"),
    "an API secret in a URL": urllib.parse.quote(API_SECRET, safe=""),
    "an API secret in Go's JSON": API_SECRET.replace("=", "\\u003d").replace("-", "\\u002d"),
    "a passphrase": PASSPHRASE,
    "a passphrase in a URL": urllib.parse.quote(PASSPHRASE, safe=""),
    "a passphrase in JSON": PASSPHRASE.replace("/", "\\/"),
    "a passphrase in base64": base64.b64encode(b"x" + PASSPHRASE.encode() + b"y").decode(),
}


def found(text: str | bytes) -> list[str]:
    return [form for canary in CANARIES for form in leaks(text, canary)]


@pytest.mark.parametrize("name", FORMS)
def test_each_spelling_is_seen_and_struck_out(name):
    said = f'before {FORMS[name]} after "x" 100%'
    assert found(said)
    redacted = REDACTOR.redact(said)
    assert found(redacted) == []
    assert redacted.startswith("before ")
    assert redacted.endswith(' after "x" 100%')
    assert HIDDEN in redacted


def test_bytes_of_a_file_are_looked_at_as_well():
    assert found(b"\x00\xff" + RAW + b"\x00")
    assert found(b"\x00\xff" + TEXT + b"\xff")
    assert found(b"\x00\xff nothing here") == []


def chained():
    def sign(key_text):
        try:
            int(key_text, 10)
        except ValueError as error:
            raise RuntimeError(f"cannot sign with {key_text!r}") from error

    try:
        sign("0x" + KEY)
    except RuntimeError as error:
        return error
    raise AssertionError


def test_exceptions_and_tracebacks_are_clean_after_it():
    error = chained()
    told = io.StringIO()
    rich = Traceback.from_exception(
        type(error), error, error.__traceback__, show_locals=True, width=60
    )
    Console(file=told, width=60).print(rich)
    for text in (
        str(error),
        repr(error),
        "".join(traceback.format_exception(error)),
        "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
        told.getvalue(),
    ):
        assert found(text), text
        assert found(REDACTOR.redact(text)) == [], REDACTOR.redact(text)


@given(st.text(max_size=300))
def test_what_holds_no_secret_stays_as_it_is(text):
    assert REDACTOR.redact(text) == text


@given(
    st.sampled_from(sorted(FORMS)), st.text(max_size=30), st.text(max_size=30), st.integers(0, 40)
)
def test_wherever_it_stands_it_is_gone(name, before, after, cut):
    form = FORMS[name]
    text = before + form[: len(form) - min(cut, len(form) // 3)] + after + form
    assert found(REDACTOR.redact(text)) == []


def test_a_short_word_is_no_secret():
    assert Redactor([Secret("cat")]).redact("a cat") == "a cat"
    assert Redactor([]).redact("anything") == "anything"


# --- the first net: the types -------------------------------------------------------------


@dataclasses.dataclass
class Holder:
    secret: Secret


class Keeper(msgspec.Struct):
    secret: ApiCredentials


def loaded():
    return load_credentials(
        {
            "POLY_PRIVATE_KEY": "0x" + KEY,
            "POLY_API_KEY": "7d3a5c0e-1111-2222-3333-444455556666",
            "POLY_API_SECRET": API_SECRET,
            "POLY_API_PASSPHRASE": PASSPHRASE,
        },
        Path("/nonexistent"),
    )


def test_a_secret_says_nothing_of_itself():
    secret = Secret("0x" + KEY)
    assert {repr(secret), str(secret), f"{secret}", f"{secret!s}", f"{[secret]}"[1:-1]} == {HIDDEN}
    assert f"{secret:>20}" == HIDDEN
    assert secret.reveal() == "0x" + KEY
    assert secret == Secret("0x" + KEY)
    assert secret != Secret(KEY)
    assert secret != "0x" + KEY
    assert copy.copy(secret) is copy.deepcopy(secret) is secret
    for refused in (
        lambda: pickle.dumps(secret),
        lambda: json.dumps(secret),
        lambda: msgspec.json.encode(secret),
        lambda: msgspec.to_builtins(secret),
        lambda: vars(secret),
        lambda: hash(secret),
        lambda: iter(secret),
        lambda: pickle.dumps(Holder(secret)),
    ):
        with pytest.raises(TypeError):
            refused()


def test_nothing_that_walks_objects_finds_them():
    everything = loaded()
    told = io.StringIO()
    console = Console(file=told, width=200)
    for thing in (everything, everything.api, everything.key, Keeper(everything.api.reveal())):
        console.print(thing)
        if not isinstance(thing, Keeper):  # what was revealed lies in attributes
            rich.inspect(thing, console=console, all=True, docs=False)
        told.write(f"{thing!r} {thing} {pprint.pformat(thing)}\n")
    told.write(
        json.dumps(dataclasses.asdict(dataclasses.replace(everything, key=None)), default=str)
    )
    told.write(str(Holder(everything.key_hex)))
    told.write(str(vars(Holder(everything.key_hex))))

    def fails(credentials, secret):
        raise ValueError("no")

    try:
        fails(everything, everything.key_hex)
    except ValueError as error:
        captured = traceback.TracebackException.from_exception(error, capture_locals=True)
        told.write("".join(captured.format()))
        console.print(Traceback(show_locals=True, width=200))
    assert "credentials" in told.getvalue()
    assert found(told.getvalue()) == []


def test_the_redactor_itself_shows_nothing():
    told = io.StringIO()
    rich.inspect(REDACTOR, console=Console(file=told), all=True)
    told.write(repr(vars(REDACTOR)))
    assert found(told.getvalue()) == []


def test_credentials_make_the_redactor_of_all_they_hold():
    redact = loaded().redactor().redact
    assert redact(f"a {KEY} b {API_SECRET} c {PASSPHRASE} d") == "a *** b *** c *** d"
