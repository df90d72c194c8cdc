"""Reading the JSON of strangers: everything wrong with it is one kind of error."""

from __future__ import annotations

from typing import TypeVar

import msgspec

Read = TypeVar("Read")


def read_json(decoder: msgspec.json.Decoder[Read], payload: bytes | str) -> Read:
    """Decode a body or a text frame.

    Raises:
        msgspec.DecodeError: no JSON, or not of the decoder's type. The decoder itself lets two
            other errors out: for bytes that are no UTF-8, and for nesting beyond the stack.
    """
    try:
        return decoder.decode(payload)
    except (UnicodeError, RecursionError) as error:
        raise msgspec.DecodeError(str(error)) from error
